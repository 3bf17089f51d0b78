//! What the server that asks wrote itself, and left by a restore: it is no past of what is there
//! now, and another server, on a copy of the store, may have gone on in that history.
//!
//! The way back from a restore leads there, so what this server wrote goes before the other's.

use super::descent::{Clues, Descent};
use super::fetch::{Stop, Way};
use super::file::Unfit;
use super::plan::{At, Plan, Refusal};
use super::segments::Start;
use super::whose::{Gone, Whose};
use crate::barrier::journal::Head;
use crate::barrier::root::Timeline;
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
            self.must_go_furthest(plan, gone, clues)?;
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
        let parting = match plan.names(timeline) {
            true => self.parting_from_past(timeline, clues)?,
            false => None,
        };
        let is_of_this = |name: &SegmentName| self.is_of_this(name, name.last, clues);
        if let Some((parting, end)) = parting {
            if !parting.is_by(plan.at) {
                return Ok(Part::Past);
            }
            // What its own history comes of has the name of that, too.
            if self.is_reached(plan, (timeline, end), |name| self.is_left(name, clues))? {
                return Ok(Part::Left);
            }
            let end = past.max(left).unwrap_or_default();
            let reached = self.is_reached(plan, (timeline, end), is_of_this)?;
            return Ok(if reached { Part::Past } else { Part::Behind });
        }
        let (end, part) = if left > past { (left, Part::Left) } else { (past, Part::Past) };
        let Some(end) = end else { return Ok(Part::Behind) };
        // What its own history comes of was all of it until that began, later than wished.
        let whole = part == Part::Past && !plan.named && matches!(plan.at, At::Time(_));
        let reached = whole || self.is_reached(plan, (timeline, end), is_of_this)?;
        Ok(if reached { part } else { Part::Behind })
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

    /// Whether what `is_own` of a history, up to `end`, goes as far as what is wished.
    fn is_reached(
        &self,
        plan: &Plan,
        (timeline, end): (Timeline, u64),
        is_own: impl Fn(&SegmentName) -> Result<bool, Unfit>,
    ) -> Result<bool, Unfit> {
        let time = match plan.at {
            At::Latest => return Ok(false),
            At::Revision(revision) => return Ok(revision <= end),
            At::Time(time) => time,
        };
        let late = |of: &&SegmentName| of.timeline == timeline && of.last <= end;
        // Names tell whole seconds.
        let late = self.listing.all().filter(late);
        for name in late.filter(|name| time.as_secs() <= name.to.as_secs()) {
            if is_own(name)? {
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
        self.is_left_upto(name, upto, clues)
    }

    /// Whether the server that asks wrote a segment, and has left it by a restore.
    pub(super) fn is_left(&self, name: &SegmentName, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        self.is_left_upto(name, name.last, clues)
    }

    /// The same of a segment up to a commit in it.
    pub(super) fn is_left_upto(
        &self,
        name: &SegmentName,
        revision: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let timeline = name.timeline;
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

    pub(super) fn left(&self) -> Result<Vec<Head>, Unfit> {
        Ok(self.own_keys().map(|keys| keys.left()).transpose()?.unwrap_or_default())
    }
}
