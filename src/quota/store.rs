//! Quotas in the store: an entry for each, and one that names the state of those which
//! transactions go by: who commits beside a change of them meets a conflict.

use serde::{Deserialize, Serialize};

use super::record::{Config, LeaseCount, Quota, RateLimit};
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;

/// The folder in the system's part of the store; each kind has one in it.
const FOLDER: &str = "core/quota";
/// Where the configuration lies.
pub const CONFIG: &str = "core/quota/config";

/// Where the state's name lies; there is none before the first of them is set.
const STATE: &str = "core/quota/state";

/// Names one state of the lease counts: random, so that none comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State([u8; 16]);

impl Record for State {
    const VERSION: u8 = 1;
}

/// The state of the lease counts that the transaction sees; none where there never were any.
pub fn state(txn: &mut Txn) -> Result<Option<State>, TxnError> {
    txn.scope(MountId::SYSTEM).read(STATE)
}

fn changed<Q: Quota>(txn: &mut Txn) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    match Q::IS_READ {
        true => {
            let state = State(system.entropy().bytes());
            system.write(STATE, &state)
        }
        false => Ok(()),
    }
}

/// The quota of that name.
pub fn read<Q: Quota>(txn: &mut Txn, name: &str) -> Result<Option<Q>, TxnError> {
    txn.scope(MountId::SYSTEM).read(&place::<Q>(name))
}

/// Sets the quota of that name.
pub fn write<Q: Quota>(txn: &mut Txn, name: &str, quota: &Q) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&place::<Q>(name), quota)?;
    changed::<Q>(txn)
}

/// Removes the quota of that name, if there is one.
pub fn delete<Q: Quota>(txn: &mut Txn, name: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&place::<Q>(name))?;
    changed::<Q>(txn)
}

/// The names of all quotas of a kind.
pub fn list<Q: Quota>(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(&format!("{FOLDER}/{}", Q::KIND))
}

/// The name of the quota of a kind that lies at an entry.
pub fn name_at<Q: Quota>(entry: &str) -> Option<&str> {
    let below = entry.strip_prefix(FOLDER)?.strip_prefix('/')?;
    below.strip_prefix(Q::KIND)?.strip_prefix('/')
}

/// All quotas of a kind, with their names.
pub fn all<Q: Quota>(txn: &mut Txn) -> Result<Vec<(String, Q)>, TxnError> {
    let mut found = Vec::new();
    for name in list::<Q>(txn)? {
        if let Some(quota) = read(txn, &name)? {
            found.push((name, quota));
        }
    }
    Ok(found)
}

/// The configuration: Vault's own until it is set.
pub fn config(txn: &mut Txn) -> Result<Config, TxnError> {
    Ok(txn.scope(MountId::SYSTEM).read(CONFIG)?.unwrap_or_default())
}

/// Sets the configuration.
pub fn set_config(txn: &mut Txn, config: &Config) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(CONFIG, config)
}

/// Takes the quotas of a mount along to where it is moved, or away with it. Whether there were any.
pub fn mount_moved(txn: &mut Txn, from: &str, to: Option<&str>) -> Result<bool, TxnError> {
    Ok(moved::<RateLimit>(txn, from, to)? | moved::<LeaseCount>(txn, from, to)?)
}

fn moved<Q: Quota>(txn: &mut Txn, from: &str, to: Option<&str>) -> Result<bool, TxnError> {
    let mut any = false;
    for (name, quota) in all::<Q>(txn)? {
        if quota.place().mount() != Some(from) {
            continue;
        }
        any = true;
        match to {
            Some(to) => {
                let place = quota.place().moved(to);
                write(txn, &name, &quota.moved(place))?;
            }
            None => delete::<Q>(txn, &name)?,
        }
    }
    Ok(any)
}

fn place<Q: Quota>(name: &str) -> String {
    format!("{FOLDER}/{}/{name}", Q::KIND)
}
