//! A look at a store's file while no server has it. The file is only read, and no lock is taken: a
//! server that starts meanwhile is not hindered, at worst what is told is out of date.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Builder, ReadableDatabase, ReadableTableMetadata, StorageBackend};

use super::handle::ENTRIES;
use crate::storage::StorageError;

/// What a store's file is like.
#[derive(Debug, PartialEq, Eq)]
pub enum Examined {
    /// It opens.
    Whole {
        /// What is in it, the store's own records among them.
        entries: u64,
    },
    /// Nobody closed it: the next start reads all of it first.
    Unclosed,
}

/// Bytes of it that are kept in memory.
const CACHE: usize = 1 << 20;

/// Examines a file that is called `name`.
pub fn examine(file: File, name: &str) -> Result<Examined, StorageError> {
    let look = || {
        let db =
            Builder::new().set_cache_size(CACHE).open_read_only_with_backend(Unchanged(file))?;
        let entries = db.begin_read()?.open_table(ENTRIES)?.len()?;
        Ok::<_, redb::Error>(entries)
    };
    let why = match catch_unwind(AssertUnwindSafe(look)) {
        Ok(Ok(entries)) => return Ok(Examined::Whole { entries }),
        Ok(Err(redb::Error::RepairAborted)) => return Ok(Examined::Unclosed),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a page makes no sense".to_owned(),
    };
    Err(StorageError::Damaged(format!(
        "{name}: {why}. Move the file away and restore the newest snapshot"
    )))
}

/// A file that is only read.
#[derive(Debug)]
struct Unchanged(File);

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
