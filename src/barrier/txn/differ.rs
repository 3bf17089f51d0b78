//! Which entries of two states of one store are not the same.
//!
//! Both have the same keys, so an entry stands under the same physical key in both; and one that
//! was not written since is the same to the byte, as sealing is never done twice alike.

use std::cmp::Ordering;

use super::{Txn, TxnError};
use crate::barrier::names::PlainPath;
use crate::storage::{Entry, StorageError, View};

/// The tree of sealed paths.
const TREE: [&[u8]; 2] = [&[1], &[2]];

/// Entries that are not the same.
#[derive(Debug, Default)]
pub struct Differing {
    /// Where they are, in the order of the store; what differs in a part is its entry.
    pub paths: Vec<PlainPath>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl Txn {
    /// Whether the other is a state of the same store.
    pub fn is_of_the_same_store(&self, other: &Self) -> bool {
        *self.keyring.fixed().names == *other.keyring.fixed().names
    }

    /// The entries that the other state has otherwise, at most `most`. What this transaction has
    /// written is not looked at, and what is read here counts in no conflict.
    pub fn differing(&self, other: &Self, most: usize) -> Result<Differing, TxnError> {
        let mut differing = Differing::default();
        let [mut ours, mut theirs] = [tree(&*self.view)?, tree(&*other.view)?];
        let [mut one, mut two] = [next(&mut ours)?, next(&mut theirs)?];
        loop {
            let order = match (&one, &two) {
                (None, None) => return Ok(differing),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((two, _))) => one.cmp(two),
            };
            let (differs, key) = match (order, &one, &two) {
                (Ordering::Equal, Some(one), Some(two)) => (one.1 != two.1, &one.0),
                (Ordering::Less, Some((key, _)), _) | (_, _, Some((key, _))) => (true, key),
                _ => return Ok(differing),
            };
            if differs {
                let path = PlainPath { part: None, ..self.unsealed.names.open(key)? };
                if differing.paths.last() != Some(&path) {
                    if differing.paths.len() == most {
                        differing.more = true;
                        return Ok(differing);
                    }
                    differing.paths.push(path);
                }
            }
            if order != Ordering::Greater {
                one = next(&mut ours)?;
            }
            if order != Ordering::Less {
                two = next(&mut theirs)?;
            }
        }
    }
}

type Scan<'a> = Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>;

fn tree(view: &dyn View) -> Result<Scan<'_>, StorageError> {
    let [from, to] = TREE;
    view.scan(from, Some(to))
}

fn next(scan: &mut Scan<'_>) -> Result<Option<Entry>, StorageError> {
    scan.next().transpose()
}
