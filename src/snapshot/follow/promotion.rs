//! The mark by which a standby is told that it is to serve.
//!
//! It is a file in the folder of the store: who may write there may do with the store what he
//! likes, and it holds for a standby that runs as for one that is started later.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::clock::Timestamp;

/// Its name in the folder.
const MARK: &str = "promoted";

/// Whether there is one.
pub fn is_marked(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

/// Leaves it, durably. Whether it is new.
pub fn mark(folder: &Path, now: Timestamp) -> io::Result<bool> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(folder.join(MARK));
    let mut file = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        file => file?,
    };
    writeln!(file, "{}", now.rfc3339())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}
