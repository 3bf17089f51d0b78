//! The marks by which a standby is known, and told that it is to serve.
//!
//! They are files in the folder of the store: who may write there may do with the store what he
//! likes, and they hold for a standby that runs as for one that is started later.
//!
//! | `standby` | `promoted` | what it is |
//! |---|---|---|
//! | there | absent | a standby |
//! | there | there | a standby that takes a last look at its target, and then serves |
//! | absent | there | it was one, and serves: it never follows again |
//! | absent | empty | the same, with what was restored while no server ran |
//!
//! Beside them `standby-empty` is there as long as it has nothing that it could serve, and
//! `standby-trouble` says what hinders it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::clock::Timestamp;

const STANDBY: &str = "standby";
const PROMOTED: &str = "promoted";
/// There while it has taken nothing yet.
const EMPTY: &str = "standby-empty";
/// What hinders it at present, as it says itself.
const TROUBLE: &str = "standby-trouble";

/// Whether it is to serve.
pub fn is_marked(folder: &Path) -> bool {
    folder.join(PROMOTED).exists()
}

/// Whether what it serves is what it took as a standby.
pub fn has_taken_over(folder: &Path) -> bool {
    fs::metadata(folder.join(PROMOTED)).is_ok_and(|mark| mark.len() > 0)
}

/// Whether it is a standby, promoted or not.
pub fn is_standby(folder: &Path) -> bool {
    folder.join(STANDBY).exists()
}

/// Whether it is a standby that has taken nothing yet, and so could serve nothing.
pub fn is_empty(folder: &Path) -> bool {
    is_standby(folder) && folder.join(EMPTY).exists()
}

/// Notes, durably, that it is a standby, and whether it has anything.
pub fn begin(folder: &Path, empty: bool, now: Timestamp) -> io::Result<()> {
    match empty {
        true => leave(folder, EMPTY, now).map(drop)?,
        false => fill(folder)?,
    }
    leave(folder, STANDBY, now).map(drop)
}

/// Notes that there is something in its store.
pub fn fill(folder: &Path) -> io::Result<()> {
    gone(fs::remove_file(folder.join(EMPTY)))
}

/// Another state was put in the place of what it has. Were it a standby that had taken nothing yet,
/// it is no more; and what was promoted is told by an empty mark to be gone.
pub fn replace(folder: &Path) -> io::Result<()> {
    fill(folder)?;
    gone(File::options().write(true).truncate(true).open(folder.join(PROMOTED)).map(drop))
}

/// Tells it, durably, to serve. Whether that is new.
pub fn mark(folder: &Path, now: Timestamp) -> io::Result<bool> {
    leave(folder, PROMOTED, now)
}

/// Notes what hinders it, for who promotes it; nothing where nothing does. A hint: it may be lost.
pub fn note_trouble(folder: &Path, trouble: Option<&str>) -> io::Result<()> {
    let path = folder.join(TROUBLE);
    match (trouble, fs::remove_file(&path)) {
        (Some(trouble), _) => fs::write(&path, trouble),
        (None, removed) => gone(removed),
    }
}

/// What it noted last.
pub fn trouble(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(TROUBLE)).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

/// Notes, durably, that it serves.
pub fn end(folder: &Path) -> io::Result<()> {
    // A hint, and no reason not to serve.
    let _ = note_trouble(folder, None);
    gone(fs::remove_file(folder.join(STANDBY)))?;
    File::open(folder)?.sync_all()
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Leaves a mark. Whether it is new.
fn leave(folder: &Path, mark: &str, now: Timestamp) -> io::Result<bool> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(folder.join(mark));
    let mut file = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        file => file?,
    };
    writeln!(file, "{}", now.rfc3339())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}
