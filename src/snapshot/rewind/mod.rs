//! Rewinding: a store as it was at any instant that a target leads to.
//!
//! [`prepare`] plans the way by names ([`plan`]), gets everything into spools and checks all of it
//! ([`fetch`]); what does not verify counts as absent, and another way is looked for. Before it
//! refuses, it looks at the files that the refusal rests on ([`vouch`]): anybody may write a name.
//! What it returns can be put in the place of a store ([`Prepared`]) without the target.

mod apply;
mod descent;
mod fetch;
pub mod file;
pub mod history;
mod left;
pub mod listing;
mod newest;
mod own;
mod parting;
mod past;
pub mod plan;
pub(super) mod segments;
mod sole;
mod taken;
mod vouch;
mod whose;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::apply::Prepared;
pub(super) use self::apply::replay;
pub use self::fetch::Way;
use self::listing::Instant;
pub use self::newest::{Newest, has_any, misnamed, newest, real_stores, stores};
use self::plan::{Refusal, Wish};
pub use self::vouch::vouch;
use super::SnapshotError;
use super::layout::Folder;
use super::lent::Lent;
use super::spool::Spools;
use super::target::{Target, TargetError};
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

/// So many spools a way takes: one for its snapshot, one for all segments.
pub const SPOOLS: usize = 2;

/// Whose keys vouch for what is fetched; a restore goes without where nobody has them. Once they
/// are gone, as the store was sealed meanwhile, nothing is had.
pub type Keys = Option<Lent>;

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
    /// Why more may have been committed by the wished instant, where it may.
    pub end: Option<End>,
}

impl Found {
    /// What may be missing in it, as it is told.
    pub fn lacking(&self) -> Map<String, Value> {
        let mut told = Map::new();
        told.insert("exact".into(), (!self.folded).into());
        told.insert("end".into(), self.end.is_some().into());
        if let Some(why) = self.end {
            told.insert("end_reason".into(), why.to_string().into());
        }
        told
    }
}

/// Why more may have been committed by the wished instant than what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is a later time, and nothing later is known of that history.
    Unknown,
    /// The server that asks has gone on since, and no journal recorded that.
    Unrecorded,
    /// What follows, this, bears a time that is still to come, as by a clock that was ahead.
    ToCome(Instant),
    /// Another server wrote that history by then as well, or the server that asks did, before its
    /// disk was put back; and the history by whose name that is had, where one is known.
    Beside(Option<Timeline>),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToCome(next) => {
                return write!(
                    f,
                    "what follows it, {next}, bears a time that is still to come, as by a clock \
                     that was ahead: more may have been committed by the wished instant; to have \
                     that, name a revision, from {} on",
                    next.revision
                );
            }
            Self::Unknown => {
                "that is the last that is known of this timeline by then: what may have been \
                 committed between it and the wished instant is not there"
            }
            Self::Unrecorded => {
                "the server has committed more since, which no journal recorded: that is not there"
            }
            Self::Beside(had_by) => {
                f.write_str(
                    "another server, on a copy of the store, wrote this timeline by then as well, \
                     or this one did before its disk was put back to an older copy: that is not \
                     in it",
                )?;
                let had_by = had_by.as_ref();
                return had_by.map_or(Ok(()), |by| write!(f, ", but had with -timeline={by}"));
            }
        })
    }
}

/// A file that did not verify.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lost {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    #[serde(rename = "error")]
    pub why: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not count: {}", self.name, self.why)
    }
}

/// Gets all that leads to an instant, and checks it.
pub fn prepare(
    source: Source<'_>,
    wish: &Wish,
    keys: Keys,
    spools: &Spools,
) -> Result<Prepared, RewindError> {
    let mut way = Way::new(source, keys, spools)?;
    let reached = way.reach(wish)?;
    Ok(way.prepared(reached))
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
                match refusal {
                    Refusal::Nothing if !lost.is_empty() => {
                        f.write_str("no snapshot of this store on the target is good")
                    }
                    _ => refusal.fmt(f),
                }?;
                lost.iter().try_for_each(|lost| write!(f, "\n{lost}"))
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
