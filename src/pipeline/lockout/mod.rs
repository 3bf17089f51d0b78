//! Users that are locked out: after some failed logins one is refused without a look at what was
//! sent, for a while.
//!
//! Failures are counted in memory ([`table`]). Of those that are locked out the store has an entry
//! each, so that a restart lets nobody in earlier; it is written in the background, some seconds
//! later, so that a failed login writes nothing and takes no longer than another.
//!
//! | entry of the system | value |
//! |---|---|
//! | `core/lockout/NAME` | a [`Lock`]; NAME is half of the SHA-256 of accessor and name, in hex |

mod table;
mod terms;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::table::User;
use self::table::{Failures, Locked, Table};
pub use self::terms::{Settings, Terms};
use super::Pipeline;
use super::locate::Target;
use super::settle::Settled;
use crate::api::ask::Ask;
use crate::barrier::Unsealed;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::entropy::Entropy;
use crate::base::fault::{Cause, Fault};
use crate::base::hex;
use crate::base::record::Record;
use crate::base::sync::lock;
use crate::mount::store::MountStore;
use crate::mount::table::MountTable;

const FOLDER: &str = "core/lockout";

/// Somebody who is locked out, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lock {
    accessor: String,
    name: String,
    /// Failed logins.
    count: u32,
    /// When the last of them was.
    last: Timestamp,
}

impl Record for Lock {
    const VERSION: u8 = 1;
}

/// A login that is counted if it fails.
pub struct Login {
    user: User,
    terms: Terms,
}

/// Knows who is locked out.
pub struct Lockouts {
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    /// Whose locks were read.
    store: Weak<Unsealed>,
    table: Table,
    /// Whether the store may have other locks than the table.
    changed: bool,
}

impl Lockouts {
    /// Nothing is read yet.
    pub fn new(settings: Settings, entropy: &dyn Entropy) -> Self {
        let state = State { store: Weak::new(), table: Table::new(entropy), changed: false };
        Self { settings, state: Mutex::new(state) }
    }

    /// Those that are locked out, by their mounts' accessors.
    pub fn locked(
        &self,
        unsealed: &Arc<Unsealed>,
        mounts: &MountTable,
    ) -> Result<BTreeMap<String, Vec<String>>, TxnError> {
        let (state, now) = (self.state(unsealed)?, unsealed.time().expiry_now());
        let mut locked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (user, failures) in state.table.users() {
            if self.lock_out(mounts, user, failures, now) {
                locked.entry(user.accessor.clone()).or_default().push(user.name.clone());
            }
        }
        locked.values_mut().for_each(|names| names.sort_unstable());
        Ok(locked)
    }

    /// Lets somebody log in again.
    pub fn unlock(self: &Arc<Self>, txn: &mut Txn, user: User) -> Result<(), TxnError> {
        txn.scope(MountId::SYSTEM).delete(&place(&user.accessor, &user.name))?;
        let lockouts = Arc::clone(self);
        txn.after_commit(move || lockouts.forget(&user));
        Ok(())
    }

    /// Gives back the memory of what matters no more, and has the store know who is locked out.
    pub fn keep(&self, unsealed: &Arc<Unsealed>, mounts: &MountStore) -> Result<(), TxnError> {
        let now = unsealed.time().expiry_now();
        let mut state = self.state(unsealed)?;
        state.changed |= state.table.sweep(now);
        if !std::mem::take(&mut state.changed) {
            return Ok(());
        }
        let mut txn = unsealed.begin()?;
        let table = mounts.read(&mut txn)?;
        let locks: BTreeMap<String, Lock> = state
            .table
            .users()
            .filter(|(user, failures)| self.lock_out(&table, user, failures, now))
            .map(|(User { accessor, name }, failures)| {
                let Failures { count, last, .. } = *failures;
                (
                    place(accessor, name),
                    Lock { accessor: accessor.clone(), name: name.clone(), count, last },
                )
            })
            .collect();
        drop(state);
        let written = unsealed.transact(|txn| write(txn, &locks));
        if written.is_err() {
            lock(&self.state).changed = true;
        }
        written
    }

    fn lock_out(
        &self,
        mounts: &MountTable,
        user: &User,
        failures: &Failures,
        now: Timestamp,
    ) -> bool {
        let mount = mounts.by_accessor(&user.accessor);
        let terms = mount.and_then(|mount| self.settings.terms(mount));
        terms.is_some_and(|terms| failures.lock(&terms, now))
    }

    fn is_locked(&self, unsealed: &Arc<Unsealed>, login: &Login) -> Result<bool, TxnError> {
        let now = unsealed.time().expiry_now();
        Ok(self.state(unsealed)?.table.is_locked(&login.user, &login.terms, now))
    }

    fn fail(
        &self,
        unsealed: &Arc<Unsealed>,
        Login { user, terms }: &Login,
        exists: bool,
    ) -> Result<Result<(), Locked>, TxnError> {
        let now = unsealed.time().expiry_now();
        let mut state = self.state(unsealed)?;
        Ok(state.table.fail(user, exists, terms, now).map(|locks| {
            state.changed |= locks && exists;
        }))
    }

    fn forget(&self, user: &User) {
        let mut state = lock(&self.state);
        state.changed |= state.table.forget(user);
    }

    /// The state, with the locks that the store has.
    fn state(&self, unsealed: &Arc<Unsealed>) -> Result<MutexGuard<'_, State>, TxnError> {
        let mut state = lock(&self.state);
        // As long as it is held here, nothing else gets its place in memory.
        if !std::ptr::eq(state.store.as_ptr(), Arc::as_ptr(unsealed)) {
            for Lock { accessor, name, count, last } in read(&mut unsealed.begin()?)? {
                state.table.recall(Failures::stored(User { accessor, name }, count, last));
            }
            state.store = Arc::downgrade(unsealed);
            state.changed = true;
        }
        Ok(state)
    }
}

impl Pipeline {
    /// The login that a request is, where it is one of those that are counted.
    ///
    /// # Errors
    /// Vault's 403 for somebody who is locked out.
    pub(super) fn refuse_locked(
        &self,
        txn: &mut Txn,
        target: &Target<'_, '_>,
        ask: &Ask,
        data: &Map<String, Value>,
    ) -> Result<Option<Login>, Fault> {
        let Target::Mounted { view, engine, found: Some(found), .. } = target else {
            return Ok(None);
        };
        if !engine.names_alias(found.id, ask.verb) {
            return Ok(None);
        }
        let table = self.tokens.mounts.read(txn)?;
        let terms = table.at(&view.path).and_then(|mount| self.lockouts.settings.terms(mount));
        let fields = engine.fields(found, ask.verb, data)?;
        let name = engine.alias(found.id, ask.verb, &fields);
        let (Some(terms), Some(name)) = (terms, name) else { return Ok(None) };
        let login = Login { user: User { accessor: view.accessor.clone(), name }, terms };
        match self.lockouts.is_locked(txn.unsealed(), &login)? {
            true => Err(Fault::denied()),
            false => Ok(Some(login)),
        }
    }

    /// Counts a login that failed, and what failed before as nothing once one succeeds. One more
    /// than there may be, of several at once, is told nothing of what was sent.
    pub(super) fn count_login(
        &self,
        unsealed: &Arc<Unsealed>,
        login: Option<Login>,
        outcome: Result<Settled, Fault>,
    ) -> Result<Settled, Fault> {
        let Some(login) = login else { return outcome };
        let exists = match outcome.as_ref().map_err(|fault| fault.cause) {
            Ok(_) => {
                self.lockouts.forget(&login.user);
                return outcome;
            }
            Err(Cause::WrongCredentials) => true,
            Err(Cause::UnknownUser) => false,
            Err(Cause::Any | Cause::Crowded | Cause::NoRoom) => return outcome,
        };
        match self.lockouts.fail(unsealed, &login, exists)? {
            Ok(()) => outcome,
            Err(Locked) => Err(Fault::denied()),
        }
    }
}

fn read(txn: &mut Txn) -> Result<Vec<Lock>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let mut locks = Vec::new();
    for name in system.list(FOLDER)? {
        locks.extend(system.read(&format!("{FOLDER}/{name}"))?);
    }
    Ok(locks)
}

/// Has the store hold these locks and no others.
fn write(txn: &mut Txn, locks: &BTreeMap<String, Lock>) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    for name in system.list(FOLDER)? {
        let place = format!("{FOLDER}/{name}");
        if !locks.contains_key(&place) {
            system.delete(&place)?;
        }
    }
    for (place, lock) in locks {
        if system.read::<Lock>(place)?.as_ref() != Some(lock) {
            system.write(place, lock)?;
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

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let (accessor, name) = ("auth_userpass_1".to_owned(), "bob".to_owned());
        let lock = Lock { accessor, name, count: 5, last: Timestamp::from_secs(7) };
        assert_eq!(Lock::decode(&lock.encode()), Ok(lock));
    }
}
