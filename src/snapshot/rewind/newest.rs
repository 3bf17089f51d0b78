//! The newest good state that a target has of a store, for who has lost it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::file::{Getter, Unfit};
use super::listing::Listing;
use super::plan::Gap;
use super::{Lost, Prepared, RewindError, Source, Way};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::{Folder, SnapshotName};
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

/// Of several stores those of which a snapshot is there: whoever can write one file can make up the
/// name of a store. Where there is none of any, all of them stay. The files that were looked at in
/// vain are added to `lost`.
pub fn real_stores(
    target: &dyn Target,
    mut found: Vec<(Folder, Listing)>,
    lost: &mut Vec<Lost>,
) -> Result<Vec<(Folder, Listing)>, RewindError> {
    if found.len() < 2 {
        return Ok(found);
    }
    let mut real = Vec::new();
    for (folder, listing) in &found {
        real.push(has_any(Source { target, folder }, listing, lost)?);
    }
    if real.contains(&true) {
        let mut real = real.into_iter();
        found.retain(|_| real.next() == Some(true));
    }
    Ok(found)
}

/// Whether there is a snapshot of a store: one that begins as its name says. Those that do not are
/// added to `lost`. What begins so may be made up, too: keys alone tell, and another store's are
/// not here.
pub fn has_any(
    source: Source<'_>,
    listing: &Listing,
    lost: &mut Vec<Lost>,
) -> Result<bool, RewindError> {
    look(source, listing, usize::MAX, lost)
}

/// So many snapshots of each store are looked at for the newest.
const LOOKS: usize = 8;

/// Of each store of which `listed` holds anything, the newest snapshots that are not what their
/// names say, down to the first that begins as it should. A target that fails is not asked on.
pub fn misnamed(target: &dyn Target, prefix: &str, listed: &[Listed]) -> Vec<Lost> {
    let mut misnamed = Vec::new();
    for (folder, listing) in stores(prefix, listed) {
        let source = Source { target, folder: &folder };
        if look(source, &listing, LOOKS, &mut misnamed).is_err() {
            break;
        }
    }
    misnamed
}

/// Looks for a snapshot that begins as its name says, from the newest on, at so many.
fn look(
    source: Source<'_>,
    listing: &Listing,
    most: usize,
    lost: &mut Vec<Lost>,
) -> Result<bool, RewindError> {
    let getter = Getter::new(source);
    let mut names: Vec<&SnapshotName> = listing.snapshots.iter().collect();
    names.sort_by_key(|of| Reverse((of.timeline, of.revision, of.taken)));
    for name in names.into_iter().take(most) {
        match getter.begins(name) {
            Ok(()) => return Ok(true),
            Err(Unfit::Lost(kept, flaw)) => lost.push(flaw.of(&kept, source.folder)),
            Err(Unfit::Failed(error)) => return Err(error),
            // Of segments alone.
            Err(Unfit::Partly(..) | Unfit::Apart(_)) => {}
        }
    }
    Ok(false)
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
