//! One opened redb database: every call into redb goes through here, where its errors get our
//! names and its panics are caught.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use redb::{
    Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    Table, TableDefinition, WriteTransaction,
};

use super::device::{Device, Fate, Gauge, Header, Medium, Observers, Site};
use super::view::Pins;
use crate::base::quiet::calmly;
use crate::base::sync::{lock, read, write};
use crate::base::turns::Turns;
use crate::storage::{Job, Key, StorageError, Value, Writer};

pub type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The one table.
pub const ENTRIES: Definition = TableDefinition::new("entries");

/// Why redb panics.
pub const SENSELESS: &str = "a page makes no sense";

/// The table in one unchanging state.
pub type Entries = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// What is written in one transaction; `None` deletes.
pub type Batch = BTreeMap<Key, Option<Value>>;

/// So many read at once. It is a moment, but for a large value, of which a page holds the whole: as
/// many of these are in memory at most.
const READERS: usize = 4;

/// A database, until it is closed.
pub struct Handle {
    db: RwLock<Option<Database>>,
    /// What the store's file is called.
    name: String,
    /// What is seen of it.
    pub gauge: Arc<Gauge>,
    /// Why it cannot be written, when that is so.
    pub read_only: Option<String>,
    /// Who reads it.
    pub pins: Pins,
    /// By which they read: each holds the pages that it looks at.
    pub turns: Turns,
    /// Bytes of values that were removed since it was last looked for unused space.
    pub removed: AtomicU64,
    /// Where there was no room to compact it, it is looked again once more than that is free, in
    /// bytes; else 0.
    pub wanted: AtomicU64,
    suspect: AtomicBool,
}

impl Handle {
    /// Opens what `medium` at `site` holds, making an empty database of an empty file. Where a
    /// commit is `in_doubt`, the one before it is opened.
    pub fn open(
        site: &Arc<dyn Site>,
        medium: Medium,
        cache_bytes: usize,
        observers: &Observers,
        in_doubt: Option<&InDoubt>,
    ) -> Result<Self, StorageError> {
        let gauge = Arc::new(Gauge::new(observers.clone()));
        let handle = Self {
            db: RwLock::new(None),
            name: site.name(),
            gauge: Arc::clone(&gauge),
            read_only: medium.read_only.clone(),
            pins: Pins::default(),
            turns: Turns::new(READERS),
            removed: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            suspect: AtomicBool::new(false),
        };
        let device = Device::new(medium, Arc::clone(site), Arc::clone(&gauge))?;
        gauge.allow_reserve(true);
        if let Some(InDoubt { before }) = in_doubt {
            device.go_back(before)?;
        }
        let opened = handle.guard(|| {
            let gauge = Arc::clone(&gauge);
            Builder::new()
                .set_cache_size(cache_bytes)
                .set_repair_callback(move |_| gauge.repairing(true))
                .create_with_backend(device)
        });
        *write(&handle.db) = Some(opened?);
        handle.expect_entries()?;
        gauge.allow_reserve(false);
        gauge.opened();
        handle.suspect.store(false, Ordering::Relaxed);
        Ok(handle)
    }

    /// Makes the table in a new database; anything else without it is none of ours.
    fn expect_entries(&self) -> Result<(), StorageError> {
        let tables = self.with(|db| Ok(db.begin_read()?.list_tables()?.count()))?;
        if tables > 0 {
            return self.entries().map(|_| ());
        }
        let txn = self.with(|db| Ok(db.begin_write()?))?;
        self.guard(|| txn.open_table(ENTRIES).map(|_| ()))?;
        self.guard(|| txn.commit())
    }

    /// The newest state.
    pub fn entries(&self) -> Result<Entries, StorageError> {
        self.with(|db| Ok(db.begin_read()?.open_table(ENTRIES)?))
    }

    /// The value of `key` in it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        let entries = self.entries()?;
        self.guard(|| Ok::<_, redb::Error>(entries.get(key)?.map(|value| value.value().to_vec())))
    }

    /// Bytes of the pages that the newest state is made of. Reads all of them.
    pub fn live_bytes(&self) -> Result<u64, StorageError> {
        let entries = self.entries()?;
        let stats = self.guard(|| entries.stats())?;
        Ok(stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes())
    }

    /// Runs `job` in one durable transaction. Where that fails, it may have put into `in_doubt`
    /// how it is taken back.
    pub fn transact(
        &self,
        in_doubt: &Mutex<Option<InDoubt>>,
        job: &mut Job<'_>,
    ) -> Result<(), StorageError> {
        let txn = self.with(|db| Ok(db.begin_write()?))?;
        match self.run(&txn, job) {
            Ok(false) => self.guard(|| txn.abort()),
            Ok(true) => self.commit(in_doubt, txn),
            Err(error) => {
                let _ = self.guard(|| txn.abort());
                Err(error)
            }
        }
    }

    /// Whether `job` changed anything.
    fn run(&self, txn: &WriteTransaction, job: &mut Job<'_>) -> Result<bool, StorageError> {
        let table = self.guard(|| txn.open_table(ENTRIES))?;
        let mut writer = TableWriter { handle: self, table, changed: false };
        let done = job(&mut writer);
        let TableWriter { table, changed, .. } = writer;
        self.dismiss(table)?;
        done.map(|()| changed)
    }

    fn commit(
        &self,
        in_doubt: &Mutex<Option<InDoubt>>,
        txn: WriteTransaction,
    ) -> Result<(), StorageError> {
        // Held until it is known what became of it: whoever opens the file anew waits here.
        let mut in_doubt = lock(in_doubt);
        let before = self.gauge.header();
        let Err(error) = self.guard(|| txn.commit()) else { return Ok(()) };
        match self.gauge.fate(&before) {
            Fate::Durable => {
                log::warn!("{}: after a commit that is on the disk: {error}", self.name);
                return Ok(());
            }
            Fate::Doubtful => *in_doubt = Some(InDoubt { before }),
            Fate::Undone => {}
        }
        Err(error)
    }

    /// Writes `changes` in one durable transaction.
    pub fn apply(&self, changes: &Batch) -> Result<(), StorageError> {
        self.transact(&Mutex::default(), &mut |writer| {
            for (key, value) in changes {
                match value {
                    Some(value) => writer.put(key, value)?,
                    None => writer.delete(key)?,
                };
            }
            Ok(())
        })
    }

    /// Whether something went wrong since the last look.
    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// Whether redb still takes orders: after an I/O error it takes none until it is opened anew.
    pub fn works(&self) -> bool {
        let probe = self.with(|db| match db.try_begin_write() {
            Ok(txn) => Ok(txn.abort()?),
            Err(redb::TransactionError::WouldBlock) => Ok(()),
            Err(error) => Err(error.into()),
        });
        self.suspect.store(probe.is_err(), Ordering::Relaxed);
        probe.is_ok()
    }

    /// Closes it. Views of it that are held see nothing any more.
    pub fn close(&self) {
        let db = write(&self.db).take();
        let _ = self.dismiss(db);
    }

    fn with<T>(
        &self,
        action: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StorageError> {
        let db = read(&self.db);
        self.guard(|| action(db.as_ref().ok_or(redb::Error::DatabaseClosed)?))
    }

    /// Calls redb.
    pub fn guard<T, E: Into<redb::Error>>(
        &self,
        action: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, StorageError> {
        let error = match calmly(action) {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => self.translate(error.into()),
            None => self.damaged(SENSELESS),
        };
        self.suspect.store(true, Ordering::Relaxed);
        Err(error)
    }

    /// Drops what redb made: it may have work to do then, and panic at it.
    pub fn dismiss<T>(&self, thing: T) -> Result<(), StorageError> {
        self.guard(|| {
            drop(thing);
            Ok::<_, redb::Error>(())
        })
    }

    fn translate(&self, error: redb::Error) -> StorageError {
        let name = &self.name;
        match error {
            redb::Error::Corrupted(what) => self.damaged(&what),
            redb::Error::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
                io::ErrorKind::Interrupted => StorageError::Refused(format!(
                    "the check of {name} was given up: the next start begins it anew"
                )),
                io::ErrorKind::InvalidData => self.damaged(&error.to_string()),
                io::ErrorKind::ReadOnlyFilesystem => StorageError::ReadOnly(format!(
                    "the file system of {name} has become read-only: look at the disk, then \
                     mount it for writing"
                )),
                _ => error.into(),
            },
            error @ (redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TypeDefinitionChanged { .. }) => StorageError::Refused(format!(
                "{name} is a redb file, but not of edgekeep ({error}): name another path"
            )),
            error @ redb::Error::UpgradeRequired(_) => StorageError::Refused(format!(
                "{name} is of a redb that this edgekeep does not know ({error}): name another path"
            )),
            error => StorageError::Io(io::Error::other(error.to_string())),
        }
    }

    /// What could not be read, said to an operator.
    pub fn unreadable(&self) -> Option<String> {
        let places = self.gauge.unreadable();
        let (at, len) = places.first()?;
        let (name, count) = (&self.name, places.len());
        Some(format!(
            "the device cannot read {count} pages of {name}, the first {len} bytes long at {at}: \
             replace the disk and restore the newest snapshot"
        ))
    }

    fn damaged(&self, what: &str) -> StorageError {
        if let Some(unreadable) = self.unreadable() {
            return StorageError::Damaged(unreadable);
        }
        unreadable(&self.name, what)
    }
}

/// What a file is that redb says this of.
pub fn unreadable(name: &str, what: &str) -> StorageError {
    // As redb tells of its next format, which this one does not know.
    if what.contains("Expected file format version <=") {
        return StorageError::Refused(format!(
            "{name} is of a file format that only a newer edgekeep knows ({what}): upgrade it"
        ));
    }
    StorageError::Damaged(format!(
        "{name}: {what}. Move the file away and restore the newest snapshot"
    ))
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// A commit of which the device said that it failed: it may be in the file or not. No value of it
/// needs to be kept to take it back, as nothing that the commit before it uses is written over.
pub struct InDoubt {
    /// The header of the commit before.
    before: Header,
}

struct TableWriter<'a> {
    handle: &'a Handle,
    table: Table<'a, &'static [u8], &'static [u8]>,
    changed: bool,
}

impl Writer for TableWriter<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.handle.guard(|| Ok::<_, redb::Error>(self.table.get(key)?.map(|v| v.value().to_vec())))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        self.changed = true;
        let table = &mut self.table;
        self.handle.guard(|| {
            Ok::<_, redb::Error>(table.insert(key, value)?.map(|old| old.value().to_vec()))
        })
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        let table = &mut self.table;
        let old = self
            .handle
            .guard(|| Ok::<_, redb::Error>(table.remove(key)?.map(|old| old.value().to_vec())))?;
        self.changed |= old.is_some();
        let bytes = old.as_ref().map_or(0, |old| old.len() as u64);
        self.handle.removed.fetch_add(bytes, Ordering::Relaxed);
        Ok(old)
    }
}
