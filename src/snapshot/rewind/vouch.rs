//! Whether what a refusal rests on is there indeed.
//!
//! A plan is made by names alone, and whoever can write one file into a store's folder can write
//! any name: one of a later history, or of commits that nobody made. So before an ambiguity, a gap
//! or an end is told, the files that tell of it are got and checked. What does not verify is struck
//! out, and the way is planned anew. What no keys are needed for is not proof of who made it: only
//! where the keys are is a well-formed file found out that somebody has made up.

use super::fetch::Stop;
use super::file::Unfit;
use super::listing::Listing;
use super::plan::{At, Plan, Refusal, Wish, plan};
use super::{RewindError, Source, Way};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::Kept;
use crate::snapshot::spool::Spools;

/// So many bytes are got for this at most, but for the last file: what is junk is seen to be that
/// by its first few.
const MOST: u64 = 1 << 30;

/// Looks at what a refusal rests on, by what is known already and without keys. Whether anything
/// was learnt: then it is to be planned anew.
pub fn vouch(
    source: Source<'_>,
    listing: &mut Listing,
    refusal: &Refusal,
    spools: &Spools,
) -> Result<bool, RewindError> {
    let mut way = Way::over(source, listing.clone(), spools)?;
    let learnt = way.vouch(&mut refusal.clone(), true)?;
    listing.clone_from(way.listing());
    Ok(learnt)
}

impl Way<'_> {
    /// Looks at what a refusal rests on, and whether what it offers instead can be had: where that
    /// is not kept alone, it offers what is. What another server wrote is had only where its
    /// history was `named`. Whether anything was learnt: then it is to be planned anew.
    pub(super) fn vouch(
        &mut self,
        refusal: &mut Refusal,
        named: bool,
    ) -> Result<bool, RewindError> {
        let (got, known) = (self.getter.got.get(), self.listing.learnt);
        for kept in refusal.witnesses(&self.listing) {
            if self.getter.got.get() - got > MOST {
                break;
            }
            // By what was heard of another one it may be known already.
            if self.listing.lost.contains_key(&kept) {
                continue;
            }
            let unfit = match self.hear(kept.clone()) {
                Ok(()) => self.is_left_there(&kept)?,
                Err(unfit) => Some(unfit),
            };
            unfit.map_or(Ok(()), |unfit| self.learn(unfit))?;
        }
        if self.listing.learnt != known {
            return Ok(true);
        }
        for (timeline, revision) in refusal.offers() {
            let wish = Wish { at: At::Revision(revision), timeline: Some(timeline) };
            let Ok(plan) = plan(&self.listing, &wish) else { continue };
            let plan = Plan { named, ..plan };
            match self.go(&plan) {
                Ok((base, _)) => self.base = Some(base),
                Err(Stop::Unfit(unfit)) => {
                    self.learn(unfit)?;
                    return Ok(true);
                }
                Err(Stop::Refused(Refusal::Folded(_, kept))) => refusal.offer(revision, kept),
                // What it would offer alone is refused itself, for a reason that helps.
                Err(Stop::Refused(why)) if refusal.offers_alone(revision) => {
                    *refusal = why;
                    return Ok(false);
                }
                Err(Stop::Refused(_)) => refusal.retract(revision),
            }
        }
        Ok(false)
    }

    /// Whether a file is what its name says.
    fn hear(&mut self, kept: Kept) -> Result<(), Unfit> {
        if self.listing.sound.contains(&kept) {
            return Ok(());
        }
        match &kept {
            Kept::Segment(name) => {
                let keyring = self.own_keyring();
                self.getter.segment(name, keyring.as_ref(), &mut self.segments)?;
            }
            Kept::Snapshot(name) if self.base.as_ref().is_some_and(|base| base.name == *name) => {}
            Kept::Snapshot(name) => {
                // The spool of another one makes place for this one.
                self.base = None;
                self.base = Some(self.fetch_base(name)?);
            }
        }
        self.listing.sound.push(kept);
        Ok(())
    }
}

impl Refusal {
    /// The files that it rests on: of each history that it tells of, those that tell how far that
    /// goes.
    fn witnesses(&self, listing: &Listing) -> Vec<Kept> {
        let timelines: Vec<Timeline> = match self {
            Self::Ours(timeline, _, At::Latest | At::Time(_), _) => vec![*timeline],
            Self::Nothing
            | Self::Folded(..)
            | Self::Twice(..)
            | Self::Ours(..)
            | Self::Other(..)
            | Self::Behind(..) => Vec::new(),
            Self::Ahead(ahead) => vec![ahead.goes_on],
            // Nothing leads to one of those that a single file may have made up.
            Self::NoTimeline(_, spans) => {
                let unreached = listing.spans().into_iter().filter(|span| !span.reached);
                unreached.chain(spans.iter().copied()).map(|span| span.timeline).collect()
            }
            Self::Ambiguous(spans) => spans.iter().map(|span| span.timeline).collect(),
            Self::Before(span) | Self::Beyond(span) => vec![span.timeline],
            Self::Between(_, span) => vec![span.timeline],
            Self::Gap(timeline, _) => vec![*timeline],
        };
        timelines.into_iter().flat_map(|timeline| listing.witnesses(timeline)).collect()
    }
}
