//! The root record: one sealed entry that tells what the store holds, rewritten in each commit.
//!
//! Its keyed hash over all other entries does not depend on their order, so a commit updates it
//! from what it takes away and adds; whoever recounts it finds any entry that was changed,
//! deleted, hidden or put back from an earlier time.

use std::error::Error;
use std::sync::{Arc, Mutex, RwLock};

use serde::{Deserialize, Serialize};

use super::envelope::{self, Term};
use super::keyring::Keyring;
use super::names::TREE;
use super::{ROOT, UnsealError, lock, read};
use crate::base::clock::Timestamp;
use crate::base::digest::{MacKey, sha256};
use crate::base::entropy::Entropy;
use crate::base::pages::{Key, Locked};
use crate::base::record::Record;
use crate::base::timekeeper::TimeKeeper;
use crate::storage::Entry;
use crate::storage::commit::Witness;

/// The newest format of a store that this program writes.
pub const FORMAT: u32 = 1;
/// The lowest version of the program that may read [`FORMAT`].
pub const READABLE_BY: [u16; 3] = [0, 1, 0];

/// The root record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootRecord {
    /// The format of everything in the store.
    pub format: u32,
    /// The lowest version of the program that may read it: major, minor, patch.
    pub readable_by: [u16; 3],
    /// A random UUID, the same for the life of the store and in all its snapshots.
    pub store_id: String,
    /// Which history this is.
    pub timeline: Timeline,
    /// How many commits led here: one for each group of requests.
    pub revision: u64,
    /// When the last of them was.
    pub latest: Timestamp,
    /// What all other entries come to.
    pub tally: Tally,
    /// The newest term under which a value was sealed.
    pub term: Term,
    /// How many values were sealed under it.
    pub encryptions: u64,
}

impl Record for RootRecord {
    const VERSION: u8 = 1;
}

/// A history of a store. Each restore, rewind and promotion begins a new one, so that two stores
/// that went apart are told apart although their revisions are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// One more than the timeline that it left.
    pub number: u32,
    /// Random: two that left the same timeline differ by it.
    pub id: u64,
}

impl Timeline {
    /// That of a new store.
    pub fn first(entropy: &dyn Entropy) -> Self {
        Self { number: 1, id: u64::from_be_bytes(entropy.bytes()) }
    }

    /// One that leaves this one.
    pub fn next(self, entropy: &dyn Entropy) -> Self {
        Self { number: self.number + 1, id: u64::from_be_bytes(entropy.bytes()) }
    }
}

impl std::fmt::Display for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:016x}", self.number, self.id)
    }
}

/// What a set of entries comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many they are.
    pub entries: u64,
    /// The length of their keys, in bytes.
    pub key_bytes: u64,
    /// The length of their sealed values, in bytes.
    pub value_bytes: u64,
    /// The sum of the hashes of each, modulo 2^256; least significant word first.
    hash: [u64; 4],
}

impl Tally {
    /// Counts an entry in.
    pub fn add(&mut self, hasher: &EntryHasher, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_add(1);
        self.key_bytes = self.key_bytes.wrapping_add(key.len() as u64);
        self.value_bytes = self.value_bytes.wrapping_add(value.len() as u64);
        let mut carry = false;
        for (sum, term) in self.hash.iter_mut().zip(hasher.hash(key, value)) {
            let (partial, over) = sum.overflowing_add(term);
            let (total, over_again) = partial.overflowing_add(u64::from(carry));
            (*sum, carry) = (total, over || over_again);
        }
    }

    /// Counts an entry out that was counted in.
    pub fn subtract(&mut self, hasher: &EntryHasher, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_sub(1);
        self.key_bytes = self.key_bytes.wrapping_sub(key.len() as u64);
        self.value_bytes = self.value_bytes.wrapping_sub(value.len() as u64);
        let mut borrow = false;
        for (sum, term) in self.hash.iter_mut().zip(hasher.hash(key, value)) {
            let (partial, under) = sum.overflowing_sub(term);
            let (total, under_again) = partial.overflowing_sub(u64::from(borrow));
            (*sum, borrow) = (total, under || under_again);
        }
    }
}

/// The keyed hash of single entries, its key kept ready.
pub struct EntryHasher(Locked<MacKey>);

impl EntryHasher {
    /// Prepares the key.
    pub fn new(key: &Key<32>) -> Self {
        Self(Locked::new(MacKey::new(key)))
    }

    fn hash(&self, key: &[u8], value: &[u8]) -> [u64; 4] {
        let length = (key.len() as u32).to_be_bytes();
        let mac = self.0.mac(&[&length, key, &sha256(value)]);
        let (words, _) = mac.as_chunks::<8>();
        std::array::from_fn(|n| u64::from_le_bytes(words[n]))
    }
}

impl RootRecord {
    /// That of a new, empty store.
    pub fn first(entropy: &dyn Entropy) -> Self {
        Self {
            format: FORMAT,
            readable_by: READABLE_BY,
            store_id: entropy.uuid(),
            timeline: Timeline::first(entropy),
            revision: 0,
            latest: Timestamp::EPOCH,
            tally: Tally::default(),
            term: 1,
            encryptions: 0,
        }
    }

    /// Opens the sealed record.
    pub fn open(keyring: &Keyring, sealed: &[u8]) -> Result<Self, UnsealError> {
        let plain = keyring
            .open_value(ROOT, sealed)
            .map_err(|_| UnsealError::Damaged("its root record"))?;
        Ok(Self::decode(&plain)?)
    }
}

/// Keeps the root record while the store is unsealed: it sees each change on its way to the disk.
pub struct RootKeeper {
    /// What the store says, shared with those who ask for the status.
    kept: Arc<Mutex<RootRecord>>,
    next: RootRecord,
    hasher: EntryHasher,
    keyring: Arc<RwLock<Arc<Keyring>>>,
    time: Arc<TimeKeeper>,
    entropy: Arc<dyn Entropy>,
}

impl RootKeeper {
    /// Goes on from what `kept` says.
    pub fn new(
        kept: Arc<Mutex<RootRecord>>,
        keyring: Arc<RwLock<Arc<Keyring>>>,
        time: Arc<TimeKeeper>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let next = lock(&kept).clone();
        let hasher = EntryHasher::new(&read(&keyring).fixed().entries);
        Self { kept, next, hasher, keyring, time, entropy }
    }

    fn count_encryption(&mut self, term: Term) {
        if term > self.next.term {
            (self.next.term, self.next.encryptions) = (term, 0);
        }
        self.next.encryptions += u64::from(term == self.next.term);
    }
}

impl Witness for RootKeeper {
    fn observe(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if let Some(old) = old {
            self.next.tally.subtract(&self.hasher, key, old);
        }
        let Some(new) = new else { return };
        self.next.tally.add(&self.hasher, key, new);
        if let (Some(&TREE), Ok(term)) = (key.first(), envelope::term(new)) {
            self.count_encryption(term);
        }
    }

    fn seal(&mut self) -> Result<Vec<Entry>, Box<dyn Error + Send + Sync>> {
        let keyring = Arc::clone(&read(&self.keyring));
        self.count_encryption(keyring.term());
        self.next.revision += 1;
        self.next.latest = self.time.now();
        let plain = self.next.encode();
        let sealed = keyring.seal_value(ROOT, &plain, &*self.entropy);
        Ok(vec![(ROOT.to_vec(), sealed)])
    }

    fn committed(&mut self) {
        lock(&self.kept).clone_from(&self.next);
    }

    fn abandoned(&mut self) {
        self.next.clone_from(&lock(&self.kept));
    }
}
