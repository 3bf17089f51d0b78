//! A history that was written twice, on copies of one store: by another server, or by the one that
//! asks, where its disk was put back to an older copy. Until the two ways part both tell the same.

use super::descent::{Clues, Descent};
use super::fetch::{Stop, Way};
use super::file::Unfit;
use super::left::Part;
use super::listing::Leg;
use super::plan::{At, Plan, Refusal};
use super::segments::Start;
use super::whose::{Gone, Passed};
use crate::barrier::journal::record::Record;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::SegmentName;

/// The first commit of the one way that is not on the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parting {
    revision: u64,
    time: Timestamp,
}

impl Parting {
    /// Whether what is wished is not before it.
    pub(super) fn is_by(self, at: At) -> bool {
        match at {
            At::Latest => true,
            At::Revision(revision) => self.revision <= revision,
            At::Time(time) => self.time <= time,
        }
    }
}

impl Way<'_> {
    /// Where a disk was put back to an older copy the server that asks has written one history
    /// twice: of a time at which it was in what it has left since, too, it is to be told which. By
    /// the name of that history what it has left is meant, if it may be.
    pub(super) fn must_be_once(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let timeline = gone.there.timeline;
        let may_be_left = match (plan.named, plan.at) {
            (true, _) => plan.names(timeline) && self.part(plan, timeline, clues)? == Part::Left,
            (false, At::Time(_)) => true,
            (false, At::Latest | At::Revision(_)) => false,
        };
        if !may_be_left {
            return Ok(());
        }
        let told = self.listing.all().chain(self.listing.aside());
        for of in told.filter(|of| has_begun(plan, timeline, of)) {
            let Some(at) = differs(gone, of, clues)? else { continue };
            if parting_of(of, plan, gone, clues)?.is_some_and(|parting| !parting.is_by(plan.at)) {
                continue;
            }
            let Some(chain) = clues.chain_at(of, of.last)? else { continue };
            let end = Start { timeline, revision: of.last, chain };
            for left in self.left()? {
                if clues.descent(end, &left)? != Descent::Proven {
                    continue;
                }
                if plan.named {
                    return Err(clues.other_of(plan.file_of(timeline, at), at)?.into());
                }
                let both = [Some(left.timeline), self.listing.present].into_iter().flatten();
                let spans = both.filter_map(|timeline| self.listing.span(timeline)).collect();
                return Err(Stop::Refused(Refusal::Ambiguous(spans)));
            }
        }
        Ok(())
    }

    /// Whether another server wrote something between what was found and the wished time, or this
    /// one, before its disk was put back to an older copy.
    pub(super) fn is_beside_another(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let At::Time(time) = plan.at else { return Ok(false) };
        let Start { timeline, revision, .. } = gone.there;
        let further =
            |of: &&SegmentName| has_begun(plan, timeline, of) && (plan.named || of.last > revision);
        for of in self.listing.aside().filter(further) {
            if parting_of(of, plan, gone, clues)?.is_some_and(|parting| parting.is_by(plan.at)) {
                return Ok(true);
            }
        }
        for of in self.listing.all().filter(further) {
            if differs(gone, of, clues)?.is_some()
                && parting_of(of, plan, gone, clues)?.is_none_or(|parting| parting.is_by(plan.at))
            {
                return Ok(true);
            }
            // Of what goes on behind the own part names do not tell when that was.
            if self.listing.partly.get(of) == Some(&revision)
                && clues.time_behind(of, revision)?.is_some_and(|behind| behind <= time)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where what the server that asks has left of a history parts from what its own comes of: its
    /// disk was put back to an older copy, and what was lost restored after something else was
    /// written.
    pub(super) fn parting_from_past(
        &self,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<Parting>, Unfit> {
        let ends = (self.head(), self.own_upto(timeline), self.left_upto(timeline));
        let (Some(head), Some(past), Some(left)) = ends else { return Ok(None) };
        let told = self.listing.all().chain(self.listing.aside());
        let mut told: Vec<_> = told.filter(|name| name.timeline == timeline).collect();
        told.sort_unstable_by_key(|name| name.first);
        for name in told.iter().filter(|name| name.first <= left) {
            let beside: Vec<_> =
                told.iter().filter(|other| *other != name && overlap(other, name)).collect();
            let end = name.last.min(left);
            if beside.is_empty()
                || clues.descent_of(name, end, &head)? == Descent::Proven
                || !self.is_left_upto(name, end, clues)?
            {
                continue;
            }
            let mut way = Vec::new();
            for other in beside {
                let upto = other.last.min(past);
                if clues.descent_of(other, upto, &head)? == Descent::Proven {
                    way.push(Leg { segment: **other, upto });
                }
            }
            if !way.is_empty() {
                return parting(name, &way, Passed::new(), clues);
            }
        }
        Ok(None)
    }
}

/// Whether a segment is of that history, and by its name no later than what is wished.
fn has_begun(plan: &Plan, timeline: Timeline, of: &SegmentName) -> bool {
    of.timeline == timeline && !matches!(plan.at, At::Time(time) if time < of.from)
}

fn overlap(one: &SegmentName, other: &SegmentName) -> bool {
    one.timeline == other.timeline && one.first <= other.last && other.first <= one.last
}

/// At which number that was passed a segment tells of another commit: at its last one, or at that
/// which was found.
fn differs(gone: &Gone, of: &SegmentName, clues: &Clues<'_, '_>) -> Result<Option<u64>, Unfit> {
    if let Some(ours) = gone.passed.get(&of.last) {
        return Ok(Some(of.last).filter(|_| *ours != of.chain));
    }
    let Start { revision, chain, .. } = gone.there;
    if revision < of.first || of.last < revision {
        return Ok(None);
    }
    let there = clues.chain_at(of, revision)?;
    Ok(there.filter(|there| *there != chain).map(|_| revision))
}

/// Where a segment parts from the way that was gone.
fn parting_of(
    of: &SegmentName,
    plan: &Plan,
    gone: &Gone,
    clues: &Clues<'_, '_>,
) -> Result<Option<Parting>, Unfit> {
    parting(of, &plan.legs, gone.passed.clone(), clues)
}

/// Where a segment parts from a way, of which some commits are known.
fn parting(
    of: &SegmentName,
    way: &[Leg],
    mut passed: Passed,
    clues: &Clues<'_, '_>,
) -> Result<Option<Parting>, Unfit> {
    for Leg { segment, upto } in way.iter().filter(|leg| overlap(&leg.segment, of)) {
        let before = segment.first - 1;
        let chain = clues.chain_at(segment, before)?;
        passed.extend(chain.map(|chain| (before, chain.short())));
        clues.each(segment, |entry| {
            if entry.revision <= *upto {
                passed.insert(entry.revision, entry.after.short());
            }
        })?;
    }
    let mut parting = None;
    clues.each(of, |entry| {
        if passed.get(&entry.revision) == Some(&entry.after.short()) {
            parting = None;
        } else if parting.is_none() {
            let record = Record::read(&entry.record).ok();
            let at = |record: Record<'_>| Parting { revision: entry.revision, time: record.time };
            parting = record.map(at);
        }
    })?;
    Ok(parting)
}
