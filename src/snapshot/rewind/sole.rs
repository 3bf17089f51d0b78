//! Two files that tell of one commit, and contradict each other: which of them counts, or whether
//! nobody can tell.

use super::descent::{Clues, Descent};
use super::fetch::{Base, Stop, Way};
use super::file::{Flaw, Loss, Unfit};
use super::left::Part;
use super::listing::Stretch;
use super::parting::goes_as_far;
use super::plan::{At, Plan, Refusal, Wish, goes_on_in, plan};
use super::segments::Start;
use super::whose::Gone;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{Kept, SegmentName};

impl Way<'_> {
    /// A segment is whole, and does not go on from what stands before it on a way. That may be the
    /// other server's; else the segment counts as lost.
    pub(super) fn astray(
        &self,
        of: &Plan,
        base: &Base,
        name: &SegmentName,
    ) -> Result<Option<Stop>, Unfit> {
        let clues = self.clues(base.keyring());
        let Some(at) = of.legs.iter().position(|leg| leg.segment == *name) else {
            return Ok(None);
        };
        let (before, revision) = match at.checked_sub(1) {
            Some(nth) => (Kept::Segment(of.legs[nth].segment), of.legs[nth].upto),
            None => (Kept::Snapshot(of.base.clone()), of.base.revision),
        };
        // What is still here nobody else wrote.
        if self.listing.own.contains(name) {
            let files = [Kept::Segment(*name), before];
            return self.strange(of, revision, files, &clues).map(Some);
        }
        // What was wished is of who went on, and not of who had left by then.
        let beyond = match of.at {
            At::Latest => true,
            At::Revision(revision) => name.first <= revision,
            At::Time(time) => name.from <= time,
        };
        let named = of.names(name.timeline);
        let over = self.is_over_in(&Kept::Segment(*name), &clues)?;
        if named && beyond {
            let left = match &before {
                Kept::Snapshot(_) => self.is_over(&base.start, &clues)?,
                Kept::Segment(_) => self.is_over_in(&before, &clues)?,
            };
            if left && !over {
                return Ok(Some(clues.other_of(before, revision)?.into()));
            }
            // To a server that asks that is who has left by a restore what it wrote itself.
            let alone = || match (self.head(), &before) {
                (Some(_), _) => Ok(self.part(of, name.timeline, &clues)? == Part::Left),
                (None, Kept::Segment(before)) => Ok::<_, Unfit>(goes_as_far(before, of.at)),
                (None, Kept::Snapshot(_)) => Ok(false),
            };
            let either = self.is_either(of, &Kept::Segment(*name));
            if either && over && !left && alone()? {
                return Ok(Some(clues.other(name, self.listing.last_of(name))?.into()));
            }
        }
        // Nor of who did not lead to the later history that was wished.
        let (timeline, last) = (name.timeline, self.listing.last_of(name));
        if let Some(chain) = clues.chain_at(name, last)? {
            match self.wished_of(of, Start { timeline, revision: last, chain }, &clues)? {
                Descent::Proven => return Ok(Some(clues.other_of(before, revision)?.into())),
                Descent::Refuted => return Ok(Some(clues.other(name, last)?.into())),
                Descent::Unknown | Descent::Apart(..) => {}
            }
        }
        // Nor is that its own which ends with what another server has left.
        if let Some(head) = self.head()
            && over
            && !self.means_other(of, name.timeline, &clues)?
            && clues.descent_of(name, name.last, &head)? != Descent::Proven
        {
            return Ok(Some(clues.other(name, name.last)?.into()));
        }
        // Further on a snapshot of its own may lead there.
        let to = Wish { at: At::Revision(revision + 1), timeline: Some(name.timeline) };
        let leads = |plan: &Plan| plan.legs.iter().any(|leg| leg.segment == *name);
        // What leads there goes on from the middle of that one, where both servers parted.
        if let Kept::Segment(one) = &before
            && let Some(upto) = clues.common(one, revision)?
        {
            let mut listing = self.listing.clone();
            listing.partly.insert(*one, upto);
            if let Some(other) = plan(&listing, &to).ok().filter(leads) {
                let beside = other.file_of(one.timeline, upto + 1);
                return match before.timeline() == of.timeline && self.is_either(of, &beside) {
                    true => self.twice(of, upto + 1, [before, beside], &clues).map(Some),
                    false => Ok(Some(Unfit::Partly(*one, upto).into())),
                };
            }
        }
        // Something else leads there.
        let other = self.without(&before, to.at, name.timeline).filter(leads);
        let Some(other) = other else { return Ok(None) };
        if before.timeline() == of.timeline && self.is_either(of, &Kept::Segment(*name)) {
            let beside = other.legs.iter().find(|leg| revision <= leg.segment.last);
            let beside =
                beside.map_or(Kept::Snapshot(other.base), |leg| Kept::Segment(leg.segment));
            return self.twice(of, revision, [before, beside], &clues).map(Some);
        }
        Ok(Some(Unfit::of_other(before).into()))
    }

    /// Whoever has the target alone is to be told where another server went on in a history that is
    /// on the way, and has not left it: that may be the one that is meant.
    pub(super) fn must_be_alone(&self, of: &Plan, clues: &Clues<'_, '_>) -> Result<(), Stop> {
        if of.named || self.listing.present.is_some() || matches!(of.at, At::Revision(_)) {
            return Ok(());
        }
        let lineage = self.listing.lineage(of.timeline);
        for (later, left) in lineage.iter().zip(lineage.iter().skip(1)) {
            let Some(begins) = self.listing.branching(later.timeline) else { continue };
            let Stretch { timeline, upto } = *left;
            let beside = self.listing.segments.iter().filter(|name| {
                let behind = name.first <= upto + 1 && upto < self.listing.last_of(name);
                name.timeline == timeline && behind
            });
            for other in beside {
                let comes_of = clues.comes_of(begins, other)?;
                if comes_of == Some(false) && !self.is_over_in(&Kept::Segment(*other), clues)? {
                    let both = [timeline, of.timeline];
                    let spans = both.into_iter().filter_map(|of| self.listing.span(of)).collect();
                    return Err(Stop::Refused(Refusal::Ambiguous(spans)));
                }
            }
        }
        Ok(())
    }

    /// Nothing else tells of a commit that was passed, up to the one that was found, unless what
    /// comes behind has proved the way.
    pub(super) fn must_be_sole(
        &self,
        of: &Plan,
        gone: &Gone,
        clues: &Clues<'_, '_>,
    ) -> Result<(), Stop> {
        let Gone { found, there, bound, passed, .. } = gone;
        let proved = of.legs.iter().any(|leg| leg.segment.timeline == of.timeline);
        if proved && found.timeline != of.timeline {
            return Ok(());
        }
        let ends = [Some(*there), *bound];
        for Start { timeline, revision: last, .. } in ends.into_iter().flatten() {
            let beside = self.listing.segments.iter().filter(|name| {
                let on_way = of.legs.iter().any(|leg| leg.segment == **name);
                let there = name.first <= last && of.base.revision < name.last;
                name.timeline == timeline && there && !on_way
            });
            for other in beside {
                let at = self.listing.last_of(other).min(last);
                let ours = passed.get(&at).filter(|ours| **ours != other.chain);
                // What was behind the instant in any case is not meant.
                let later = matches!(of.at, At::Time(at) if at < other.from);
                let Some(ours) = ours.filter(|_| !later || other.first <= there.revision) else {
                    continue;
                };
                let differs =
                    clues.chain_at(other, at)?.is_some_and(|there| there.short() != *ours);
                let on_way = of.file_of(timeline, at);
                if differs && self.is_either(of, &on_way) {
                    return Err(self.twice(of, at, [on_way, Kept::Segment(*other)], clues)?);
                }
            }
        }
        Ok(())
    }

    /// The way to a place without one of the files that were chosen.
    pub(super) fn without(&self, kept: &Kept, at: At, timeline: Timeline) -> Option<Plan> {
        let mut listing = self.listing.clone();
        listing.lose(kept.clone(), Flaw { loss: Loss::Damaged, why: "".into() });
        plan(&listing, &Wish { at, timeline: Some(timeline) }).ok()
    }

    /// Whether what is wished may be had without that file, too.
    pub(super) fn is_either(&self, of: &Plan, kept: &Kept) -> bool {
        !matches!(of.at, At::Revision(_)) || self.is_without(of, kept)
    }

    /// Whether the names tell a way to what is wished without that file.
    pub(super) fn is_without(&self, of: &Plan, kept: &Kept) -> bool {
        self.without(kept, of.at, of.timeline).is_some()
    }

    /// Two files tell of one commit, and contradict each other.
    fn twice(
        &self,
        of: &Plan,
        revision: u64,
        [one, other]: [Kept; 2],
        clues: &Clues<'_, '_>,
    ) -> Result<Stop, Unfit> {
        if self.is_own(&one, clues)? {
            return self.strange(of, revision, [one, other], clues);
        }
        if self.is_own(&other, clues)? {
            return self.strange(of, revision, [other, one], clues);
        }
        // Who names the history means the one that went on in it, not who has left it.
        let over = (self.is_over_in(&one, clues)?, self.is_over_in(&other, clues)?);
        match over {
            (true, false) if of.named => return Ok(clues.other_of(one, revision)?.into()),
            (false, true) if of.named => return Ok(clues.other_of(other, revision)?.into()),
            _ => {}
        }
        let leads = |kept| self.leads_to_wished(of, kept, revision, clues);
        match (leads(&one)?, leads(&other)?) {
            (false, true) => return Ok(clues.other_of(one, revision)?.into()),
            (true, false) => return Ok(clues.other_of(other, revision)?.into()),
            _ => {}
        }
        let names = [one, other].map(|kept| self.called(&kept).unwrap_or_default());
        Ok(Stop::Refused(Refusal::Twice(revision, Box::new(names))))
    }

    /// Whether a commit with the number that was wished, of the history of a segment, comes of what
    /// that holds.
    fn leads_to_wished(
        &self,
        of: &Plan,
        kept: &Kept,
        revision: u64,
        clues: &Clues<'_, '_>,
    ) -> Result<bool, Unfit> {
        let (Some(name), At::Revision(wished)) = (kept.segment(), of.at) else { return Ok(false) };
        let timeline = of.timeline;
        if name.timeline != timeline {
            return Ok(false);
        }
        let start = |of: &SegmentName, revision| {
            let chain = clues.chain_at(of, revision)?;
            Ok::<_, Unfit>(chain.map(|chain| Start { timeline, revision, chain }))
        };
        let Some(early) = start(&name, revision)? else { return Ok(false) };
        for holder in self.listing.holding(timeline, wished) {
            if let Some(late) = start(holder, wished)?
                && clues.leads(early, late, None)? == Descent::Proven
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The server that asks wrote that commit itself, as `own` tells, and what `other` holds is not
    /// what it wrote. Of a history that it has left it is its own past that it wishes, unless that
    /// is named and the other one went on in it.
    fn strange(
        &self,
        of: &Plan,
        revision: u64,
        [own, other]: [Kept; 2],
        clues: &Clues<'_, '_>,
    ) -> Result<Stop, Unfit> {
        let timeline = other.timeline();
        let named = of.names(timeline);
        let left = named && self.part(of, timeline, clues)? == Part::Left;
        // It may have gone over to what the other one did.
        if let (Kept::Segment(name), Some(head), Some(upto)) =
            (&other, self.head(), self.own_upto(timeline))
            && !left
            && name.first <= upto
            && clues.descent_of(name, upto, &head)? == Descent::Proven
        {
            return Ok(Unfit::of_this(own).into());
        }
        if self.is_over_in(&other, clues)? && !self.means_other(of, timeline, clues)? {
            return Ok(clues.other_of(other, revision)?.into());
        }
        if self.listing.present == Some(timeline) && !named {
            return match self.has_put(&other, clues)? {
                true => Ok(clues.other_of(other, revision)?.into()),
                false => Ok(self.ours(of, revision, &other)),
            };
        }
        match named && !left && self.is_had_by(of, &own) {
            true => Ok(Unfit::of_this(own).into()),
            false => Ok(clues.other_of(other, revision)?.into()),
        }
    }

    /// Whether what the server that asks has put there itself goes as far as what another one has:
    /// then that one was stopped, or has left.
    fn has_put(&self, other: &Kept, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        let Some(head) = self.head() else { return Ok(false) };
        let upto = other.end().revision;
        let there = self.listing.segments.iter().filter(|name| name.timeline == head.timeline);
        for name in there.filter(|name| upto <= name.last) {
            if clues.descent_of(name, name.last, &head)? == Descent::Proven {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether what is wished is something that another server did, where `own` counts for nothing.
    fn is_had_by(&self, of: &Plan, own: &Kept) -> bool {
        let mut listing = self.listing.clone();
        listing.lose(own.clone(), Flaw { loss: Loss::Other, why: "".into() });
        plan(&listing, &Wish { at: of.at, timeline: Some(of.timeline) }).is_ok()
    }

    /// Whether the server that asks wrote a file, or comes of it.
    fn is_own(&self, kept: &Kept, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        match kept {
            Kept::Segment(name) => self.is_of_this(name, name.last, clues),
            Kept::Snapshot(name) => self.has_taken(name),
        }
    }

    pub(super) fn ours(&self, of: &Plan, revision: u64, other: &Kept) -> Stop {
        let name = self.called(other).unwrap_or_default();
        let timeline = goes_on_in(&self.listing, of.at, other.timeline());
        Stop::Refused(Refusal::Ours(timeline, revision, of.at, name.into()))
    }
}
