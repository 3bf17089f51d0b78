//! Commits that no journal of this store recorded: there was none, or it was cut. What a target has
//! of their numbers, another server recorded, on a copy of the store.

use serde::{Deserialize, Serialize};

use super::{Origin, place};
use crate::barrier::Unsealed;
use crate::barrier::root::Timeline;
use crate::barrier::txn::TxnError;
use crate::base::record::Record;
use crate::storage::commit::Write;
use crate::storage::{StorageError, View};

/// What the keys of lapses begin with; behind it stands the last commit before, as in the key of a
/// record. As all of the journal, they are counted by no root record.
pub const LAPSE: &[u8] = b"\0lapse";

/// The key behind the last one that there may be.
const END: &[u8] = b"\0lapsf";

/// A lapse, behind the commit of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lapse {
    /// The last commit that was not recorded.
    upto: u64,
}

impl Record for Lapse {
    const VERSION: u8 = 1;
}

/// The version of what tells of one.
pub const VERSION: u8 = Lapse::VERSION;

/// The entry that tells of the commits of a history behind `last`, up to `upto`.
pub fn entry(timeline: Timeline, last: u64, upto: u64) -> Write {
    let key = [LAPSE, &place(timeline, last)].concat();
    (key, Some(Lapse { upto }.encode().to_vec()))
}

/// What an entry tells, if it is such a one.
fn told(key: &[u8], value: &[u8]) -> Option<(Origin, u64)> {
    let behind = Origin::at(key.strip_prefix(LAPSE)?.try_into().ok()?);
    Some((behind, Lapse::decode(value).ok()?.upto))
}

/// Whether an entry is one that can be read.
pub fn is_sound(key: &[u8], value: &[u8]) -> bool {
    told(key, value).is_some()
}

/// The lapses of a store.
#[derive(Clone, Debug, Default)]
pub struct Lapses(Vec<(Origin, u64)>);

impl Lapses {
    fn read(view: &dyn View) -> Result<Self, StorageError> {
        let damaged = || StorageError::Damaged("a lapse of the journal cannot be read".into());
        let read = view.scan(LAPSE, Some(END))?.map(|entry| {
            let (key, value) = entry?;
            told(&key, &value).ok_or_else(damaged)
        });
        Ok(Self(read.collect::<Result<_, StorageError>>()?))
    }

    /// Whether a commit of a history was not recorded.
    pub fn hold(&self, timeline: Timeline, revision: u64) -> bool {
        self.0.iter().any(|(behind, upto)| {
            behind.timeline == timeline && behind.revision < revision && revision <= *upto
        })
    }
}

impl Unsealed {
    /// Which commits were never recorded. While no journal goes on all are that are still to come.
    pub fn lapses(&self) -> Result<Lapses, TxnError> {
        let mut lapses = Lapses::read(&*self.journal_view()?)?;
        let (timeline, head) = (self.status().timeline, self.journal());
        let head = head.filter(|head| head.timeline == timeline);
        if head.is_none_or(|head| head.is_ended()) {
            let revision = head.map_or(0, |head| head.revision);
            lapses.0.push((Origin { timeline, revision }, u64::MAX));
        }
        Ok(lapses)
    }
}
