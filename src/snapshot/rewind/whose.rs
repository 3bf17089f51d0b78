//! Whose a commit is, where two servers on copies of one store wrote the same history.
//!
//! A way follows the one that goes on to where it leads, or to the server that asks; where it could
//! be either, neither.

use std::collections::BTreeMap;

use super::descent::{Clues, Descent};
use super::fetch::{Base, Stop, Way};
use super::file::Unfit;
use super::left::Part;
use super::listing::Stretch;
use super::past::Past;
use super::plan::Plan;
use super::segments::Start;
use super::{Found, RewindError};
use crate::barrier::journal::Head;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{Kept, SegmentName, SnapshotName};
use crate::snapshot::lent::LentKeyring;

/// What the chain comes to at commits that were passed, as names tell it.
pub type Passed = BTreeMap<u64, u64>;

/// Where a way has led by the chain.
pub struct Gone {
    /// Where it began.
    pub start: Start,
    /// What was found.
    pub found: Found,
    /// The same place, with what the chain comes to there.
    pub there: Start,
    /// The commit behind it, by which it is known that it was the last one then.
    pub bound: Option<Start>,
    /// What lies between its beginning and its end.
    pub passed: Passed,
}

impl Gone {
    /// Whether it ends where it begins.
    pub(super) fn is_at(&self, base: &SnapshotName) -> bool {
        (self.there.timeline, self.there.revision) == (base.timeline, base.revision)
    }
}

/// Whose a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The server that asks comes of it.
    Own,
    /// It wrote that itself, and a restore has left it.
    Left,
    /// By its number it would come of it, and nothing tells otherwise.
    Supposed,
    /// By its number it would have written that and left it, and nothing tells otherwise.
    SupposedLeft,
    /// Another history's.
    Other,
}

impl Way<'_> {
    /// What was found is of the history that was wished, and the only thing that it can be. Whether
    /// it is in the past of the server that asks.
    pub(super) fn must_be_meant(
        &self,
        plan: &Plan,
        gone: &Gone,
        base: &Base,
    ) -> Result<bool, Stop> {
        let clues = self.clues(base.keyring());
        // A server knows itself where its history comes from.
        if self.head().is_none_or(|head| head.timeline != plan.timeline) {
            clues.must_join(plan.timeline)?;
        }
        self.must_be_bound(plan, gone, &clues)?;
        self.must_have_stayed(plan, gone, base, &clues)?;
        let named = plan.named && self.own_upto(plan.timeline).is_none();
        let whose = match named && self.leads_on(plan, gone.there, &clues)? {
            true => self.whose_common(&gone.there, &clues)?,
            false => self.whose(plan, gone, base, &clues)?,
        };
        if matches!(whose, Whose::Own | Whose::Left) {
            self.must_be_once(plan, gone, whose, &clues)?;
        }
        let sure = matches!(whose, Whose::Own | Whose::Left);
        if !sure && !self.leads_on(plan, gone.there, &clues)? {
            self.must_be_sole(plan, gone, &clues)?;
            if gone.is_at(&plan.base) {
                self.must_be_of_one(plan, base)?;
            }
        }
        self.must_be_alone(plan, &clues)?;
        Ok(matches!(whose, Whose::Own | Whose::Supposed))
    }

    pub(super) fn clues<'a>(&'a self, keyring: Option<&'a LentKeyring>) -> Clues<'a, 'a> {
        Clues { listing: &self.listing, getter: &self.getter, segments: &self.segments, keyring }
    }

    /// Where the journal of the server that asks stands.
    pub(super) fn head(&self) -> Option<Head> {
        let present = self.listing.present?;
        self.own_keys()?.journal().filter(|head| head.timeline == present)
    }

    /// Up to which commit a history is in the past of the server that asks, by numbers.
    pub(super) fn own_upto(&self, timeline: Timeline) -> Option<u64> {
        let end = Stretch { timeline: self.listing.present?, upto: u64::MAX };
        let way = self.listing.way_to(end, self.head().and_then(|head| head.origin));
        way.into_iter().find(|of| of.timeline == timeline).map(|of| of.upto)
    }

    fn whose(
        &self,
        plan: &Plan,
        gone: &Gone,
        base: &Base,
        clues: &Clues<'_, '_>,
    ) -> Result<Whose, Stop> {
        let there = &gone.there;
        let is_past =
            |at: &Start| self.own_upto(at.timeline).is_some_and(|upto| at.revision <= upto);
        let past = is_past(there);
        if !past && let Some(whose) = self.whose_left(plan, gone, clues)? {
            return Ok(whose);
        }
        let base = self.whose_base(plan, base, clues)?;
        let bound = gone.bound.filter(is_past);
        match base {
            // What came after it may be another's, and its own be earlier than that.
            Some(Whose::Own) if !gone.is_at(&plan.base) || bound.is_some() => {}
            Some(whose) => return Ok(whose),
            None => {}
        }
        if !past {
            return self.whose_unknown(plan, there, clues);
        }
        let (head, end) = (self.head(), bound.unwrap_or(*there));
        // Of a snapshot that is older than what is known numbers alone tell, without a journal.
        if gone.is_at(&plan.base) && head.is_none_or(|head| head.is_ended()) {
            self.must_be_shipped(plan, &end, head, clues)?;
            return Ok(base.unwrap_or(Whose::Supposed));
        }
        let Some(head) = head else {
            // What it never recorded of the present history itself is another server's.
            return match self.listing.present == Some(there.timeline) {
                true => self.elsewhere(plan, there, clues),
                false => Ok(Whose::Supposed),
            };
        };
        let past = Past { plan, gone, clues, base, head, end };
        if !gone.is_at(&plan.base) && self.is_lapse(there)? {
            return self.elsewhere(plan, there, clues);
        }
        self.whose_past(&past)
    }

    /// Whose a commit is of which nothing here tells: where nobody asks it is all the same.
    fn whose_unknown(&self, plan: &Plan, at: &Start, clues: &Clues<'_, '_>) -> Result<Whose, Stop> {
        if plan.named || self.listing.present.is_none() {
            return Ok(Whose::Other);
        }
        // Something on the way to where it left that is missing.
        if self.left_upto(at.timeline).is_some_and(|upto| at.revision <= upto)
            && !self.is_lapse(at)?
            && !self.is_unshipped(at)?
            && !self.is_over(at, clues)?
        {
            return Ok(Whose::SupposedLeft);
        }
        let file = plan.file_of(at.timeline, at.revision);
        if let Some(partly) = self.own_part(&file, at.revision, clues)? {
            return Err(partly.into());
        }
        let mine = self.part(plan, at.timeline, clues)? != Part::Behind;
        match mine && self.is_without(plan, &file) {
            true => Err(clues.other_of(file, at.revision)?.into()),
            false => Err(self.behind(&file, at.revision)),
        }
    }

    /// What a file tells of a commit is another server's. Of a segment that stays which the server
    /// that asks comes of, or wrote itself.
    pub(super) fn other_but_own(
        &self,
        file: Kept,
        revision: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<Unfit, Unfit> {
        match self.own_part(&file, revision, clues)? {
            Some(partly) => Ok(partly),
            None => clues.other_of(file, revision),
        }
    }

    /// The same; `None` where nothing stays.
    pub(super) fn own_part(
        &self,
        file: &Kept,
        revision: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<Unfit>, Unfit> {
        let Some(name) = file.segment() else { return Ok(None) };
        let mut ends = [self.own_upto(name.timeline), self.left_upto(name.timeline)];
        ends.sort_unstable_by(|one, other| other.cmp(one));
        let within = |upto: &u64| name.first <= *upto && *upto < revision;
        for upto in ends.into_iter().flatten().filter(within) {
            if self.is_of_this(&name, upto, clues)? {
                return Ok(Some(Unfit::Partly(name, upto)));
            }
        }
        Ok(None)
    }

    /// Whose a commit is of which the history comes that was named, and that is not the own one.
    fn whose_common(&self, at: &Start, clues: &Clues<'_, '_>) -> Result<Whose, Unfit> {
        if self.has_left(at, clues)? == Some(true) {
            return Ok(Whose::Left);
        }
        let Some(head) = self.head() else { return Ok(Whose::Other) };
        let is_before = self.own_upto(at.timeline).is_some_and(|upto| at.revision <= upto);
        let is_ahead = at.timeline == head.timeline && at.revision > head.revision;
        Ok(match clues.descent(*at, &head)? {
            Descent::Proven if is_before && !is_ahead => Whose::Own,
            _ => Whose::Other,
        })
    }

    /// That a commit was the last one at a time is not told by one that another server wrote, nor
    /// by one that does not lead to the history that is named.
    fn must_be_bound(&self, plan: &Plan, gone: &Gone, clues: &Clues<'_, '_>) -> Result<(), Stop> {
        let Some(bound) = gone.bound else { return Ok(()) };
        let other = plan.file_of(bound.timeline, bound.revision);
        let strange = match plan.named {
            true => {
                self.leads_on(plan, bound, clues)?;
                self.part(plan, bound.timeline, clues)? == Part::Left
                    && self.is_beside_left(&bound, clues)?
            }
            false => self.is_lapse(&bound)? || self.is_beside_left(&bound, clues)?,
        };
        match strange && (!plan.named || self.is_without(plan, &other)) {
            true => Err(self.other_but_own(other, bound.revision, clues)?.into()),
            false => Ok(()),
        }
    }

    /// Whether a commit is behind where the own history left that one, and another server's.
    fn is_beside_left(&self, at: &Start, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        let past = self.own_upto(at.timeline).is_some_and(|upto| at.revision <= upto);
        Ok(!past && self.has_left(at, clues)? == Some(false))
    }

    /// Whether the server that asks never recorded a commit.
    fn is_lapse(&self, at: &Start) -> Result<bool, Unfit> {
        let lapses = self.own_keys().map(|keys| keys.lapses()).transpose()?.unwrap_or_default();
        Ok(lapses.hold(at.timeline, at.revision))
    }

    /// What goes further than this server ever was is meant only where its history is named.
    pub(super) fn elsewhere(
        &self,
        plan: &Plan,
        at: &Start,
        clues: &Clues<'_, '_>,
    ) -> Result<Whose, Stop> {
        match plan.named {
            true => Ok(Whose::Other),
            false => {
                let other = plan.file_of(at.timeline, at.revision);
                Err(self.other_but_own(other, at.revision, clues)?.into())
            }
        }
    }

    /// Whether who wrote a commit has left that history since: one that began there comes of it.
    pub(super) fn is_over(&self, at: &Start, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        for span in self.listing.spans() {
            let begins = self.listing.branching(span.timeline);
            let Some(begins) = begins.filter(|begins| {
                let origin = begins.origin.filter(|origin| origin.timeline == at.timeline);
                origin.is_some_and(|o| o.revision + 1 == begins.first && at.revision <= o.revision)
            }) else {
                continue;
            };
            let (timeline, revision) = (span.timeline, begins.first - 1);
            let Some(chain) = clues.chain_at(begins, revision)? else { continue };
            if clues.leads(*at, Start { timeline, revision, chain }, None)? == Descent::Proven {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A file that goes further in the present history than the server that asks, and is of one who
    /// has left that: what it holds is of no history that goes on here.
    pub(super) fn is_left_there(&self, kept: &Kept) -> Result<Option<Unfit>, RewindError> {
        let Some((head, name)) = self.head().zip(kept.segment()) else { return Ok(None) };
        let last = self.listing.last_of(&name);
        if name.timeline != head.timeline || last <= head.revision {
            return Ok(None);
        }
        let keyring = self.own_keyring();
        let clues = self.clues(keyring.as_ref());
        let strange = || -> Result<Option<Unfit>, Unfit> {
            let own = clues.descent_of(&name, name.last, &head)? == Descent::Proven;
            match !own && self.is_over_in(kept, &clues)? {
                true => clues.other(&name, last).map(Some),
                false => Ok(None),
            }
        };
        match strange() {
            Err(Unfit::Failed(error)) => Err(error),
            Err(unfit) => Ok(Some(unfit)),
            Ok(strange) => Ok(strange),
        }
    }

    /// A segment whose writer has left its history since, and so is of none that goes on there.
    pub fn of_who_left(&self, name: &SegmentName) -> Result<Option<Unfit>, RewindError> {
        let kept = Kept::Segment(*name);
        match self.is_over_in(&kept, &self.clues(None)) {
            Err(Unfit::Failed(error)) => Err(error),
            Err(unfit) => Ok(Some(unfit)),
            Ok(over) => Ok(over.then(|| Unfit::of_other(kept))),
        }
    }

    /// The same of the end of a segment; what a snapshot comes to nobody knows here.
    pub(super) fn is_over_in(&self, kept: &Kept, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        let Some(name) = kept.segment() else { return Ok(false) };
        let (timeline, revision) = (name.timeline, name.last);
        let Some(chain) = clues.chain_at(&name, revision)? else { return Ok(false) };
        self.is_over(&Start { timeline, revision, chain }, clues)
    }

    /// Whether a commit leads into the later history that was wished.
    fn leads_on(&self, plan: &Plan, at: Start, clues: &Clues<'_, '_>) -> Result<bool, Stop> {
        match self.wished_of(plan, at, clues)? {
            Descent::Proven => Ok(true),
            Descent::Unknown | Descent::Apart(..) => Ok(false),
            Descent::Refuted => {
                let file = plan.file_of(at.timeline, at.revision);
                Err(clues.other_of(file, at.revision)?.into())
            }
        }
    }

    /// The same, as far as the chain tells: whether the history that was wished comes of a commit
    /// of an earlier one.
    pub(super) fn wished_of(
        &self,
        plan: &Plan,
        at: Start,
        clues: &Clues<'_, '_>,
    ) -> Result<Descent, Unfit> {
        let begins = self.listing.branching(plan.timeline);
        let Some(begins) = begins.filter(|_| at.timeline != plan.timeline) else {
            return Ok(Descent::Unknown);
        };
        let (timeline, revision) = (plan.timeline, begins.first - 1);
        match clues.chain_at(begins, revision)? {
            Some(chain) => clues.leads(at, Start { timeline, revision, chain }, None),
            None => Ok(Descent::Unknown),
        }
    }
}
