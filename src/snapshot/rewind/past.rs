//! What the chain tells of a commit that by its number is in the past of the server that asks.

use super::Found;
use super::descent::{Clues, Descent};
use super::fetch::{Stop, Way};
use super::file::Unfit;
use super::listing::{Instant, Leg, Listing};
use super::plan::{Ahead, At, Gap, Plan, Refusal, goes_on_in};
use super::segments::Start;
use super::whose::{Gone, Whose};
use crate::barrier::journal::Head;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::Kept;

/// Such a commit, and what is asked of it.
pub(super) struct Past<'a> {
    pub plan: &'a Plan,
    pub gone: &'a Gone,
    pub clues: &'a Clues<'a, 'a>,
    /// What the stamps tell of the snapshot with which the plan begins.
    pub base: Option<Whose>,
    /// Where the journal of the server that asks stands.
    pub head: Head,
    /// The commit that tells: the one behind it where that is in the past, too, as what another
    /// one did only later the server that asks may have done before.
    pub end: Start,
}

impl Past<'_> {
    /// Whether it is of a history that the server that asks has left since.
    fn is_left(&self) -> bool {
        self.gone.there.timeline != self.head.timeline
    }

    /// Whether it goes further than the server that asks.
    fn is_ahead(&self) -> bool {
        !self.is_left() && self.gone.there.revision > self.head.revision
    }

    /// The commit that tells, no later than where that server stands.
    fn at(&self) -> u64 {
        match self.is_left() {
            true => self.end.revision,
            false => self.end.revision.min(self.head.revision),
        }
    }

    /// The file that tells of it.
    fn file(&self) -> Kept {
        self.plan.file_of(self.end.timeline, self.at())
    }
}

impl Way<'_> {
    /// Whose it is.
    pub(super) fn whose_past(&self, past: &Past<'_>) -> Result<Whose, Stop> {
        let Past { plan, gone, clues, head, end, .. } = past;
        match clues.descent(*end, head)? {
            // It may have been its own, before its disk went back.
            Descent::Proven if past.is_ahead() && !plan.named => {
                Err(ahead(&self.listing, plan, (head.timeline, head.revision), gone.found.instant))
            }
            Descent::Proven if past.is_ahead() => Ok(Whose::Other),
            Descent::Proven => Ok(Whose::Own),
            Descent::Unknown => self.whose_untold(past),
            Descent::Refuted => self.whose_refuted(past),
            Descent::Apart(at, name) => self.whose_apart(past, Kept::Segment(name), at),
        }
    }

    /// The chain does not lead there: something on the way is missing.
    fn whose_untold(&self, past: &Past<'_>) -> Result<Whose, Stop> {
        let Past { plan, gone, clues, base, .. } = past;
        let there = &gone.there;
        if gone.is_at(&plan.base) && base.is_some() {
            self.must_be_shipped(plan, &past.end, Some(past.head), clues)?;
            return Ok(Whose::Own);
        }
        if self.goes_on_unseen(past) {
            let gap = Gap { before: gone.found.instant, after: None };
            return Err(Stop::Refused(Refusal::Gap(there.timeline, gap)));
        }
        // What goes further than this server is its own only where the chain says so.
        if past.is_ahead() {
            return self.elsewhere(plan, there, clues);
        }
        // Its journal ended there, or was cut: what it recorded before that is its own.
        if self.has_left(there, clues)? == Some(true) {
            return Ok(Whose::Own);
        }
        // It wrote that, and nothing of it is known to have come to a target.
        match self.is_unshipped(there)? {
            true if plan.named => Ok(Whose::Other),
            true => Err(self.behind(&past.file(), past.at())),
            false => Ok(Whose::Supposed),
        }
    }

    /// When the server that asks wrote the commit itself by which a snapshot is known to have been
    /// the last state no target was ever told: another one of that number tells nothing.
    pub(super) fn must_be_shipped(
        &self,
        plan: &Plan,
        end: &Start,
        head: Option<Head>,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        if plan.named || !self.is_unshipped(end)? || self.has_left(end, clues)? == Some(true) {
            return Ok(());
        }
        let told = head.map(|head| clues.descent(*end, &head)).transpose()?;
        if told == Some(Descent::Proven) {
            return Ok(());
        }
        let other = plan.file_of(end.timeline, end.revision);
        Err(clues.other_of(other, end.revision)?.into())
    }

    /// Whether the server that asks went on there, and the journal on the target tells no more of
    /// that.
    fn goes_on_unseen(&self, past: &Past<'_>) -> bool {
        let Gone { found: Found { end, .. }, there, .. } = past.gone;
        let further = self.own_upto(there.timeline).is_some_and(|upto| there.revision < upto);
        past.is_left()
            && !past.plan.named
            && end.is_some()
            && further
            && self.listing.segments.iter().any(|name| name.timeline == there.timeline)
    }

    /// The server that asks wrote another commit of that number.
    fn whose_refuted(&self, past: &Past<'_>) -> Result<Whose, Stop> {
        let Past { plan, clues, end, .. } = past;
        let (left, at, other) = (past.is_left(), past.at(), past.file());
        // Who has left that history since wrote nothing of it that goes on; where this server has
        // left it, too, its own goes before, unless the other one's is named.
        let named = || self.means_other(plan, end.timeline, clues);
        if self.is_over(end, clues)? && (!left || self.is_without(plan, &other) && !named()?) {
            return Err(clues.other_of(other, at)?.into());
        }
        if let Some(whose) = self.whose_named(past)? {
            return Ok(whose);
        }
        match left || self.is_beside(&other, end.timeline, at) {
            true => Err(clues.other_of(other, at)?.into()),
            false => Err(self.ours(plan, at, &other)),
        }
    }

    /// What leads to the server that asks contradicts a file on the way, at a commit.
    fn whose_apart(&self, past: &Past<'_>, other: Kept, at: u64) -> Result<Whose, Stop> {
        let Past { plan, clues, .. } = past;
        if !past.is_left() && self.is_over_in(&other, clues)? {
            return Err(clues.other_of(other, at)?.into());
        }
        if let Some(whose) = self.whose_named(past)? {
            return Ok(whose);
        }
        if past.is_left() {
            let called = self.called(&other).unwrap_or_default();
            return Err(Stop::Refused(Refusal::Other(other.timeline(), at, called.into())));
        }
        Err(self.ours(plan, at, &other))
    }

    /// That of another server may be meant only where it is named. Else the next commit of its own
    /// may still be here, and tell when that was.
    fn whose_named(&self, past: &Past<'_>) -> Result<Option<Whose>, Stop> {
        let Past { plan, gone, clues, head, end, .. } = past;
        if plan.named && (plan.timeline != head.timeline || !past.is_left()) {
            return Ok(Some(Whose::Other));
        }
        let there = &gone.there;
        let here = end != there && self.is_here(there, head, clues)?;
        match here && clues.descent(*there, head)? == Descent::Proven {
            true => {
                let file = plan.file_of(end.timeline, end.revision);
                Err(clues.other_of(file, end.revision)?.into())
            }
            false => Ok(None),
        }
    }

    /// Whether what this server has put there itself lies beside a file, and leads there.
    fn is_beside(&self, other: &Kept, timeline: Timeline, at: u64) -> bool {
        let put = |leg: &Leg| self.listing.segments.contains(&leg.segment);
        let beside = self.without(other, At::Revision(at), timeline);
        beside.is_some_and(|plan| plan.legs.iter().all(put))
    }

    /// Whether the own commit behind one is among those that are still here.
    fn is_here(&self, at: &Start, head: &Head, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        for name in self.listing.holding(at.timeline, at.revision + 1) {
            let own = self.segments.has(name)
                && clues.descent_of(name, at.revision + 1, head)? == Descent::Proven;
            if own {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The target goes on to `there`, behind where the server that asks is.
pub(super) fn ahead(
    listing: &Listing,
    plan: &Plan,
    (timeline, own): (Timeline, u64),
    there: Instant,
) -> Stop {
    let (at, goes_on) = (plan.at, goes_on_in(listing, plan.at, timeline));
    Stop::Refused(Refusal::Ahead(Box::new(Ahead { timeline, own, there, goes_on, at })))
}
