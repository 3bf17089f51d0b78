//! Makes segments of the records that a store still keeps.

use std::io::{self, Write};

use super::segment::{Entry, Header, SegmentWriter};
use crate::barrier::journal::live::scan;
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Origin};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::SegmentName;
use crate::storage::View;

/// Records in a row, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The history that they are of.
    pub timeline: Timeline,
    /// Where that left another one, as far as it is known.
    pub origin: Option<Origin>,
    /// The revision of the first.
    pub first: u64,
    /// That of the last.
    pub last: u64,
    /// What the chain comes to before the first.
    pub before: Chain,
    /// When the first commit was.
    pub from: Timestamp,
    /// When the last one was.
    pub to: Timestamp,
}

/// Whose records they are.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The UUID of the store.
    pub store_id: String,
    /// The fingerprint of its root key.
    pub key_id: String,
}

impl Run {
    /// The name of the segment that is made of them.
    pub fn name(&self) -> SegmentName {
        let Self { timeline, origin, first, last, from, to, .. } = *self;
        let [from, to] = [from, to].map(|time| Timestamp::from_secs(time.as_secs()));
        SegmentName { timeline, origin, first, last, from, to }
    }
}

/// The records of `timeline` from `from` on, split where the journal was cut and where a run comes
/// to `most` bytes.
pub fn runs(
    view: &dyn View,
    timeline: Timeline,
    origin: Option<Origin>,
    from: u64,
    most: u64,
) -> Result<Vec<Run>, SnapshotError> {
    let mut runs: Vec<Run> = Vec::new();
    let mut chain = None;
    let mut bytes = 0;
    for record in scan(view, timeline, from, u64::MAX)? {
        let (revision, record) = record?;
        let read = Record::read(&record).map_err(|error| broken(&error))?;
        bytes += record.len() as u64;
        match runs.last_mut() {
            Some(run)
                if run.last + 1 == revision && chain == Some(read.before) && bytes <= most =>
            {
                (run.last, run.to) = (revision, read.time);
            }
            _ => {
                bytes = record.len() as u64;
                let (first, last, before) = (revision, revision, read.before);
                let (from, to) = (read.time, read.time);
                runs.push(Run { timeline, origin, first, last, before, from, to });
            }
        }
        chain = Some(read.before.then(timeline, revision, &record));
    }
    Ok(runs)
}

/// Writes the segment of a run.
pub fn export<W: Write>(
    view: &dyn View,
    run: &Run,
    owner: &Owner,
    keyring: &Keyring,
    to: W,
) -> Result<W, SnapshotError> {
    let Run { timeline, first, last, before, .. } = *run;
    let header = Header {
        store_id: owner.store_id.clone(),
        key_id: owner.key_id.clone(),
        timeline,
        origin: run.origin,
        first,
        last,
        before,
        from: run.from,
        to: run.to,
    };
    let mut writer = SegmentWriter::new(to, &header)?;
    let mut chain = before;
    for record in scan(view, timeline, first, last)? {
        let (revision, record) = record?;
        let entry = Entry::single(timeline, revision, chain, record);
        chain = entry.after;
        writer.entry(&entry)?;
    }
    Ok(writer.finish(keyring)?)
}

fn broken(what: &dyn std::fmt::Display) -> SnapshotError {
    SnapshotError::from(io::Error::new(io::ErrorKind::InvalidData, what.to_string()))
}
