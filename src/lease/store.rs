//! Where leases lie: under their own id, which begins with the path of the request that they come
//! from, so that those of a path are one folder.
//!
//! | entry of the system | value |
//! |---|---|
//! | `lease/id/PATH/NAME` | the [`Lease`] |
//! | `lease/ended/NAME` | a path whose mount is gone; NAME is half of its SHA-256, in hex |
//! | part 0 of that | the last lease there that was looked at whether it is over; none at first |
//!
//! What ends a lease, and when, is known by its holder; [`super::expiry`] is the index by time.

use serde::{Deserialize, Serialize};

use super::expiry::{self, Minute};
use crate::barrier::Opened;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::hex;
use crate::base::record::Record;

/// The folder of the system in which all leases lie.
pub const FOLDER: &str = "lease/id";
const ENDED: &str = "lease/ended";
/// The part of such an entry that tells how far it was looked.
const AFTER: u64 = 0;

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What it is of.
    pub holder: Holder,
    /// Under which minute it is looked for when it ends; `None` when it never does.
    due: Option<Minute>,
}

/// What a lease is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// A token, by its key in hex.
    Token(String),
}

impl Record for Lease {
    const VERSION: u8 = 1;
}

/// Adds a lease.
pub fn insert(
    txn: &mut Txn,
    id: &str,
    holder: Holder,
    ends: Option<Timestamp>,
) -> Result<(), TxnError> {
    let due = ends.map(Minute::after);
    if let Some(due) = due {
        expiry::note(txn, due, id)?;
    }
    txn.scope(MountId::SYSTEM).write(&entry(id), &Lease { holder, due })
}

/// The lease of that id.
pub fn get(txn: &mut Txn, id: &str) -> Result<Option<Lease>, TxnError> {
    if id.is_empty() {
        return Ok(None);
    }
    txn.scope(MountId::SYSTEM).read(&entry(id))
}

/// Tells that a lease ends at another time. One that ends later stays where it is noted and is
/// noted anew when that minute comes, so that a renewal writes nothing here.
pub fn moved(txn: &mut Txn, id: &str, ends: Option<Timestamp>) -> Result<(), TxnError> {
    let Some(mut lease) = get(txn, id)? else { return Ok(()) };
    let due = ends.map(Minute::after);
    let later = lease.due.is_some_and(|noted| due.is_none_or(|due| noted <= due));
    if later || lease.due == due {
        return Ok(());
    }
    renote(txn, id, &mut lease, due)
}

/// Notes a lease, whose minute came too early, under the one at which it ends.
pub fn postpone(txn: &mut Txn, id: &str, ends: Option<Timestamp>) -> Result<(), TxnError> {
    let Some(mut lease) = get(txn, id)? else { return Ok(()) };
    renote(txn, id, &mut lease, ends.map(Minute::after))
}

fn renote(txn: &mut Txn, id: &str, lease: &mut Lease, due: Option<Minute>) -> Result<(), TxnError> {
    if let Some(before) = std::mem::replace(&mut lease.due, due) {
        expiry::forget(txn, before, id)?;
    }
    if let Some(due) = due {
        expiry::note(txn, due, id)?;
    }
    txn.scope(MountId::SYSTEM).write(&entry(id), lease)
}

/// Removes a lease, if it is there.
pub fn remove(txn: &mut Txn, id: &str) -> Result<(), TxnError> {
    let Some(lease) = get(txn, id)? else { return Ok(()) };
    if let Some(due) = lease.due {
        expiry::forget(txn, due, id)?;
    }
    txn.scope(MountId::SYSTEM).delete(&entry(id))
}

/// How many leases there are.
pub fn count(txn: &mut Txn) -> Result<u64, TxnError> {
    txn.scope(MountId::SYSTEM).count(FOLDER)
}

/// The names right below a path, folders with a `/` at their end.
pub fn list(txn: &mut Txn, path: &str) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(&folder(path))
}

/// How many leases lie right below a path, and the names of the folders there.
pub fn count_right_below(txn: &mut Txn, path: &str) -> Result<(u64, Vec<String>), TxnError> {
    txn.scope(MountId::SYSTEM).count_children(&folder(path))
}

/// The ids of at most `most` leases below a path, in no order of theirs; of those behind `after`,
/// where that is given.
pub fn some_below(
    txn: &mut Txn,
    path: &str,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<String>, TxnError> {
    txn.scope_under(MountId::SYSTEM, FOLDER)?.stretch(path.trim_matches('/'), after, most)
}

/// A path from which a mount is gone: what it gave out is over, and is still to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The path.
    pub path: String,
    /// The last lease below it that was looked at; those before it in the store's order were too.
    pub after: Option<String>,
}

/// Notes that a mount is gone from a path. It may have been noted before: all is looked at again.
pub fn end_below(txn: &mut Txn, path: &str) -> Result<(), TxnError> {
    let entry = ended_entry(path);
    let mut system = txn.scope(MountId::SYSTEM);
    system.delete_part(&entry, AFTER)?;
    system.put(&entry, path.as_bytes())
}

/// A path of which that was noted.
pub fn an_ended(txn: &mut Txn) -> Result<Option<Ended>, TxnError> {
    match txn.scope(MountId::SYSTEM).list_some(ENDED, 1)?.first() {
        Some(name) => read_ended(txn, &format!("{ENDED}/{name}")),
        None => Ok(None),
    }
}

/// What is noted of a path.
pub fn ended(txn: &mut Txn, path: &str) -> Result<Option<Ended>, TxnError> {
    read_ended(txn, &ended_entry(path))
}

fn read_ended(txn: &mut Txn, entry: &str) -> Result<Option<Ended>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let (path, after) = (system.get(entry)?.and_then(text), system.get_part(entry, AFTER)?);
    Ok(path.map(|path| Ended { path, after: after.and_then(text) }))
}

fn text(bytes: Opened) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Notes how far what is below a path was looked at; all of it was where `after` is none.
pub fn looked_below(txn: &mut Txn, path: &str, after: Option<&str>) -> Result<(), TxnError> {
    let entry = ended_entry(path);
    let mut system = txn.scope(MountId::SYSTEM);
    match after {
        Some(after) => system.put_part(&entry, AFTER, after.as_bytes()),
        None => {
            system.delete_part(&entry, AFTER)?;
            system.delete(&entry)
        }
    }
}

fn ended_entry(path: &str) -> String {
    format!("{ENDED}/{}", hex::encode(&sha256(path.as_bytes())[..16]))
}

fn entry(id: &str) -> String {
    format!("{FOLDER}/{id}")
}

fn folder(path: &str) -> String {
    match path.trim_matches('/') {
        "" => FOLDER.to_owned(),
        path => format!("{FOLDER}/{path}"),
    }
}
