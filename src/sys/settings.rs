//! Settings that lie in no mount, as they are told of: each by the path at which it is read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::barrier::txn::{Txn, TxnError};
use crate::sys::config::{audit_headers, cors, ui_headers};
use crate::sys::quotas;

/// What is set at each path.
pub type Settings = BTreeMap<String, Map<String, Value>>;

/// The settings that lie at an entry of the system's part of the store.
pub fn at(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    let mut all = quotas::settings(entry, txn)?;
    all.extend(cors::settings(entry, txn)?);
    all.extend(ui_headers::settings(entry, txn)?);
    all.extend(audit_headers::settings(entry, txn)?);
    Ok(all.into_iter().map(|(path, set)| (format!("sys/{path}"), set)).collect())
}

/// Whether to read what is set at `path` takes `sudo`.
pub fn take_sudo(path: &str) -> bool {
    path.starts_with("sys/config/") || path.starts_with("sys/auth/")
}
