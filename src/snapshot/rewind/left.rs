//! What the server that asks wrote itself, and left by a restore: it is no past of what is there
//! now, and another server, on a copy of the store, may have gone on in that history.
//!
//! The way back from a restore leads there, so what this server wrote goes before the other's.

use super::descent::{Clues, Descent};
use super::fetch::{Stop, Way};
use super::file::Unfit;
use super::plan::{At, Plan, Refusal};
use super::segments::Start;
use super::whose::{Gone, Passed, Whose};
use crate::barrier::journal::Head;
use crate::barrier::journal::record::Record;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::SegmentName;

/// A part of a history, by what the server that asks wrote of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its own history comes of it.
    Past,
    /// It wrote that, and a restore has left it.
    Left,
    /// All that is behind, or that it has nothing to do with. There is `latest`: how that history
    /// went on without it.
    Behind,
}

impl Way<'_> {
    /// Whose a commit is that is behind where the own history left that one; `None` where nothing
    /// here tells.
    pub(super) fn whose_left(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<Whose>, Stop> {
        let Start { timeline, revision, .. } = gone.there;
        let Some(own) = self.has_left(&gone.there, clues)? else { return Ok(None) };
        if own {
            return Ok(Some(Whose::Left));
        }
        let other = plan.file_of(timeline, revision);
        if !plan.named
            && let Some(partly) = self.own_part(&other, revision, clues)?
        {
            return Err(partly.into());
        }
        let mine = match self.part(plan, timeline, clues)? {
            Part::Left => true,
            Part::Past => !plan.named,
            Part::Behind => false,
        };
        if mine && self.is_without(plan, &other) {
            return Err(self.other_but_own(other, revision, clues)?.into());
        }
        if plan.named {
            return Ok(Some(Whose::Other));
        }
        let name = self.called(&other).unwrap_or_default();
        Err(Stop::Refused(Refusal::Other(timeline, revision, name.into())))
    }

    /// Where a disk was put back to an older copy the server that asks has written one history
    /// twice: of a time at which it was in what it has left since, too, it is to be told which.
    pub(super) fn must_be_once(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let timeline = gone.there.timeline;
        let named = plan.names(timeline);
        let begun = |of: &&SegmentName| match plan.at {
            At::Time(time) => of.from <= time,
            // One that is not named is no such time, but one number in two histories.
            At::Revision(revision) => named && of.first <= revision && revision <= of.last,
            At::Latest => false,
        };
        let is_later = |(revision, time): (u64, Timestamp)| match plan.at {
            At::Time(wished) => wished < time,
            At::Revision(wished) => wished < revision,
            At::Latest => true,
        };
        let told = self.listing.all().chain(self.listing.aside());
        for of in told.filter(|of| of.timeline == timeline).filter(begun) {
            let Some(at) = differs(gone, of, clues)? else { continue };
            if parted(&gone.passed, of, clues)?.is_some_and(is_later) {
                continue;
            }
            let Some(chain) = clues.chain_at(of, of.last)? else { continue };
            let end = Start { timeline, revision: of.last, chain };
            for left in self.left()? {
                // What has no other name is meant by that of the history that both are of.
                let named = plan.names(timeline) && left.timeline == timeline;
                if (plan.named && !named) || clues.descent(end, &left)? != Descent::Proven {
                    continue;
                }
                if named {
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
        let begun = |of: &&SegmentName| of.timeline == timeline && of.from <= time;
        let is_later = |at: Timestamp| time < at;
        for of in self.listing.aside().filter(begun) {
            let further = plan.named || of.last > revision;
            if further && !parted(&gone.passed, of, clues)?.is_none_or(|(_, at)| is_later(at)) {
                return Ok(true);
            }
        }
        for of in self.listing.all().filter(begun) {
            let further = plan.named || of.last > revision;
            let differs = further && differs(gone, of, clues)?.is_some();
            if differs && !parted(&gone.passed, of, clues)?.is_some_and(|(_, at)| is_later(at)) {
                return Ok(true);
            }
            // Of what goes on behind the own part names do not tell when that was.
            if self.listing.partly.get(of) == Some(&revision)
                && !clues.time_behind(of, revision)?.is_none_or(is_later)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the server that asks has written a commit and left it by a restore, as far as that
    /// is known.
    pub(super) fn has_left(
        &self,
        at: &Start,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<bool>, Unfit> {
        let mut known = None;
        if at.is_begun() {
            return Ok(known);
        }
        for left in self.left()? {
            let beyond = at.timeline == left.timeline && at.revision > left.revision;
            match if beyond { Descent::Refuted } else { clues.descent(*at, &left)? } {
                Descent::Proven => return Ok(Some(true)),
                Descent::Refuted | Descent::Apart(..) => known = Some(false),
                Descent::Unknown => {}
            }
        }
        Ok(known)
    }

    /// Where what is wished stands in a history that two servers wrote.
    pub(super) fn part(
        &self,
        plan: &Plan,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<Part, Unfit> {
        if self.listing.present == Some(timeline) {
            return Ok(Part::Past);
        }
        let (past, left) = (self.own_upto(timeline), self.left_upto(timeline));
        // What its own history comes of has the name of that, too.
        if plan.names(timeline)
            && let Some((first, since)) = self.parted_from_past(timeline, clues)?
        {
            let is_left = match plan.at {
                At::Latest => false,
                At::Revision(revision) => {
                    left.is_some_and(|end| first <= revision && revision <= end)
                }
                At::Time(time) => {
                    let end = left.unwrap_or_default();
                    since <= time && self.is_reached(timeline, end, time, clues)?
                }
            };
            if is_left {
                return Ok(Part::Left);
            }
        }
        let (end, part) = if left > past { (left, Part::Left) } else { (past, Part::Past) };
        let Some(end) = end else { return Ok(Part::Behind) };
        let reached = match plan.at {
            At::Latest => false,
            At::Revision(revision) => revision <= end,
            // What its own history comes of was all of it until that began, later than wished.
            At::Time(_) if part == Part::Past && !plan.named => true,
            At::Time(time) => self.is_reached(timeline, end, time, clues)?,
        };
        Ok(if reached { part } else { Part::Behind })
    }

    /// Where a disk was put back to an older copy, and what was lost with it restored after
    /// something else was written: the first commit of that, and when it was.
    fn parted_from_past(
        &self,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<(u64, Timestamp)>, Unfit> {
        let ends = (self.head(), self.own_upto(timeline), self.left_upto(timeline));
        let (Some(head), Some(past), Some(left)) = ends else { return Ok(None) };
        let told = self.listing.all().chain(self.listing.aside());
        let mut told: Vec<_> = told.filter(|name| name.timeline == timeline).collect();
        told.sort_unstable_by_key(|name| name.first);
        for name in told.iter().filter(|name| name.first <= left) {
            let is_beside = |other: &&&SegmentName| {
                *other != name && other.first <= name.last && name.first <= other.last
            };
            let beside: Vec<_> = told.iter().filter(is_beside).collect();
            let revision = name.last.min(left);
            if beside.is_empty() || clues.descent_of(name, revision, &head)? == Descent::Proven {
                continue;
            }
            let Some(chain) = clues.chain_at(name, revision)? else { continue };
            if self.has_left(&Start { timeline, revision, chain }, clues)? != Some(true) {
                continue;
            }
            let mut passed = Passed::new();
            for other in beside {
                if clues.descent_of(other, other.last.min(past), &head)? == Descent::Proven {
                    let before = other.first - 1;
                    let chain = clues.chain_at(other, before)?;
                    passed.extend(chain.map(|chain| (before, chain.short())));
                    clues.each(other, |entry| {
                        passed.insert(entry.revision, entry.after.short());
                    })?;
                }
            }
            if !passed.is_empty() {
                return parted(&passed, name, clues);
            }
        }
        Ok(None)
    }

    /// Whether what another server wrote of a history is meant: that is named, this server has left
    /// it, and what is wished lies behind all that it wrote of it.
    pub(super) fn means_other(
        &self,
        plan: &Plan,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        Ok(plan.names(timeline) && self.part(plan, timeline, clues)? == Part::Behind)
    }

    /// Up to which commit a history is in what this server has left, by numbers.
    pub(super) fn left_upto(&self, timeline: Timeline) -> Option<u64> {
        let parts = self.listing.left().into_iter().filter(|part| part.timeline == timeline);
        parts.map(|part| part.upto).max()
    }

    /// Whether something that this server wrote of a history, up to `end`, is as late as that.
    fn is_reached(
        &self,
        timeline: Timeline,
        end: u64,
        time: Timestamp,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let late = |of: &&SegmentName| of.timeline == timeline && of.last <= end;
        // Names tell whole seconds.
        let late = self.listing.all().filter(late);
        for name in late.filter(|name| time.as_secs() <= name.to.as_secs()) {
            if self.is_of_this(name, name.last, clues)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the server that asks wrote a segment up to a commit in it, or comes of that.
    pub(super) fn is_of_this(
        &self,
        name: &SegmentName,
        upto: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let Some(head) = self.head() else { return Ok(false) };
        if clues.descent_of(name, upto, &head)? == Descent::Proven {
            return Ok(true);
        }
        let (timeline, revision) = (name.timeline, upto);
        let Some(chain) = clues.chain_at(name, revision)? else { return Ok(false) };
        Ok(self.has_left(&Start { timeline, revision, chain }, clues)? == Some(true))
    }

    /// Whether a commit is one of those that were still here when its history was left, or the
    /// journal ended.
    pub(super) fn is_unshipped(&self, at: &Start) -> Result<bool, Unfit> {
        let holds = |left: &Head| {
            let here = left.dropped < at.revision && at.revision <= left.revision;
            left.timeline == at.timeline && here
        };
        let head = self.own_keys().and_then(|keys| keys.journal());
        let ended = head.filter(Head::is_ended);
        Ok(self.left()?.iter().chain(&ended).any(holds))
    }

    fn left(&self) -> Result<Vec<Head>, Unfit> {
        Ok(self.own_keys().map(|keys| keys.left()).transpose()?.unwrap_or_default())
    }
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

/// What a segment had first that is not on the way that was gone, and when, as far as both tell of
/// the same commits before that.
fn parted(
    passed: &Passed,
    of: &SegmentName,
    clues: &Clues<'_, '_>,
) -> Result<Option<(u64, Timestamp)>, Unfit> {
    let mut parted = None;
    clues.each(of, |entry| {
        if passed.get(&entry.revision) == Some(&entry.after.short()) {
            parted = None;
        } else if parted.is_none() {
            let record = Record::read(&entry.record).ok();
            parted = record.map(|record| (entry.revision, record.time));
        }
    })?;
    Ok(parted)
}
