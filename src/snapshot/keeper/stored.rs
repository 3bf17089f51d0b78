//! The targets that were set through the API, in the store; and what was learned of any.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::Fields;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;

/// The folder in the system's part of the store, each target an entry in it.
const FOLDER: &str = "core/snapshot-auto";
/// The same of what was learned, also of those of the configuration.
const LEARNED: &str = "core/snapshot-learned";

/// What was learned of a target.
#[derive(Serialize, Deserialize)]
struct Learned {
    /// The folder that it was, which has its mark since.
    marked: String,
}

impl Record for Learned {
    const VERSION: u8 = 1;
}

/// What was set of a target.
pub fn read(txn: &mut Txn, name: &str) -> Result<Option<Fields>, TxnError> {
    txn.scope(MountId::SYSTEM).read(&place(name))
}

/// Sets a target.
pub fn write(txn: &mut Txn, name: &str, fields: &Fields) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&place(name), fields)
}

/// Removes a target, if it is there.
pub fn delete(txn: &mut Txn, name: &str) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    system.delete(&learned(name))?;
    system.delete(&place(name))
}

/// Whether a target was this folder before, so that its mark must be there.
pub fn is_marked(txn: &mut Txn, name: &str, path: &Path) -> Result<bool, TxnError> {
    let learned: Option<Learned> = txn.scope(MountId::SYSTEM).read(&learned(name))?;
    Ok(learned.is_some_and(|learned| Path::new(&learned.marked) == path))
}

/// It is from now on.
pub fn note_mark(txn: &mut Txn, name: &str, path: &Path) -> Result<(), TxnError> {
    let marked = path.to_string_lossy().into_owned();
    txn.scope(MountId::SYSTEM).write(&learned(name), &Learned { marked })
}

/// Their names.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(FOLDER)
}

fn learned(name: &str) -> String {
    format!("{LEARNED}/{name}")
}

fn place(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
