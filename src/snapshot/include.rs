//! Files of the machine that its snapshots bring along: configuration, units, keys of TLS.
//!
//! They stand in the store as all else does, each an entry, sealed and counted. So they are in
//! every snapshot, in the journal and on a standby, nobody without the keys sees them, and the
//! form of a snapshot knows nothing of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::digest::sha256;
use crate::base::hex;
use crate::base::record::Record;

/// The longest file, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;
/// So many files at most.
pub const MOST_FILES: usize = 64;
/// So many bytes in all.
const MOST_TOGETHER: usize = 8 << 20;
/// A folder is looked through down to this depth.
const DEPTH: usize = 8;

/// The folder in the system's part of the store.
const FOLDER: &str = "core/files";

/// A file as it was, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Included {
    /// Where it was, from `/` on.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// What was in it.
    pub content: Vec<u8>,
}

impl Record for Included {
    const VERSION: u8 = 1;
}

/// What there is of the files that are to go along.
pub struct Gathered {
    /// Those that could be read.
    pub files: Vec<Included>,
    /// What could not be had, and why.
    pub missed: Vec<String>,
}

/// Reads what is named: files, and all that lie in folders. What cannot be had does not keep the
/// rest away.
pub fn gather(paths: &[PathBuf]) -> Gathered {
    let (mut found, mut missed) = (BTreeMap::new(), Vec::new());
    for path in paths {
        look(path, DEPTH, &mut found, &mut missed);
    }
    Gathered { files: found.into_values().collect(), missed }
}

fn look(
    path: &Path,
    depth: usize,
    found: &mut BTreeMap<PathBuf, Included>,
    missed: &mut Vec<String>,
) {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let is_folder = match fs::metadata(path) {
        Ok(meta) => meta.is_dir(),
        Err(error) => return missed.push(told(&error)),
    };
    if !is_folder {
        if found.len() == MOST_FILES && !found.contains_key(path) {
            return missed.push(told(&format!("more than {MOST_FILES} files are not included")));
        }
        let together: usize = found.values().map(|file| file.content.len()).sum();
        match read(path) {
            Ok(file) if together + file.content.len() > MOST_TOGETHER => {
                missed.push(told(&"more than 8 MiB in all are not included"));
            }
            Ok(file) => drop(found.insert(path.to_owned(), file)),
            Err(error) => missed.push(told(&error)),
        }
        return;
    }
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match entries {
        Ok(entries) if depth > 0 => {
            entries.iter().for_each(|entry| look(&entry.path(), depth - 1, found, missed));
        }
        Ok(_) => missed.push(told(&"its folders are too deep")),
        Err(error) => missed.push(told(&error)),
    }
}

fn read(path: &Path) -> io::Result<Included> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    let mut content = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    let text = path
        .to_str()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidFilename, "its name is no text"))?;
    let (mode, uid, gid) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
    Ok(Included { path: text.to_owned(), mode, uid, gid, content })
}

/// Has the store hold these, and no others unless some could not be had.
pub fn keep(txn: &mut Txn, gathered: &Gathered) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let mut left = system.list(FOLDER)?;
    for file in &gathered.files {
        let name = hex::encode(&sha256(file.path.as_bytes()));
        left.retain(|other| *other != name);
        let place = format!("{FOLDER}/{name}");
        if system.read::<Included>(&place)?.as_ref() != Some(file) {
            system.write(&place, file)?;
        }
    }
    if gathered.missed.is_empty() {
        for name in left {
            system.delete(&format!("{FOLDER}/{name}"))?;
        }
    }
    Ok(())
}

/// The files that the store holds, by their paths.
pub fn kept(txn: &mut Txn) -> Result<Vec<Included>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let mut files = Vec::new();
    for name in system.list(FOLDER)? {
        files.extend(system.read::<Included>(&format!("{FOLDER}/{name}"))?);
    }
    files.sort_by(|a: &Included, b| a.path.cmp(&b.path));
    Ok(files)
}
