//! Files without a name: gone with the process, however that ends.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Opens a file that has no name, or, where the file system knows no such thing, loses it at once.
pub fn file(folder: &Path) -> io::Result<File> {
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

/// Bytes free on the file system of `file`.
pub fn free_bytes(file: &File) -> io::Result<u64> {
    let disk = rustix::fs::fstatvfs(file)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
