//! Reading back: whether what a target gives is what was put there.

use std::io::Read;
use std::sync::Arc;

use crate::barrier::Unsealed;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::Tally;
use crate::snapshot::contents::Entries;
use crate::snapshot::layout::{SegmentName, SnapshotName};
use crate::snapshot::rewind::file::{self, Unsound};
use crate::snapshot::{SnapshotError, format, proof};

/// Reads a snapshot from its first byte to its last: its checksums, that a server with these keys
/// sealed them, that its entries add up, and that it is the one which its name says. Where the
/// journal stood in it, if there was one.
pub fn snapshot(
    stream: impl Read,
    of: &SnapshotName,
    unsealed: impl Fn() -> Result<Arc<Unsealed>, SnapshotError>,
) -> Result<Option<Head>, SnapshotError> {
    let (frame, (records, found)) = format::read(stream, |meta, state| {
        let (mut entries, mut found) = (Entries::new(state)?, Tally::default());
        for entry in &mut entries {
            let (key, value) = entry?;
            // A target may hang for long, and no key of a store that is sealed is kept for it.
            found += unsealed()?.hasher().counted(&key, &value);
        }
        Ok((entries.finish(meta)?, found))
    })?;
    let keys = unsealed()?;
    let keyring = keys.open_keyring(records.keyring()?)?;
    let root = proof::record(&frame, &records, &keyring)?;
    if (root.timeline, root.revision) != (of.timeline, of.revision) {
        return Err(SnapshotError::Broken("it is not the one that its name says".into()));
    }
    if frame.state != of.state {
        return Err(SnapshotError::Broken("it holds other entries than its name says".into()));
    }
    if root.store_id != keys.status().store_id {
        return Err(SnapshotError::Broken("it is of another store".into()));
    }
    proof::must_add_up(found, &root)?;
    Ok(records.head().unwrap_or_default())
}

/// What the chain comes to in a segment of the journal.
pub struct Steps {
    /// With all of it.
    pub end: Chain,
    /// With those of its commits that were asked for and are kept alone, or before its first one.
    pub at: Vec<(u64, Chain)>,
}

/// The same of a segment of the journal: what the chain comes to with it, and at each commit that
/// is `wanted`.
pub fn segment(
    stream: impl Read,
    of: &SegmentName,
    wanted: impl Fn(u64) -> bool,
    unsealed: impl Fn() -> Result<Arc<Unsealed>, SnapshotError>,
) -> Result<Steps, SnapshotError> {
    let (store_id, mut at) = (unsealed()?.status().store_id, Vec::new());
    let read = file::read(stream, of, &store_id, None, |entry| {
        if wanted(entry.revision) {
            at.push((entry.revision, entry.after));
        }
    });
    let (header, end) = read.map_err(Unsound::into_error)?;
    if !end.is_proved(&unsealed()?.keyring()) {
        return Err(SnapshotError::Forged("the keys do not vouch for it".into()));
    }
    if wanted(of.first - 1) {
        at.insert(0, (of.first - 1, header.before));
    }
    Ok(Steps { end: end.chain, at })
}
