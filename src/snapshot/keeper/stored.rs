//! The targets that were set through the API, in the store.

use super::settings::Fields;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};

/// The folder in the system's part of the store, each target an entry in it.
const FOLDER: &str = "core/snapshot-auto";

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
    txn.scope(MountId::SYSTEM).delete(&place(name))
}

/// Their names.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(FOLDER)
}

fn place(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
