//! A file without a name that holds a snapshot while the other end is slower than the disk.
//!
//! It is gone with the process however that ends, and it never takes the disk's last space.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::SnapshotError;
use crate::base::clock::Clock;
use crate::storage::redb::{Options, Redb};
use crate::storage::{Job, Storage, StorageError, Value, Writer, nameless};

/// So many snapshots are under way at most, each with its spool, where nothing else is said.
pub const SPOOLS: usize = 4;

/// Bytes that a store of its own keeps in memory.
const CACHE: usize = 1 << 20;

/// The free space of the disk is looked at again after this many bytes.
const STEP: u64 = 4 << 20;

/// Where spools are made.
pub struct Spools {
    folder: PathBuf,
    /// Free space that must be left, in bytes.
    floor: u64,
    /// So many may be used.
    most: usize,
    /// Each spool holds one more reference to it.
    places: Arc<()>,
}

impl Spools {
    /// On the disk of `folder`, or with the temporary files while that is read-only or gone.
    /// Writing to a spool fails with [`StorageFull`](ErrorKind::StorageFull) before less than
    /// `floor` bytes are free there.
    pub fn new(folder: impl Into<PathBuf>, floor: u64) -> Self {
        Self { folder: folder.into(), floor, most: SPOOLS, places: Arc::new(()) }
    }

    /// Others in the same place, of which as many may be used beside these.
    pub fn beside(&self) -> Self {
        self.several(self.most)
    }

    /// Others in the same place, of which `most` may be used.
    pub fn several(&self, most: usize) -> Self {
        Self { most, ..Self::new(&self.folder, self.floor) }
    }

    /// An empty spool; refused while all are in use.
    pub fn open(&self) -> Result<Spool, SnapshotError> {
        let place = Arc::clone(&self.places);
        if Arc::strong_count(&place) > self.most + 1 {
            return Err(SnapshotError::Busy);
        }
        Ok(Spool { file: self.file()?, length: 0, floor: self.floor, granted: 0, _place: place })
    }

    /// A store of its own that holds what `fill` puts, gone when it is dropped. Filling it fails
    /// with [`Full`](StorageError::Full) as writing to a spool does.
    pub fn store(
        &self,
        clock: Arc<dyn Clock>,
        fill: &mut Job<'_>,
    ) -> Result<Arc<dyn Storage>, StorageError> {
        let file = self.file()?;
        let room = file.try_clone()?;
        let mut options = Options::new(clock);
        options.cache_bytes = CACHE;
        let store = Redb::in_nameless(file, options, &mut |to| {
            fill(&mut Bounded { to, room: &room, floor: self.floor, left: 0 })
        })?;
        Ok(Arc::new(store))
    }

    /// Whether a file of `length` bytes leaves enough free there.
    pub fn have_room_for(&self, length: u64) -> io::Result<bool> {
        Ok(nameless::free_bytes(&File::open(&self.folder)?)? >= self.floor.saturating_add(length))
    }

    fn file(&self) -> io::Result<File> {
        match nameless::file(&self.folder) {
            // It is when the store's disk fails, or its folder is gone, that a snapshot is needed
            // most.
            Err(error)
                if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound) =>
            {
                nameless::file(&std::env::temp_dir())
            }
            outcome => outcome,
        }
    }
}

/// Bytes on the disk that are written once and then read, as often as needed.
pub struct Spool {
    file: File,
    length: u64,
    floor: u64,
    /// Up to which length the space was seen to be there.
    granted: u64,
    _place: Arc<()>,
}

impl Spool {
    /// How much was written, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads from the start.
    pub fn reader(&self) -> SpoolReader<'_> {
        self.part(0, self.length)
    }

    /// Reads `length` bytes from `at` on, of those that are there now.
    pub fn part(&self, at: u64, length: u64) -> SpoolReader<'_> {
        SpoolReader { file: &self.file, at, end: self.length.min(at.saturating_add(length)) }
    }

    fn must_have_room(&self) -> io::Result<()> {
        must_have_room(&self.file, self.floor)
    }
}

fn must_have_room(file: &File, floor: u64) -> io::Result<()> {
    match nameless::free_bytes(file)? < floor.saturating_add(STEP) {
        true => Err(ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}

/// Looks for room on the disk before each step.
struct Bounded<'a> {
    to: &'a mut dyn Writer,
    room: &'a File,
    floor: u64,
    /// Bytes until it looks again.
    left: u64,
}

impl Writer for Bounded<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.to.get(key)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        let length = (key.len() + value.len()) as u64;
        if length >= self.left {
            must_have_room(self.room, self.floor.saturating_add(length))?;
            self.left = STEP;
        }
        self.left = self.left.saturating_sub(length);
        self.to.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.to.delete(key)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length >= self.granted {
            self.must_have_room()?;
            self.granted = self.length + STEP;
        }
        let room = usize::try_from(self.granted - self.length).unwrap_or(usize::MAX);
        let written = self.file.write_at(&bytes[..bytes.len().min(room)], self.length)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a [`Spool`], or a part of it.
pub struct SpoolReader<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
