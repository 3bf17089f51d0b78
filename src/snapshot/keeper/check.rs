//! Reading back: whether what a target gives is what was put there.

use std::io::Read;

use crate::barrier::Unsealed;
use crate::barrier::journal::{Chain, HEAD, Head};
use crate::barrier::root::RootRecord;
use crate::base::record::Record;
use crate::snapshot::SnapshotError;
use crate::snapshot::contents::Entries;
use crate::snapshot::format::{self, member};
use crate::snapshot::layout::{SegmentName, SnapshotName};
use crate::snapshot::rewind::file::{self, Unsound};

/// Reads a snapshot from its first byte to its last: its checksums, that a server with these keys
/// sealed them, and that it is the one which its name says. Where the journal stood in it, if there
/// was one.
pub fn snapshot(
    stream: impl Read,
    of: &SnapshotName,
    unsealed: impl Fn() -> Result<std::sync::Arc<Unsealed>, SnapshotError>,
) -> Result<Option<Head>, SnapshotError> {
    let (frame, (records, head)) = format::read(stream, |meta, state| {
        let (mut entries, mut head) = (Entries::new(state)?, None);
        for entry in &mut entries {
            let (key, value) = entry?;
            if key == HEAD {
                head = Some(value);
            } else if &*key > HEAD {
                break;
            }
        }
        Ok((entries.finish(meta)?, head))
    })?;
    let keys = unsealed()?;
    let keyring = keys.open_keyring(records.keyring()?)?;
    let sums = keyring.open_value(member::SEALED.as_bytes(), &frame.sealed);
    if !sums.is_ok_and(|sums| *sums == frame.sums) {
        return Err(SnapshotError::Forged(format!(
            "{} is not the seal of its checksums",
            member::SEALED
        )));
    }
    let root = RootRecord::open(&keyring, records.root()?)?;
    if (root.timeline, root.revision) != (of.timeline, of.revision) {
        return Err(SnapshotError::Broken("it is not the one that its name says".into()));
    }
    if frame.state != of.state {
        return Err(SnapshotError::Broken("it holds other entries than its name says".into()));
    }
    if root.store_id != keys.status().store_id {
        return Err(SnapshotError::Broken("it is of another store".into()));
    }
    Ok(head.and_then(|head| Head::decode(&head).ok()))
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
    unsealed: impl Fn() -> Result<std::sync::Arc<Unsealed>, SnapshotError>,
) -> Result<Steps, SnapshotError> {
    let (store_id, mut at) = (unsealed()?.status().store_id, Vec::new());
    let read = file::read(stream, of, &store_id, None, |entry| {
        if wanted(entry.revision) {
            at.push((entry.revision, entry.after));
        }
    });
    let (header, end) = read.map_err(Unsound::into_error)?;
    if !end.is_proved(&unsealed()?.keyring()) {
        return Err(SnapshotError::Forged("a segment was not made with the store's keys".into()));
    }
    if wanted(of.first - 1) {
        at.insert(0, (of.first - 1, header.before));
    }
    Ok(Steps { end: end.chain, at })
}
