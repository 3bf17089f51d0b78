//! The targets that were set through the API, in the store; and what was learned of any.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::Fields;
use super::watch::Noted;
use crate::barrier::journal::Origin;
use crate::barrier::names::MountId;
use crate::barrier::root::Timeline;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;

/// The folder in the system's part of the store, each target an entry in it.
const FOLDER: &str = "core/snapshot-auto";
/// The same of what was learned, also of those of the configuration.
const LEARNED: &str = "core/snapshot-learned";
/// The same of the other histories that were seen there.
const BESIDE: &str = "core/snapshot-beside";
/// The same of how long those were seen not to grow.
const WATCHED: &str = "core/snapshot-watched";

/// What was learned of a target.
#[derive(Serialize, Deserialize)]
struct Learned {
    /// The folder that it was, which has its mark since.
    marked: String,
}

impl Record for Learned {
    const VERSION: u8 = 1;
}

/// How far other histories went on a target.
#[derive(Serialize, Deserialize)]
struct Others {
    /// Their ends.
    ends: Vec<Origin>,
}

impl Record for Others {
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
    system.delete(&beside(name))?;
    system.delete(&watched_at(name))?;
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

/// How far other histories went there when that was last noted.
pub fn others(txn: &mut Txn, name: &str) -> Result<BTreeMap<Timeline, u64>, TxnError> {
    let others: Option<Others> = txn.scope(MountId::SYSTEM).read(&beside(name))?;
    let ends = others.into_iter().flat_map(|others| others.ends);
    Ok(ends.map(|end| (end.timeline, end.revision)).collect())
}

/// They have come so far.
pub fn note_others(
    txn: &mut Txn,
    name: &str,
    ends: &BTreeMap<Timeline, u64>,
) -> Result<(), TxnError> {
    let end = |(&timeline, &revision): (&Timeline, &u64)| Origin { timeline, revision };
    let others = Others { ends: ends.iter().map(end).collect() };
    txn.scope(MountId::SYSTEM).write(&beside(name), &others)
}

/// How long they were seen not to grow when that was last noted.
pub fn watched(txn: &mut Txn, name: &str) -> Result<Noted, TxnError> {
    let noted = txn.scope(MountId::SYSTEM).read(&watched_at(name))?;
    Ok(noted.unwrap_or_default())
}

/// They were for so long.
pub fn note_watched(txn: &mut Txn, name: &str, noted: &Noted) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&watched_at(name), noted)
}

/// Their names.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(FOLDER)
}

fn beside(name: &str) -> String {
    format!("{BESIDE}/{name}")
}

fn watched_at(name: &str) -> String {
    format!("{WATCHED}/{name}")
}

fn learned(name: &str) -> String {
    format!("{LEARNED}/{name}")
}

fn place(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
