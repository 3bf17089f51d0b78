//! The devices in the store: an entry for each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;

/// Where they lie in the system's part of the store, each under a name of its own: paths of
/// devices have slashes.
const FOLDER: &str = "core/audit";

/// A device as it is stored, and shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDevice {
    /// The name of its entry: random.
    pub id: String,
    /// Its path, with a slash at the end.
    pub path: String,
    /// `file`, `syslog` or `socket`.
    pub kind: String,
    /// Free text.
    pub description: String,
    /// Accepted and shown; there is no replication for it to matter.
    pub local: bool,
    /// As they were sent; null and none are told apart, as Vault does.
    pub options: Option<BTreeMap<String, String>>,
    /// What its hashes are made with.
    pub salt: [u8; 32],
}

impl Drop for StoredDevice {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

impl Record for StoredDevice {
    const VERSION: u8 = 1;
}

/// All devices, in the order of their paths.
pub fn all(txn: &mut Txn) -> Result<Vec<StoredDevice>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let mut devices = Vec::new();
    for name in system.list(FOLDER)? {
        devices.extend(system.read::<StoredDevice>(&format!("{FOLDER}/{name}"))?);
    }
    devices.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(devices)
}

/// Writes a device.
pub fn put(txn: &mut Txn, device: &StoredDevice) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&format!("{FOLDER}/{}", device.id), device)
}

/// Removes a device.
pub fn remove(txn: &mut Txn, id: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&format!("{FOLDER}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_was_written() {
        let options = BTreeMap::from([("file_path".to_owned(), "stdout".to_owned())]);
        for options in [None, Some(BTreeMap::new()), Some(options)] {
            let device = StoredDevice {
                id: "1a2b".to_owned(),
                path: "deep/er/".to_owned(),
                kind: "file".to_owned(),
                description: String::new(),
                local: true,
                options,
                salt: [7; 32],
            };
            assert!(StoredDevice::decode(&device.encode()) == Ok(device));
        }
    }
}
