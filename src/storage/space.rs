//! Room on the disk: how much is free, and the reserve out of which a full disk is served.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// The file system on which a store lies, and a file on it that holds room for hard times.
#[derive(Debug)]
pub struct Space {
    reserve: PathBuf,
    reserve_bytes: u64,
}

impl Space {
    /// The file system of `folder`, with a reserve of `reserve_bytes` in `folder/reserve_name`.
    /// Nothing is made yet.
    pub fn new(folder: &Path, reserve_name: &str, reserve_bytes: u64) -> Self {
        Self { reserve: folder.join(reserve_name), reserve_bytes }
    }

    /// Bytes that this user may still write, without the reserve; `None` where that is not known.
    pub fn free_bytes(&self) -> Option<u64> {
        let stat = statvfs(self.reserve.parent()?).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Whether the reserve is there in full.
    pub fn has_reserve(&self) -> bool {
        fs::metadata(&self.reserve).is_ok_and(|meta| meta.len() == self.reserve_bytes)
    }

    /// Makes the reserve where it is not there, as real blocks. A file system that cannot
    /// promise blocks has none, which is no error.
    pub fn fill_reserve(&self) -> io::Result<()> {
        if self.has_reserve() {
            return Ok(());
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.reserve)?;
        let made = fallocate(&file, FallocateFlags::empty(), 0, self.reserve_bytes);
        if made.is_err() {
            self.spend_reserve();
        }
        match made {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the reserve up. Whether that made room.
    pub fn spend_reserve(&self) -> bool {
        let blocks = fs::metadata(&self.reserve).map_or(0, |meta| meta.blocks());
        fs::remove_file(&self.reserve).is_ok() && blocks > 0
    }
}
