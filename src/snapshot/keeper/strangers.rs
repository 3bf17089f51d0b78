//! Other servers on copies of this store's data that write to the same target.
//!
//! One that is in the same history is found by the chain, which each segment's name tells, or by
//! a snapshot that was not taken of this store: nothing more is shipped until one of the two has
//! gone.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::beside::MOST;
use super::contact::{Held, Known};
use super::left::recorded;
use super::retention::Judged;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::live::timelines;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{SegmentName, SnapshotName};
use crate::snapshot::target::{Name, TargetError};

impl Worker {
    /// What is there of the present history is what this server wrote, or comes of the same chain.
    pub fn must_be_alone(&mut self, known: &mut Known) -> Result<(), Trouble> {
        let head = self.unsealed()?.journal().filter(|head| head.timeline == known.timeline);
        if let Some(head) = &head {
            self.must_agree(known, head.timeline)?;
        }
        self.must_have_recorded(known)?;
        self.pass_over_absent(known)?;
        if let Some(head) = head.filter(|_| self.settings.journal) {
            // One that is torn is put once more.
            self.newest_segment(known, head.timeline)?;
        }
        self.must_have_taken(known)?;
        let names = self.seen.names.take().filter(|names| names.len() < MOST);
        let mut names = names.unwrap_or_default();
        names.extend(known.names().cloned());
        self.seen.names = Some(names);
        Ok(())
    }

    /// Each segment ends as the chain does here, as far as that is still known, or does not verify.
    pub fn must_be_of_the_chain(&mut self, known: &mut Known) -> Result<(), Trouble> {
        let mut strange = BTreeSet::new();
        let head = self.unsealed()?.journal().filter(|head| head.timeline == known.timeline);
        let Some(head) = head else { return Ok(()) };
        for held in known.segments.iter().filter(|held| held.of.timeline == head.timeline) {
            let ours = chain_at(&*self.unsealed()?, &head, held.of.last)?;
            if ours.is_some_and(|ours| ours.short() != held.of.chain) {
                self.must_be_junk(known, &held.of, &held.name)?;
                strange.insert(held.name.clone());
            }
        }
        known.segments.retain(|held| !strange.contains(&held.name));
        Ok(())
    }

    /// Where one segment lies over another, as a compaction leaves it that was cut, both are of one
    /// chain. Those of which that was seen before are not read again. What one who has left wrote
    /// does no harm.
    fn must_agree(&mut self, known: &mut Known, timeline: Timeline) -> Result<(), Trouble> {
        let mut of_it = known.segments_of(timeline);
        of_it.sort_by_key(|(of, _)| (of.first, of.last));
        let ends: BTreeSet<u64> = of_it.iter().map(|(of, _)| of.last).collect();
        let (mut junk, mut steps) = (BTreeSet::new(), None);
        // Those before, the one that goes furthest at the top.
        let mut before: BinaryHeap<(u64, usize)> = BinaryHeap::new();
        for (at, next) in of_it.iter().enumerate() {
            while let Some(&(last, top)) = before.peek().filter(|(last, _)| next.0.first <= *last) {
                let other = &of_it[top];
                if self.seen.names.is_some() && self.seen.has(&other.1) && self.seen.has(&next.1) {
                    break;
                }
                let (shorter, longer) =
                    if last < next.0.last { (other, next) } else { (next, other) };
                // One of the two may be torn, or a name that somebody made up.
                let bad = match self.chain_in(longer, shorter.0.last, &ends, &mut steps)? {
                    Inside::Junk => longer,
                    Inside::At(chain)
                        if chain != shorter.0.chain
                            && self.left_at(known, timeline)? < Some(shorter.0.last) =>
                    {
                        self.must_be_junk(known, &shorter.0, &shorter.1)?;
                        shorter
                    }
                    Inside::At(_) | Inside::Nothing => break,
                };
                junk.insert(bad.1.clone());
                if bad.1 == next.1 {
                    break;
                }
                before.pop();
            }
            if !junk.contains(&next.1) {
                before.push((next.0.last, at));
            }
        }
        known.segments.retain(|held| !junk.contains(&held.name));
        Ok(())
    }

    /// What the chain comes to at a commit in a segment. Of what was read last all is remembered
    /// where other segments have `ends`.
    fn chain_in(
        &mut self,
        (of, name): &(SegmentName, Name),
        at: u64,
        ends: &BTreeSet<u64>,
        steps: &mut Option<(Name, BTreeMap<u64, u64>)>,
    ) -> Result<Inside, Trouble> {
        if steps.as_ref().is_none_or(|(read, _)| read != name) {
            let counts = self.counts(name);
            let read = if counts { self.steps(name, of, |at| ends.contains(&at))? } else { None };
            let Some(read) = read else {
                // Two of which one cannot be read do not contradict each other yet.
                let is_bad = self.judgement(name) == Judged::Bad;
                return Ok(if is_bad { Inside::Junk } else { Inside::Nothing });
            };
            let at = read.at.into_iter().map(|(at, chain)| (at, chain.short()));
            *steps = Some((name.clone(), at.collect()));
        }
        let there = steps.as_ref().and_then(|(_, steps)| steps.get(&at).copied());
        Ok(there.map_or(Inside::Nothing, Inside::At))
    }

    /// A segment that is not of the chain counts as absent where it does not verify. Where it can
    /// not be read it may be another server's: nothing is shipped until it can.
    fn must_be_junk(
        &mut self,
        known: &Known,
        of: &SegmentName,
        name: &Name,
    ) -> Result<(), Trouble> {
        match self.is_junk(of, name)? {
            Some(true) => Ok(()),
            Some(false) => Err(self.doubled(known, of.timeline, name)?),
            None => Err(self.unread(name)),
        }
    }

    /// Whether a segment does not verify, so that it counts as absent; `None` where it cannot be
    /// read.
    pub fn is_junk(&mut self, of: &SegmentName, name: &Name) -> Result<Option<bool>, Trouble> {
        if matches!(self.judgement(name), Judged::Unknown | Judged::Unread) {
            self.steps(name, of, |_| false)?;
        }
        Ok(match self.judgement(name) {
            Judged::Good => Some(false),
            Judged::Bad => Some(true),
            Judged::Unknown | Judged::Unread => None,
        })
    }

    /// What does not verify is not there. Nor is what cannot be read, where this server may still
    /// have what is to be in it, and puts it once more; elsewhere it may be another's.
    fn pass_over_absent(&self, known: &mut Known) -> Result<(), Trouble> {
        let mut own = timelines(&*self.unsealed()?.journal_view()?)?;
        own.push(known.timeline);
        known.segments.retain(|held| match self.judgement(&held.name) {
            Judged::Good | Judged::Unknown => true,
            Judged::Unread => !own.contains(&held.of.timeline),
            Judged::Bad => false,
        });
        Ok(())
    }

    /// What a snapshot is worth of which it must be known before anything is shipped.
    pub fn worth(&mut self, held: &Held<SnapshotName>) -> Result<Judged, Trouble> {
        if matches!(self.judgement(&held.name), Judged::Unknown | Judged::Unread) {
            self.read_back(&held.name, &held.of)?;
        }
        match self.judgement(&held.name) {
            Judged::Unread => Err(self.unread(&held.name)),
            judged => Ok(judged),
        }
    }

    /// It may be another server's, and nobody knows.
    pub fn unread(&self, name: &Name) -> Trouble {
        let url = self.target.url(name);
        let what = format!(
            "{url} cannot be read, and may be of another server: nothing is shipped until it can, \
             or is gone"
        );
        TargetError::Failed(what).into()
    }

    /// The journal of the present history goes no further than it was recorded here.
    fn must_have_recorded(&mut self, known: &mut Known) -> Result<(), Trouble> {
        // Another history may have begun while this was looked at.
        if self.unsealed()?.status().timeline != known.timeline {
            return Ok(());
        }
        let lapses = self.unsealed()?.lapses()?;
        let mut junk = BTreeSet::new();
        for (of, name) in known.segments_of(known.timeline) {
            if lapses.hold(of.timeline, of.last) {
                self.must_be_junk(known, &of, &name)?;
                junk.insert(name);
            }
        }
        known.segments.retain(|held| !junk.contains(&held.name));
        Ok(())
    }

    /// Every snapshot of the present history was taken of this store.
    fn must_have_taken(&mut self, known: &mut Known) -> Result<(), Trouble> {
        let mut theirs = BTreeSet::new();
        for held in known.snapshots.iter().filter(|held| held.of.timeline == known.timeline) {
            if self.is_strange(known, held) && self.worth(held)? == Judged::Good {
                if self.left_at(known, known.timeline)? < Some(held.of.revision) {
                    return Err(self.doubled(known, known.timeline, &held.name)?);
                }
                theirs.insert(held.name.clone());
            }
        }
        known.pass_over(&theirs);
        Ok(())
    }

    /// Whether a snapshot was not taken of this store. A copy whose clock stands still may give its
    /// own the very stamp of one from here.
    fn is_strange(&self, known: &Known, held: &Held<SnapshotName>) -> bool {
        let stamp = |of: &SnapshotName| (of.timeline, of.taken, of.revision);
        let doubles = |other: &Held<SnapshotName>| {
            stamp(&other.of) == stamp(&held.of) && other.of.state != held.of.state
        };
        match known.is_own(&held.of) {
            Some(true) => !self.seen.was_put(&held.name) && known.snapshots.iter().any(doubles),
            own => own == Some(false),
        }
    }

    /// To this server what it wrote itself before its disk was put back is another's.
    fn doubled(
        &mut self,
        known: &Known,
        timeline: Timeline,
        name: &Name,
    ) -> Result<Trouble, Trouble> {
        let goes_on = self.goes_on(known, timeline)?;
        let (url, target) = (self.target.url(name), &self.name);
        Ok(Trouble::Ahead(format!(
            "another server writes the same timeline {timeline} there, on a copy of this store's \
             data, or this one did before its disk was put back to an older copy: {url} is not \
             of what it holds now. Nothing is shipped until that is settled. If another server \
             runs, stop the one that is to go first. To have what is there: `edgekeep snapshot \
             restore -target={target} -at=latest -timeline={goes_on}`; to go on beside it: \
             `edgekeep snapshot adopt {target}`"
        )))
    }
}

impl Known {
    /// Every name.
    fn names(&self) -> impl Iterator<Item = &Name> {
        let snapshots = self.snapshots.iter().map(|held| &held.name);
        snapshots.chain(self.segments.iter().map(|held| &held.name))
    }

    pub fn segments_of(&self, timeline: Timeline) -> Vec<(SegmentName, Name)> {
        let of_it = self.segments.iter().filter(|held| held.of.timeline == timeline);
        of_it.map(|held| (held.of, held.name.clone())).collect()
    }
}

/// What the chain of the present history comes to at `revision`; `None` where that is no longer
/// known here.
pub fn chain_at(unsealed: &Unsealed, head: &Head, revision: u64) -> Result<Option<Chain>, Trouble> {
    if revision == head.revision {
        return Ok(Some(head.chain));
    }
    if revision > head.revision || revision < head.dropped {
        return Ok(None);
    }
    recorded(unsealed, head.timeline, revision)
}

/// What a segment tells of a commit in it.
enum Inside {
    /// The chain there.
    At(u64),
    /// It does not keep it alone, or cannot be read.
    Nothing,
    /// It does not verify.
    Junk,
}
