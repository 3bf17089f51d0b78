//! What an engine sees: a transaction, through a scope that ends at its own mount.

mod stretch;
mod survey;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::envelope::OVERHEAD;
use super::keyring::Keyring;
use super::names::{Child, Foreign, MountId, NameError, Role, SealedPath, first_below, successor};
use super::walk::Walk;
use super::{Opened, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::digest::MacKey;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::json;
use crate::base::record::{Record, RecordError};
use crate::base::room::{NoRoom, SMALL, Share, Tab};
use crate::storage::commit::{Begin, Changes, CommitError, Reads};
use crate::storage::{Key, MAX_VALUE, StorageError, Urgency, Value, View};

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

    /// The entries of one mount.
    pub fn scope(&mut self, mount: MountId) -> Scope<'_> {
        Scope { txn: self, mount, folder: SealedPath::root(mount) }
    }

    /// Those below a folder of one mount.
    pub fn scope_under(&mut self, mount: MountId, folder: &str) -> Result<Scope<'_>, TxnError> {
        let folder = self.scope(mount).folder(folder)?;
        Ok(Scope { txn: self, mount, folder })
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

/// Why a transaction did not do what it was asked.
#[derive(Clone, Debug)]
pub enum TxnError {
    /// The path cannot be stored.
    Name(NameError),
    /// The value is longer than [`MAX_PLAIN`].
    TooLarge,
    /// An entry was changed behind the program's back, or by a failing disk.
    Damaged,
    /// A record cannot be read by this program.
    Record(RecordError),
    /// Another transaction changed what this one read: run it again.
    Conflict,
    /// The store was sealed meanwhile.
    Sealed,
    /// The store is being replaced by a snapshot.
    Restoring,
    /// Too much is read and written at once: try again.
    NoRoom,
    /// The store failed.
    Storage(Arc<StorageError>),
}

impl fmt::Display for TxnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::TooLarge => write!(
                f,
                "the value that is to be stored is longer than {} MiB: split it over several paths",
                MAX_VALUE >> 20
            ),
            Self::Damaged => f.write_str(
                "the store is damaged: an entry was changed behind the server's back: run \
                 `edgekeep snapshot verify`, and restore a good snapshot",
            ),
            Self::Record(error) => error.fmt(f),
            Self::Conflict => f.write_str("another request changed what this one read: try again"),
            Self::Sealed => f.write_str("Vault is sealed"),
            Self::Restoring => f.write_str(
                "a snapshot is being restored: until that is done nothing can be written",
            ),
            Self::NoRoom => f.write_str("too much is read and written at once: try again"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TxnError {}

impl From<NoRoom> for TxnError {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}

impl From<TxnError> for Fault {
    fn from(error: TxnError) -> Self {
        match &error {
            TxnError::Name(_) => Self::bad_request(error.to_string()),
            TxnError::TooLarge => Self::new(413, error.to_string()),
            TxnError::Sealed => Self::sealed(),
            TxnError::Restoring => Self::new(503, error.to_string()),
            TxnError::NoRoom => Self::new(503, error.to_string()).with_header("Retry-After", "1"),
            TxnError::Storage(cause) if matches!(**cause, StorageError::Full) => Self::disk_full(),
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<NameError> for TxnError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<Foreign> for TxnError {
    fn from(_: Foreign) -> Self {
        Self::Damaged
    }
}

impl From<RecordError> for TxnError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<StorageError> for TxnError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl From<CommitError> for TxnError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Storage(cause) => Self::Storage(cause),
        }
    }
}
