//! The newest good state that a target has of a store, for who has lost it.

use std::collections::BTreeMap;

use super::listing::Listing;
use super::plan::Gap;
use super::{Prepared, RewindError, Source, Way};
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
}

/// Gets the newest state that can be had, and checks all of it.
pub fn newest(
    source: Source<'_>,
    timeline: Option<Timeline>,
    spools: &Spools,
) -> Result<Newest, RewindError> {
    let mut way = Way::new(source, None, spools)?;
    let (reached, gap) = way.newest(timeline)?;
    Ok(Newest { prepared: way.prepared(reached), gap })
}
