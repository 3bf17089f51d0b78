//! `storage "redb"`, and what a Vault configuration says in its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::keys::STORAGE;
use super::place::Placed;
use super::section::{Entry, Section};
use super::{ConfigError, Environment, Warning};

const EXAMPLE: &str = "storage \"redb\" { path = \"/var/lib/edgekeep\" }";

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In `edgekeep.redb` in a folder.
    Redb {
        /// The folder.
        folder: Placed<PathBuf>,
        /// Bytes of memory for the file's pages.
        cache_bytes: usize,
    },
    /// In memory: gone when the server ends.
    Memory,
}

impl Storage {
    /// By which status names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Redb { .. } => "redb",
            Self::Memory => "inmem",
        }
    }
}

/// Reads the one `storage` block.
pub(super) fn read<'a>(
    entry: Entry<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Storage, ConfigError> {
    let kind = entry
        .label()?
        .ok_or_else(|| entry.error("storage without its kind", format!("write {EXAMPLE}")))?;
    match kind {
        "redb" => {}
        "file" | "raft" => warnings.push(entry.warning(format!(
            "storage {kind:?} is taken for \"redb\" at its path: one file, edgekeep.redb"
        ))),
        "inmem" | "inmem_transactional" => {
            warnings.push(entry.warning("storage in memory: all is lost when the server ends"));
            return Ok(Storage::Memory);
        }
        _ => {
            return Err(entry.error(
                format!("storage {kind:?} is not supported"),
                format!("the data lies in one file of this machine: write {EXAMPLE}"),
            ));
        }
    }
    let section = Section::new(&STORAGE, entry.block()?, environment, warnings);
    let Some(folder) = section.path("path")? else {
        return Err(entry.error("storage without a path", format!("write {EXAMPLE}")));
    };
    if let Some(found) = data_of_vault(&folder) {
        return Err(section.last("path").unwrap_or(entry).error(
            format!("{} belongs to Vault: its data can not be opened here", found.display()),
            "name another folder as path, start, run operator init there, start that Vault again, \
             and take from it with `edgekeep import`",
        ));
    }
    let cache_bytes = section.bytes("cache_size")?;
    let cache_bytes = usize::try_from(cache_bytes).unwrap_or(usize::MAX);
    Ok(Storage::Redb { folder, cache_bytes })
}

/// What of Vault's own lies in a folder: raft's database, or an entry of its file storage, which
/// writes each key as a file whose name begins with `_`.
pub fn data_of_vault(folder: &Path) -> Option<PathBuf> {
    let raft = ["vault.db", "raft/raft.db"].map(|name| folder.join(name));
    if let Some(found) = raft.into_iter().find(|path| path.exists()) {
        return Some(found);
    }
    ["core", "sys", "logical"].iter().find_map(|name| entry_of_file_storage(&folder.join(name), 4))
}

fn entry_of_file_storage(folder: &Path, depth: u32) -> Option<PathBuf> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            folders.push(path);
        } else if entry.file_name().as_encoded_bytes().starts_with(b"_") {
            return Some(path);
        }
    }
    if depth == 0 {
        return None;
    }
    folders.iter().find_map(|folder| entry_of_file_storage(folder, depth - 1))
}
