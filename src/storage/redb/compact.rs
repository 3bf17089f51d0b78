//! Compaction: gives unused space back by copying what is used into a new file. Reads and writes go
//! on meanwhile; writes wait only while the last of what they changed is copied.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::next::Next;
use super::{MIB, Options, Redb};
use crate::base::sync::lock;
use crate::storage::{Key, Storage, StorageError, Value, Writer};

/// A file is looked through for unused space after this many commits, once after it is opened, and
/// where half of it was removed since.
const COMMITS_PER_LOOK: u64 = 10_000;

/// While more keys than this were written during a round of copying, another follows; but no more
/// rounds than this, for a writer may be as fast.
const LAST_KEYS: usize = 1_000;
const MOST_ROUNDS: usize = 8;

/// Of so many bytes of keys it is remembered that they were written.
const NOTED_BYTES: usize = 4 << 20;

/// What was written while the file is copied.
#[derive(Default)]
pub struct Noted {
    keys: BTreeSet<Key>,
    bytes: usize,
}

impl Noted {
    /// Adds what a transaction has written, or may have.
    pub fn add(&mut self, keys: BTreeSet<Key>) {
        self.bytes += keys.iter().map(|key| key.len() + size_of::<Key>()).sum::<usize>();
        if self.bytes <= NOTED_BYTES {
            self.keys.extend(keys);
        }
    }
}

/// Writes, and notes what.
pub struct Noting<'a> {
    /// Where to.
    pub to: &'a mut dyn Writer,
    /// What was written.
    pub keys: &'a mut BTreeSet<Key>,
}

impl Writer for Noting<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.to.get(key)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        self.keys.insert(key.to_vec());
        self.to.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.keys.insert(key.to_vec());
        self.to.delete(key)
    }
}

impl Redb {
    /// Compacts where that is worth it.
    pub(super) fn compact_when_due(&self) -> Result<(), StorageError> {
        let (before, handle) = (self.site.data_bytes(), self.handle()?);
        let Options { floor_bytes, reserve_bytes, compact_bytes, .. } = self.options;
        let free = self.site.free_bytes().unwrap_or(u64::MAX);
        let much = handle.removed.load(Ordering::Relaxed) * 2 >= before;
        let wanted = handle.wanted.load(Ordering::Relaxed);
        let again = wanted > 0 && free > wanted;
        let look = self.until_look.load(Ordering::Relaxed) == 0 || much || again;
        if !look || before <= compact_bytes {
            return Ok(());
        }
        self.until_look.store(COMMITS_PER_LOOK, Ordering::Relaxed);
        handle.removed.store(0, Ordering::Relaxed);
        handle.wanted.store(0, Ordering::Relaxed);
        let live = handle.live_bytes()?;
        if handle.read_only.is_some() || live * 2 >= before {
            return Ok(());
        }
        // Where it gives much room back, or nothing else may, writes may be refused for a moment.
        let urgent = much || again || self.is_below_floor();
        let least = live + if urgent { reserve_bytes } else { floor_bytes };
        if free <= least {
            handle.wanted.store(least, Ordering::Relaxed);
            return Ok(());
        }
        drop(handle);
        let _filling = lock(&self.filling);
        let outcome = self.compact();
        *lock(&self.noted) = None;
        let name = self.site.name();
        match outcome {
            Ok(waited) => {
                self.meters.compactions.record(waited);
                log::info!(
                    "{name}: compacted from {} to {} MiB; writes waited {} ms",
                    before / MIB,
                    self.site.data_bytes() / MIB,
                    waited.as_millis()
                );
            }
            // There will be a quieter time.
            Err(StorageError::Expired) => {
                log::info!("{name}: not compacted: too much is written at present");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// How long writes had to wait.
    fn compact(&self) -> Result<Duration, StorageError> {
        let view = {
            // No commit is under way that would be neither in the view nor noted.
            let _writing = lock(&self.writing);
            *lock(&self.noted) = Some(Noted::default());
            self.view()?
        };
        let next = Next::create(self)?;
        next.fill(&mut |to| {
            for entry in view.scan(b"", None)? {
                let (key, value) = entry?;
                to.put(&key, &value)?;
            }
            Ok(())
        })?;
        drop(view);
        for _ in 0..MOST_ROUNDS {
            let keys = self.take_noted()?;
            next.follow(&keys, &*self.view()?)?;
            if keys.len() <= LAST_KEYS {
                break;
            }
        }
        let started = self.options.clock.boot();
        let _writing = lock(&self.writing);
        if let Some(why) = &self.handle()?.read_only {
            return Err(StorageError::ReadOnly(why.clone()));
        }
        next.follow(&self.take_noted()?, &*self.view()?)?;
        self.serve(next.promote()?);
        Ok(self.options.clock.boot() - started)
    }

    /// What was written since the last call; a view that is taken after it holds all of that.
    fn take_noted(&self) -> Result<BTreeSet<Key>, StorageError> {
        match lock(&self.noted).replace(Noted::default()) {
            Some(Noted { keys, bytes }) if bytes <= NOTED_BYTES => Ok(keys),
            _ => Err(StorageError::Expired),
        }
    }
}
