//! A file without a name that holds a snapshot while the other end is slower than the disk.
//!
//! It is gone with the process however that ends, and it never takes the disk's last space.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::SnapshotError;

/// So many snapshots are under way at most, each with its spool.
pub const SPOOLS: usize = 4;

/// The free space of the disk is looked at again after this many bytes.
const STEP: u64 = 4 << 20;

/// Where spools are made.
pub struct Spools {
    folder: PathBuf,
    /// Free space that must be left, in bytes.
    floor: u64,
    /// Each spool holds one more reference to it.
    places: Arc<()>,
}

impl Spools {
    /// On the disk of `folder`, or with the temporary files while that is read-only or gone.
    /// Writing to a spool fails with [`StorageFull`](ErrorKind::StorageFull) before less than
    /// `floor` bytes are free there.
    pub fn new(folder: impl Into<PathBuf>, floor: u64) -> Self {
        Self { folder: folder.into(), floor, places: Arc::new(()) }
    }

    /// An empty spool; refused while there are [`SPOOLS`].
    pub fn open(&self) -> Result<Spool, SnapshotError> {
        let place = Arc::clone(&self.places);
        if Arc::strong_count(&place) > SPOOLS + 1 {
            return Err(SnapshotError::Busy);
        }
        let file = match nameless(&self.folder) {
            // It is when the store's disk fails, or its folder is gone, that a snapshot is needed
            // most.
            Err(error)
                if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound) =>
            {
                nameless(&std::env::temp_dir())
            }
            outcome => outcome,
        }?;
        Ok(Spool { file, length: 0, floor: self.floor, granted: 0, _place: place })
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
        SpoolReader { file: &self.file, at: 0 }
    }

    fn must_have_room(&self) -> io::Result<()> {
        let disk = rustix::fs::fstatvfs(&self.file)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < self.floor.saturating_add(STEP) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
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

/// Reads a [`Spool`] from its start.
pub struct SpoolReader<'a> {
    file: &'a File,
    at: u64,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Opens a file that has no name, or, where the file system knows no such thing, loses it at once.
fn nameless(folder: &Path) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags | OFlags::TMPFILE, mode) {
        Ok(file) => return Ok(file.into()),
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => {}
        Err(error) => return Err(error.into()),
    }
    let named =
        folder.join(format!(".spool-{}-{:?}", std::process::id(), std::thread::current().id()));
    let file = rustix::fs::open(&named, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
    rustix::fs::unlink(&named)?;
    Ok(file.into())
}
