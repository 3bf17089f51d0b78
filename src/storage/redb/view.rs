//! Views of a redb file, and the bound on how long one may pin what it sees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use super::handle::{Entries, Handle};
use crate::base::sync::lock;
use crate::storage::scan::{Chunk, Rest, scan};
use crate::storage::{Entry, Key, StorageError, View};

/// A scan fetches entries until it has this many, or this many bytes, and holds nothing of redb
/// between: so a scanner that stands still can be parted from its view.
const CHUNK_ENTRIES: usize = 256;
const CHUNK_BYTES: usize = 256 << 10;

/// The views of one file that are held.
#[derive(Default)]
pub struct Pins(Mutex<Held>);

#[derive(Default)]
struct Held {
    next: u64,
    views: BTreeMap<u64, Weak<Pin>>,
}

struct Pin {
    /// `None` once the view has expired.
    entries: Mutex<Option<Entries>>,
    /// How long the file was.
    extent: u64,
}

impl Pins {
    /// Parts views from the file of `handle`, which grew by more than `bound` bytes, and more than
    /// its own length, since they began. What they pinned is used again.
    pub fn expire(&self, handle: &Handle, bound: u64) {
        let (held, extent) = (lock(&self.0), handle.gauge.extent());
        for pin in held.views.values().filter_map(Weak::upgrade) {
            if extent > pin.extent.saturating_add(bound.max(pin.extent)) {
                let entries = lock(&pin.entries).take();
                let _ = handle.dismiss(entries);
            }
        }
    }
}

/// One state of a redb file.
pub struct RedbView {
    handle: Arc<Handle>,
    pin: Arc<Pin>,
    number: u64,
}

impl RedbView {
    /// The newest state of `handle`.
    pub fn new(handle: Arc<Handle>) -> Result<Self, StorageError> {
        let extent = handle.gauge.extent();
        let pin = Arc::new(Pin { entries: Mutex::new(Some(handle.entries()?)), extent });
        let mut held = lock(&handle.pins.0);
        let number = held.next;
        held.next += 1;
        held.views.insert(number, Arc::downgrade(&pin));
        drop(held);
        Ok(Self { handle, pin, number })
    }

    fn read<T>(
        &self,
        action: impl FnOnce(&Entries) -> Result<T, redb::StorageError>,
    ) -> Result<T, StorageError> {
        // Before it is read nobody knows how large a page is; it may be larger than a value.
        let _turn = self.handle.turns.wait();
        let entries = lock(&self.pin.entries);
        let entries = entries.as_ref().ok_or(StorageError::Expired)?;
        self.handle.guard(|| action(entries))
    }
}

impl View for RedbView {
    fn look(&self, key: &[u8], look: &mut dyn FnMut(&[u8])) -> Result<(), StorageError> {
        self.read(|entries| {
            if let Some(value) = entries.get(key)? {
                look(value.value());
            }
            Ok(())
        })
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Key, StorageError>> + 'a>, StorageError> {
        let take = |key: &[u8], _: &[u8]| (key.to_vec(), key.len());
        Ok(Box::new(scan(from, to, move |rest| self.read(|entries| chunk(entries, rest, take)))))
    }

    fn scan<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>, StorageError> {
        let take =
            |key: &[u8], value: &[u8]| ((key.to_vec(), value.to_vec()), key.len() + value.len());
        Ok(Box::new(scan(from, to, move |rest| self.read(|entries| chunk(entries, rest, take)))))
    }
}

/// A piece of what `take` makes of entries, and how many bytes of each.
fn chunk<T>(
    entries: &Entries,
    rest: Rest<'_>,
    take: impl Fn(&[u8], &[u8]) -> (T, usize),
) -> Result<Chunk<T>, redb::StorageError> {
    let mut chunk = Chunk { found: Vec::new(), more_after: None };
    let mut bytes = 0;
    for entry in entries.range::<&[u8]>(rest)? {
        let (key, value) = entry?;
        let (taken, size) = take(key.value(), value.value());
        bytes += size;
        chunk.found.push(taken);
        if chunk.found.len() == CHUNK_ENTRIES || bytes >= CHUNK_BYTES {
            chunk.more_after = Some(key.value().to_vec());
            break;
        }
    }
    Ok(chunk)
}

impl Drop for RedbView {
    fn drop(&mut self) {
        lock(&self.handle.pins.0).views.remove(&self.number);
        let entries = lock(&self.pin.entries).take();
        let _ = self.handle.dismiss(entries);
    }
}
