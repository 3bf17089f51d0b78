//! Where a history left another one. Names tell that, and a way that goes on into the new history
//! proves it. One that ends before does not: what came of a copy of the store may stand there.

use super::Found;
use super::fetch::Way;
use super::file::Unfit;
use crate::barrier::journal::Chain;
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::SegmentName;

impl Way<'_> {
    /// What was found is the past of that history, or of none of those that its names tell of: each
    /// of them goes on from where the one before it was left.
    pub(super) fn must_lead_on(
        &mut self,
        to: Timeline,
        found: &Found,
        keyring: Option<&Keyring>,
    ) -> Result<(), Unfit> {
        let way = self.listing.lineage(to);
        let Some(end) = way.iter().position(|of| of.timeline == found.timeline) else {
            return Ok(());
        };
        for later in &way[..end] {
            if self.is_apart(later.timeline, keyring)? {
                return Err(Unfit::Apart(later.timeline));
            }
        }
        Ok(())
    }

    /// Whether a history was not begun by who wrote what stands there of the one before. Where that
    /// is not kept alone any more nobody can tell.
    fn is_apart(&mut self, timeline: Timeline, keyring: Option<&Keyring>) -> Result<bool, Unfit> {
        let first = self.listing.branching(timeline).copied();
        let Some((first, origin)) = first.and_then(|first| Some((first, first.origin?))) else {
            return Ok(false);
        };
        if first.first != origin.revision + 1 {
            return Ok(false);
        }
        self.get_segment(&first, keyring)?;
        let began = self.segments.start(&first)?.chain;
        let holds = |name: &&SegmentName| {
            let there = name.first <= origin.revision && origin.revision <= name.last;
            name.timeline == origin.timeline && there
        };
        let listing = &self.listing;
        let before = listing.segments.iter().chain(&listing.own).filter(holds);
        let before: Vec<SegmentName> = before.copied().collect();
        let mut left: Vec<Chain> = Vec::new();
        for name in before {
            left.extend(self.chain_in(&name, origin.revision, keyring)?);
        }
        let goes_on = |left: &Chain| left.branch(timeline, origin.revision) == began;
        Ok(!left.is_empty() && !left.iter().any(goes_on))
    }
}
