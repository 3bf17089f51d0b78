//! What was in the store after each commit, and what became of its record.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::base::secret::Secret;

/// All entries, by path.
pub type State = BTreeMap<String, Vec<u8>>;

/// A commit: its history and its revision.
pub type Commit = (Timeline, u64);

/// What was there after a commit.
#[derive(Clone)]
pub struct Past {
    /// When it was.
    pub time: Timestamp,
    /// All entries.
    pub state: Rc<State>,
    /// What opens it.
    pub shares: Vec<Secret>,
    /// Whether the journal had a record of it.
    pub recorded: bool,
}

/// The whole history.
#[derive(Default)]
pub struct Model {
    /// All commits of which a target may be asked.
    pub past: BTreeMap<Commit, Past>,
    /// The records that the store itself holds.
    pub local: BTreeSet<Commit>,
    /// How long they are together.
    pub bytes: u64,
    /// What a target (by its number) need not have: it was away when the room for it ended, or the
    /// only record of it was lost with a disk.
    pub excused: BTreeSet<(usize, Commit)>,
    /// In this history the store goes on beside what a target has of it, until it has adopted.
    pub beside: Option<Timeline>,
    /// Those of which there were two: which one is meant here depends on what is still here.
    pub doubtful: BTreeSet<Timeline>,
    /// The newest whole snapshot of the present history on each target, when it was last looked.
    pub newest: BTreeMap<usize, (Timeline, Option<u64>)>,
}

impl Model {
    /// The histories.
    pub fn timelines(&self) -> Vec<Timeline> {
        let mut timelines: Vec<_> = self.past.keys().map(|(timeline, _)| *timeline).collect();
        timelines.dedup();
        timelines
    }

    /// Whether a target with these snapshots of its history must have the record of a commit, or
    /// be given it: with those before it, it leads on from one of them.
    pub fn leads(&self, n: usize, bases: &BTreeSet<u64>, commit: Commit) -> bool {
        let (timeline, revision) = commit;
        let has = |at: &u64| {
            let recorded = self.past.get(&(timeline, *at)).is_some_and(|past| past.recorded);
            recorded && !self.excused.contains(&(n, (timeline, *at)))
        };
        let mut run = (1..=revision).rev().take_while(has);
        run.any(|at| bases.contains(&(at - 1)))
    }

    /// The commits of one.
    pub fn of(&self, timeline: Timeline) -> impl DoubleEndedIterator<Item = (u64, &Past)> {
        let all = self.past.range((timeline, 0)..=(timeline, u64::MAX));
        all.map(|((_, revision), past)| (*revision, past))
    }
}

/// The paths of which two states tell differently.
pub fn differing(one: &State, other: &State) -> Vec<String> {
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differs = |path: &&String| one.get(*path) != other.get(*path);
    paths.into_iter().filter(differs).cloned().collect()
}
