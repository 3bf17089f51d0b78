//! A file in the making that is to take the place of the store's.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::handle::{Batch, Handle};
use super::{Medium, Redb};
use crate::storage::folder::Place;
use crate::storage::{Job, Key, StorageError, Value, View, Writer};

/// What is put into it goes there in transactions of this many bytes.
const FILL_BYTES: usize = 8 << 20;

/// The file; dropped before it is in its place, it comes to nothing.
pub struct Next<'a> {
    store: &'a Redb,
    handle: Arc<Handle>,
    promoted: bool,
}

impl<'a> Next<'a> {
    /// An empty one. There can be one at a time.
    pub fn create(store: &'a Redb) -> Result<Self, StorageError> {
        let open = || {
            let medium = Medium { backend: store.site.create_next()?, read_only: None };
            Handle::open(&store.site, medium, store.options.cache_bytes, &store.observers, None)
        };
        match open() {
            Ok(handle) => Ok(Self { store, handle: Arc::new(handle), promoted: false }),
            Err(error) => {
                store.site.discard_next();
                Err(error)
            }
        }
    }

    /// Does what `job` does to it.
    pub fn fill(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        let mut filler = Filler { handle: &self.handle, batch: Batch::new(), bytes: 0 };
        job(&mut filler)?;
        filler.flush()
    }

    /// Makes it hold under `keys` what `view` holds.
    pub fn follow(&self, keys: &BTreeSet<Key>, view: &dyn View) -> Result<(), StorageError> {
        self.fill(&mut |to| {
            for key in keys {
                match view.get(key)? {
                    Some(value) => to.put(key, &value)?,
                    None => to.delete(key)?,
                };
            }
            Ok(())
        })
    }

    /// Puts it in the place of the store's file.
    pub fn promote(mut self) -> Result<Arc<Handle>, StorageError> {
        // One that is gone is welcome back; a stranger's file is not written over.
        if self.store.site.place() == Place::Taken {
            self.store.must_be_in_place()?;
        }
        self.store.site.promote_next()?;
        self.promoted = true;
        Ok(Arc::clone(&self.handle))
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        if !self.promoted {
            self.handle.close();
            self.store.site.discard_next();
        }
    }
}

/// Puts entries into a file that nobody sees yet, in transactions of bounded size.
struct Filler<'a> {
    handle: &'a Handle,
    batch: Batch,
    bytes: usize,
}

impl Filler<'_> {
    fn set(&mut self, key: &[u8], value: Option<Value>) -> Result<Option<Value>, StorageError> {
        let old = self.get(key)?;
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.batch.insert(key.to_vec(), value);
        if self.bytes >= FILL_BYTES {
            self.flush()?;
        }
        Ok(old)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.bytes = 0;
        self.handle.apply(&std::mem::take(&mut self.batch))
    }
}

impl Writer for Filler<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        match self.batch.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.handle.get(key),
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        self.set(key, Some(value.to_vec()))
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.set(key, None)
    }
}
