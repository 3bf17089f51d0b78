//! Users that are locked out: after some failed logins one is refused without a look at what was
//! sent, for a while.
//!
//! Failures are counted in memory ([`table`]). Locks are stored too ([`stored`]), so that a restart
//! lets nobody in earlier; they are written in the background, some seconds later, so that a failed
//! login writes nothing and takes no longer than another.

mod stored;
mod table;
mod terms;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use serde_json::{Map, Value};

use self::stored::Lock;
pub use self::table::User;
use self::table::{Failures, Key, Locked, Table};
pub use self::terms::{Settings, Terms};
use super::Pipeline;
use super::locate::Target;
use super::settle::Settled;
use super::way::Way;
use crate::api::ask::Ask;
use crate::barrier::Unsealed;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::fault::{Cause, Fault};
use crate::base::sync::lock;
use crate::mount::store::MountStore;
use crate::mount::table::MountTable;

/// A login that is counted if it fails.
pub struct Login {
    key: Key,
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
}

impl Lockouts {
    /// Nothing is read yet.
    pub fn new(settings: Settings, entropy: &dyn Entropy) -> Self {
        let state = State { store: Weak::new(), table: Table::new(entropy) };
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
    pub fn unlock(&self, txn: &mut Txn, user: &User) -> Result<(), TxnError> {
        let (key, unsealed) = (key_of(txn, user), Arc::clone(txn.unsealed()));
        // Before the commit: whoever looks after it what there is to store finds no lock here, and
        // whoever looked earlier meets a conflict.
        self.state(&unsealed)?.table.forget(key);
        stored::remove(txn, key, user)
    }

    /// Gives back the memory of what matters no more, and has the store know who is locked out.
    pub fn keep(&self, unsealed: &Arc<Unsealed>, mounts: &MountStore) -> Result<(), TxnError> {
        let now = unsealed.time().expiry_now();
        let mut state = self.state(unsealed)?;
        state.table.sweep(now);
        if !state.table.take_changed() {
            return Ok(());
        }
        drop(state);
        let written = unsealed.transact(|txn| {
            let mounts = mounts.read(txn)?;
            let state = self.state(unsealed)?;
            let users = state.table.users();
            let users =
                users.filter(|(user, failures)| self.lock_out(&mounts, user, failures, now));
            let users = users.map(|(user, failures)| Lock::of(user, failures)).collect();
            let strangers = stored::Strangers::of(state.table.strangers());
            drop(state);
            stored::write(txn, users, strangers)
        });
        if written.is_err() {
            lock(&self.state).table.set_changed();
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
        Ok(self.state(unsealed)?.table.is_locked(login.key, &login.terms, now))
    }

    fn fail(
        &self,
        unsealed: &Arc<Unsealed>,
        Login { key, user, terms }: &Login,
        exists: bool,
    ) -> Result<Result<(), Locked>, TxnError> {
        let now = unsealed.time().expiry_now();
        Ok(self.state(unsealed)?.table.fail(*key, exists.then_some(user), terms, now))
    }

    /// The state, with the locks that the store has.
    fn state(&self, unsealed: &Arc<Unsealed>) -> Result<MutexGuard<'_, State>, TxnError> {
        let mut state = lock(&self.state);
        // As long as it is held here, nothing else gets its place in memory.
        if !std::ptr::eq(state.store.as_ptr(), Arc::as_ptr(unsealed)) {
            for (key, failures) in stored::read(&mut unsealed.begin()?)? {
                state.table.recall(key, failures);
            }
            state.store = Arc::downgrade(unsealed);
        }
        Ok(state)
    }
}

/// By what a name is counted: an HMAC, so that what is kept of a name that nobody has tells
/// nothing of it, and nobody can choose names that are counted together.
fn key_of(txn: &mut Txn, User { accessor, name }: &User) -> Key {
    let pieces: [&[u8]; 4] = [b"lockout", accessor.as_bytes(), b"/", name.as_bytes()];
    let [a, b, c, d, e, f, g, h, ..] = txn.scope(MountId::SYSTEM).mac(&pieces);
    Key::from_be_bytes([a, b, c, d, e, f, g, h])
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
        let user = User { accessor: view.accessor.clone(), name };
        let login = Login { key: key_of(txn, &user), user, terms };
        match self.lockouts.is_locked(txn.unsealed(), &login)? {
            true => Err(Fault::denied()),
            false => Ok(Some(login)),
        }
    }

    /// Counts a login that failed, and what failed before as nothing once one succeeds. One more
    /// than there may be, of several at once, is told nothing of what was sent.
    pub(super) fn count_login(
        &self,
        way: &mut Way,
        outcome: Result<Settled, Fault>,
    ) -> Result<Settled, Fault> {
        let Some(login) = way.login.take() else { return outcome };
        let exists = match outcome.as_ref().map_err(|fault| fault.cause) {
            Ok(_) => {
                lock(&self.lockouts.state).table.forget(login.key);
                return outcome;
            }
            Err(Cause::WrongCredentials) => true,
            Err(Cause::UnknownUser) => false,
            Err(Cause::Any | Cause::Crowded | Cause::NoRoom | Cause::Gone) => return outcome,
        };
        match self.lockouts.fail(&self.barrier.still(&way.store)?, &login, exists)? {
            Ok(()) => outcome,
            Err(Locked) => Err(Fault::denied()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stored::Strangers;
    use super::*;
    use crate::barrier::Barrier;
    use crate::barrier::seal::shamir::{Split, combine};
    use crate::base::clock::ManualClock;
    use crate::base::entropy::SeededEntropy;
    use crate::storage::memory::Memory;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn store() -> Arc<Unsealed> {
        let entropy = Arc::new(SeededEntropy::new(1));
        let clock = Arc::new(ManualClock::at(NOW));
        let barrier = Barrier::new(Arc::new(Memory::new()), clock, entropy);
        let split = Split::new(1, 1).unwrap();
        let made = barrier.initialize(split, |_| Ok::<_, Box<dyn std::error::Error>>(()));
        barrier.unseal(&combine(&made.unwrap().0).unwrap()).unwrap()
    }

    fn login(store: &Arc<Unsealed>) -> Login {
        let user = User { accessor: "auth_userpass_1".to_owned(), name: "bob".to_owned() };
        let key = key_of(&mut store.begin().unwrap(), &user);
        Login { key, user, terms: Terms::default() }
    }

    #[test]
    fn a_lock_that_is_lifted_meanwhile_is_not_written() {
        let store = store();
        let Login { key, user, .. } = login(&store);
        let failures = Failures { last: NOW, count: 5, span: 9, locked: true, user: None };
        // As a user, and as a name that nobody had.
        for (users, strangers) in [
            (vec![Lock::of(&user, &failures)], Strangers::default()),
            (Vec::new(), Strangers::of([(key, &failures)].into_iter())),
        ] {
            let mut keeping = store.begin().unwrap();
            stored::write(&mut keeping, users, strangers).unwrap();
            store.transact(|txn| stored::remove(txn, key, &user)).unwrap();
            assert!(matches!(keeping.commit(), Err(TxnError::Conflict)));
            assert_eq!(stored::read(&mut store.begin().unwrap()).unwrap(), []);
        }
    }

    #[test]
    fn a_lock_is_forgotten_before_it_is_lifted_in_the_store() {
        let store = store();
        let lockouts = Lockouts::new(Settings::default(), &SeededEntropy::new(2));
        let login = login(&store);
        for _ in 0..5 {
            lockouts.fail(&store, &login, true).unwrap().unwrap();
        }
        assert!(lockouts.is_locked(&store, &login).unwrap());
        let mut txn = store.begin().unwrap();
        lockouts.unlock(&mut txn, &login.user).unwrap();
        assert!(!lockouts.is_locked(&store, &login).unwrap());
        txn.commit().unwrap();
    }
}
