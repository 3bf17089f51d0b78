//! Views of a redb file, and the bound on how long one may pin what it sees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use super::handle::{Entries, Handle};
use crate::base::sync::lock;
use crate::storage::scan::{Chunk, Rest, scan};
use crate::storage::{Entry, StorageError, Value, View};

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
        let entries = lock(&self.pin.entries);
        let entries = entries.as_ref().ok_or(StorageError::Expired)?;
        self.handle.guard(|| action(entries))
    }
}

impl View for RedbView {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.read(|entries| Ok(entries.get(key)?.map(|value| value.value().to_vec())))
    }

    fn scan<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>, StorageError> {
        Ok(Box::new(scan(from, to, |rest| self.read(|entries| chunk(entries, rest)))))
    }
}

fn chunk(entries: &Entries, rest: Rest<'_>) -> Result<Chunk, redb::StorageError> {
    let mut chunk = Chunk::default();
    let mut bytes = 0;
    for entry in entries.range::<&[u8]>(rest)? {
        let (key, value) = entry?;
        let (key, value) = (key.value().to_vec(), value.value().to_vec());
        bytes += key.len() + value.len();
        chunk.entries.push((key, value));
        if chunk.entries.len() == CHUNK_ENTRIES || bytes >= CHUNK_BYTES {
            chunk.more_after = chunk.entries.last().map(|(key, _)| key.clone());
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
