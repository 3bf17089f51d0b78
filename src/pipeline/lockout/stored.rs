//! Locks as they are stored.
//!
//! | entry of the system | value |
//! |---|---|
//! | `core/lockout/NAME` | a [`Lock`]; NAME is half of the SHA-256 of accessor and name, in hex |
//! | `core/lockout-strangers` | the [`Strangers`] |

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key_of;
use super::table::{Failures, Key, User};
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::hex;
use crate::base::record::{Record, RecordError, decode_body};

const FOLDER: &str = "core/lockout";
const STRANGERS: &str = "core/lockout-strangers";

/// So many names that nobody has are stored at most: they lie in one entry.
const MOST_STRANGERS: usize = 4096;

/// Somebody who is locked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    accessor: String,
    name: String,
    /// Failed logins.
    count: u32,
    /// When the last of them was.
    last: Timestamp,
    /// For how many seconds after it they matter.
    span: u32,
}

/// The same as it was in version 1.
#[derive(Serialize, Deserialize)]
struct LockV1 {
    accessor: String,
    name: String,
    count: u32,
    last: Timestamp,
}

impl Record for LockV1 {
    const VERSION: u8 = 1;
}

impl Record for Lock {
    const VERSION: u8 = 2;

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((2, body)) => decode_body(body),
            Some((1, body)) => decode_body::<LockV1>(body).map(Self::from),
            Some((version, _)) => Err(RecordError::Version(*version)),
            None => Err(RecordError::Malformed),
        }
    }
}

impl From<LockV1> for Lock {
    fn from(LockV1 { accessor, name, count, last }: LockV1) -> Self {
        // As long as it is where nothing else is configured.
        Self { accessor, name, count, last, span: 15 * 60 }
    }
}

impl Lock {
    /// That of a user.
    pub fn of(User { accessor, name }: &User, failures: &Failures) -> Self {
        let Failures { count, last, span, .. } = *failures;
        Self { accessor: accessor.clone(), name: name.clone(), count, last, span }
    }
}

/// Names that nobody has and that are locked out, by their keys: so a restart does not tell them
/// from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strangers {
    locks: Vec<Stranger>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stranger {
    key: Key,
    count: u32,
    last: Timestamp,
    span: u32,
}

impl Record for Strangers {
    const VERSION: u8 = 1;
}

impl Strangers {
    /// Those that were tried last, where there are too many.
    pub fn of<'a>(all: impl Iterator<Item = (Key, &'a Failures)>) -> Self {
        let stranger = |(key, failures): (Key, &Failures)| {
            let Failures { count, last, span, .. } = *failures;
            Stranger { key, count, last, span }
        };
        let mut locks: Vec<Stranger> = all.map(stranger).collect();
        locks.sort_unstable_by_key(|stranger| (Reverse(stranger.last), stranger.key));
        locks.truncate(MOST_STRANGERS);
        Self { locks }
    }
}

/// All that are stored.
pub fn read(txn: &mut Txn) -> Result<Vec<(Key, Failures)>, TxnError> {
    let mut locks = Vec::new();
    for name in txn.scope(MountId::SYSTEM).list(FOLDER)? {
        let lock = txn.scope(MountId::SYSTEM).read(&format!("{FOLDER}/{name}"))?;
        let Some(Lock { accessor, name, count, last, span }) = lock else { continue };
        let user = User { accessor, name };
        let key = key_of(txn, &user);
        locks.push((key, Failures { last, count, span, locked: true, user: Some(user.into()) }));
    }
    let strangers: Option<Strangers> = txn.scope(MountId::SYSTEM).read(STRANGERS)?;
    for Stranger { key, count, last, span } in strangers.unwrap_or_default().locks {
        locks.push((key, Failures { last, count, span, locked: true, user: None }));
    }
    Ok(locks)
}

/// Has the store hold these and no others.
pub fn write(txn: &mut Txn, users: Vec<Lock>, strangers: Strangers) -> Result<(), TxnError> {
    let users: BTreeMap<String, Lock> =
        users.into_iter().map(|lock| (place(&lock.accessor, &lock.name), lock)).collect();
    let mut system = txn.scope(MountId::SYSTEM);
    // A lock that is lifted meanwhile is written below this folder, so that this is a conflict.
    for name in system.list(FOLDER)? {
        let place = format!("{FOLDER}/{name}");
        if !users.contains_key(&place) {
            system.delete(&place)?;
        }
    }
    for (place, lock) in &users {
        if system.read::<Lock>(place)?.as_ref() != Some(lock) {
            system.write(place, lock)?;
        }
    }
    if system.read::<Strangers>(STRANGERS)?.unwrap_or_default() != strangers {
        system.write(STRANGERS, &strangers)?;
    }
    Ok(())
}

/// Lifts the lock of one.
pub fn remove(txn: &mut Txn, key: Key, user: &User) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    // Whether it is there or not: see `write`.
    system.delete(&place(&user.accessor, &user.name))?;
    if let Some(mut strangers) = system.read::<Strangers>(STRANGERS)? {
        let before = strangers.locks.len();
        strangers.locks.retain(|stranger| stranger.key != key);
        if strangers.locks.len() < before {
            system.write(STRANGERS, &strangers)?;
        }
    }
    Ok(())
}

fn place(accessor: &str, name: &str) -> String {
    let digest = sha256(format!("{accessor}/{name}").as_bytes());
    format!("{FOLDER}/{}", hex::encode(&digest[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let (accessor, name) = ("auth_userpass_1".to_owned(), "bob".to_owned());
        Lock { accessor, name, count: 5, last: Timestamp::from_secs(7), span: 900 }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        assert_eq!(Lock::decode(&lock().encode()), Ok(lock()));
        let Lock { accessor, name, count, last, .. } = lock();
        let old = LockV1 { accessor, name, count, last };
        assert_eq!(Lock::decode(&old.encode()), Ok(lock()));
        let failures = |last| Failures {
            last: Timestamp::from_secs(last),
            count: 5,
            span: 60,
            locked: true,
            user: None,
        };
        let all: Vec<Failures> = (0..5000).map(failures).collect();
        let strangers = Strangers::of((0..).zip(&all));
        assert_eq!(strangers.locks.len(), MOST_STRANGERS);
        assert_eq!(strangers.locks[0].last, Timestamp::from_secs(4999));
        assert_eq!(Strangers::decode(&strangers.encode()), Ok(strangers));
    }
}
