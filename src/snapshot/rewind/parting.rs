//! A history that was written twice, on copies of one store: by another server, or by the one that
//! asks, where its disk was put back to an older copy. Until the two ways part both tell the same.

use super::End;
use super::descent::{Clues, Descent};
use super::fetch::{Base, Stop, Way};
use super::file::Unfit;
use super::left::Part;
use super::listing::{Leg, Stretch};
use super::plan::{At, Plan, Refusal, goes_on_in};
use super::segments::Start;
use super::whose::{Gone, Passed, Whose};
use crate::barrier::journal::Head;
use crate::barrier::journal::record::Record;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::{Kept, SegmentName};

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
    /// twice: of a time at which it was in both, what it has left and what its own comes of, it is
    /// to be told which. By the name of that history what it has left is meant, if it may be.
    pub(super) fn must_be_once(
        &self,
        plan: &Plan,
        gone: &Gone,
        whose: Whose,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let timeline = gone.there.timeline;
        let may_be_left = match (plan.named, plan.at) {
            (true, _) => {
                let is_named = whose == Whose::Own && plan.names(timeline);
                is_named && self.part(plan, timeline, clues)? == Part::Left
            }
            (false, At::Time(_)) => true,
            (false, At::Latest | At::Revision(_)) => false,
        };
        if !may_be_left {
            return Ok(());
        }
        let told = self.listing.all().chain(self.listing.aside());
        for of in told.filter(|of| has_begun(plan, timeline, of)) {
            let Some(at) = differs(plan, gone, of, clues)? else { continue };
            let parting = parting_of(of, plan, gone, clues)?;
            if parting.is_some_and(|parting| !parting.is_by(plan.at)) {
                continue;
            }
            let chain = clues.chain_at(of, of.last)?;
            let end = match (whose, parting) {
                (Whose::Own, _) => chain.map(|chain| Start { timeline, revision: of.last, chain }),
                (_, Some(parting)) if self.is_past(of, parting.revision, clues)? => {
                    Some(gone.there)
                }
                _ => None,
            };
            let Some(left) = end.map(|end| self.left_from(end, clues)).transpose()?.flatten()
            else {
                continue;
            };
            if plan.named {
                return Err(clues.other_of(plan.file_of(timeline, at), at)?.into());
            }
            let both = [Some(left.timeline), self.listing.present].into_iter().flatten();
            let spans = both.filter_map(|timeline| self.listing.span(timeline)).collect();
            return Err(Stop::Refused(Refusal::Ambiguous(spans)));
        }
        Ok(())
    }

    /// Of two ways of one history that the server that asks has left, each with a disk that was put
    /// back in between, the one that had ended by a wished time is not meant where the other had
    /// not.
    pub(super) fn must_go_furthest(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let (At::Time(_), None) = (plan.at, gone.bound) else { return Ok(()) };
        let timeline = gone.there.timeline;
        if !plan.names(timeline) {
            return Ok(());
        }
        let told = self.listing.all().chain(self.listing.aside());
        for of in told.filter(|of| has_begun(plan, timeline, of) && goes_as_far(of, plan.at)) {
            if let Some(at) = differs(plan, gone, of, clues)?
                && parting_of(of, plan, gone, clues)?.is_some_and(|parting| parting.is_by(plan.at))
                && self.is_of_this(of, of.last, clues)?
            {
                return Err(clues.other_of(plan.file_of(timeline, at), at)?.into());
            }
        }
        Ok(())
    }

    /// Whether another server wrote something between what was found and the wished time, or this
    /// one, before its disk was put back to an older copy; and the history by whose name that is
    /// had, where one is known.
    pub(super) fn beside(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<End>, Unfit> {
        let At::Time(time) = plan.at else { return Ok(None) };
        let Start { timeline, revision, .. } = gone.there;
        // Who asks alone, without a name, knows its own past.
        let all = plan.named || self.listing.present.is_none();
        let further =
            |of: &&SegmentName| has_begun(plan, timeline, of) && (all || of.last > revision);
        // What lies behind where the wished history left that one is no other way to it.
        let lineage = self.listing.lineage(plan.timeline);
        let left = lineage.iter().find(|part| part.timeline == timeline).map(|part| part.upto);
        let is_within = |at: u64| left.is_none_or(|left| at <= left);
        let is_told = |parting: Parting| parting.is_by(plan.at) && is_within(parting.revision);
        for of in self.listing.aside().filter(further) {
            if parting_of(of, plan, gone, clues)?.is_some_and(is_told) {
                return self.had_by(of, plan, clues).map(Some);
            }
        }
        for of in self.listing.all().filter(further) {
            // Of what goes on behind the own part names do not tell when that was.
            let behind = match self.listing.partly.get(of) == Some(&revision) {
                true => clues.time_behind(of, revision)?,
                false => None,
            };
            let goes_on = is_within(revision + 1) && behind.is_some_and(|behind| behind <= time);
            let differs = differs(plan, gone, of, clues)?.is_some_and(is_within);
            let is_by = |parting: Parting| parting.is_by(plan.at);
            if goes_on || differs && parting_of(of, plan, gone, clues)?.is_none_or(is_by) {
                return self.had_by(of, plan, clues).map(Some);
            }
        }
        Ok(None)
    }

    /// By which name a segment is had that is on another way than the one that was gone.
    fn had_by(&self, of: &SegmentName, plan: &Plan, clues: &Clues<'_, '_>) -> Result<End, Unfit> {
        let head = self.head();
        let is_past = self.is_past(of, of.last, clues)?;
        let (timeline, revision) = (of.timeline, of.last);
        let left = match clues.chain_at(of, revision)? {
            Some(chain) => self.left_from(Start { timeline, revision, chain }, clues)?,
            None => None,
        };
        let stays = head.is_none() && !self.is_over_in(&Kept::Segment(*of), clues)?;
        let of = of.timeline;
        let later = |at| Some(goes_on_in(&self.listing, at, of)).filter(|later| *later != of);
        let by = match &head {
            Some(head) if is_past => Some(head.timeline),
            Some(_) if left.is_some() => left.map(|left| left.timeline),
            // By its name this server is told of its own past.
            Some(_) if self.own_upto(of).is_some() => later(plan.at),
            None if !stays => later(At::Latest),
            _ => Some(of),
        };
        Ok(End::Beside(by.filter(|by| !plan.names(*by))))
    }

    /// Who has the target alone and names a history means who has not left it, and not the one that
    /// took the snapshot with which the way begins, as long as that one wrote.
    pub(super) fn must_have_stayed(
        &self,
        plan: &Plan,
        gone: &Gone,
        base: &Base,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let Start { timeline, revision, .. } = base.start;
        let nobody = self.head().is_none() && plan.names(timeline);
        if !nobody || !self.is_over(&base.start, clues)? {
            return Ok(());
        }
        let all = &self.listing.segments;
        let wrote = |of: &&SegmentName| has_begun(plan, timeline, of) && goes_as_far(of, plan.at);
        for of in all.iter().filter(wrote) {
            let is_beside = |other: &&SegmentName| *other != of && overlap(other, of);
            if revision < of.first || !all.iter().any(|other| is_beside(&other)) {
                continue;
            }
            let at = of.last.min(revision);
            let Some(chain) = clues.chain_at(of, at)? else { continue };
            let there = Start { timeline, revision: at, chain };
            if clues.leads(there, base.start, None)? == Descent::Refuted
                && parting_of(of, plan, gone, clues)?.is_some_and(|at| at.is_by(plan.at))
                && !self.is_over_in(&Kept::Segment(*of), clues)?
            {
                return Err(Unfit::of_other(Kept::Snapshot(base.name.clone())).into());
            }
        }
        Ok(())
    }

    /// Where what the server that asks has left of a history parts from what its own comes of: its
    /// disk was put back to an older copy, and what was lost restored after something else was
    /// written. And where that ended.
    pub(super) fn parting_from_past(
        &self,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<(Parting, u64)>, Unfit> {
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
            if let Some(parting) = parting(name, &way, Passed::new(), clues)?
                && !way.is_empty()
                && let Some(end) = self.left_behind(name, end, clues)?
            {
                return Ok(Some((parting, end)));
            }
        }
        Ok(None)
    }

    /// Whether the history of the server that asks comes of a segment up to a commit in it.
    fn is_past(&self, of: &SegmentName, upto: u64, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        let ends = (self.head(), self.own_upto(of.timeline));
        let (Some(head), Some(end)) = ends else { return Ok(false) };
        Ok(upto <= end && clues.descent_of(of, upto, &head)? == Descent::Proven)
    }

    /// Where the way was left on which a segment lies, up to a commit in it.
    fn left_behind(
        &self,
        name: &SegmentName,
        revision: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<u64>, Unfit> {
        let timeline = name.timeline;
        let Some(chain) = clues.chain_at(name, revision)? else { return Ok(None) };
        let left = self.left_from(Start { timeline, revision, chain }, clues)?;
        Ok(left.and_then(|left| {
            let end = Stretch { timeline: left.timeline, upto: left.revision };
            let way = self.listing.way_to(end, left.origin);
            way.into_iter().find(|part| part.timeline == timeline).map(|part| part.upto)
        }))
    }

    /// Where the way was left on which a commit lies.
    fn left_from(&self, at: Start, clues: &Clues<'_, '_>) -> Result<Option<Head>, Unfit> {
        for left in self.left()? {
            let beyond = at.timeline == left.timeline && at.revision > left.revision;
            if !beyond && clues.descent(at, &left)? == Descent::Proven {
                return Ok(Some(left));
            }
        }
        Ok(None)
    }
}

/// Whether a segment is of that history, and by its name no later than a wished time, or holds a
/// wished commit.
fn has_begun(plan: &Plan, timeline: Timeline, of: &SegmentName) -> bool {
    let has_begun = match plan.at {
        At::Latest => true,
        At::Revision(revision) => of.first <= revision && revision <= of.last,
        At::Time(time) => of.from <= time,
    };
    of.timeline == timeline && has_begun
}

/// Whether a segment goes as far as what is wished, as far as its name tells.
pub(super) fn goes_as_far(of: &SegmentName, at: At) -> bool {
    match at {
        At::Latest => false,
        At::Revision(revision) => revision <= of.last,
        At::Time(time) => time.as_secs() <= of.to.as_secs(),
    }
}

fn overlap(one: &SegmentName, other: &SegmentName) -> bool {
    one.timeline == other.timeline && one.first <= other.last && other.first <= one.last
}

/// At which number a segment tells of another commit than the way that was gone: at its last one,
/// or at that which was found.
fn differs(
    plan: &Plan,
    gone: &Gone,
    of: &SegmentName,
    clues: &Clues<'_, '_>,
) -> Result<Option<u64>, Unfit> {
    // Behind that the way goes on in another history.
    let of_it = plan.legs.iter().filter(|leg| leg.segment.timeline == of.timeline);
    let end = of_it.map(|leg| leg.upto).max().unwrap_or(plan.base.revision);
    if of.last <= end
        && let Some(ours) = gone.passed.get(&of.last)
    {
        return Ok(Some(of.last).filter(|_| *ours != of.chain));
    }
    if of.timeline == gone.start.timeline && of.last < gone.start.revision {
        return is_beside_start(gone, of, clues).map(|beside| beside.then_some(of.last));
    }
    let Start { revision, chain, .. } = gone.there;
    if revision + 1 < of.first || of.last < revision {
        return Ok(None);
    }
    let there = clues.chain_at(of, revision)?.map(|chain| Start { chain, ..gone.there });
    let contradicts = |there: &Start| !there.is_begun() && there.chain != chain;
    Ok(there.filter(contradicts).map(|_| revision))
}

/// Whether a segment ends before the snapshot with which the way begins, and does not lead there.
/// Where two ways parted something else tells of its numbers, too.
fn is_beside_start(gone: &Gone, of: &SegmentName, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
    if !clues.listing.all().any(|other| other != of && overlap(other, of)) {
        return Ok(false);
    }
    let (timeline, revision) = (of.timeline, of.last);
    let Some(chain) = clues.chain_at(of, revision)? else { return Ok(false) };
    let end = Start { timeline, revision, chain };
    Ok(clues.leads(end, gone.start, None)? == Descent::Refuted)
}

/// Where a segment parts from the way that was gone, with what leads to the beginning of that.
fn parting_of(
    of: &SegmentName,
    plan: &Plan,
    gone: &Gone,
    clues: &Clues<'_, '_>,
) -> Result<Option<Parting>, Unfit> {
    let mut way = plan.legs.clone();
    let Start { timeline, revision: begins, .. } = gone.start;
    let before = |name: &&SegmentName| {
        name.timeline == timeline && name.first <= begins && overlap(name, of) && *name != of
    };
    for name in clues.listing.all().filter(before) {
        let revision = name.last.min(begins);
        let Some(chain) = clues.chain_at(name, revision)? else { continue };
        let end = Start { timeline, revision, chain };
        if clues.leads(end, gone.start, None)? == Descent::Proven {
            way.push(Leg { segment: *name, upto: revision });
        }
    }
    parting(of, &way, gone.passed.clone(), clues)
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
