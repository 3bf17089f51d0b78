//! What is set in no mount, as it is told of: by the path at which it is read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::barrier::txn::{Txn, TxnError};
use crate::sys::config::{audit_headers, cors, ui_headers};
use crate::sys::{password_policies, policies, quotas, token};

/// What is set at each path.
pub type Settings = BTreeMap<String, Map<String, Value>>;

/// What is set at an entry of the system's part of the store.
pub fn at(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    let mut all = quotas::settings(entry, txn)?;
    all.extend(policies::settings(entry, txn)?);
    all.extend(password_policies::settings(entry, txn)?);
    all.extend(cors::settings(entry, txn)?);
    all.extend(ui_headers::settings(entry, txn)?);
    all.extend(audit_headers::settings(entry, txn)?);
    let below = all.into_iter().map(|(path, set)| (format!("sys/{path}"), set));
    Ok(below.chain(token::settings(entry, txn)?).collect())
}

/// Whether to read what is set at `path` takes `sudo`.
pub fn take_sudo(path: &str) -> bool {
    path.starts_with("sys/config/") || path.starts_with("sys/auth/")
}
