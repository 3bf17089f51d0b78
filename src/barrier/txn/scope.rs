//! What an engine sees of a transaction: what lies below one folder of its own mount.

mod stretch;
mod survey;

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Txn, TxnError};
use crate::barrier::names::{MountId, Role, SealedPath};
use crate::base::clock::Timestamp;
use crate::base::digest::MacKey;
use crate::base::entropy::Entropy;
use crate::base::record::Record;

/// The entries below one folder of one mount: all that an engine reaches.
///
/// A path is split at each `/` and empty segments are kept: `a`, `a/` and `a//` are three entries.
/// The entry `a` and the folder `a/` may both exist. An entry may have numbered parts, which
/// stand right beside it and in no listing; deleting the entry leaves them.
pub struct Scope<'a> {
    txn: &'a mut Txn,
    mount: MountId,
    folder: SealedPath,
}

impl Txn {
    /// The entries of one mount.
    pub fn scope(&mut self, mount: MountId) -> Scope<'_> {
        Scope { txn: self, mount, folder: SealedPath::root(mount) }
    }

    /// Those below a folder of one mount.
    pub fn scope_under(&mut self, mount: MountId, folder: &str) -> Result<Scope<'_>, TxnError> {
        let folder = self.scope(mount).folder(folder)?;
        Ok(Scope { txn: self, mount, folder })
    }
}

impl Scope<'_> {
    /// The same transaction, seen from `folder` (`a/b` or `a/b/`).
    pub fn under(&mut self, folder: &str) -> Result<Scope<'_>, TxnError> {
        let folder = self.folder(folder)?;
        Ok(Scope { txn: self.txn, mount: self.mount, folder })
    }

    /// The transaction's time: it stands still.
    pub fn now(&self) -> Timestamp {
        self.txn.now()
    }

    /// The time by which things expire, and are said to have ended: while a clock that jumped
    /// ahead has not stood for long enough, what it would be without the jump. It stands still.
    pub fn expiry_now(&self) -> Timestamp {
        self.txn.expiry_now
    }

    /// Where random bytes come from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.txn.unsealed.entropy
    }

    /// The HMAC of the pieces, one after the other, under a key of this mount alone: a credential
    /// is stored under it, so that nobody reads it out of a file, not even with the keys.
    pub fn mac(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let tokens = MacKey::new(&self.txn.keyring.fixed().tokens);
        MacKey::new(&tokens.mac(&[b"mount", self.mount.as_bytes()])).mac(pieces)
    }

    /// The value of the entry at `path`.
    pub fn get(&mut self, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, TxnError> {
        let sealed = self.entry(path)?;
        self.txn.get(sealed.key())
    }

    /// Sets the entry at `path`; `value` is at most [`MAX_PLAIN`] long.
    pub fn put(&mut self, path: &str, value: &[u8]) -> Result<(), TxnError> {
        let sealed = self.entry(path)?;
        self.txn.put(sealed.key(), value)
    }

    /// Removes the entry at `path`, if it is there; its parts stay.
    pub fn delete(&mut self, path: &str) -> Result<(), TxnError> {
        let sealed = self.entry(path)?;
        self.txn.delete(sealed.key());
        Ok(())
    }

    /// The value of part `number` of the entry at `path`.
    pub fn get_part(
        &mut self,
        path: &str,
        number: u64,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, TxnError> {
        let part = self.entry(path)?.part(number);
        self.txn.get(&part)
    }

    /// Sets part `number` of the entry at `path`, which need not exist.
    pub fn put_part(&mut self, path: &str, number: u64, value: &[u8]) -> Result<(), TxnError> {
        let part = self.entry(path)?.part(number);
        self.txn.put(&part, value)
    }

    /// Removes part `number` of the entry at `path`, if it is there.
    pub fn delete_part(&mut self, path: &str, number: u64) -> Result<(), TxnError> {
        let part = self.entry(path)?.part(number);
        self.txn.delete(&part);
        Ok(())
    }

    /// The record at `path`.
    pub fn read<R: Record>(&mut self, path: &str) -> Result<Option<R>, TxnError> {
        Ok(self.get(path)?.map(|bytes| R::decode(&bytes)).transpose()?)
    }

    /// Sets the record at `path`.
    pub fn write<R: Record>(&mut self, path: &str, record: &R) -> Result<(), TxnError> {
        self.put(path, &record.encode())
    }

    /// The record in part `number` of the entry at `path`.
    pub fn read_part<R: Record>(&mut self, path: &str, number: u64) -> Result<Option<R>, TxnError> {
        Ok(self.get_part(path, number)?.map(|bytes| R::decode(&bytes)).transpose()?)
    }

    /// Sets the record in part `number` of the entry at `path`.
    pub fn write_part<R: Record>(
        &mut self,
        path: &str,
        number: u64,
        record: &R,
    ) -> Result<(), TxnError> {
        self.put_part(path, number, &record.encode())
    }

    /// The names right below `folder` in byte order, folders with a `/` at their end. `""` is the
    /// scope itself; `a/b` and `a/b/` are the same folder.
    pub fn list(&mut self, folder: &str) -> Result<Vec<String>, TxnError> {
        self.list_some(folder, usize::MAX)
    }

    /// The same, of at most `most` names: those that the store has first, which is by no order of
    /// theirs. What is not listed was not read.
    pub fn list_some(&mut self, folder: &str, most: usize) -> Result<Vec<String>, TxnError> {
        let folder = self.folder(folder)?;
        let mut names = Vec::new();
        for (name, listed) in self.txn.list(&folder, most)? {
            if listed.folder {
                names.push(format!("{name}/"));
            }
            if listed.entry {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// How many entries lie right below `folder`, and the names of the folders there: so that many
    /// entries take no memory.
    pub fn count_children(&mut self, folder: &str) -> Result<(u64, Vec<String>), TxnError> {
        let folder = self.folder(folder)?;
        let unsealed = Arc::clone(&self.txn.unsealed);
        let (mut entries, mut folders) = (0, Vec::new());
        self.txn.each_child(&folder, |child| {
            match child.role {
                Role::Entry => entries += 1,
                Role::Part => {}
                Role::Deeper => folders.push(unsealed.names.open_child(&folder, child.segment)?),
            }
            Ok(true)
        })?;
        Ok((entries, folders))
    }

    /// Whether anything lies below `folder`.
    pub fn is_folder(&mut self, folder: &str) -> Result<bool, TxnError> {
        let folder = self.folder(folder)?;
        Ok(!self.txn.list(&folder, 1)?.is_empty())
    }

    /// Removes the first stored entries of the scope, parts too: of all together `length` bytes,
    /// or as much more as the last of them has. Whether that was all of them.
    pub fn delete_some(&mut self, length: usize) -> Result<bool, TxnError> {
        self.txn.delete_some(&self.folder, length)
    }

    fn entry(&self, path: &str) -> Result<SealedPath, TxnError> {
        Ok(self.txn.unsealed.names.seal(&self.folder, path)?)
    }

    fn folder(&self, folder: &str) -> Result<SealedPath, TxnError> {
        match folder {
            "" => Ok(self.folder.clone()),
            _ => self.entry(folder.strip_suffix('/').unwrap_or(folder)),
        }
    }
}
