//! What can be put in the place of a store: a snapshot, or an instant that a target leads to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::SnapshotError;
use crate::barrier::Barrier;
use crate::barrier::restore::{Accept, found};
use crate::storage::{Key, StorageError, Value, Writer};

/// A state of a store: all of it is here, and its checksums hold.
pub trait Restorable {
    /// What a restore of it into `to` accepts, and whether the store is of the same keys (one
    /// without keys takes any). An error where it is not, unless that is forced.
    ///
    /// Where the store is unsealed and its keys open the state, they must vouch for every byte,
    /// forced or not.
    fn accepted(&self, to: &Barrier, force: bool) -> Result<(Accept, bool), SnapshotError>;

    /// Puts all of it into what is empty.
    fn fill(&self, to: &mut dyn Writer) -> Result<(), StorageError>;

    /// Puts the same to somebody who only looks at it, and may have kept nothing.
    fn show(&self, to: &mut dyn Writer) -> Result<(), StorageError>;

    /// A restore that finds this set gives up, and replaces nothing.
    fn set_interrupted(&mut self, interrupted: Arc<AtomicBool>);

    /// Puts it in the place of the store: all of it or, after a failure or a crash, nothing. A seal
    /// record of the same root key stays, and a new timeline begins.
    ///
    /// A store of the same keys stays unsealed. `force` is for other keys: the store is sealed
    /// then, and recounted as soon as it is unsealed.
    fn restore(&self, to: &Barrier, force: bool) -> Result<(), SnapshotError> {
        let (accept, _) = self.accepted(to, force)?;
        Ok(to.restore(accept, &mut |writer| self.fill(writer))?)
    }

    /// Puts it into a store that is being made: `to` is empty.
    fn make_store(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        found(&mut |writer| self.fill(writer), to)
    }
}

/// Keys from one up to, but without, another.
pub type Range = (Key, Option<Key>);

/// Whether `key` lies there.
pub fn is_in(key: &[u8], (from, to): &Range) -> bool {
    key >= from.as_slice() && to.as_ref().is_none_or(|to| key < to.as_slice())
}

/// Whether the entry of a state at a key is gone from the store.
pub type IsGone<'a> = &'a dyn Fn(&[u8]) -> Result<bool, StorageError>;

/// What a state would bring back that is gone from a store: seen while it is put.
pub struct Returning<'a> {
    is_gone: IsGone<'a>,
    to: Option<&'a mut dyn Writer>,
    /// Memory grows with what comes back.
    found: BTreeSet<Key>,
}

impl<'a> Returning<'a> {
    /// The keys of what `state` has and is gone.
    pub fn of(state: &impl Restorable, is_gone: IsGone<'a>) -> Result<BTreeSet<Key>, StorageError> {
        let mut seen = Self { is_gone, to: None, found: BTreeSet::new() };
        state.show(&mut seen)?;
        Ok(seen.found)
    }

    /// The same, while it is put to `to`.
    pub fn filling(
        state: &impl Restorable,
        is_gone: IsGone<'a>,
        to: &'a mut dyn Writer,
    ) -> Result<BTreeSet<Key>, StorageError> {
        let mut seen = Self { is_gone, to: Some(to), found: BTreeSet::new() };
        state.fill(&mut seen)?;
        Ok(seen.found)
    }
}

impl Writer for Returning<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.to.as_ref().map_or(Ok(None), |to| to.get(key))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        if (self.is_gone)(key)? {
            self.found.insert(key.to_vec());
        }
        self.to.as_mut().map_or(Ok(None), |to| to.put(key, value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.found.remove(key);
        self.to.as_mut().map_or(Ok(None), |to| to.delete(key))
    }
}
