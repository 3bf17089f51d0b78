//! Opens every entry of a store or a snapshot and recounts it against its root record.

use std::collections::BTreeMap;
use std::fmt;

use super::journal::{HEAD, is_beside, placed};
use super::keyring::Keyring;
use super::names::{Names, PlainPath};
use super::owed::is_owed;
use super::root::{EntryHasher, RootRecord, Tally};
use super::seal::SealRecord;
use super::stamps;
use super::{KEYRING, RESTORED, ROOT, SEAL, SYSTEM, UnsealError, Unsealed};
use crate::base::hex;
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::storage::{Entry, StorageError, View};

/// So many bad entries are named; the others are only counted.
const NAMED: usize = 100;
/// There are fewer records of the system: a store with more of them was tampered with.
const MOST_RECORDS: usize = 16;

/// What is to be said where a restore left the seal record that stood before it: nobody can tell
/// that from an older one that was put back, over a newer one, by who can write the file.
pub const SEAL_REPLACED: &str = "the store was restored, and its seal record is not the \
     snapshot's but one of before: the shares of that one open it. If nobody restored it, somebody \
     has put an old seal record back, so that shares of before a rekey open it again: see who can \
     write the file, and rekey";

/// What a verification found.
#[derive(Debug)]
pub struct Report {
    /// The root record's word on what should be there.
    pub record: RootRecord,
    /// What is there.
    pub found: Tally,
    /// What is bad.
    pub bad: BadEntries,
    /// Whether [`SEAL_REPLACED`] is to be said.
    pub seal_replaced: bool,
}

impl Report {
    /// Whether every entry opened and all are there that should be, and no other.
    pub fn good(&self) -> bool {
        self.bad.count == 0 && self.found == self.record.tally
    }
}

/// Entries that do not open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadEntries {
    /// How many they are.
    pub count: u64,
    /// The first hundred.
    pub named: Vec<BadEntry>,
}

/// An entry that does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// Where it stands, if that could be opened.
    pub path: Option<PlainPath>,
    /// Its physical key.
    pub key: Vec<u8>,
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(PlainPath { mount, path, part: None }) => write!(f, "{path} in mount {mount}"),
            Some(PlainPath { mount, path, part: Some(part) }) => {
                write!(f, "part {part} of {path} in mount {mount}")
            }
            None => {
                let start = hex::encode(&self.key[..self.key.len().min(64)]);
                write!(f, "the entry with the foreign key {start}")
            }
        }
    }
}

/// Which key the caller has.
#[derive(Clone, Copy)]
pub enum With<'a> {
    /// The one that the seal record is opened by.
    UnsealKey(&'a Key<32>),
    /// The one that is in the seal record.
    RootKey(&'a Key<32>),
}

/// Goes through all `entries` of a store or a snapshot, in the order of their keys.
///
/// # Errors
/// When the key is wrong, or when the records that open all others are damaged.
pub fn verify(
    entries: &mut dyn Iterator<Item = Result<Entry, StorageError>>,
    with: With<'_>,
) -> Result<Report, UnsealError> {
    // What opens the others stands before them.
    let mut system = BTreeMap::new();
    let mut ahead = None;
    for entry in &mut *entries {
        let (key, value) = entry?;
        // There may be more of these, and nobody counts them.
        if is_beside(&key, &value) || is_owed(&key) {
            continue;
        }
        let is_record = key.first() == Some(&SYSTEM) && !stamps::is_stamp(&key);
        if !is_record || system.len() == MOST_RECORDS {
            ahead = Some((key, value));
            break;
        }
        system.insert(key, value);
    }
    let get = |key: &[u8], name| system.get(key).ok_or(UnsealError::Damaged(name));
    let seal = get(SEAL, "seal record")?;
    let opened;
    let root_key = match with {
        With::RootKey(key) => key,
        With::UnsealKey(key) => {
            let record = SealRecord::decode(seal).map_err(UnsealError::unread("seal record"))?;
            opened = record.open(key)?;
            &opened
        }
    };
    let keyring = Keyring::open(root_key, get(KEYRING, "keyring")?)?;
    let mut record = RootRecord::open(&keyring, get(ROOT, "root record")?)?;
    let names = Names::new(&keyring.fixed().names);
    let hasher = EntryHasher::new(&keyring.fixed().entries);
    let restored = system.get(RESTORED);
    if let Some(before) = restored {
        record.tally -= hasher.tally(SEAL, before);
        record.tally += hasher.tally(SEAL, seal);
    }
    let mut check = Check::new(root_key, &keyring, &names, &hasher);
    for (key, value) in system.iter() {
        check.entry(key, value);
    }
    for entry in ahead.map(Ok).into_iter().chain(entries) {
        let (key, value) = entry?;
        check.entry(&key, &value);
    }
    let Check { found, bad, .. } = check;
    let seal_replaced = restored.is_some_and(|before| before != seal);
    Ok(Report { record, found, bad, seal_replaced })
}

impl Unsealed {
    /// Verifies one state of this store: `view`.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(&self, view: &dyn View) -> Result<Report, UnsealError> {
        verify(&mut view.scan(&[], None)?, With::RootKey(&self.root_key))
    }
}

/// Opens and counts entries.
pub(super) struct Check<'a> {
    root_key: &'a Key<32>,
    keyring: &'a Keyring,
    names: &'a Names,
    hasher: &'a EntryHasher,
    /// What the entries come to, the root record apart.
    pub found: Tally,
    /// Those that did not open.
    pub bad: BadEntries,
}

impl<'a> Check<'a> {
    pub fn new(
        root_key: &'a Key<32>,
        keyring: &'a Keyring,
        names: &'a Names,
        hasher: &'a EntryHasher,
    ) -> Self {
        let (found, bad) = Default::default();
        Self { root_key, keyring, names, hasher, found, bad }
    }

    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        if key == HEAD || placed(key).is_some() || is_beside(key, value) {
            return;
        }
        if key != ROOT && key != RESTORED {
            self.found += self.hasher.tally(key, value);
        }
        let path = self.names.open(key);
        let opens = match key {
            SEAL => SealRecord::decode(value).is_ok(),
            KEYRING => Keyring::open(self.root_key, value).is_ok(),
            RESTORED => true,
            _ if stamps::is_stamp(key) => stamps::is_sound(key, value),
            ROOT => RootRecord::open(self.keyring, value).is_ok(),
            _ => path.is_ok() && self.keyring.open_value(key, value).is_ok(),
        };
        if !opens {
            self.bad.add(BadEntry { path: path.ok(), key: key.to_vec() });
        }
    }
}

impl BadEntries {
    fn add(&mut self, entry: BadEntry) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(entry);
        }
    }

    /// Adds those of another part of the store.
    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = NAMED - self.named.len();
        self.named.extend(other.named.into_iter().take(room));
    }
}
