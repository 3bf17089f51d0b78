//! What targets know of each other: what each has of the journal, as what all have need not be kept
//! here, and where each is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::places::Places;
use crate::barrier::root::Timeline;
use crate::base::sync::lock;
use crate::snapshot::target::Name;

/// The targets to which the journal goes.
#[derive(Default)]
pub struct Ledger {
    entries: Mutex<BTreeMap<String, Entry>>,
    /// What was put from here, to any of them.
    pub put: Arc<Mutex<BTreeSet<Name>>>,
    /// Where all are that are served.
    pub places: Places,
}

#[derive(Default)]
struct Entry {
    /// Whether it answered when it was last asked.
    reachable: bool,
    /// The last commit of each history that it has.
    has: BTreeMap<Timeline, u64>,
}

impl Ledger {
    /// These are all. Of one that stays, what it has stays.
    pub fn set<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let mut entries = lock(&self.entries);
        let mut before = std::mem::take(&mut *entries);
        for name in names {
            entries.insert(name.to_owned(), before.remove(name).unwrap_or_default());
        }
    }

    /// A target has all up to `revision`.
    pub fn has(&self, name: &str, timeline: Timeline, revision: u64) {
        if let Some(entry) = lock(&self.entries).get_mut(name) {
            entry.has.insert(timeline, revision);
            entry.reachable = true;
        }
    }

    /// What a target has is no longer known: it failed, or another may stand in its place.
    pub fn forget(&self, name: &str) {
        if let Some(entry) = lock(&self.entries).get_mut(name) {
            *entry = Entry::default();
        }
    }

    /// Up to which commit all targets have a history; `None` where one has nothing, or is unknown.
    pub fn common(&self, timeline: Timeline) -> Option<u64> {
        least(lock(&self.entries).values(), timeline)
    }

    /// The same of those that can be reached: the others are left behind.
    pub fn common_reachable(&self, timeline: Timeline) -> Option<u64> {
        least(lock(&self.entries).values().filter(|entry| entry.reachable), timeline)
    }
}

fn least<'a>(entries: impl Iterator<Item = &'a Entry>, timeline: Timeline) -> Option<u64> {
    let has = entries.map(|entry| entry.has.get(&timeline).copied());
    has.reduce(|one, other| Some(one?.min(other?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timeline = Timeline { number: 2, id: 1 };

    #[test]
    fn nothing_goes_before_all_have_it() {
        let ledger = Ledger::default();
        assert_eq!(ledger.common(NOW), None);
        ledger.set(["a", "b"].into_iter());
        ledger.has("a", NOW, 7);
        assert_eq!((ledger.common(NOW), ledger.common_reachable(NOW)), (None, Some(7)));
        ledger.has("b", NOW, 5);
        ledger.has("stranger", NOW, 1);
        assert_eq!(ledger.common(NOW), Some(5));
        ledger.set(["b", "c"].into_iter());
        assert_eq!((ledger.common(NOW), ledger.common_reachable(NOW)), (None, Some(5)));
        ledger.forget("b");
        assert_eq!(ledger.common_reachable(NOW), None);
    }
}
