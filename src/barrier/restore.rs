//! Puts the content of a snapshot in the place of the store's own.
//!
//! A snapshot can be restored where nobody has its keys, so its root record is taken as it is, and
//! a note stays for the next time that the store is unsealed: begin a new timeline, and count the
//! present seal record in the place of the snapshot's.

use std::fmt;
use std::sync::RwLock;

use super::journal::{self, left};
use super::owed;
use super::seal::{KeyId, SealRecord};
use super::{Barrier, Intake, RESTORED, SEAL, UnsealError, Unsealed, lock, open_records, write};
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::storage::{Job, StorageError, Writer};

/// Which snapshots may be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Those of the store's own root key; any, where the store is not initialized.
    SameKeys,
    /// Any: the shares of the snapshot's time will open the store.
    AnyKeys,
}

/// A snapshot of another root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherKeys {
    /// The store's.
    pub present: KeyId,
    /// The snapshot's.
    pub snapshot: KeyId,
}

impl fmt::Display for OtherKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { present, snapshot } = self;
        write!(
            f,
            "snapshot of other keys: it needs the root key {snapshot}, and the one here is \
             {present}; to replace this store by it all the same, force the restore, and unseal \
             with the snapshot's own unseal keys"
        )
    }
}

impl std::error::Error for OtherKeys {}

impl OtherKeys {
    /// Refuses a snapshot whose root key is not the store's.
    pub fn refuse(present: KeyId, snapshot: KeyId) -> Result<(), Self> {
        if present == snapshot { Ok(()) } else { Err(Self { present, snapshot }) }
    }
}

impl Barrier {
    /// Replaces the whole store by the entries that `fill` puts: all of a snapshot's. A seal
    /// record over the same root key stays. An unsealed store stays unsealed if its keys open the
    /// snapshot. Reads go on meanwhile; commits are refused, for as long as it takes they would
    /// keep every worker waiting. Once it is replaced reads wait until what is there is
    /// [open](Barrier::when_opened), or are refused, where it has more to do first.
    ///
    /// # Errors
    /// What `fill` gave, [`OtherKeys`], or which record of the snapshot does not open: nothing is
    /// replaced then. [`UnsealError::NotOpened`] where it is, and only the opening of it failed.
    pub fn restore(&self, accept: Accept, fill: &mut Job<'_>) -> Result<(), UnsealError> {
        let _changing = lock(&self.changing);
        let present = self.seal_record()?;
        let mut job = |to: &mut dyn Writer, opened: Option<&Unsealed>| {
            fill(to)?;
            let same = settle_seal(present.as_ref(), accept, to)?;
            let root_key = opened.map(|unsealed| &unsealed.root_key).filter(|_| same);
            if let Some(root_key) = root_key {
                open_records(root_key, &|key| to.get(key)).map_err(aborted)?;
            }
            if same {
                self.keep_journal(to)?;
            }
            Ok(same)
        };
        let Some(unsealed) = self.unsealed() else {
            return Ok(self.storage.replace(&mut |to| job(to, None).map(drop))?);
        };
        let mut same = false;
        let turn = lock(&self.turn);
        let mut closed = Closed::new(&unsealed.intake);
        unsealed.committer.exclusive().replace(&mut |to| {
            same = job(to, Some(&unsealed))?;
            Ok(())
        })?;
        closed.then = Intake::Replaced;
        drop(closed);
        // Whoever comes now, or meets it as gone, waits for what takes its place.
        let mut waits = Some((write(&self.unsealed), turn));
        let opening = write(&self.opening);
        let mut open = || {
            let left = unsealed.status();
            let opened = self.open(Key::new(*unsealed.root_key), Some(&left))?;
            // Where that has more to do, which may last, he is refused meanwhile.
            if self.is_long(&opened)? {
                waits = None;
            }
            self.make_ready(&opened)?;
            Ok::<_, UnsealError>(opened)
        };
        let opened = same.then(&mut open).transpose();
        let (mut place, turn) = match waits {
            Some((place, turn)) => (place, Some(turn)),
            None => (write(&self.unsealed), None),
        };
        drop(opening);
        *place = opened.as_ref().ok().cloned().flatten();
        drop((place, turn));
        opened.map(drop).map_err(|error| UnsealError::NotOpened(error.into()))
    }
}

/// Whether the entry at `key` is a restore's note: counted by no root record.
pub fn is_note(key: &[u8]) -> bool {
    key == RESTORED || owed::is_owed(key)
}

impl Barrier {
    /// What no target has yet of the history that is left goes along, so that it is not lost; and
    /// where it is left, so that it is known again.
    fn keep_journal(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        let view = self.storage.view()?;
        for entry in view.scan(journal::END, None)? {
            let (key, value) = entry?;
            to.put(&key, &value)?;
        }
        left::keep(&*view, to)
    }
}

/// A store that takes no commits while it is being replaced.
struct Closed<'a> {
    intake: &'a RwLock<Intake>,
    /// What becomes of it then.
    then: Intake,
}

impl<'a> Closed<'a> {
    /// Waits for the commits that are under way. Unless it is told otherwise, all is as before when
    /// it ends.
    fn new(intake: &'a RwLock<Intake>) -> Self {
        *write(intake) = Intake::Restoring;
        Self { intake, then: Intake::Open }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        *write(self.intake) = self.then;
    }
}

/// Puts what [`Barrier::restore`] would into a store that is being made.
pub fn found(fill: &mut Job<'_>, to: &mut dyn Writer) -> Result<(), StorageError> {
    fill(to)?;
    settle_seal(None, Accept::AnyKeys, to).map(drop)
}

/// Leaves the right seal record and the note. Whether the present one stays.
fn settle_seal(
    present: Option<&SealRecord>,
    accept: Accept,
    to: &mut dyn Writer,
) -> Result<bool, StorageError> {
    let missing = || aborted(UnsealError::Damaged("seal record"));
    let theirs = to.get(SEAL)?.ok_or_else(missing)?;
    let snapshot = SealRecord::decode(&theirs).map_err(aborted)?.settings().root_key;
    to.put(RESTORED, &theirs)?;
    let Some(record) = present else { return Ok(false) };
    match (OtherKeys::refuse(record.settings().root_key, snapshot), accept) {
        (Ok(()), _) => {
            to.put(SEAL, &record.encode())?;
            Ok(true)
        }
        (Err(other), Accept::SameKeys) => Err(aborted(other)),
        (Err(_), Accept::AnyKeys) => Ok(false),
    }
}

fn aborted(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::Aborted(Box::new(error))
}

#[cfg(test)]
mod tests;
