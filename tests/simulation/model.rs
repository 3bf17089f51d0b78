//! What was in the store after each commit, and what became of its record.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::base::secret::Secret;

use crate::place::Place;

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
    /// When each commit was made, in that order.
    pub life: Vec<(Timestamp, Commit)>,
    /// From which commit each history began that a rewind made.
    pub origins: BTreeMap<Timeline, Commit>,
    /// The records that the store itself holds.
    pub local: BTreeSet<Commit>,
    /// How long they are together.
    pub bytes: u64,
    /// Whether no more was recorded, as they came to the limit.
    pub cut: bool,
    /// What a target (by its number) need not have: it was away when the room for it ended, or the
    /// only record of it was lost with a disk.
    pub excused: BTreeSet<(usize, Commit)>,
    /// In this history the store goes on beside what a target has of it, until it has adopted.
    pub beside: Option<Timeline>,
    /// Those of which there were two: which one is meant here depends on what is still here.
    pub doubtful: BTreeSet<Timeline>,
    /// The wall clock went back: one time may have been twice.
    pub turned: bool,
    /// What another server did in histories that two have written.
    pub twins: BTreeMap<Timeline, Vec<(Commit, State)>>,
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

    /// Whether a target must have the record of a commit, or be given it: with those before it, it
    /// leads on from a snapshot there, of its history or of one that this left.
    pub fn leads(&self, n: usize, place: &Place, commit: Commit) -> bool {
        let (mut timeline, mut revision) = commit;
        loop {
            let origin = self.origins.get(&timeline).copied();
            let begin = origin.map_or(0, |(_, revision)| revision);
            let bases = place.bases(timeline);
            let has = |at: &u64| {
                let recorded = self.past.get(&(timeline, *at)).is_some_and(|past| past.recorded);
                recorded && !self.excused.contains(&(n, (timeline, *at)))
            };
            let run: Vec<u64> = (begin + 1..=revision).rev().take_while(has).collect();
            if run.iter().any(|at| bases.contains(&(at - 1))) {
                return true;
            }
            let Some(left) = origin.filter(|_| run.len() as u64 == revision - begin) else {
                return false;
            };
            // The commit at which it left may have been folded into another one before.
            if self.doubtful.contains(&left.0) || !place.keeps(left.0, left.1) {
                return false;
            }
            if place.bases(left.0).contains(&left.1) {
                return true;
            }
            (timeline, revision) = left;
        }
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
