//! The newest good state that a target has of a store, for who has lost it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::file::{Getter, Unfit};
use super::listing::Listing;
use super::plan::Gap;
use super::{Lost, Prepared, RewindError, Source, Way};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::Folder;
use crate::snapshot::spool::Spools;
use crate::snapshot::target::{Listed, Target};

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

/// So many snapshots of each store are looked at for the newest.
const LOOKS: usize = 8;

/// Of each store of which `listed` holds anything, the newest snapshots that are not what their
/// names say, down to the first that begins as it should. What begins so may be made up, too: keys
/// alone tell, and another store's are not here. A target that fails is not asked on.
pub fn misnamed(target: &dyn Target, prefix: &str, listed: &[Listed]) -> Vec<Lost> {
    let mut misnamed = Vec::new();
    for (folder, mut listing) in stores(prefix, listed) {
        let getter = Getter::new(Source { target, folder: &folder });
        listing.snapshots.sort_by_key(|of| Reverse((of.timeline, of.revision, of.taken)));
        for name in listing.snapshots.iter().take(LOOKS) {
            match getter.begins(name) {
                Ok(()) => break,
                Err(Unfit::Lost(kept, flaw)) => misnamed.push(flaw.of(&kept, &folder)),
                Err(_) => return misnamed,
            }
        }
    }
    misnamed
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
