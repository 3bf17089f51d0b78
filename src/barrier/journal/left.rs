//! Where this server left a history, by a restore or to go on beside another one, or where its
//! journal ended: what led there it wrote itself, though what its journal tells now may not come of
//! that. Another server, on a copy of the store, may have gone on.

use super::{HEAD, Head, place};
use crate::barrier::Unsealed;
use crate::barrier::txn::TxnError;
use crate::base::record::Record;
use crate::storage::commit::Write;
use crate::storage::{Key, StorageError, View, Writer};

/// What the keys begin with; behind it stands the last commit, as in the key of a record. As all of
/// the journal, they are counted by no root record.
pub const LEFT: &[u8] = b"\0left";

/// The key behind the last one that there may be.
const END: &[u8] = b"\0lefu";

/// So many go along, those of the newest histories.
const MOST: usize = 256;

/// The entry that tells where the journal stood.
pub fn entry(head: Head) -> Write {
    (key(&head), Some(head.encode().to_vec()))
}

fn key(head: &Head) -> Key {
    [LEFT, &place(head.timeline, head.revision)].concat()
}

/// Where the journal stood, if an entry tells that.
fn told(at: &[u8], value: &[u8]) -> Option<Head> {
    Head::decode(value).ok().filter(|head| at == key(head))
}

/// Whether an entry is one that can be read.
pub fn is_sound(key: &[u8], value: &[u8]) -> bool {
    told(key, value).is_some()
}

/// What is known of that goes along into what takes the place of a store, and where its journal
/// stood at the end.
pub fn keep(from: &dyn View, to: &mut dyn Writer) -> Result<(), StorageError> {
    let mut all = read(from)?;
    all.extend(from.get(HEAD)?.and_then(|head| Head::decode(&head).ok()));
    for head in all.into_iter().rev().take(MOST) {
        to.put(&key(&head), &head.encode())?;
    }
    Ok(())
}

/// Those of a store, the newest at the end. One that cannot be read tells nothing.
fn read(view: &dyn View) -> Result<Vec<Head>, StorageError> {
    let mut all = Vec::new();
    for entry in view.scan(LEFT, Some(END))? {
        let (key, value) = entry?;
        all.extend(told(&key, &value));
    }
    Ok(all)
}

impl Unsealed {
    /// Where the journal stood each time that a history was left, or that it ended.
    pub fn left(&self) -> Result<Vec<Head>, TxnError> {
        Ok(read(&*self.journal_view()?)?)
    }
}
