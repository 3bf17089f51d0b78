//! Where a name leads by symbolic links: a file that is made beside a link and takes its name
//! would replace the link, not what it leads to.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{PROC_SUPER_MAGIC, statfs};

/// As many links as Linux follows.
const MOST: usize = 40;

/// The name, itself no link, at which a file is made that is to be found under `name`. Its folder
/// is there.
pub(super) fn follow(name: &Path) -> io::Result<PathBuf> {
    let mut name = name.to_owned();
    for _ in 0..MOST {
        let folder = folder_of(&name);
        let Ok(target) = fs::read_link(&name) else {
            if folder.is_dir() {
                return Ok(name);
            }
            let what = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        };
        check(&name, folder)?;
        name = folder.join(target);
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Refuses a link that somebody may have put there for us to follow, as Linux does for folders
/// like `/tmp` (proc(5), `protected_symlinks`), and one that leads to what is open already: its
/// reader would not see what takes its name.
fn check(link: &Path, folder: &Path) -> io::Result<()> {
    let refused = |why: &str| {
        let what = format!("{} {why}", link.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    };
    if statfs(folder)?.f_type == PROC_SUPER_MAGIC {
        return refused("leads to an open file: name a file that is to be made");
    }
    let (owner, folder) = (fs::symlink_metadata(link)?.uid(), fs::metadata(folder)?);
    let known = [0, folder.uid(), rustix::process::geteuid().as_raw()];
    if folder.mode() & 0o002 != 0 && !known.contains(&owner) {
        return refused("is a link of another user, where all may put some: name its target");
    }
    Ok(())
}

/// The folder that a name is in.
pub(super) fn folder_of(name: &Path) -> &Path {
    let folder = name.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}
