//! Rewinding: a store as it was at any instant that a target leads to.
//!
//! [`prepare`] plans the way by names ([`plan`]), gets everything into spools and checks all of it
//! ([`fetch`]); what does not verify counts as absent, and another way is looked for. What it
//! returns can be put in the place of a store ([`Prepared`]) without the target.

mod apply;
pub(super) mod fetch;
pub mod history;
pub mod listing;
mod newest;
pub mod plan;
mod returning;
pub(super) mod segments;
mod twice;

use std::fmt;
use std::sync::Arc;

pub use self::apply::Prepared;
pub(super) use self::apply::replay;
use self::fetch::{Stop, Way};
use self::listing::Instant;
pub use self::newest::{Newest, newest, stores};
use self::plan::{Refusal, Wish, plan};
use super::SnapshotError;
use super::layout::Folder;
use super::spool::Spools;
use super::target::{Target, TargetError};
use crate::barrier::Unsealed;
use crate::barrier::root::Timeline;
use crate::base::fault::Fault;

/// Where a restore gets its files.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The place.
    pub target: &'a dyn Target,
    /// The store's folder in it.
    pub folder: &'a Folder,
}

/// Whose keys vouch for what is fetched; a restore goes without where nobody has them.
pub type Keys = Option<Arc<Unsealed>>;

/// Where a way leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The last commit that will be there, and its time (that of the snapshot, where no journal is
    /// needed).
    pub instant: Instant,
    /// The history that it is of.
    pub timeline: Timeline,
    /// Whether commits between it and the wished instant may be missing, as a compaction has folded
    /// them into a later one.
    pub folded: bool,
    /// Whether a later time was wished, and nothing later is known of that history: whether
    /// something was committed until then nobody can tell.
    pub end: bool,
}

/// A file that did not verify: its name, and what was wrong.
pub type Lost = (String, String);

/// Gets all that leads to an instant, and checks it.
pub fn prepare(
    source: Source<'_>,
    wish: &Wish,
    keys: Keys,
    spools: &Spools,
) -> Result<Prepared, RewindError> {
    let mut way = Way::new(source, keys, spools)?;
    loop {
        let stop = match plan(way.listing(), wish) {
            Ok(plan) => match way.go(&plan) {
                Ok(found) => return way.prepared(plan, found),
                Err(stop) => stop,
            },
            Err(refusal) => Stop::Refused(refusal),
        };
        match stop {
            Stop::Refused(refusal) => match way.vouch(&refusal) {
                Err(stop @ (Stop::Lost(..) | Stop::Apart(_) | Stop::Later(..))) => {
                    way.learn(stop)?
                }
                _ => return Err(RewindError::Refused(refusal, way.lost())),
            },
            stop => way.learn(stop)?,
        }
    }
}

/// Why a store cannot be had as it was.
#[derive(Debug)]
pub enum RewindError {
    /// The instant cannot be reached; the files that did not verify on the way.
    Refused(Refusal, Vec<Lost>),
    /// The target does not give what it has.
    Target(TargetError),
    /// Something else failed.
    Snapshot(SnapshotError),
}

impl fmt::Display for RewindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal, lost) => {
                refusal.fmt(f)?;
                lost.iter().try_for_each(|(name, why)| write!(f, "\n{name} does not count: {why}"))
            }
            Self::Target(error) => error.fmt(f),
            Self::Snapshot(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RewindError {}

impl From<TargetError> for RewindError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl<E: Into<SnapshotError>> From<E> for RewindError {
    fn from(error: E) -> Self {
        Self::Snapshot(error.into())
    }
}

impl From<RewindError> for Fault {
    fn from(error: RewindError) -> Self {
        match error {
            RewindError::Refused(..) => Self::new(400, error.to_string()),
            RewindError::Target(TargetError::Away(_)) => Self::new(503, error.to_string()),
            RewindError::Target(_) => Self::new(500, error.to_string()),
            RewindError::Snapshot(error) => error.into(),
        }
    }
}
