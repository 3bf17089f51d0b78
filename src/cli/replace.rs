//! A file in the place of another: under its name is the old one or the new one, never a part of
//! it, whatever ends in between.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::base::entropy::{Entropy, SystemEntropy};

/// Puts a text in place of a file, which keeps its mode and its owner; a link to it stays one. What
/// this user may not write stays as it is, though its folder would take another file.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let name = fs::canonicalize(file)?;
    let before = fs::metadata(&name)?;
    if !before.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    accessat(CWD, &name, Access::WRITE_OK, AtFlags::EACCESS)?;
    let unfinished = Unfinished::create(&name, 0o600)?;
    let after = unfinished.file.metadata()?;
    if (before.uid(), before.gid()) != (after.uid(), after.gid()) {
        // Only root may give files away.
        fchown(&unfinished.file, Some(before.uid()), Some(before.gid())).map_err(|error| {
            io::Error::new(error.kind(), "only its owner, or root, can put a new one in its place")
        })?;
    }
    unfinished.file.set_permissions(Permissions::from_mode(before.mode()))?;
    unfinished.finish(text.as_bytes())
}

/// Makes a file of this mode, or puts it in place of what has its name.
pub fn make(name: &Path, mode: u32, content: impl AsRef<[u8]>) -> io::Result<()> {
    Unfinished::create(name, mode)?.finish(content.as_ref())
}

/// A file that has not got its name yet. Dropped, it is gone.
struct Unfinished<'n> {
    file: File,
    temporary: PathBuf,
    name: &'n Path,
}

impl<'n> Unfinished<'n> {
    /// Beside the name, for a rename moves nothing between file systems.
    fn create(name: &'n Path, mode: u32) -> io::Result<Self> {
        // No other's, should two be made at once.
        let entropy: &dyn Entropy = &SystemEntropy;
        let mut temporary = name.as_os_str().to_owned();
        temporary.push(format!(".{}", entropy.hex(8)));
        let temporary = PathBuf::from(temporary);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        Ok(Self { file, temporary, name })
    }

    fn finish(mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.sync_all()?;
        fs::rename(&self.temporary, self.name)?;
        let folder = self.name.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // After the rename there is none.
        let _ = fs::remove_file(&self.temporary);
    }
}
