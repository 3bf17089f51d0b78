//! A transaction, and the scopes through which engines see it.

mod differ;
mod error;
mod scope;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::envelope::OVERHEAD;
use super::keyring::Keyring;
use super::names::{Child, Role, SealedPath, first_below, successor};
use super::walk::Walk;
use super::{Opened, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::digest::MacKey;
use crate::base::json;
use crate::base::room::{SMALL, Share, Tab};
use crate::storage::commit::{Begin, Changes, CommitError, Reads};
use crate::storage::{Key, MAX_VALUE, Urgency, Value, View};

pub use differ::Differing;
pub use error::TxnError;
pub use scope::Scope;

/// The longest value of an entry, in bytes: sealed, it is as long as the store takes.
pub const MAX_PLAIN: usize = MAX_VALUE - OVERHEAD;
/// Bytes that a key or a name takes beside its text.
const NOTED: usize = 64;

/// What is done once a transaction is committed.
type Then = Box<dyn FnOnce() + Send>;

/// A transaction: reads one unchanging state and its own writes; nothing of it is in the store
/// before [`commit`](Self::commit) returns. Dropped, it leaves no trace.
pub struct Txn {
    unsealed: Arc<Unsealed>,
    keyring: Arc<Keyring>,
    view: Box<dyn View>,
    base: u64,
    reads: Reads,
    writes: BTreeMap<Key, Option<Value>>,
    now: Timestamp,
    expiry_now: Timestamp,
    urgency: Urgency,
    then: Vec<Then>,
    weight: usize,
    tab: Tab,
}

impl Txn {
    pub(super) fn new(unsealed: Arc<Unsealed>, begin: Begin) -> Self {
        // After the view: so it has the term of whatever is in there.
        let keyring = unsealed.keyring();
        let (now, expiry_now) = (unsealed.time().now(), unsealed.time().expiry_now());
        let Begin { view, base } = begin;
        let (reads, writes, then, weight, tab) = Default::default();
        let urgency = Urgency::Ordinary;
        Self {
            unsealed,
            keyring,
            view,
            base,
            reads,
            writes,
            now,
            expiry_now,
            urgency,
            then,
            weight,
            tab,
        }
    }

    /// The transaction's time: it stands still.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The time by which things expire: see [`Scope::expiry_now`].
    pub fn expiry_now(&self) -> Timestamp {
        self.expiry_now
    }

    /// The store that it is of.
    pub fn unsealed(&self) -> &Arc<Unsealed> {
        &self.unsealed
    }

    /// From now on what it reads is taken into that share. Without one it is not counted.
    pub fn take_into(&mut self, share: Arc<Share>) {
        self.tab = Tab::of(share);
    }

    /// Lets the commit use the reserve of a full disk: for what frees space or revokes.
    pub fn set_urgency(&mut self, urgency: Urgency) {
        self.urgency = urgency;
    }

    /// The HMAC under which a token is stored.
    pub fn token_mac(&self, token: &[u8]) -> [u8; 32] {
        MacKey::new(&self.keyring.fixed().tokens).mac(&[token])
    }

    /// Seals what is handed out to come back. Only [`open_outside`](Self::open_outside) with the
    /// same `purpose`, which is no physical key, opens it.
    pub fn seal_outside(&self, purpose: &'static [u8], value: &[u8]) -> Vec<u8> {
        self.keyring.seal_value(purpose, value, &*self.unsealed.entropy)
    }

    /// What was sealed for that purpose; `None` when it was not by the keys of this store.
    pub fn open_outside(&self, purpose: &'static [u8], sealed: &[u8]) -> Option<Opened> {
        self.keyring.open_value(purpose, sealed).ok()
    }

    /// The bytes of all stored values that it has looked up or removed by [`Scope::delete_some`]:
    /// by this, work that is done in steps knows when to begin another.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether anything would be written.
    pub fn writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Has `then` done once the writes are durable and before anybody is told so: for what is kept
    /// in memory of what was written. A transaction that is given up or run again leaves it undone.
    pub fn after_commit(&mut self, then: impl FnOnce() + Send + 'static) {
        self.then.push(Box::new(then));
    }

    /// Returns when the writes are durable. A transaction that wrote nothing always succeeds: what
    /// it read was one state.
    pub fn commit(self) -> Result<(), TxnError> {
        self.finish().commit()
    }

    /// Reads no more: the view is let go.
    pub(super) fn finish(self) -> Finished {
        let Self { unsealed, base, reads, writes, urgency, then, .. } = self;
        Finished { unsealed, changes: Changes { base, reads, writes, urgency }, then }
    }

    /// A record of the system, as it is stored.
    pub(super) fn system(&mut self, key: &[u8]) -> Result<Option<Value>, TxnError> {
        let stored = self.view.get(key)?;
        self.reads.point(key);
        Ok(stored)
    }

    /// Sets a record of the system.
    pub(super) fn put_system(&mut self, key: &[u8], value: Value) {
        self.writes.insert(key.to_vec(), Some(value));
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Opened>, TxnError> {
        let _running = self.unsealed.meters.get.begin();
        if let Some(written) = self.writes.get(key) {
            return written.as_deref().map(|sealed| self.open(key, sealed)).transpose();
        }
        let mut stored = Ok(None);
        self.view.look(key, &mut |sealed| {
            // Sealed and opened it is there twice, then as what an engine makes of it.
            stored = self.tab.take(2 * sealed.len()).map(|()| Some(sealed.to_vec()));
        })?;
        let stored = stored?;
        self.weight += stored.as_ref().map_or(0, Vec::len);
        self.reads.point(key);
        self.tab.take(NOTED + key.len())?;
        let Some(opened) = stored.map(|sealed| self.open(key, &sealed)).transpose()? else {
            return Ok(None);
        };
        if opened.len() > SMALL {
            self.tab.take(json::most_values(&opened) * json::VALUE)?;
        }
        Ok(Some(opened))
    }

    fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Opened, TxnError> {
        self.keyring.open_value(key, sealed).map_err(|_| TxnError::Damaged)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TxnError> {
        if value.len() > MAX_PLAIN {
            return Err(TxnError::TooLarge);
        }
        let _running = self.unsealed.meters.put.begin();
        let sealed = self.keyring.seal_value(key, value, &*self.unsealed.entropy);
        self.writes.insert(key.to_vec(), Some(sealed));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) {
        let _running = self.unsealed.meters.delete.begin();
        self.writes.insert(key.to_vec(), None);
    }

    /// The names right below `folder`, the first `most` in the store's order: whether each is an
    /// entry, and a folder.
    fn list(
        &mut self,
        folder: &SealedPath,
        most: usize,
    ) -> Result<BTreeMap<String, Listed>, TxnError> {
        let unsealed = Arc::clone(&self.unsealed);
        let _running = unsealed.meters.list.begin();
        let mut tab = std::mem::take(&mut self.tab);
        let mut names: BTreeMap<String, Listed> = BTreeMap::new();
        self.each_child(folder, |child| {
            let name = unsealed.names.open_child(folder, child.segment)?;
            if names.len() == most && !names.contains_key(&name) {
                return Ok(false);
            }
            // Here, in the list that is made of it, and in the text of the answer.
            tab.take(3 * (NOTED + name.len()))?;
            let listed = names.entry(name).or_default();
            match child.role {
                Role::Entry => listed.entry = true,
                // Its entry sorts before and would have been met.
                Role::Part => {}
                Role::Deeper => listed.folder = true,
            }
            Ok(true)
        })?;
        self.tab = tab;
        Ok(names)
    }

    /// Shows what lies right below `folder` in the store's order, once as an entry and once as a
    /// folder, until `see` wants no more. What it did not want was not read.
    fn each_child(
        &mut self,
        folder: &SealedPath,
        mut see: impl FnMut(&Child<'_>) -> Result<bool, TxnError>,
    ) -> Result<(), TxnError> {
        let (from, to) = folder.below();
        let mut read_to = to.clone();
        let mut walk = Walk::new(&*self.view, &self.writes, to);
        let mut next = walk.seek(&from)?;
        while let Some(key) = next {
            let child = folder.child_of(&key)?;
            if !see(&child)? {
                read_to = Some(key);
                break;
            }
            let path = &key[..child.end];
            let from = match child.role {
                Role::Entry | Role::Part => first_below(path),
                Role::Deeper => match successor(path) {
                    Some(after) => after,
                    None => break,
                },
            };
            next = walk.seek(&from)?;
        }
        drop(walk);
        self.reads.range(from, read_to);
        Ok(())
    }

    fn delete_some(&mut self, folder: &SealedPath, length: usize) -> Result<bool, TxnError> {
        let (from, to) = folder.below();
        self.reads.range(from.clone(), to.clone());
        // What was only about to be written is there no more.
        let end = to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        for (_, value) in self.writes.range_mut::<[u8], _>((Bound::Included(&from[..]), end)) {
            *value = None;
        }
        let mut found = 0;
        for entry in self.view.scan(&from, to.as_deref())? {
            if found >= length {
                return Ok(false);
            }
            let (key, value) = entry?;
            let size = key.len() + value.len();
            self.writes.insert(key, None);
            self.weight += size;
            found += size;
        }
        Ok(true)
    }
}

/// A transaction that has read and written all that it will.
pub(super) struct Finished {
    unsealed: Arc<Unsealed>,
    changes: Changes,
    then: Vec<Then>,
}

impl Finished {
    pub(super) fn commit(self) -> Result<(), TxnError> {
        let unsealed = Arc::clone(&self.unsealed);
        let writes = !self.changes.writes.is_empty();
        let _open = if writes { Some(unsealed.hold_open()?) } else { None };
        self.commit_by(|changes| unsealed.committer.commit(changes))
    }

    /// Has the writes, where there are any, made durable by `commit`.
    pub(super) fn commit_by(
        self,
        commit: impl FnOnce(Changes) -> Result<(), CommitError>,
    ) -> Result<(), TxnError> {
        let Self { changes, then, .. } = self;
        if !changes.writes.is_empty() {
            commit(changes)?;
        }
        then.into_iter().for_each(|then| then());
        Ok(())
    }
}

#[derive(Default)]
struct Listed {
    entry: bool,
    folder: bool,
}
