//! Stamps: which snapshots were taken of a store, told by the store itself.
//!
//! A name tells a snapshot's history and revision, and a server on a copy of the store takes some
//! with such names, too. So each one that goes to a target is noted in the store by the commit that
//! is the last one in it: whatever comes of it holds the note, and nothing else does. The first
//! stamp of a store is its birth, so that there is nothing before it; of one that is older than its
//! first stamp, or has more than are kept, it is not known what was taken before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::instant::Instant;
use super::txn::TxnError;
use super::{Unsealed, write_records};
use crate::base::clock::Timestamp;
use crate::base::record::{Record, RecordError};
use crate::storage::{Key, StorageError, Value, View};

/// What the keys of stamps begin with; eight bytes follow: when it was taken, in nanoseconds.
pub const STAMP: &[u8] = b"\0stamp";

/// The key behind the last one that there may be.
const END: &[u8] = b"\0stamq";

/// So many are kept.
const MOST: usize = 1024;

/// What is noted of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// The last commit in it.
    revision: u64,
}

impl Record for Stamp {
    const VERSION: u8 = 1;
}

/// The version of what is noted.
pub const VERSION: u8 = Stamp::VERSION;

/// The stamps in one state of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(BTreeMap<Timestamp, u64>);

impl Stamps {
    /// That of a store which begins.
    pub fn birth() -> (Key, Value) {
        entry(Timestamp::EPOCH, 0)
    }

    /// Those of a store.
    pub fn read(view: &dyn View) -> Result<Self, StorageError> {
        let mut stamps = Self::default();
        for entry in view.scan(STAMP, Some(END))? {
            let (key, value) = entry?;
            let damaged = |_| StorageError::Damaged("a stamp cannot be read".into());
            stamps.add(&key, &value).map_err(damaged)?;
        }
        Ok(stamps)
    }

    /// Adds one as it is stored.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        let taken = placed(key).ok_or(RecordError::Malformed)?;
        self.note(taken, Stamp::decode(value)?.revision);
        Ok(())
    }

    /// Adds that of a snapshot that was taken meanwhile.
    pub fn note(&mut self, taken: Timestamp, revision: u64) {
        self.0.insert(taken, revision);
    }

    /// Whether this state comes of the snapshot that was taken then, with that commit as its last
    /// one; `None` where nobody knows that any more.
    pub fn has(&self, taken: Timestamp, revision: u64) -> Option<bool> {
        let first = *self.0.values().min()?;
        (first <= revision).then(|| self.0.get(&taken) == Some(&revision))
    }
}

/// Whether the key of an entry is that of a stamp.
pub fn is_stamp(key: &[u8]) -> bool {
    key.starts_with(STAMP)
}

/// Whether an entry is a stamp that can be read.
pub fn is_sound(key: &[u8], value: &[u8]) -> bool {
    Stamps::default().add(key, value).is_ok()
}

impl Unsealed {
    /// The stamps of the store as it is.
    pub fn stamps(&self) -> Result<Stamps, TxnError> {
        Ok(Stamps::read(&*self.view()?)?)
    }

    /// Stamps a snapshot: when it is taken, and the instant that it is of. No other one of the
    /// store has that time.
    pub fn stamp(&self) -> Result<(Timestamp, Instant), TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let Stamps(stamps) = Stamps::read(&*alone.begin()?.view)?;
        let mut taken = self.time.now();
        while stamps.contains_key(&taken) {
            taken = taken.plus(Duration::from_nanos(1));
        }
        let (key, value) = entry(taken, self.status().revision + 1);
        let mut writes = BTreeMap::from([(key, Some(value))]);
        let oldest = stamps.iter().min_by_key(|(taken, revision)| (*revision, *taken));
        if let Some((oldest, _)) = oldest.filter(|_| stamps.len() >= MOST) {
            writes.insert(key_of(*oldest), None);
        }
        write_records(&alone, writes)?;
        let view = alone.begin()?.view;
        Ok((taken, Instant { view, keyring: self.keyring(), record: self.status() }))
    }
}

fn entry(taken: Timestamp, revision: u64) -> (Key, Value) {
    (key_of(taken), Stamp { revision }.encode().to_vec())
}

fn key_of(taken: Timestamp) -> Key {
    [STAMP, &taken.as_nanos().to_be_bytes()].concat()
}

fn placed(key: &[u8]) -> Option<Timestamp> {
    let nanos = key.strip_prefix(STAMP)?.try_into().ok()?;
    Some(Timestamp::from_nanos(u64::from_be_bytes(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_before_the_first_stamp_nobody_knows() {
        let mut stamps = Stamps::default();
        let at = Timestamp::from_nanos;
        assert_eq!(stamps.has(at(7), 7), None);
        for (taken, revision) in [(9, 5), (4, 8)] {
            let (key, value) = entry(at(taken), revision);
            assert!(is_stamp(&key) && is_sound(&key, &value));
            stamps.add(&key, &value).unwrap();
        }
        assert_eq!(stamps.has(at(9), 4), None);
        assert_eq!(stamps.has(at(9), 5), Some(true));
        assert_eq!(stamps.has(at(4), 8), Some(true));
        assert_eq!(stamps.has(at(4), 9), Some(false));
        assert_eq!(stamps.has(at(5), 8), Some(false));
        let (birth, value) = Stamps::birth();
        stamps.add(&birth, &value).unwrap();
        assert_eq!(stamps.has(at(9), 4), Some(false));
    }
}
