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
    due_behind(txn, minute, None, most)
}

/// The same, of which the first is another with each `turn`: where there are more, all are among
/// them at one or the other.
pub fn due_by_turns(
    txn: &mut Txn,
    minute: Minute,
    turn: u64,
    most: usize,
) -> Result<Vec<String>, TxnError> {
    // Names are digests and are sealed: where that of any text would be is anywhere.
    let anywhere = name(&turn.to_string());
    let mut ids = due_behind(txn, minute, Some(&anywhere), most)?;
    ids.extend(due(txn, minute, most - ids.len())?);
    Ok(ids)
}

fn due_behind(
    txn: &mut Txn,
    minute: Minute,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<String>, TxnError> {
    let mut folder = txn.scope_under(MountId::SYSTEM, &folder(minute))?;
    let mut ids = Vec::new();
    for name in folder.stretch("", after, most)? {
        let id = folder.get(&name)?;
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

fn folder(minute: Minute) -> String {
    format!("{FOLDER}/{}", minute.0)
}

fn entry(minute: Minute, id: &str) -> String {
    format!("{}/{}", folder(minute), name(id))
}

fn name(id: &str) -> String {
    hex::encode(&sha256(id.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::barrier::Barrier;
    use crate::barrier::seal::shamir::{Split, combine};
    use crate::base::clock::ManualClock;
    use crate::base::entropy::SeededEntropy;
    use crate::storage::memory::Memory;

    #[test]
    fn where_more_are_due_than_are_asked_for_each_has_its_turn() {
        let entropy = Arc::new(SeededEntropy::new(1));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let barrier = Barrier::new(Arc::new(Memory::new()), clock, entropy);
        let split = Split::new(1, 1).unwrap();
        let made = barrier.initialize(split, |_| Ok::<_, Box<dyn std::error::Error>>(()));
        let store = barrier.unseal(&combine(&made.unwrap().0).unwrap()).unwrap();
        let minute = Minute(30_000_000);
        let all: BTreeSet<String> = (0..30).map(|n| format!("auth/a/login/{n}")).collect();
        store.transact(|txn| all.iter().try_for_each(|id| note(txn, minute, id))).unwrap();
        let at = |turn, most| {
            let ids = store.transact(|txn| due_by_turns(txn, minute, turn, most)).unwrap();
            assert!(ids.len() <= most);
            ids.into_iter().collect::<BTreeSet<_>>()
        };
        let seen: BTreeSet<_> = (0..60).flat_map(|turn| at(turn, 7)).collect();
        assert_eq!(seen, all);
        assert!((0..60).all(|turn| at(turn, 7).len() == 7 && at(turn, 30) == all));
    }
}
