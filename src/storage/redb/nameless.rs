//! A store in a file without a name: for what is needed for a while, and gone with the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::device::backend;
use super::{Medium, Options, Redb, Site};
use crate::base::sync::lock;
use crate::storage::folder::Place;
use crate::storage::{Job, StorageError, nameless};

impl Redb {
    /// Makes a store in `file`, which has no name, that holds what `first` puts.
    pub fn in_nameless(
        file: File,
        options: Options,
        first: &mut Job<'_>,
    ) -> Result<Self, StorageError> {
        Self::open_or_fill_site(
            Arc::new(Nameless { file, filled: Mutex::default() }),
            options,
            first,
        )
    }
}

/// The one file. It is filled once, and then it is the store's.
#[derive(Debug)]
struct Nameless {
    file: File,
    filled: Mutex<bool>,
}

impl Site for Nameless {
    fn open(&self, _distrust: bool) -> Result<Option<Medium>, StorageError> {
        if !*lock(&self.filled) {
            return Ok(None);
        }
        Ok(Some(Medium { backend: backend(self.file.try_clone()?)?, read_only: None }))
    }

    fn create_next(&self) -> io::Result<Box<dyn StorageBackend>> {
        match *lock(&self.filled) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => backend(self.file.try_clone()?),
        }
    }

    fn promote_next(&self) -> io::Result<()> {
        *lock(&self.filled) = true;
        Ok(())
    }

    fn discard_next(&self) {}

    fn place(&self) -> Place {
        Place::Kept
    }

    fn data_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.blocks() * 512)
    }

    fn free_bytes(&self) -> Option<u64> {
        nameless::free_bytes(&self.file).ok()
    }

    fn fill_reserve(&self) -> io::Result<()> {
        Ok(())
    }

    fn spend_reserve(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "a store without a name".to_owned()
    }
}
