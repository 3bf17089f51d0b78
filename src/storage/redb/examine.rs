//! A look at a store's file while no server has it. The file is only read, and no lock is taken: a
//! server that starts meanwhile is not hindered, at worst what is told is out of date.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use redb::{Builder, ReadableDatabase, ReadableTableMetadata, StorageBackend};

use super::handle::{ENTRIES, SENSELESS, unreadable};
use super::overlay::Overlay;
use crate::base::quiet::calmly;
use crate::storage::{StorageError, Value};

/// What a store's file is like.
#[derive(Debug, PartialEq, Eq)]
pub enum Examined {
    /// It opens.
    Whole {
        /// What is in it, the store's own records among them.
        entries: u64,
    },
    /// Nobody closed it: the next start reads all of it first, as was tried here.
    Unclosed {
        /// What is then in it; not known where it is too large to be tried.
        entries: Option<u64>,
    },
}

/// Bytes of it that are kept in memory.
const CACHE: usize = 1 << 20;

/// Examines a file that is called `name`.
pub fn examine(file: File, name: &str) -> Result<Examined, StorageError> {
    let again = file.try_clone()?;
    match tried(|| entries(&cached().open_read_only_with_backend(Unchanged(file))?)) {
        Ok(entries) => Ok(Examined::Whole { entries }),
        Err(Fault::Unclosed) => repair(again, name),
        Err(Fault::Damaged(why)) => Err(unreadable(name, &why)),
    }
}

/// Repairs it in memory, as the next start does it on the disk.
fn repair(file: File, name: &str) -> Result<Examined, StorageError> {
    let overlay = Overlay::over(file)?;
    let full = overlay.full();
    match tried(|| entries(&cached().create_with_backend(overlay)?)) {
        Ok(entries) => Ok(Examined::Unclosed { entries: Some(entries) }),
        Err(_) if full.load(Ordering::Relaxed) => Ok(Examined::Unclosed { entries: None }),
        Err(Fault::Unclosed) => Ok(Examined::Unclosed { entries: None }),
        Err(Fault::Damaged(why)) => Err(unreadable(name, &why)),
    }
}

/// What lies under `key` in a file; none where it cannot be read, too: [`examine`] says why.
pub fn peek(file: File, key: &[u8]) -> Option<Value> {
    let again = file.try_clone().ok()?;
    match tried(|| entry(&cached().open_read_only_with_backend(Unchanged(file))?, key)) {
        Ok(found) => found,
        Err(Fault::Unclosed) => {
            let overlay = Overlay::over(again).ok()?;
            tried(|| entry(&cached().create_with_backend(overlay)?, key)).ok()?
        }
        Err(Fault::Damaged(_)) => None,
    }
}

pub(super) fn cached() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

fn entries(db: &impl ReadableDatabase) -> Result<u64, redb::Error> {
    Ok(db.begin_read()?.open_table(ENTRIES)?.len()?)
}

pub(super) fn entry(db: &impl ReadableDatabase, key: &[u8]) -> Result<Option<Value>, redb::Error> {
    let entries = db.begin_read()?.open_table(ENTRIES)?;
    Ok(entries.get(key)?.map(|value| value.value().to_vec()))
}

/// Why a store does not open.
pub(super) enum Fault {
    Unclosed,
    Damaged(String),
}

/// Tries something with redb, which panics over pages that make no sense.
pub(super) fn tried<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Fault> {
    match calmly(work) {
        Some(Ok(done)) => Ok(done),
        Some(Err(redb::Error::RepairAborted)) => Err(Fault::Unclosed),
        Some(Err(error)) => Err(Fault::Damaged(error.to_string())),
        None => Err(Fault::Damaged(SENSELESS.to_owned())),
    }
}

/// A file that is only read.
#[derive(Debug)]
pub(super) struct Unchanged(pub File);

impl StorageBackend for Unchanged {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}
