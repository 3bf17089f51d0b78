//! Makes segments of the records that a store still keeps.

use std::io::{self, Write};
use std::iter;

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
    /// What is made of them.
    pub name: SegmentName,
    /// What the chain comes to before the first.
    pub before: Chain,
    /// And with the last.
    pub after: Chain,
    /// When the first commit was, and the last one.
    times: [Timestamp; 2],
    /// Their length, in bytes.
    bytes: u64,
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
    /// Of one record.
    fn begin(timeline: Timeline, origin: Option<Origin>, next: &Next) -> Self {
        let Next { revision, before, after, time, bytes } = *next;
        let seconds = Timestamp::from_secs(time.as_secs());
        let name = SegmentName {
            timeline,
            origin,
            first: revision,
            last: revision,
            from: seconds,
            to: seconds,
            chain: after.short(),
        };
        Self { name, before, after, times: [time; 2], bytes }
    }

    /// With one more record, if that goes on from it and the whole has at most `most` bytes.
    fn then(self, next: &Next, most: u64) -> Option<Self> {
        let Next { revision, before, after, time, bytes } = *next;
        let goes_on = self.name.last + 1 == revision && self.after == before;
        let bytes = self.bytes.checked_add(bytes).filter(|bytes| goes_on && *bytes <= most)?;
        let (to, chain) = (Timestamp::from_secs(time.as_secs()), after.short());
        let name = SegmentName { last: revision, to, chain, ..self.name };
        Some(Self { name, after, times: [self.times[0], time], bytes, ..self })
    }
}

/// A record, as far as a run needs it.
struct Next {
    revision: u64,
    before: Chain,
    after: Chain,
    time: Timestamp,
    bytes: u64,
}

/// The records of `timeline` from `from` up to `upto`, split where the journal was cut and where a
/// run would come to more than `most` bytes. No more of them is read than is asked for.
pub fn runs(
    view: &dyn View,
    timeline: Timeline,
    origin: Option<Origin>,
    (from, upto): (u64, u64),
    most: u64,
) -> Result<impl Iterator<Item = Result<Run, SnapshotError>>, SnapshotError> {
    let mut records = scan(view, timeline, from, upto)?.map(move |record| {
        let (revision, record) = record?;
        let Record { before, time, .. } = Record::read(&record).map_err(|error| broken(&error))?;
        let after = before.then(timeline, revision, &record);
        Ok(Next { revision, before, after, time, bytes: record.len() as u64 })
    });
    let mut begun: Option<Run> = None;
    Ok(iter::from_fn(move || {
        loop {
            let next = match records.next() {
                None => return begun.take().map(Ok),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(next)) => next,
            };
            match begun.and_then(|run| run.then(&next, most)) {
                Some(longer) => begun = Some(longer),
                None => {
                    let run = begun.replace(Run::begin(timeline, origin, &next));
                    if run.is_some() {
                        return run.map(Ok);
                    }
                }
            }
        }
    }))
}

/// Writes the segment of a run.
pub fn export<W: Write>(
    view: &dyn View,
    run: &Run,
    owner: &Owner,
    keyring: &Keyring,
    to: W,
) -> Result<W, SnapshotError> {
    let SegmentName { timeline, origin, first, last, .. } = run.name;
    let ([start, end], before) = (run.times, run.before);
    let header = Header {
        store_id: owner.store_id.clone(),
        key_id: owner.key_id.clone(),
        timeline,
        origin,
        first,
        last,
        before,
        from: start,
        to: end,
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
