//! What a state holds: the records without which nothing else opens, and all other entries.

use std::io::{BufReader, Read};

use super::SnapshotError;
use super::format::meta::Meta;
use super::format::state::StateReader;
use crate::barrier::journal::{HEAD, Head};
use crate::barrier::newer::newer;
use crate::barrier::root::{EntryHasher, Tally};
use crate::barrier::seal::SealRecord;
use crate::barrier::stamps::{Stamps, is_stamp};
use crate::barrier::{KEYRING, ROOT, SEAL};
use crate::base::record::{Record, RecordError};
use crate::storage::{Entry, StorageError};

/// The entries of a state, in the order of their keys.
pub struct Entries<R> {
    reader: StateReader<BufReader<R>>,
    records: Records,
}

/// The records of the system in a state, as they are stored.
#[derive(Default)]
pub struct Records {
    seal: Option<Vec<u8>>,
    keyring: Option<Vec<u8>>,
    root: Option<Vec<u8>>,
    head: Option<Vec<u8>>,
    stamps: Stamps,
}

impl<R: Read> Entries<R> {
    /// Begins to read.
    pub fn new(state: R) -> Result<Self, SnapshotError> {
        let state = BufReader::with_capacity(64 << 10, state);
        Ok(Self { reader: StateReader::new(state)?, records: Records::default() })
    }

    /// What was seen of the records of the system up to now.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Reads what is left and checks what needs no keys: the framing, that the state holds what
    /// `meta` says, and that its seal record is of the root key that `meta` names.
    pub fn finish(mut self, meta: &Meta) -> Result<Records, SnapshotError> {
        for entry in &mut self {
            entry?;
        }
        let (counts, about) = (self.reader.counts(), &meta.about);
        if (counts.entries, counts.bytes) != (about.entries, about.bytes) {
            return Err(SnapshotError::Broken("it does not hold what its meta.json says".into()));
        }
        if self.records.seal()?.settings().root_key.to_string() != about.key_id {
            return Err(SnapshotError::Broken("its seal record is not of its root key".into()));
        }
        self.records.keyring()?;
        self.records.root()?;
        Ok(self.records)
    }
}

/// What the entries of a state come to, as a root record counts them.
pub fn tally(state: impl Read, hasher: &EntryHasher) -> Result<Tally, SnapshotError> {
    let mut found = Tally::default();
    for entry in Entries::new(state)? {
        let (key, value) = entry?;
        found += hasher.counted(&key, &value);
    }
    Ok(found)
}

impl<R: Read> Iterator for Entries<R> {
    type Item = Result<Entry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = match self.reader.read_entry() {
            Ok(entry) => entry?,
            Err(error) => return Some(Err(SnapshotError::from(error).into())),
        };
        let kept = self.records.keep(&entry);
        Some(kept.map(|()| entry).map_err(|error| unread(error).into()))
    }
}

impl Records {
    fn keep(&mut self, (key, value): &Entry) -> Result<(), RecordError> {
        if let Some((_, version)) = newer(key, value) {
            return Err(RecordError::Version(version));
        }
        let place = match &key[..] {
            SEAL => &mut self.seal,
            KEYRING => &mut self.keyring,
            ROOT => &mut self.root,
            HEAD => &mut self.head,
            _ if is_stamp(key) => return self.stamps.add(key, value),
            _ => return Ok(()),
        };
        *place = Some(value.clone());
        Ok(())
    }

    /// The seal record.
    pub fn seal(&self) -> Result<SealRecord, SnapshotError> {
        SealRecord::decode(there(&self.seal, "seal record")?).map_err(unread)
    }

    /// The sealed keyring.
    pub fn keyring(&self) -> Result<&[u8], SnapshotError> {
        there(&self.keyring, "keyring")
    }

    /// The sealed root record.
    pub fn root(&self) -> Result<&[u8], SnapshotError> {
        there(&self.root, "root record")
    }

    /// Which snapshots were taken of the store by then.
    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// Where the journal stood; `None` where there was none.
    pub fn head(&self) -> Result<Option<Head>, SnapshotError> {
        let head = self.head.as_deref().map(Head::decode).transpose();
        head.map_err(unread)
    }
}

fn unread(error: RecordError) -> SnapshotError {
    match error {
        RecordError::Version(version) => SnapshotError::Newer(format!(
            "a record in the snapshot is of version {version}, which only a newer edgekeep knows"
        )),
        RecordError::Malformed => SnapshotError::Broken(error.to_string()),
    }
}

fn there<'a>(record: &'a Option<Vec<u8>>, name: &str) -> Result<&'a [u8], SnapshotError> {
    record.as_deref().ok_or_else(|| SnapshotError::Broken(format!("its {name} is missing")))
}
