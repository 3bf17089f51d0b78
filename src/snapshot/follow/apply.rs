//! What leads on, written into the store of a standby.

use crate::barrier::journal::{HEAD, Head};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::barrier::{RESTORED, SEAL};
use crate::base::record::Record as _;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::segment::Entry;
use crate::snapshot::restorable::Restorable;
use crate::snapshot::rewind::file::{Getter, Unfit};
use crate::snapshot::rewind::listing::Leg;
use crate::snapshot::rewind::segments::{Broken, Segments, Start, Walk};
use crate::snapshot::rewind::{Prepared, Source, replay};
use crate::storage::{Storage, StorageError, Urgency};

use super::{Follower, promotion};

/// So many bytes of records go into one transaction, and the record that goes beyond it.
const AT_ONCE: usize = 4 << 20;

impl Follower {
    /// Gets a segment that leads on from `head` and makes its writes: where that leads. Of one that
    /// does not verify nothing is written.
    pub(super) fn apply(&self, source: Source<'_>, leg: Leg, head: Head) -> Result<Head, Unfit> {
        let mut segments = Segments::new(self.means.spools.open()?);
        Getter::new(source).segment(&leg.segment, None::<&Keyring>, &mut segments)?;
        let Head { timeline, revision, chain, .. } = head;
        let start = Start { timeline, revision, chain };
        let mut batch = Batch { head, records: Vec::new(), bytes: 0 };
        let walked = segments.walk(start, &[leg], |timeline, entry| {
            if self.is_stopped() {
                return Err(SnapshotError::Interrupted);
            }
            batch.add(timeline, entry);
            if batch.bytes >= AT_ONCE {
                self.write(|storage| batch.write(storage))?;
            }
            Ok(Walk::On)
        });
        match walked {
            Ok(()) => {}
            Err(Broken::Link(name)) => {
                return Err(Unfit::astray(name, "it does not go on from where this standby is"));
            }
            Err(Broken::Apart(timeline)) => return Err(Unfit::Apart(timeline)),
            Err(Broken::Failed(error)) => return Err(error.into()),
        }
        self.write(|storage| batch.write(storage))?;
        Ok(batch.head)
    }

    /// Puts a whole state in the place of the store.
    pub(super) fn replace(&self, by: &Prepared) -> Result<(), SnapshotError> {
        self.write(|storage| storage.replace(&mut |to| by.make_store(to)))?;
        if let Err(error) = promotion::fill(&self.means.folder) {
            log::warn!("standby of {}: that it has something is not noted: {error}", self.of.name);
        }
        Ok(())
    }
}

/// Commits that are written together.
struct Batch {
    /// Where they lead.
    head: Head,
    records: Vec<Vec<u8>>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, timeline: Timeline, entry: &Entry) {
        self.bytes += entry.record.len();
        self.records.push(entry.record.clone());
        let (revision, chain) = (entry.revision, entry.after);
        // Its origin is in the name of each segment: it ships none itself.
        let head = Head { timeline, origin: None, revision, chain, ..self.head };
        self.head = Head { dropped: revision, bytes: 0, cut: false, ..head };
    }

    fn write(&mut self, storage: &dyn Storage) -> Result<(), StorageError> {
        let (records, head) = (&self.records, &self.head);
        if !records.is_empty() {
            storage.write(Urgency::Ordinary, &mut |to| {
                for record in records {
                    replay(record, to)?;
                }
                // Who unseals it begins a new timeline: that note is of the present seal record.
                if let Some(seal) = to.get(SEAL)? {
                    to.put(RESTORED, &seal)?;
                }
                to.put(HEAD, &head.encode())?;
                Ok(())
            })?;
        }
        (self.records, self.bytes) = Default::default();
        Ok(())
    }
}
