//! Goes through the keys that a transaction sees: the stored ones with its own writes over them.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::storage::{Key, StorageError, Value, View};

/// Going over this many keys costs less than looking one up anew.
const STEPS: usize = 8;

type Scan<'a> = Box<dyn Iterator<Item = Result<Key, StorageError>> + 'a>;

/// A walk through keys in their order, up to an end.
pub struct Walk<'a> {
    view: &'a dyn View,
    writes: &'a BTreeMap<Key, Option<Value>>,
    end: Option<Key>,
    scan: Option<Scan<'a>>,
    /// The stored key that the scan stands at; `None` at its end.
    stored: Option<Key>,
}

impl<'a> Walk<'a> {
    /// A walk that ends before `end`, if there is one.
    pub fn new(
        view: &'a dyn View,
        writes: &'a BTreeMap<Key, Option<Value>>,
        end: Option<Key>,
    ) -> Self {
        Self { view, writes, end, scan: None, stored: None }
    }

    /// The first key from `from` on. `from` must not go back.
    pub fn seek(&mut self, from: &[u8]) -> Result<Option<Key>, StorageError> {
        self.seek_stored(from)?;
        let own = self
            .writes
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
            .find(|(_, value)| value.is_some())
            .map(|(key, _)| key)
            .filter(|key| self.end.as_ref().is_none_or(|end| *key < end));
        Ok(match (&self.stored, own) {
            (Some(stored), Some(own)) => Some(stored.min(own).clone()),
            (stored, own) => stored.as_ref().or(own).cloned(),
        })
    }

    /// Goes to the first stored key from `from` on that the transaction has not deleted.
    fn seek_stored(&mut self, from: &[u8]) -> Result<(), StorageError> {
        let mut steps = 0;
        loop {
            let far = match &self.stored {
                Some(key) if &**key < from => steps == STEPS,
                Some(key) if self.writes.get(key) == Some(&None) => false,
                Some(_) => return Ok(()),
                None if self.scan.is_some() => return Ok(()),
                None => true,
            };
            let scan = match &mut self.scan {
                Some(scan) if !far => scan,
                scan => scan.insert(self.view.keys(from, self.end.as_deref())?),
            };
            self.stored = scan.next().transpose()?;
            steps += 1;
        }
    }
}
