//! Two servers on copies of one store wrote the same history: a way follows the one that goes on to
//! where it leads, and where it could be either, neither.

use std::collections::BTreeMap;

use super::Found;
use super::fetch::{Stop, Way};
use super::file::{Flaw, Loss, Unfit};
use super::plan::{At, Plan, Refusal, Wish, plan};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{Kept, SegmentName};

/// What the chain comes to at commits that were passed, as names tell it.
pub type Passed = BTreeMap<u64, u64>;

impl Way<'_> {
    /// A segment is whole, and does not go on from what stands before it on a way. That may be the
    /// other server's; else the segment counts as lost.
    pub(super) fn astray(&self, of: &Plan, name: &SegmentName) -> Option<Stop> {
        let at = of.legs.iter().position(|leg| leg.segment == *name)?;
        let before = match at.checked_sub(1) {
            Some(nth) => Kept::Segment(of.legs[nth].segment),
            None => Kept::Snapshot(of.base.clone()),
        };
        // Something else leads there.
        let other = self.without(&before, At::Revision(of.legs[at].upto), name.timeline)?;
        if !other.legs.iter().any(|leg| leg.segment == *name) {
            return None;
        }
        let (timeline, end) = match &before {
            Kept::Snapshot(of) => (of.timeline, of.revision),
            Kept::Segment(of) => (of.timeline, of.last),
        };
        if timeline == of.timeline && self.is_either(of, &Kept::Segment(*name)) {
            let beside = other.legs.iter().find(|leg| end <= leg.segment.last);
            let beside =
                beside.map_or(Kept::Snapshot(other.base), |leg| Kept::Segment(leg.segment));
            return Some(Stop::Refused(self.twice(end, &before, &beside)));
        }
        Some(Unfit::of_other(before).into())
    }

    /// Nothing else tells of a commit that was passed, up to the one that was found, unless what
    /// comes behind has proved the way.
    pub(super) fn must_be_sole(
        &mut self,
        of: &Plan,
        passed: &Passed,
        found: &Found,
        keyring: Option<&Keyring>,
    ) -> Result<(), Stop> {
        let proved = of.legs.iter().any(|leg| leg.segment.timeline == of.timeline);
        if proved && found.timeline != of.timeline {
            return Ok(());
        }
        let last = found.instant.revision;
        let beside = |name: &&SegmentName| {
            let on_way = of.legs.iter().any(|leg| leg.segment == **name);
            let there = name.first <= last && of.base.revision < name.last;
            name.timeline == found.timeline && there && !on_way
        };
        let beside: Vec<SegmentName> =
            self.listing().segments.iter().filter(beside).copied().collect();
        for other in beside {
            let at = other.last.min(last);
            let (Some(ours), false) = (passed.get(&at), passed.get(&at) == Some(&other.chain))
            else {
                continue;
            };
            let there = self.chain_in(&other, at, keyring)?;
            let on_way = of.legs.iter().find(|leg| at <= leg.segment.last);
            let on_way = on_way.map(|leg| Kept::Segment(leg.segment));
            let on_way = on_way.unwrap_or_else(|| Kept::Snapshot(of.base.clone()));
            if there.is_some_and(|there| there.short() != *ours) && self.is_either(of, &on_way) {
                return Err(Stop::Refused(self.twice(at, &on_way, &Kept::Segment(other))));
            }
        }
        Ok(())
    }

    /// The way to a place without one of the files that were chosen.
    fn without(&self, kept: &Kept, at: At, timeline: Timeline) -> Option<Plan> {
        let mut listing = self.listing().clone();
        listing.lose(kept.clone(), Flaw { loss: Loss::Damaged, why: "".into() });
        plan(&listing, &Wish { at, timeline: Some(timeline) }).ok()
    }

    /// Whether what is wished may be had without that file, too.
    fn is_either(&self, of: &Plan, kept: &Kept) -> bool {
        let named = matches!(of.at, At::Revision(_));
        !named || self.without(kept, of.at, of.timeline).is_some()
    }

    fn twice(&self, revision: u64, one: &Kept, other: &Kept) -> Refusal {
        let name = |kept| self.called(kept).unwrap_or_default();
        match (self.is_here(one), self.is_here(other)) {
            (true, _) => Refusal::Ours(revision, name(other).into()),
            (_, true) => Refusal::Ours(revision, name(one).into()),
            _ => Refusal::Twice(revision, Box::new([name(one), name(other)])),
        }
    }

    /// Whether it lies here alone, and in no file of the target.
    fn is_here(&self, kept: &Kept) -> bool {
        let Kept::Segment(name) = kept else { return false };
        self.listing().own.contains(name) && !self.listing().segments.contains(name)
    }
}
