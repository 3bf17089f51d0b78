//! The table in the store: an entry for each mount, so that a change of one writes little, and
//! one small record that names the state of them all.
//!
//! Each request reads only that record, and the table that it names out of memory. It is replaced
//! with each change: a request that found its mount in one table and commits beside a change of it
//! meets a conflict, and is run again.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::table::{Mount, MountTable};
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::record::Record;
use crate::base::sync::lock;

/// Where the mounts lie in the system's part of the store, each under its id.
const FOLDER: &str = "core/mount";
/// Where the state's name lies.
const STATE: &str = "core/mounts";

/// How many tables are kept: the present one, one that requests begun before still read, and what
/// writers make that may never be committed. They share their mounts.
const KEPT: usize = 4;

/// Names one state of the table: random, so that what was not committed is never taken for what
/// was.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct State([u8; 16]);

impl Record for State {
    const VERSION: u8 = 1;
}

/// Reads and changes the table.
pub struct MountStore {
    entropy: Arc<dyn Entropy>,
    /// The latest used first.
    known: Mutex<Vec<(State, Arc<MountTable>)>>,
}

impl MountStore {
    /// Nothing is read yet.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, known: Mutex::default() }
    }

    /// The table as the transaction sees it.
    pub fn read(&self, txn: &mut Txn) -> Result<Arc<MountTable>, TxnError> {
        let Some(state) = txn.scope(MountId::SYSTEM).read::<State>(STATE)? else {
            return Ok(Arc::default());
        };
        if let Some(table) = self.recall(state) {
            return Ok(table);
        }
        let table = Arc::new(load(txn)?);
        self.remember(state, table.clone());
        Ok(table)
    }

    /// Puts a mount that is new, or changed, into the table; the caller has looked for conflicts.
    pub fn put(&self, txn: &mut Txn, mount: Mount) -> Result<(), TxnError> {
        let mut table = MountTable::clone(&*self.read(txn)?);
        txn.scope(MountId::SYSTEM).write(&place(mount.id), &mount)?;
        table.put(mount);
        self.changed(txn, table)
    }

    /// Takes a mount out of the table; its data stays.
    pub fn remove(&self, txn: &mut Txn, id: MountId) -> Result<(), TxnError> {
        let mut table = MountTable::clone(&*self.read(txn)?);
        txn.scope(MountId::SYSTEM).delete(&place(id))?;
        table.remove(id);
        self.changed(txn, table)
    }

    /// The same mount in another stay at its path.
    pub(super) fn anew(&self, mount: &Mount) -> Mount {
        mount.moved(mount.path.clone(), &*self.entropy)
    }

    fn changed(&self, txn: &mut Txn, table: MountTable) -> Result<(), TxnError> {
        let state = State(self.entropy.bytes());
        txn.scope(MountId::SYSTEM).write(STATE, &state)?;
        self.remember(state, Arc::new(table));
        Ok(())
    }

    fn recall(&self, state: State) -> Option<Arc<MountTable>> {
        let mut known = lock(&self.known);
        let place = known.iter().position(|(other, _)| *other == state)?;
        known[..=place].rotate_right(1);
        known.first().map(|(_, table)| table.clone())
    }

    fn remember(&self, state: State, table: Arc<MountTable>) {
        let mut known = lock(&self.known);
        known.insert(0, (state, table));
        known.truncate(KEPT);
    }
}

/// The mount that an entry of the system's part of the store holds; `None` where that is none.
pub fn stored(txn: &mut Txn, entry: &str) -> Result<Option<Mount>, TxnError> {
    let id = entry.strip_prefix(FOLDER).filter(|rest| rest.starts_with('/'));
    id.map_or(Ok(None), |_| txn.scope(MountId::SYSTEM).read(entry))
}

/// Writes the table of a new store.
pub fn initialize(
    txn: &mut Txn,
    entropy: &dyn Entropy,
    table: &MountTable,
) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    for mount in table.iter() {
        system.write(&place(mount.id), mount)?;
    }
    system.write(STATE, &State(entropy.bytes()))
}

fn load(txn: &mut Txn) -> Result<MountTable, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let mut mounts = Vec::new();
    for name in system.list(FOLDER)? {
        mounts.extend(system.read::<Mount>(&format!("{FOLDER}/{name}"))?);
    }
    Ok(mounts.into_iter().collect())
}

fn place(id: MountId) -> String {
    format!("{FOLDER}/{id}")
}
