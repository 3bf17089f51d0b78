//! Whether a history comes indeed of the one that its name says.
//!
//! A name tells at which commit another history was left. Where two servers went on with one store,
//! each on its copy, there are two commits of that number: of which of them the new one comes, the
//! chain alone tells.

use super::file::{Getter, Unfit};
use super::listing::Listing;
use super::segments::{Broken, Segments, Walk};
use crate::barrier::journal::Chain;
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::snapshot::layout::SegmentName;

/// Looks at each commit at which a history on the way to `timeline` left another one, as far as
/// what lies there tells of it.
pub fn must_join(
    listing: &Listing,
    timeline: Timeline,
    getter: &Getter<'_>,
    segments: &mut Segments,
    keyring: Option<&Keyring>,
) -> Result<(), Unfit> {
    for stretch in listing.lineage(timeline) {
        let (start, origin) =
            (listing.branching(stretch.timeline), listing.origin(stretch.timeline));
        let (Some(start), Some(origin)) = (start, origin) else { break };
        let holds = |name: &&SegmentName| {
            let is_there = name.first <= origin.revision && origin.revision <= name.last;
            name.timeline == origin.timeline && is_there
        };
        let mut ends = Vec::new();
        for name in listing.segments.iter().chain(&listing.own).filter(holds) {
            if is_had(name, getter, segments, keyring)? {
                ends.extend(chain_at(name, origin.revision, segments)?);
            }
        }
        if ends.is_empty() || !is_had(start, getter, segments, keyring)? {
            continue;
        }
        let before = segments.header(start)?.before;
        let leads = |end: &Chain| end.branch(stretch.timeline, origin.revision) == before;
        if !ends.iter().any(leads) {
            return Err(Unfit::Apart(stretch.timeline));
        }
    }
    Ok(())
}

/// Gets a segment. One that does not verify tells nothing here: no way need lead through it.
fn is_had(
    name: &SegmentName,
    getter: &Getter<'_>,
    segments: &mut Segments,
    keyring: Option<&Keyring>,
) -> Result<bool, Unfit> {
    if segments.has(name) {
        return Ok(true);
    }
    match getter.segment(name, keyring, segments) {
        Err(Unfit::Lost(..)) => Ok(false),
        got => got.map(|()| true),
    }
}

/// What the chain comes to at a commit in a segment, if that is kept alone.
pub fn chain_at(name: &SegmentName, at: u64, segments: &Segments) -> Result<Option<Chain>, Unfit> {
    let mut there = None;
    let walked = segments.each(name, |_, entry| {
        if entry.revision == at {
            there = Some(entry.after);
        }
        Ok(Walk::On)
    });
    walked.map_err(Broken::into_error)?;
    Ok(there)
}
