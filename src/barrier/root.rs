//! The root record: one sealed entry that tells what the store holds, rewritten in each commit.
//!
//! Its keyed hash over all other entries does not depend on their order, so a commit updates it
//! from what it takes away and adds; whoever recounts it finds any entry that was changed,
//! deleted, hidden or put back from an earlier time.

use std::error::Error;
use std::ops::{AddAssign, SubAssign};
use std::sync::{Arc, Mutex, RwLock};

use serde::{Deserialize, Serialize};

use super::envelope::{self, Term};
use super::journal::{At, JournalBooks, JournalKeeper, is_of_journal};
use super::keyring::Keyring;
use super::names::TREE;
use super::scrub::Recount;
use super::{ROOT, UnsealError, restore};
use crate::base::clock::Timestamp;
use crate::base::digest::{MacKey, sha256};
use crate::base::entropy::Entropy;
use crate::base::pages::{Key, Locked};
use crate::base::record::Record;
use crate::base::sync::{lock, read};
use crate::base::timekeeper::TimeKeeper;
use crate::storage::Key as PhysicalKey;
use crate::storage::commit::{Witness, Write};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timeline {
    /// More than that of the timeline that it left, and of the one that it took the place of.
    pub number: u32,
    /// Random: two that left the same timeline differ by it.
    pub id: u64,
}

impl Timeline {
    /// That of a new store.
    pub fn first(entropy: &dyn Entropy) -> Self {
        Self { number: 1, id: u64::from_be_bytes(entropy.bytes()) }
    }

    /// One that leaves this one, and takes the place of the one in which the store was meanwhile:
    /// by its number it is told from one that began beside that.
    pub fn next(self, replaced: Option<Self>, entropy: &dyn Entropy) -> Self {
        let number = replaced.map_or(self.number, |replaced| replaced.number.max(self.number));
        Self { number: number.saturating_add(1), id: u64::from_be_bytes(entropy.bytes()) }
    }
}

impl std::str::FromStr for Timeline {
    type Err = NoTimeline;

    fn from_str(text: &str) -> Result<Self, NoTimeline> {
        let (number, id) = text.split_once('-').ok_or(NoTimeline)?;
        let number = number.parse().map_err(|_| NoTimeline)?;
        let timeline = Self { number, id: u64::from_str_radix(id, 16).map_err(|_| NoTimeline)? };
        if timeline.to_string() == text { Ok(timeline) } else { Err(NoTimeline) }
    }
}

/// A text that names no timeline: one is a number, `-`, and 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTimeline;

impl std::fmt::Display for NoTimeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("that is no timeline: one looks like 1-0011223344556677")
    }
}

impl Error for NoTimeline {}

impl std::fmt::Display for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:016x}", self.number, self.id)
    }
}

/// What a set of entries comes to, whatever their order; all sums wrap, so that a difference of two
/// is one too.
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

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.entries = self.entries.wrapping_add(other.entries);
        self.key_bytes = self.key_bytes.wrapping_add(other.key_bytes);
        self.value_bytes = self.value_bytes.wrapping_add(other.value_bytes);
        let mut carry = false;
        for (sum, term) in self.hash.iter_mut().zip(other.hash) {
            let (partial, over) = sum.overflowing_add(term);
            let (total, over_again) = partial.overflowing_add(carry.into());
            (*sum, carry) = (total, over || over_again);
        }
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.entries = self.entries.wrapping_sub(other.entries);
        self.key_bytes = self.key_bytes.wrapping_sub(other.key_bytes);
        self.value_bytes = self.value_bytes.wrapping_sub(other.value_bytes);
        let mut borrow = false;
        for (sum, term) in self.hash.iter_mut().zip(other.hash) {
            let (partial, under) = sum.overflowing_sub(term);
            let (total, under_again) = partial.overflowing_sub(borrow.into());
            (*sum, borrow) = (total, under || under_again);
        }
    }
}

/// Hashes single entries under a key that is kept ready.
pub struct EntryHasher(Locked<MacKey>);

impl EntryHasher {
    /// Prepares the key.
    pub fn new(key: &Key<32>) -> Self {
        Self(Locked::new(MacKey::new(key)))
    }

    /// What this entry alone comes to.
    pub fn tally(&self, key: &[u8], value: &[u8]) -> Tally {
        let length = (key.len() as u32).to_be_bytes();
        let mac = self.0.mac(&[&length, key, &sha256(value)]);
        let (words, _) = mac.as_chunks::<8>();
        Tally {
            entries: 1,
            key_bytes: key.len() as u64,
            value_bytes: value.len() as u64,
            hash: std::array::from_fn(|n| words.get(n).map_or(0, |w| u64::from_le_bytes(*w))),
        }
    }

    /// What it adds to what a root record counts: neither itself nor the journal.
    pub fn counted(&self, key: &[u8], value: &[u8]) -> Tally {
        match key == ROOT || restore::is_note(key) || is_of_journal(key) {
            true => Tally::default(),
            false => self.tally(key, value),
        }
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
            .map_err(|_| UnsealError::unopened("root record", sealed))?;
        let record = Self::decode(&plain).map_err(UnsealError::unread("root record"))?;
        if record.readable_by > program_version() {
            return Err(UnsealError::ProgramTooOld(record.readable_by));
        }
        Ok(record)
    }
}

fn program_version() -> [u16; 3] {
    let part = |text: &str| text.parse().unwrap_or(0);
    [
        part(env!("CARGO_PKG_VERSION_MAJOR")),
        part(env!("CARGO_PKG_VERSION_MINOR")),
        part(env!("CARGO_PKG_VERSION_PATCH")),
    ]
}

/// The root record of an unsealed store and the recount that may be under way, in step.
pub struct Books {
    /// The root record as it is in the store.
    pub record: RootRecord,
    /// While the scrub runs.
    pub recount: Option<Recount>,
    /// What is kept of each commit until targets have it.
    pub journal: JournalBooks,
    /// The history that begins with the next commit, if it is to be another one.
    pub leaves: Option<Timeline>,
}

/// Keeps the root record: it sees each change on its way to the disk.
pub struct RootKeeper {
    books: Arc<Mutex<Books>>,
    next: RootRecord,
    /// What is changed since the last commit, if a recount wants to know.
    changed: Vec<(PhysicalKey, Tally)>,
    journal: JournalKeeper,
    hasher: EntryHasher,
    keyring: Arc<RwLock<Arc<Keyring>>>,
    time: Arc<TimeKeeper>,
    entropy: Arc<dyn Entropy>,
}

impl RootKeeper {
    /// Goes on from what the books say.
    pub fn new(
        books: Arc<Mutex<Books>>,
        keyring: Arc<RwLock<Arc<Keyring>>>,
        time: Arc<TimeKeeper>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (next, journal) = {
            let books = lock(&books);
            (books.record.clone(), JournalKeeper::new(&books.journal))
        };
        let hasher = EntryHasher::new(&read(&keyring).fixed().entries);
        Self { books, next, changed: Vec::new(), journal, hasher, keyring, time, entropy }
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
        if restore::is_note(key) {
            return;
        }
        if is_of_journal(key) {
            return old.into_iter().for_each(|record| self.journal.deleted(record));
        }
        self.journal.observe(key, new);
        let mut change = Tally::default();
        if let Some(old) = old {
            change -= self.hasher.tally(key, old);
        }
        if let Some(new) = new {
            change += self.hasher.tally(key, new);
            if let (Some(&TREE), Ok(term)) = (key.first(), envelope::term(new)) {
                self.count_encryption(term);
            }
        }
        self.next.tally += change;
        self.changed.push((key.to_vec(), change));
    }

    fn seal(&mut self) -> Result<Vec<Write>, Box<dyn Error + Send + Sync>> {
        let keyring = Arc::clone(&read(&self.keyring));
        self.count_encryption(keyring.term());
        self.next.revision += 1;
        if let Some(next) = lock(&self.books).leaves {
            self.next.timeline = next;
        }
        // A time that may be wrong is not to be the floor for ever.
        self.next.latest = self.time.expiry_now();
        let sealed = keyring.seal_value(ROOT, &self.next.encode(), &*self.entropy);
        let RootRecord { timeline, revision, .. } = self.next;
        let (time, root) = (self.time.now(), (ROOT, &*sealed));
        let at = At { timeline, revision, time };
        let mut writes = self.journal.seal(&lock(&self.books).journal, at, root);
        writes.push((ROOT.to_vec(), Some(sealed)));
        Ok(writes)
    }

    fn committed(&mut self) {
        let mut books = lock(&self.books);
        books.record.clone_from(&self.next);
        if let Some(recount) = &mut books.recount {
            recount.follow(self.next.revision, self.changed.drain(..));
        }
        self.journal.committed(&mut books.journal);
        self.changed.clear();
    }

    fn abandoned(&mut self) {
        let books = lock(&self.books);
        self.next.clone_from(&books.record);
        self.journal.abandoned(&books.journal);
        self.changed.clear();
    }
}
