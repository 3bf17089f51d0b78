//! Commits that no journal of this store recorded: there was none, or it was cut. What a target has
//! of their numbers, another server recorded, on a copy of the store.

use std::collections::BTreeMap;

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

/// The lapses of a store: behind which commit each is, and how far it or one before it goes. There
/// may be many, and each file on a target is looked up.
#[derive(Clone, Debug, Default)]
pub struct Lapses(BTreeMap<(Timeline, u64), u64>);

impl Lapses {
    fn read(view: &dyn View) -> Result<Self, StorageError> {
        let damaged = || StorageError::Damaged("a lapse of the journal cannot be read".into());
        let mut lapses = Self::default();
        for entry in view.scan(LAPSE, Some(END))? {
            let (key, value) = entry?;
            let (behind, upto) = told(&key, &value).ok_or_else(damaged)?;
            lapses.note(behind, upto);
        }
        Ok(lapses)
    }

    /// There is one, of the commits behind that one.
    fn note(&mut self, behind: Origin, upto: u64) {
        let Origin { timeline, revision } = behind;
        let before = self.before(timeline, revision).unwrap_or(0);
        self.0.insert((timeline, revision), before);
        for (_, furthest) in self.0.range_mut((timeline, revision)..=(timeline, u64::MAX)) {
            *furthest = upto.max(*furthest);
        }
    }

    /// How far those go that are behind a commit before that one.
    fn before(&self, timeline: Timeline, revision: u64) -> Option<u64> {
        let (&(of, _), &upto) = self.0.range(..(timeline, revision)).next_back()?;
        (of == timeline).then_some(upto)
    }

    /// Whether a commit of a history was not recorded.
    pub fn hold(&self, timeline: Timeline, revision: u64) -> bool {
        self.before(timeline, revision).is_some_and(|upto| revision <= upto)
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
            lapses.note(Origin { timeline, revision }, u64::MAX);
        }
        Ok(lapses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_in_a_lapse_however_they_lie() {
        let timeline = |number| Timeline { number, id: 7 };
        let all = [(1, 5, 9), (2, 30, 40), (2, 3, 4), (2, 10, 60), (2, 20, 25), (3, 0, u64::MAX)];
        let mut lapses = Lapses::default();
        for (number, revision, upto) in all {
            lapses.note(Origin { timeline: timeline(number), revision }, upto);
        }
        for number in 0..5 {
            for revision in 1..80 {
                let holds = |&(of, behind, upto): &(u32, u64, u64)| {
                    of == number && behind < revision && revision <= upto
                };
                let held = lapses.hold(timeline(number), revision);
                assert_eq!(held, all.iter().any(holds), "{revision} of {number}");
            }
        }
    }
}
