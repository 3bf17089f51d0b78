//! A standby: a store that follows what a target has of another one, sealed.
//!
//! It needs no keys: the chain of the journal tells that nothing is missing, and what nobody made
//! who has the keys is found out when it is unsealed. Where it stands is told by the journal's
//! head in the store itself, which is written in the same transaction as what leads there; so it
//! goes on after whatever happens to it. At any moment the store is as a restore leaves one: who
//! unseals it begins a new timeline, and never writes on in that of the original.

mod apply;
mod memory;
pub mod promotion;
mod round;
mod status;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::memory::Memory;
pub use self::status::{Place, Status};
use self::watch::Watch;

use super::SnapshotError;
use super::rewind::RewindError;
use super::spool::Spools;
use super::target::{Target, TargetError};
use crate::barrier::root::Timeline;
use crate::barrier::{RESTORED, SEAL};
use crate::base::clock::Clock;
use crate::base::sync::lock;
use crate::storage::{Storage, StorageError};

/// The target is looked at again after this time.
const PACE: Duration = Duration::from_secs(2);
/// After failures that time is doubled up to this one.
const SLOWEST: Duration = Duration::from_secs(30);

/// So long a target may not answer before that is told, and before a standby that is promoted, and
/// takes a last look at it, serves without.
const PATIENCE: Duration = Duration::from_secs(10);
/// While it looks, it is looked so often whether it is promoted, or is to end.
const GLANCE: Duration = Duration::from_millis(200);

/// What a standby follows.
pub struct Followed {
    /// What the target is called.
    pub name: String,
    /// Finds the target, with each look: where it lies may hang, or come only later.
    pub target: Find,
    /// What the names of all objects there begin with.
    pub prefix: String,
    /// Which store; needed where the target has several.
    pub store_id: Option<String>,
    /// Which history, or what comes of it; needed where several go on.
    pub timeline: Option<Timeline>,
}

/// Finds a target.
pub type Find = Box<dyn Fn() -> Arc<dyn Target> + Send + Sync>;

/// What a standby is given besides.
pub struct Means {
    /// The store that follows.
    pub storage: Arc<dyn Storage>,
    /// Hold what was fetched.
    pub spools: Arc<Spools>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The folder of the store, where a promotion leaves its mark.
    pub folder: PathBuf,
}

/// Follows a target until it is promoted.
pub struct Follower {
    of: Followed,
    means: Means,
    watch: Watch,
    status: Mutex<Status>,
    memory: Mutex<Memory>,
    /// Held by who writes to the store, and by who ends that it follows.
    writing: Mutex<()>,
    following: AtomicBool,
    interrupted: Arc<AtomicBool>,
}

impl Follower {
    /// A standby over a store that is empty, or one already; `None` where it was promoted and
    /// serves, and so is a server like any other. Nothing is looked at yet.
    pub fn new(of: Followed, means: Means) -> Result<Option<Self>, StorageError> {
        let (was, promoted) =
            (promotion::is_standby(&means.folder), promotion::is_marked(&means.folder));
        // What was put in its place since then, as by a restore, is what it serves.
        if promoted && !was {
            return Ok(None);
        }
        let view = means.storage.view()?;
        let (keys, waits) = (view.get(SEAL)?.is_some(), view.get(RESTORED)?.is_some());
        drop(view);
        if keys && !waits {
            if promoted {
                return Ok(None);
            }
            return Err(StorageError::Refused(format!(
                "the store in {} is no standby's, as it was unsealed: leave -follow out to serve \
                 it, or move it away to follow {} with an empty folder",
                means.folder.display(),
                of.name
            )));
        }
        promotion::begin(&means.folder, !keys, means.clock.wall())?;
        let status = Mutex::new(Status::new(&*means.clock));
        let (following, interrupted) = (AtomicBool::new(true), Arc::default());
        let watch = Watch::new(means.clock.clone());
        let (memory, writing) = Default::default();
        Ok(Some(Self { of, means, watch, status, memory, writing, following, interrupted }))
    }

    /// Whether it is a standby still.
    pub fn is_following(&self) -> bool {
        self.following.load(Ordering::Acquire)
    }

    /// What the target is called.
    pub fn name(&self) -> &str {
        &self.of.name
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// What runs ends soon, and nothing begins.
    pub fn stop(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Writes to the store, if it follows still: a target that hung may let go when it is promoted.
    fn write<T>(
        &self,
        job: impl FnOnce(&dyn Storage) -> Result<T, StorageError>,
    ) -> Result<T, SnapshotError> {
        let _writing = lock(&self.writing);
        if self.is_stopped() || !self.is_following() {
            return Err(SnapshotError::Interrupted);
        }
        Ok(job(&*self.means.storage)?)
    }
}

/// Why a standby is not where it should be.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be told what to follow, or what there is does not lead on: what to do.
    Lost(String),
    /// It has all that leads on; what is wrong beside that.
    Beside(String),
    /// It is promoted, and the target has not answered for so long.
    Silent(Duration),
    /// The target has not answered for long, and is waited for.
    Hangs,
    /// What the target has is not to be had.
    Rewind(RewindError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(what) | Self::Beside(what) => f.write_str(what),
            Self::Silent(silence) => write!(
                f,
                "the target has not answered for {} seconds, so that it serves without a last look",
                silence.as_secs()
            ),
            Self::Hangs => f.write_str("the target does not answer: it is waited for"),
            Self::Rewind(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<RewindError> for Trouble {
    fn from(error: RewindError) -> Self {
        Self::Rewind(error)
    }
}

impl From<TargetError> for Trouble {
    fn from(error: TargetError) -> Self {
        Self::Rewind(error.into())
    }
}

impl From<SnapshotError> for Trouble {
    fn from(error: SnapshotError) -> Self {
        Self::Rewind(error.into())
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Rewind(error.into())
    }
}
