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

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::digest::sha256;
use crate::base::hex;
use crate::base::record::Record;
use crate::snapshot::target::open::SYSTEMS;

/// The longest file, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;
/// So many files at most.
pub const MOST_FILES: usize = 64;
/// So many bytes in all.
const MOST_TOGETHER: usize = 8 << 20;
/// So many names are looked at, at most.
const MOST_LOOKED: usize = 4096;
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
    let mut search = Search::default();
    // What is named itself goes before what happens to lie in a folder.
    let (folders, files): (Vec<_>, Vec<_>) = paths.iter().partition(|path| path.is_dir());
    files.into_iter().chain(folders).for_each(|path| search.look(path, &mut Vec::new()));
    let Search { found, mut missed, more, .. } = search;
    if more {
        let told =
            format!("more than {MOST_FILES} files, or {MOST_LOOKED} names, are not included");
        missed.push(told);
    }
    Gathered { files: found.into_values().collect(), missed }
}

/// What was found so far. A link may lead anywhere: it has an end.
#[derive(Default)]
struct Search {
    found: BTreeMap<PathBuf, Included>,
    missed: Vec<String>,
    /// How many names were looked at.
    looked: usize,
    /// Whether there is more than may be.
    more: bool,
}

impl Search {
    /// `way` are the folders that led here, without links.
    fn look(&mut self, path: &Path, way: &mut Vec<PathBuf>) {
        self.looked += 1;
        self.more |= self.looked > MOST_LOOKED;
        if self.more {
            return;
        }
        let outcome = fs::metadata(path).and_then(|meta| match meta.is_dir() {
            true => self.look_into(path, way),
            // What is opened may act by that: a device, a pipe.
            false if !meta.is_file() => Err(refused("it is no file")),
            false => self.take(path),
        });
        if let Err(error) = outcome {
            self.missed.push(format!("{}: {error}", path.display()));
        }
    }

    fn look_into(&mut self, path: &Path, way: &mut Vec<PathBuf>) -> io::Result<()> {
        let real = fs::canonicalize(path)?;
        if way.iter().any(|passed| passed.starts_with(&real)) {
            return Err(refused("it is a link back to a folder that it lies in"));
        }
        if way.len() == DEPTH {
            return Err(refused("its folders are too deep"));
        }
        let mut names: Vec<_> = fs::read_dir(path)?
            .take(MOST_LOOKED + 1)
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        // Each time the same, where there are too many.
        names.sort_unstable();
        way.push(real);
        names.iter().for_each(|path| self.look(path, way));
        way.pop();
        Ok(())
    }

    fn take(&mut self, path: &Path) -> io::Result<()> {
        if self.found.contains_key(path) {
            return Ok(());
        }
        if self.found.len() == MOST_FILES {
            self.more = true;
            return Ok(());
        }
        let file = read(path)?;
        let together: usize = self.found.values().map(|file| file.content.len()).sum();
        if together + file.content.len() > MOST_TOGETHER {
            return Err(refused("more than 8 MiB in all are not included"));
        }
        self.found.insert(path.to_owned(), file);
        Ok(())
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

fn read(path: &Path) -> io::Result<Included> {
    // What looks like a file there acts when it is read.
    let real = fs::canonicalize(path)?;
    if SYSTEMS.iter().any(|system| real.starts_with(system)) {
        return Err(refused("it is no file, but of the running system"));
    }
    // It may have become a pipe, for which nobody waits.
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(refused("it is no file"));
    }
    // It may be a private key: a buffer that grows leaves what was in it behind, unwiped.
    let room = usize::try_from(meta.len().min(MOST_BYTES)).unwrap_or_default() + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(MOST_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(refused("it is longer than 1 MiB"));
    }
    let text = path.to_str().ok_or_else(|| refused("its name is no text"))?;
    let (mode, uid, gid) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
    let content = std::mem::take(&mut *content);
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
