//! Whether a snapshot is what a server with these keys took, of a store that was whole.

use super::SnapshotError;
use super::contents::Records;
use super::format::{Frame, member};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::{RootRecord, Tally};

/// The keys open its sums and its root record: what that says.
pub fn record(
    frame: &Frame,
    records: &Records,
    keyring: &Keyring,
) -> Result<RootRecord, SnapshotError> {
    if !frame.is_sealed_by(keyring) {
        return Err(forged(&format!("{} is not the seal of its checksums", member::SEALED)));
    }
    let record = RootRecord::open(keyring, records.root()?);
    let record = record.map_err(|_| forged("its root record does not open"))?;
    let about = &frame.meta.about;
    let said = (&about.store_id, &about.timeline, about.revision);
    if said != (&record.store_id, &record.timeline.to_string(), record.revision) {
        return Err(forged("its root record is not of the instant that meta.json names"));
    }
    Ok(record)
}

/// What its entries come to is what the root record says.
pub fn must_add_up(found: Tally, record: &RootRecord) -> Result<(), SnapshotError> {
    if found == record.tally {
        return Ok(());
    }
    Err(SnapshotError::Broken(
        "the store was damaged when it was taken: its entries do not add up to its root record; \
         `edgekeep snapshot verify FILE` with this file names what is bad, and `edgekeep snapshot \
         restore -into=FOLDER FILE` makes a store of what is left in another folder"
            .into(),
    ))
}

/// It is not what the keys have sealed.
pub fn forged(what: &str) -> SnapshotError {
    SnapshotError::Forged(what.into())
}
