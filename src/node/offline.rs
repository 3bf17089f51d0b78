//! What is done to a store while no server has it.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::SPOOL_FLOOR;
use crate::barrier::journal::{HEAD, Head};
use crate::barrier::past::Past;
use crate::barrier::root::Timeline;
use crate::barrier::seal::Settings;
use crate::barrier::verify::Report;
use crate::barrier::{Barrier, UnsealError};
use crate::base::clock::{Clock as _, SystemClock};
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::config::data_of_vault;
use crate::snapshot::SnapshotError;
use crate::snapshot::follow::promotion;
use crate::snapshot::format::meta::Meta;
use crate::snapshot::restorable::Restorable;
use crate::snapshot::restore::receive;
use crate::snapshot::rewind::listing::{Listing, holds};
use crate::snapshot::rewind::plan::{self, Refusal, Wish};
use crate::snapshot::rewind::{self, Found, Newest, Prepared, RewindError, Source, Way};
use crate::snapshot::spool::Spools;
use crate::storage::folder::data_file;
use crate::storage::redb::{Options, Redb};
use crate::storage::{Storage, StorageError};

/// Restores a snapshot into the store of `folder`, which is made where it is absent. A store that
/// has keys is replaced by force alone. The server that is started there next is sealed; when it
/// is unsealed a new timeline begins.
///
/// A restore that fails, or that SIGINT or SIGTERM ends, leaves the folder as it was.
pub fn restore(stream: impl Read, folder: &Path, force: bool) -> Result<Meta, SnapshotError> {
    must_be_ours(folder)?;
    let mut received = receive(stream, spools(folder).open()?)?;
    let interruption = Interruption::begin()?;
    received.set_interrupted(interruption.flag());
    put(&received, folder, force)?;
    Ok(received.meta().clone())
}

/// An instant that a target leads to.
pub struct Reached {
    /// To be put somewhere.
    pub prepared: Prepared,
    /// The history that goes on there, where the instant is of another one that was left.
    pub goes_on: Option<Timeline>,
}

impl Reached {
    /// Gets all that leads to an instant, and checks it. Which history goes on the names tell.
    pub(super) fn prepare(
        source: Source<'_>,
        wish: &Wish,
        spools: &Spools,
    ) -> Result<Self, RewindError> {
        let mut way = Way::new(source, None, spools)?.by_clock(SystemClock.wall());
        let reached = way.reach(wish)?;
        let Found { timeline, instant, .. } = reached.found();
        let comes_of_it =
            |present: Timeline| holds(&way.listing().lineage(present), timeline, instant.revision);
        let present = plan::present(way.listing()).ok().map(|span| span.timeline);
        let goes_on = present.filter(|present| !comes_of_it(*present));
        Ok(Self { prepared: way.prepared(reached), goes_on })
    }

    /// All of that, as it is told.
    pub fn told(&self) -> Map<String, Value> {
        let mut told = self.prepared.told();
        if let Some(present) = self.goes_on {
            told.insert("goes_on".into(), present.to_string().into());
        }
        told
    }
}

/// Gets all that leads to an instant on a target, and checks it; to be [put](rewind) into the store
/// of `folder`.
pub fn prepare_rewind(
    source: Source<'_>,
    wish: &Wish,
    folder: &Path,
) -> Result<Reached, RewindError> {
    must_be_ours(folder)?;
    Reached::prepare(source, wish, &spools(folder))
}

/// The same with the newest good state of a store. A store that is there already is refused before
/// anything is fetched, unless by `force`.
pub fn prepare_newest(
    source: Source<'_>,
    timeline: Option<Timeline>,
    folder: &Path,
    force: bool,
) -> Result<Newest, RewindError> {
    must_be_ours(folder)?;
    if !force && data_file(folder).exists() {
        return Err(SnapshotError::Occupied(folder.display().to_string()).into());
    }
    rewind::newest(source, timeline, &spools(folder))
}

/// Where the journal of the store in `folder` stands: without its keys nothing else tells how far
/// it is. `None` where there is none, or a server has it.
pub fn standing(folder: &Path) -> Option<Head> {
    if !data_file(folder).exists() {
        return None;
    }
    let storage = Redb::open(folder, Options::new(Arc::new(SystemClock))).ok()?;
    let head = storage.view().ok()?.get(HEAD).ok()??;
    Head::decode(&head).ok()
}

/// Looks at the files that a refusal rests on, before a store goes into `folder`: whether any was
/// struck out.
pub fn vouch(
    source: Source<'_>,
    listing: &mut Listing,
    refusal: &Refusal,
    folder: &Path,
) -> Result<bool, RewindError> {
    rewind::vouch(source, listing, refusal, &spools(folder))
}

/// The same as [`restore`] with what was prepared.
pub fn rewind(prepared: &mut Prepared, folder: &Path, force: bool) -> Result<(), SnapshotError> {
    let interruption = Interruption::begin()?;
    prepared.set_interrupted(interruption.flag());
    put(prepared, folder, force)
}

fn must_be_ours(folder: &Path) -> Result<(), SnapshotError> {
    match data_of_vault(folder) {
        None => Ok(()),
        Some(found) => Err(SnapshotError::Storage(StorageError::Refused(format!(
            "{} belongs to Vault, and no store of edgekeep goes beside it: name another folder",
            found.display()
        )))),
    }
}

/// Beside the store, unless there is none yet: a folder that is not restored to is not made.
pub(super) fn spools(folder: &Path) -> Spools {
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    Spools::new(there, SPOOL_FLOOR)
}

/// While this lives SIGINT and SIGTERM end what looks at its flag; then they end the program again.
pub struct Interruption(Arc<AtomicBool>);

/// Whether there is none.
static NONE: AtomicBool = AtomicBool::new(true);

impl Interruption {
    /// Begins.
    pub fn begin() -> io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        NONE.store(false, Ordering::SeqCst);
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, &NONE)?;
            flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// Is set once one came.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        NONE.store(true, Ordering::SeqCst);
    }
}

/// Makes the store of `folder` by `state`, or replaces it.
fn put(state: &impl Restorable, folder: &Path, force: bool) -> Result<(), SnapshotError> {
    let clock = Arc::new(SystemClock);
    let mut made = false;
    let storage = Redb::open_or_fill(folder, Options::new(clock.clone()), &mut |to| {
        made = true;
        state.make_store(to)
    })?;
    if made {
        hand_over(folder)?;
    } else {
        let barrier = Barrier::new(Arc::new(storage), clock, Arc::new(SystemEntropy));
        if !force && barrier.settings()?.is_some() {
            return Err(SnapshotError::Occupied(folder.display().to_string()));
        }
        state.restore(&barrier, force)?;
    }
    Ok(promotion::replace(folder)?)
}

/// A store that lies somewhere and that no server has open, to be looked into with its unseal keys.
pub struct Lying {
    storage: Arc<dyn Storage>,
    entropy: Arc<dyn Entropy>,
}

impl Lying {
    /// The one in `storage`.
    pub(super) fn over(storage: Arc<dyn Storage>) -> Self {
        Self { storage, entropy: Arc::new(SystemEntropy) }
    }

    /// Which shares it needs.
    pub fn seal(&self) -> Result<Settings, SnapshotError> {
        let (storage, entropy) = (Arc::clone(&self.storage), Arc::clone(&self.entropy));
        let settings = Barrier::new(storage, Arc::new(SystemClock), entropy).settings()?;
        settings.ok_or_else(|| UnsealError::NotInitialized.into())
    }

    /// Opens it, and all of its entries. `unseal_key` is what its shares make. Nothing is written.
    pub fn unlock(&self, unseal_key: &Key<32>) -> Result<(Past, Report), SnapshotError> {
        Ok(Past::open(Arc::clone(&self.storage), unseal_key, &self.entropy)?)
    }

    /// The same with the keys of another state of the same store.
    pub fn unlock_by(&self, other: &Past) -> Result<(Past, Report), SnapshotError> {
        Ok(other.unsealed().open_past(Arc::clone(&self.storage))?)
    }
}

/// What root makes in a folder of somebody else's is that one's: the server could not open it else.
fn hand_over(folder: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(folder)?;
    for entry in fs::read_dir(folder)? {
        let (path, made) = {
            let entry = entry?;
            (entry.path(), entry.metadata()?)
        };
        if made.is_file() && made.uid() == 0 && owner.uid() != 0 {
            lchown(path, Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    Ok(())
}
