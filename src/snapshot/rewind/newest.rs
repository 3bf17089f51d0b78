//! The newest good state that a target has of a store, for who has lost it.

use std::collections::BTreeMap;

use super::listing::Listing;
use super::plan::{At, Gap, Refusal, Wish};
use super::{Lost, Prepared, RewindError, Source, prepare};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::Folder;
use crate::snapshot::spool::Spools;
use crate::snapshot::target::Listed;

/// The stores of which `listed`, what lies below `prefix`, holds anything, in the order of their
/// ids.
pub fn stores(prefix: &str, listed: &[Listed]) -> Vec<(Folder, Listing)> {
    let found = listed.iter().filter_map(|listed| Folder::of(prefix, &listed.name));
    let found: BTreeMap<String, Folder> =
        found.map(|folder| (folder.store_id().to_owned(), folder)).collect();
    let read = |folder: Folder| {
        let listing = Listing::read(&folder, listed);
        (folder, listing)
    };
    found.into_values().map(read).collect()
}

/// The newest state that can be had.
pub struct Newest {
    /// All of it, checked.
    pub prepared: Prepared,
    /// Where something behind it is known and nothing leads there.
    pub gap: Option<Gap>,
    /// Every file that did not verify, on all the ways that were tried.
    pub lost: Vec<Lost>,
}

/// Gets the newest state that can be had, and checks all of it.
pub fn newest(
    source: Source<'_>,
    timeline: Option<Timeline>,
    spools: &Spools,
) -> Result<Newest, RewindError> {
    let mut wish = Wish { at: At::Latest, timeline };
    let (mut gap, mut lost): (Option<Gap>, Vec<Lost>) = Default::default();
    loop {
        let prepared = match prepare(source, &wish, None, spools) {
            // What was to lead there may turn out to be torn: then the end is earlier still.
            Err(RewindError::Refused(Refusal::Gap(timeline, found), files))
                if gap.is_none_or(|gap| found.before.revision < gap.before.revision) =>
            {
                (gap, wish.timeline) = (Some(found), Some(timeline));
                wish.at = At::Revision(found.before.revision);
                lost.extend(files);
                continue;
            }
            prepared => prepared?,
        };
        lost.extend_from_slice(prepared.lost());
        lost.sort_unstable();
        lost.dedup();
        return Ok(Newest { prepared, gap, lost });
    }
}
