//! What of a target goes, and for how long other histories there were watched.

use std::collections::{BTreeMap, BTreeSet};

use super::beside::end;
use super::contact::{Held, Known};
use super::retention::{self, Judged, Others, Policy, Snapshot, Staying};
use super::stored;
use super::trouble::Trouble;
use super::watch::Watch;
use super::worker::Worker;
use crate::barrier::root::Timeline;
use crate::barrier::txn::Txn;
use crate::snapshot::layout::{Kept, SnapshotName};
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::target::Name;

impl Worker {
    /// Drops what nobody wants to be kept any longer; which snapshots that was.
    pub fn forget(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        // Another one may have been found there meanwhile.
        self.must_be_its_own()?;
        let gone = self.forgettable(policy)?;
        for name in &gone {
            self.target.delete(name)?;
            log::info!("snapshots to {}: dropped {}", self.name, self.target.url(name));
        }
        let Some(known) = &mut self.known else { return Ok(gone) };
        known.remove(&gone);
        let unneeded = self.unneeded(policy)?;
        for name in &unneeded {
            self.target.delete(name)?;
        }
        let Some(known) = &mut self.known else { return Ok(gone) };
        known.remove(&unneeded);
        self.judged.retain(|name, _| !gone.contains(name) && !unneeded.contains(name));
        self.known.iter().for_each(|known| self.tell_held(known));
        Ok(gone)
    }

    /// Which snapshots of this target go by a policy. Before any does the last good one is read
    /// back, unless that was done in this round: where it has rotted since it was put, the one
    /// before it is the last.
    pub fn forgettable(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        loop {
            let gone = self.outdated(policy)?;
            let last = self.last_good().map(|held| held.name.clone());
            let last = last.filter(|last| !gone.is_empty() && !self.read_now.contains(last));
            let Some(last) = last else { return Ok(gone) };
            let Some(known) = self.known.take() else { return Ok(gone) };
            self.judged.remove(&last);
            self.judge(&known)?;
            self.known = Some(known);
            self.follow();
        }
    }

    /// The same, by what is known of those there.
    pub fn outdated(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        self.beside_others(|worker, others| worker.would_go(policy, others))
    }

    /// Which segments of this target go with the snapshots that are gone.
    fn unneeded(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        self.beside_others(|worker, others| worker.segments_would_go(policy, others))
    }

    /// What goes beside the other histories there. These are read only where it matters whether
    /// they are there.
    fn beside_others(
        &mut self,
        goes: impl Fn(&Self, &Others) -> Vec<Name>,
    ) -> Result<Vec<Name>, Trouble> {
        if goes(self, &Others::default()).is_empty() {
            return Ok(Vec::new());
        }
        let others = self.others()?;
        Ok(goes(self, &others))
    }

    /// How many bytes the snapshots of other servers take that have names of this target.
    pub fn bytes_of_others(&mut self) -> Result<u64, Trouble> {
        let others = self.others()?;
        let Some(known) = &self.known else { return Ok(0) };
        let (held, own) = self.own(known);
        let theirs = retention::theirs(&own, &known.journal(), known.timeline, &others);
        Ok(theirs.into_iter().map(|index| held[index].length).sum())
    }

    /// The snapshots that have names of this target, and the same as retention sees them.
    fn own<'a>(&self, known: &'a Known) -> (Vec<&'a Held<SnapshotName>>, Vec<Snapshot>) {
        let own = known.own(&self.settings.file_prefix).into_iter();
        own.map(|held| (held, self.candidate(held, known.is_own(&held.of)))).unzip()
    }

    /// All snapshots there, whatever their names are: what another server wrote goes with its own.
    fn all<'a>(
        &self,
        known: &'a Known,
    ) -> impl Iterator<Item = (&'a Held<SnapshotName>, Snapshot)> {
        let own = known.snapshots.iter().map(|held| (held, known.is_own(&held.of)));
        let all = own.chain(known.theirs.iter().map(|held| (held, Some(false))));
        all.map(|(held, own)| (held, self.candidate(held, own)))
    }

    fn would_go(&self, policy: Policy, others: &Others) -> Vec<Name> {
        let Some(known) = &self.known else { return Vec::new() };
        let all = self.all(known).filter(|(held, _)| held.of.prefix == self.settings.file_prefix);
        let (all, snapshots): (Vec<_>, Vec<Snapshot>) = all.unzip();
        let gone =
            retention::to_drop(&snapshots, &known.journal(), known.timeline, others, &policy);
        gone.into_iter().map(|index| all[index].name.clone()).collect()
    }

    fn segments_would_go(&self, policy: Policy, others: &Others) -> Vec<Name> {
        let Some(known) = &self.known else { return Vec::new() };
        let (_, own) = self.own(known);
        let ours = retention::ours(&own, &known.journal(), known.timeline, others, &policy);
        let stay = Staying {
            snapshots: self.all(known).map(|(_, snapshot)| snapshot).collect(),
            ours: ours.into_iter().map(|index| own[index]).collect(),
            strange: others.strange.clone(),
        };
        let aside: Vec<_> = known.aside.iter().map(|held| held.of).collect();
        let gone = retention::segments_to_drop(&known.journal(), &aside, &stay, known.timeline);
        let all: Vec<_> = known.segments.iter().chain(&known.aside).collect();
        gone.into_iter().map(|index| all[index].name.clone()).collect()
    }

    /// The other histories there that may still grow. What counts as another server's is read
    /// before: anybody who can write there may give a name.
    fn others(&mut self) -> Result<Others, Trouble> {
        let Some(mut known) = self.known.take() else { return Ok(Others::default()) };
        let others = self.others_in(&mut known);
        self.known = Some(known);
        others
    }

    fn others_in(&mut self, known: &mut Known) -> Result<Others, Trouble> {
        let watch = self.seen.watch.as_ref();
        let mut growing =
            watch.map(|watch| watch.growing(self.settings.policy.others)).unwrap_or_default();
        growing.remove(&known.timeline);
        let (folder, written) = (self.folder(&known.store_id)?, self.written(known)?);
        let judged = |worker: &Self, kept: &Kept| {
            folder.name(kept).map_or(Judged::Bad, |name| worker.judgement(&name))
        };
        let mut others = Others::default();
        let mut histories = self.histories(known);
        histories.retain(|history, _| growing.contains(history));
        for (history, mut of_it) in histories {
            while self.is_anothers(&written, history, end(&of_it)) {
                // Each file that tells of it is read once.
                let mut witnesses = of_it.witnesses(history).into_iter();
                let unread = witnesses.find(|kept| judged(self, kept) == Judged::Unknown);
                let Some(witness) = unread else {
                    others.strange.insert(history);
                    break;
                };
                self.is_whole(known, &witness)?;
                if judged(self, &witness) == Judged::Bad {
                    of_it.remove(&witness);
                }
            }
            if end(&of_it).is_some() {
                others.growing.insert(history);
            }
        }
        // A segment that does not verify is not there.
        known.segments.retain(|held| self.judgement(&held.name) != Judged::Bad);
        Ok(others)
    }

    /// What this server is known to have written of the histories there.
    fn written(&self, known: &Known) -> Result<Written, Trouble> {
        let own = known.snapshots.iter().filter(|held| known.is_own(&held.of) == Some(true));
        let left = self.unsealed()?.left()?;
        let way = Listing { segments: known.journal(), ..Listing::default() };
        Ok(Written {
            taken: furthest(own.map(|held| (held.of.timeline, held.of.revision))),
            left: furthest(left.iter().map(|left| (left.timeline, left.revision))),
            past: way.lineage(known.timeline).iter().map(|part| part.timeline).collect(),
        })
    }

    /// Whether a history, which goes up to that commit, does so further than what this server has
    /// written of it.
    fn is_anothers(&self, written: &Written, history: Timeline, end: Option<u64>) -> bool {
        let watch = self.seen.watch.as_ref();
        let seen = watch.is_some_and(|watch| watch.is_anothers(history));
        let left = watch.and_then(|watch| watch.left(history));
        let left = written.left.get(&history).copied().max(left);
        let upto = written.taken.get(&history).copied().max(left);
        // Who came by a restore to a bare machine does not know how far it had gone before, unless
        // somebody was seen to go on.
        upto < end && (seen || left.is_some() || !written.past.contains(&history))
    }

    /// Has the store know how long other histories there were seen not to grow, if it does not.
    pub fn note_watched(&mut self) -> Result<(), Trouble> {
        let Some(watch) = &self.seen.watch else { return Ok(()) };
        let Some((noted, _)) = watch.news() else { return Ok(()) };
        let noted = noted.clone();
        let outcome = self.unsealed().and_then(|unsealed| {
            Ok(unsealed.transact(|txn: &mut Txn| stored::note_watched(txn, &self.name, &noted))?)
        });
        let boot = self.boot();
        self.seen.watch.iter_mut().for_each(|watch| watch.is_noted(outcome.is_ok(), boot));
        outcome
    }

    /// The same, where that has waited for long: by what the store does not know a server that ends
    /// watches for longer.
    pub fn note_in_time(&mut self) {
        let boot = self.boot();
        if self.seen.watch.as_ref().is_some_and(|watch| watch.is_to_be_noted(boot))
            && let Err(trouble) = self.note_watched()
        {
            log::debug!("snapshots to {}: what was watched is not noted: {trouble}", self.name);
        }
    }

    /// The same when the thread ends, unless somebody else has noted it since.
    pub fn note_last(&self) {
        let Some((noted, kept)) = self.seen.watch.as_ref().and_then(Watch::news) else { return };
        let Some(unsealed) = self.means.barrier.unsealed().filter(|_| !kept.is_empty()) else {
            return;
        };
        let note = |txn: &mut Txn| {
            let same = stored::watched(txn, &self.name)? == *kept;
            if same { stored::note_watched(txn, &self.name, noted) } else { Ok(()) }
        };
        if let Err(error) = unsealed.transact(note) {
            log::debug!("snapshots to {}: what was watched is not noted: {error}", self.name);
        }
    }
}

/// What this server is known to have written of the histories on a target.
struct Written {
    /// Up to which commit its snapshots go.
    taken: BTreeMap<Timeline, u64>,
    /// Up to which one it went where it has left them.
    left: BTreeMap<Timeline, u64>,
    /// Those that the present one comes of.
    past: BTreeSet<Timeline>,
}

/// The last commit of each history.
fn furthest(commits: impl Iterator<Item = (Timeline, u64)>) -> BTreeMap<Timeline, u64> {
    let mut last = BTreeMap::new();
    for (timeline, revision) in commits {
        let last: &mut u64 = last.entry(timeline).or_default();
        *last = revision.max(*last);
    }
    last
}
