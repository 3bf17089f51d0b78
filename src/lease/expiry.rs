//! When leases end: an index by the minute, so that a look takes one listing of a folder that holds
//! what is due and nothing else, and the end of many is one batch.
//!
//! | entry of the system | value |
//! |---|---|
//! | `lease/due/MINUTE/NAME` | the lease's id; NAME is the first half of its SHA-256, in hex |

use serde::{Deserialize, Serialize};

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::hex;

const FOLDER: &str = "lease/due";

/// A minute since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Minute(u64);

impl Minute {
    /// The one that is running.
    pub const fn of(time: Timestamp) -> Self {
        Self(time.as_secs() / 60)
    }

    /// The first one at whose begin everything is over that ends at `time`.
    pub const fn after(time: Timestamp) -> Self {
        Self(Self::of(time).0 + 1)
    }

    /// The minutes from this one to `last`, that too.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        (self.0..=last.0).map(Self)
    }

    /// How many minutes later `other` is; 0 when it is not.
    pub const fn until(self, other: Self) -> u64 {
        other.0.saturating_sub(self.0)
    }
}

/// Notes that a lease is due.
pub fn note(txn: &mut Txn, minute: Minute, id: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).put(&entry(minute, id), id.as_bytes())
}

/// Takes the note back.
pub fn forget(txn: &mut Txn, minute: Minute, id: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&entry(minute, id))
}

/// At most `most` of the leases that are due at a minute.
pub fn due(txn: &mut Txn, minute: Minute, most: usize) -> Result<Vec<String>, TxnError> {
    let folder = format!("{FOLDER}/{}", minute.0);
    let names = txn.scope(MountId::SYSTEM).list_some(&folder, most)?;
    let mut ids = Vec::new();
    for name in names {
        let id = txn.scope(MountId::SYSTEM).get(&format!("{folder}/{name}"))?;
        ids.extend(id.and_then(|id| String::from_utf8(id.to_vec()).ok()));
    }
    Ok(ids)
}

/// Every minute that something is noted under, up to `last`: for a look after a long sleep.
pub fn minutes(txn: &mut Txn, last: Minute) -> Result<Vec<Minute>, TxnError> {
    let names = txn.scope(MountId::SYSTEM).list(FOLDER)?;
    let minutes = names.iter().filter_map(|name| name.trim_end_matches('/').parse().ok());
    let mut minutes: Vec<Minute> = minutes.map(Minute).filter(|minute| *minute <= last).collect();
    minutes.sort_unstable();
    Ok(minutes)
}

fn entry(minute: Minute, id: &str) -> String {
    format!("{FOLDER}/{}/{}", minute.0, hex::encode(&sha256(id.as_bytes())[..16]))
}
