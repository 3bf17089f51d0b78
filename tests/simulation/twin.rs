//! Somebody starts a copy of the disk beside the server for a while, with the same target.

use std::sync::Arc;
use std::time::Duration;

use edgekeep::barrier::Barrier;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir;
use edgekeep::snapshot::keeper::keep_journal;
use edgekeep::snapshot::layout::{SegmentName, SnapshotName};
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::RewindError;
use edgekeep::snapshot::rewind::plan::At;
use edgekeep::storage::Storage;

use crate::model::{Commit, State, differing};
use crate::site::{Copy, Site, read, served};

impl Site {
    /// Both write and ship, and neither sees what the other one puts.
    pub fn twin(&mut self) {
        if self.places.len() > 1 || self.model.beside.is_some() || self.barrier.unsealed().is_none()
        {
            return;
        }
        self.diary.note("a copy of the disk is started beside it");
        let before = self.copy.take();
        self.remember();
        let copy = std::mem::replace(&mut self.copy, before);
        let Some(Copy { entries, at: (timeline, from), state, .. }) = copy else { return };
        let place = Arc::new(self.places[0].fork(self.dice.below(u64::MAX)));
        let storage: Arc<dyn Storage> = Arc::new(crate::site::filled(&entries));
        let barrier = Arc::new(Barrier::new(storage, self.clock.clone(), self.entropy()));
        let Ok(store) = barrier.unseal(&shamir::combine(&self.shares).unwrap()) else { return };
        let (means, mut state) = (self.means(&barrier), State::clone(&state));
        let (mut worker, _desk) = served(&means, &self.settings()[0], place.clone());
        let mut commits: Vec<(Commit, State)> = Vec::new();
        let rounds = 2 + self.dice.below(8);
        for round in 0..=rounds {
            match self.dice.below(5) {
                _ if round == rounds => worker.round(),
                0 | 1 => {
                    let (path, value) = (format!("{}/0", self.dice.below(4)), vec![7; 20]);
                    let put = |txn: &mut edgekeep::barrier::txn::Txn| {
                        txn.scope(MountId::SYSTEM).put(&path, &value)
                    };
                    if keep_journal(&store, true).is_ok() && store.transact(put).is_ok() {
                        state.insert(path.clone(), value.clone());
                    }
                }
                2 => worker.round(),
                3 => self.put(100),
                _ => self.serve(),
            }
            let status = store.status();
            let last = commits.last().map_or(from, |((_, revision), _)| *revision);
            let new = last + 1..=status.revision;
            commits.extend(new.map(|revision| ((status.timeline, revision), state.clone())));
            self.clock.advance(Duration::from_millis(self.dice.below(900)));
        }
        self.places[0].join(&place);
        let shipped = self.places[0].told_of(timeline) > from;
        if !commits.is_empty() && shipped {
            self.model.beside = Some(timeline);
            // What this one did meanwhile is put beside the other's only where both are there.
            let meanwhile = self.model.of(timeline).filter(|(revision, _)| *revision > from);
            let meanwhile: Vec<Commit> = meanwhile.map(|(at, _)| (timeline, at)).collect();
            self.model.excused.extend(meanwhile.into_iter().map(|commit| (0, commit)));
            self.model.doubtful.insert(timeline);
            self.model.twins.entry(timeline).or_default().extend(commits);
            // Somebody chooses this one, at once or later.
            if self.dice.one_in(2) {
                self.serve();
                self.adopt();
            }
        }
    }

    /// Whether two have written that history, or one that it comes of.
    pub fn is_doubled(&self, n: usize, timeline: Timeline) -> bool {
        let lineage = self.places[n].lineage(timeline);
        lineage.iter().any(|(timeline, _)| self.model.twins.contains_key(timeline))
    }

    /// What comes back is what the one had or what the other had, and nothing mixed; whether it did.
    pub fn must_be_one_of_two(&self, nth: u64, n: usize, (timeline, revision): Commit) -> bool {
        let prepared = match self.prepare(n, At::Revision(revision), Some(timeline)) {
            Ok(prepared) => prepared,
            Err(error @ RewindError::Refused(..)) => {
                // What came of one of the two has only that past.
                let own = !self.model.twins.contains_key(&timeline);
                // A snapshot of the one leads to nothing of the other.
                let base = |of: &SnapshotName| !self.model.twins.contains_key(&of.timeline);
                // Nor does a way part from the other's segment in the middle of that.
                let ends = |of: &SegmentName, at: u64| at == of.last;
                let reach = self.places[n].reach_from(timeline, base, ends);
                // What a compaction has folded may still lie beside, as it does where that was cut.
                let folded = reach.folded.contains(&revision);
                let there = own && reach.kept.contains(&revision) && !folded;
                assert!(!there, "{revision} of {timeline} by target {n}: {error}");
                return false;
            }
            Err(error) => panic!("{revision} of {timeline}: {error}"),
        };
        let found = prepared.found();
        let commit = (found.timeline, found.instant.revision);
        let bare = self.bare(nth);
        prepared.restore(&bare, false).unwrap();
        let shares = self.model.past.get(&commit).map_or(&self.shares, |past| &past.shares);
        let Ok(store) = bare.unseal(&shamir::combine(shares).unwrap()) else { return true };
        let there = read(&store).unwrap();
        let one = self.model.past.get(&commit).map(|past| &*past.state);
        let twins = self.model.twins.get(&commit.0).into_iter().flatten();
        let others = twins.filter(|(of, _)| *of == commit).map(|(_, state)| state);
        let same = one.into_iter().chain(others).any(|state| differing(state, &there).is_empty());
        // Of what was written until one of the two was chosen the model knows nothing.
        let known = self.model.past.contains_key(&commit);
        assert!(same || !known, "{commit:?} is what neither had");
        true
    }
}
