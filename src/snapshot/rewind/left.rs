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
        let mine = match plan.named {
            true => self.means_left(plan, timeline, clues)?,
            false => self.means_own(plan, timeline, clues)?,
        };
        if mine && self.is_without(plan, &other) {
            return Err(clues.other_of(other, revision)?.into());
        }
        if plan.named {
            return Ok(Some(Whose::Other));
        }
        let name = self.called(&other).unwrap_or_default();
        Err(Stop::Refused(Refusal::Other(timeline, revision, name.into())))
    }

    /// Where a disk was put back to an older copy the server that asks has written one history
    /// twice: of a time at which it was in the one that it has left since, too, it is to be told
    /// which.
    pub(super) fn must_be_once(
        &self,
        plan: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let (At::Time(time), false) = (plan.at, plan.named) else { return Ok(()) };
        let Start { timeline, revision, .. } = gone.there;
        let differs = |of: &&SegmentName| {
            let later = of.timeline == timeline && of.last >= revision && of.from <= time;
            later && gone.passed.get(&of.last).is_some_and(|ours| *ours != of.chain)
        };
        for of in self.listing.segments.iter().filter(differs) {
            let Some(chain) = clues.chain_at(of, of.last)? else { continue };
            let end = Start { timeline, revision: of.last, chain };
            for left in self.left()? {
                if clues.descent(end, &left)? == Descent::Proven {
                    let both = [Some(left.timeline), self.listing.present].into_iter().flatten();
                    let spans = both.filter_map(|timeline| self.listing.span(timeline)).collect();
                    return Err(Stop::Refused(Refusal::Ambiguous(spans)));
                }
            }
        }
        Ok(())
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

    /// Whether what this server itself left of a history is meant, where another one wrote that as
    /// well: what it still wrote then, but not how the history went on without it. What the present
    /// history comes of is had without a name.
    pub(super) fn means_left(
        &self,
        plan: &Plan,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let (end, past) = (self.left_at(timeline)?, self.own_upto(timeline));
        self.reaches(plan, timeline, end.filter(|end| past.is_none_or(|past| past < *end)), clues)
    }

    /// The same of all that this server wrote of it.
    pub(super) fn means_own(
        &self,
        plan: &Plan,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let end = self.left_at(timeline)?.max(self.own_upto(timeline));
        self.reaches(plan, timeline, end, clues)
    }

    /// Whether what another server wrote of a history is meant: that is named, this server has left
    /// it, and what is wished lies behind all that it wrote of it.
    pub(super) fn means_other(
        &self,
        plan: &Plan,
        timeline: Timeline,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let named = plan.named && plan.timeline == timeline;
        let present = self.listing.present == Some(timeline);
        Ok(named && !present && !self.means_own(plan, timeline, clues)?)
    }

    /// The last commit of a history at which this server has left it.
    fn left_at(&self, timeline: Timeline) -> Result<Option<u64>, Unfit> {
        let left = self.left()?;
        Ok(left.iter().filter(|left| left.timeline == timeline).map(|left| left.revision).max())
    }

    /// Whether what this server wrote of a history, up to `end`, tells what is wished.
    fn reaches(
        &self,
        plan: &Plan,
        timeline: Timeline,
        end: Option<u64>,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let Some(end) = end else { return Ok(false) };
        let time = match plan.at {
            At::Latest => return Ok(false),
            At::Revision(revision) => return Ok(revision <= end),
            At::Time(time) => time,
        };
        let all = self.listing.all();
        let late = |of: &&SegmentName| of.timeline == timeline && of.last <= end;
        // Names tell whole seconds.
        for name in all.filter(late).filter(|name| time.as_secs() <= name.to.as_secs()) {
            if self.is_of_this(name, clues)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the server that asks wrote a segment, or comes of it.
    pub(super) fn is_of_this(
        &self,
        name: &SegmentName,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let Some(head) = self.head() else { return Ok(false) };
        if clues.descent_of(name, name.last, &head)? == Descent::Proven {
            return Ok(true);
        }
        let (timeline, revision) = (name.timeline, name.last);
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
        let ended = self.head().filter(Head::is_ended);
        Ok(self.left()?.iter().chain(&ended).any(holds))
    }

    fn left(&self) -> Result<Vec<Head>, Unfit> {
        Ok(self.own_keys().map(|keys| keys.left()).transpose()?.unwrap_or_default())
    }
}
