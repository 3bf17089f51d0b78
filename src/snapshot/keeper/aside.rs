//! What another server, on a copy of this store's data, has written in the present history before
//! it left that: where a history on the target begins where that ends, it stops nobody who goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Steps;
use super::contact::{Held, Known};
use super::strangers::chain_at;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{SegmentName, SnapshotName};
use crate::snapshot::lent::Lent;
use crate::snapshot::target::Name;

impl Worker {
    /// What another server has written in the present history before it left that, beside what
    /// goes on here, counts for nothing. Where it left is told by the history that it began. What
    /// leads on from here is no such: this store's disk may have gone back.
    pub fn put_aside(&mut self, known: &mut Known) -> Result<(), Trouble> {
        let (keys, present) = (Lent::of(&self.unsealed()?), known.timeline);
        let head = keys.get()?.journal().filter(|head| head.timeline == present);
        let Some((head, upto)) = head.zip(known.said_left_at(present)) else { return Ok(()) };
        let mut all = known.segments_of(present);
        let mut ours = head.dropped;
        for (of, _) in &all {
            if chain_at(&*keys.get()?, &head, of.last)?.is_some_and(|own| own.short() == of.chain) {
                ours = of.last.max(ours);
            }
        }
        all.retain(|(of, _)| of.last <= upto);
        all.sort_by_key(|(of, _)| (of.first, of.last));
        let mut others = Others { ours, ends: BTreeSet::new(), files: Vec::new() };
        for (of, name) in all {
            if self.seen.left.contains(&name) || self.is_theirs(&of, &name, &head, &others)? {
                others.ends.insert((of.last, of.chain));
                others.files.push((of, name));
            }
        }
        let mut theirs = self.seen.left.clone();
        if others.files.iter().any(|(_, name)| !theirs.contains(name)) {
            theirs.extend(self.of_who_left(known, &head, others.files)?);
        }
        let (aside, rest) = known.segments.drain(..).partition(|held| theirs.contains(&held.name));
        (known.aside, known.segments) = (aside, rest);
        let new = theirs.difference(&self.seen.left).count();
        if let Some(held) = known.aside.first().filter(|_| new > 0) {
            log::warn!(
                "snapshots to {}: {new} of the files there, as {}, are of another server, on a \
                 copy of this store's data, which wrote the timeline {present} too and left it",
                self.name,
                self.target.url(&held.name)
            );
            self.seen.left = theirs;
        }
        Ok(())
    }

    /// Whether a segment of the present history comes of another chain, which parted from the own
    /// one where that is there as well.
    fn is_theirs(
        &mut self,
        of: &SegmentName,
        name: &Name,
        head: &Head,
        others: &Others,
    ) -> Result<bool, Trouble> {
        let keys = Lent::of(&self.unsealed()?);
        let differs = match chain_at(&*keys.get()?, head, of.last)? {
            Some(ours) if ours.short() == of.chain => return Ok(false),
            None if of.last <= head.revision => return Ok(false),
            ours => ours.is_some(),
        };
        if !self.counts(name) {
            return Ok(false);
        }
        let parts = of.first <= others.ours;
        if differs && parts {
            return Ok(true);
        }
        let known = head.dropped..=head.revision;
        let wanted = |at| known.contains(&at) || at < of.first;
        let Some(steps) = self.steps(name, of, wanted)? else { return Ok(false) };
        let before = steps.at.first().filter(|(at, _)| *at < of.first);
        if before.is_some_and(|(at, chain)| others.ends.contains(&(*at, chain.short()))) {
            return Ok(true);
        }
        for (at, there) in steps.at.into_iter().rev().filter(|_| parts) {
            if let Some(ours) = chain_at(&*keys.get()?, head, at)? {
                return Ok(ours != there);
            }
        }
        Ok(false)
    }

    /// Which of these files, none of which is of this server, are of one who has left: they lead to
    /// where another history begins. Where what does is not all there, they may.
    fn of_who_left(
        &mut self,
        known: &Known,
        head: &Head,
        mut files: Vec<(SegmentName, Name)>,
    ) -> Result<BTreeSet<Name>, Trouble> {
        files.sort_unstable_by_key(|(of, _)| std::cmp::Reverse(of.last));
        let mut theirs = BTreeSet::new();
        for Leaving { at, begins, branch } in self.leavings(known, head.timeline)? {
            let mut led: BTreeSet<(u64, u64)> = BTreeSet::new();
            for (of, name) in &files {
                let leads = led.contains(&(of.last, of.chain));
                if !leads && (of.last != at || branch.is_none()) {
                    continue;
                }
                let Some((before, end)) = self.ends(of, name)? else { continue };
                if leads || branch == Some(end.branch(begins, at)) {
                    led.insert((of.first - 1, before.short()));
                    theirs.insert(name.clone());
                }
            }
            let missing = match led.first() {
                None => Some(at),
                Some(&(at, chain)) => {
                    let ours = chain_at(&*self.unsealed()?, head, at)?;
                    ours.filter(|ours| ours.short() != chain).map(|_| at)
                }
            };
            let may_be = files.iter().filter(|(of, _)| Some(of.last) <= missing);
            theirs.extend(may_be.map(|(_, name)| name.clone()));
        }
        Ok(theirs)
    }

    /// Up to which commit of a history somebody wrote there who has left it: where another one
    /// begins.
    pub fn left_at(&mut self, known: &Known, timeline: Timeline) -> Result<Option<u64>, Trouble> {
        let leavings = self.leavings(known, timeline)?;
        Ok(leavings.into_iter().map(|leaving| leaving.at).max())
    }

    /// Where a history was left, as a file of each that began there tells. That is read once:
    /// anybody can give a name.
    fn leavings(&mut self, known: &Known, timeline: Timeline) -> Result<Vec<Leaving>, Trouble> {
        let mut begun: BTreeMap<(Timeline, u64), Vec<(SegmentName, Name)>> = BTreeMap::new();
        for Held { of, name, .. } in &known.segments {
            if let Some(origin) = of.origin.filter(|origin| origin.timeline == timeline) {
                let of_it = begun.entry((of.timeline, origin.revision)).or_default();
                of_it.push((*of, name.clone()));
            }
        }
        let mut leavings = Vec::new();
        for ((begins, at), mut files) in begun {
            files.sort_unstable_by_key(|(of, _)| of.first);
            for (of, name) in files {
                if let Some((before, _)) = self.ends(&of, &name)? {
                    let branch = (of.first == at + 1).then_some(before);
                    leavings.push(Leaving { at, begins, branch });
                    break;
                }
            }
        }
        Ok(leavings)
    }

    /// What the chain comes to before a segment and with it; `None` where it cannot be read, or
    /// does not verify.
    fn ends(&mut self, of: &SegmentName, name: &Name) -> Result<Option<(Chain, Chain)>, Trouble> {
        if let Some(ends) = self.ends.get(name) {
            return Ok(Some(*ends));
        }
        if !self.counts(name) {
            return Ok(None);
        }
        let read = self.steps(name, of, |at| at < of.first)?;
        let ends = read.and_then(|Steps { at, end }| Some((at.first()?.1, end)));
        self.ends.extend(ends.map(|ends| (name.clone(), ends)));
        Ok(ends)
    }

    /// Whether a snapshot is of the chain that is aside, as its journal tells.
    pub fn is_aside(&mut self, known: &Known, held: &Held<SnapshotName>) -> Result<bool, Trouble> {
        if self.seen.left.contains(&held.name) {
            return Ok(true);
        }
        let head = self.judged.get(&held.name).and_then(|(_, head)| *head);
        let Some(Head { timeline, revision, chain, .. }) = head else { return Ok(false) };
        let holds = |of: &SegmentName| {
            of.timeline == timeline && of.first <= revision + 1 && revision <= of.last
        };
        for Held { of, name, .. } in known.aside.iter().filter(|held| holds(&held.of)) {
            let steps = self.steps(name, of, |at| at == revision)?;
            if steps.is_some_and(|steps| steps.at.contains(&(revision, chain))) {
                self.seen.left.insert(held.name.clone());
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What is there of another server in the present history.
struct Others {
    /// How far what is of this server goes there, at least.
    ours: u64,
    /// Where theirs end.
    ends: BTreeSet<(u64, u64)>,
    /// What they are.
    files: Vec<(SegmentName, Name)>,
}

/// Somebody has left a history.
struct Leaving {
    /// At that commit.
    at: u64,
    /// For this one.
    begins: Timeline,
    /// What the chain of that begins with, where its first commits are there.
    branch: Option<Chain>,
}

impl Known {
    /// Up to which commit of a history somebody wrote there who has left it, by the names.
    fn said_left_at(&self, timeline: Timeline) -> Option<u64> {
        let origins = self.segments.iter().filter_map(|held| held.of.origin);
        origins.filter(|at| at.timeline == timeline).map(|at| at.revision).max()
    }
}
