//! Restoring: everything is received and checked before anything is replaced.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SnapshotError;
use super::contents::{self, Entries, Records};
use super::format::{self, Frame, meta::Meta};
use super::proof::{self, forged};
use super::restorable::Restorable;
use super::save::Tee;
use super::spool::Spool;
use crate::barrier::keyring::Keyring;
use crate::barrier::restore::{Accept, OtherKeys};
use crate::barrier::root::{EntryHasher, RootRecord};
use crate::barrier::seal::Settings;
use crate::barrier::{Barrier, Unsealed};
use crate::storage::{StorageError, Writer};

/// A snapshot that has arrived whole; its checksums and its framing hold.
pub struct Received {
    frame: Frame,
    records: Records,
    spool: Spool,
    interrupted: Arc<AtomicBool>,
}

/// Receives a snapshot into `spool`. Memory does not grow with it.
pub fn receive(stream: impl Read, spool: Spool) -> Result<Received, SnapshotError> {
    receive_if(stream, spool, |_| Ok(()))
}

/// The same, if what it says of itself is accepted.
pub(super) fn receive_if(
    stream: impl Read,
    mut spool: Spool,
    accept: impl FnOnce(&Meta) -> Result<(), SnapshotError>,
) -> Result<Received, SnapshotError> {
    let (frame, records) = format::read(stream, |meta, state| {
        accept(meta)?;
        Entries::new(Tee { from: state, to: &mut spool })?.finish(meta)
    })?;
    Ok(Received { frame, records, spool, interrupted: Arc::default() })
}

impl Received {
    /// What is in it.
    pub fn meta(&self) -> &Meta {
        &self.frame.meta
    }

    /// The first eight bytes of the SHA-256 of its entries.
    pub fn state(&self) -> u64 {
        self.frame.state
    }

    /// Which shares it needs.
    pub fn seal(&self) -> Result<Settings, SnapshotError> {
        Ok(self.records.seal()?.settings())
    }

    /// What a restore accepts going by the keys that are named, and whether these are the same.
    pub(super) fn accepted_by_name(
        &self,
        to: &Barrier,
        force: bool,
    ) -> Result<(Accept, bool), SnapshotError> {
        let theirs = self.records.seal()?.settings();
        let same = match to.settings()? {
            Some(ours) => OtherKeys::refuse(ours.root_key, theirs.root_key),
            None => Ok(()),
        };
        if force {
            return Ok((Accept::AnyKeys, same.is_ok()));
        }
        same?;
        Ok((Accept::SameKeys, true))
    }

    /// Refuses what the keys of `by` do not open, before anything is copied.
    pub(super) fn must_be_readable(&self, by: &Unsealed) -> Result<(), SnapshotError> {
        by.must_open(self.records.seal()?.settings())?;
        let keyring = by.open_keyring(self.records.keyring()?);
        let keyring = keyring.map_err(|_| forged("its keyring does not open"))?;
        proof::record(&self.frame, &self.records, &keyring)?;
        Ok(())
    }

    /// Has the keys vouch for every byte, where they are its own. Then it is the keyring that is
    /// in it and what its root record says; an error where they should have been (`same`).
    pub(super) fn prove(
        &self,
        keys: &Unsealed,
        same: bool,
    ) -> Result<Option<(Keyring, RootRecord)>, SnapshotError> {
        match keys.open_keyring(self.records.keyring()?) {
            Ok(keyring) => {
                let record = self.must_be_vouched_for(&keyring)?;
                Ok(Some((keyring, record)))
            }
            Err(_) if same => Err(forged("its keyring does not open")),
            Err(_) => Ok(None),
        }
    }

    /// The records of the system in it.
    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// The keys open what they should, and the entries come to what the root record says.
    fn must_be_vouched_for(&self, keyring: &Keyring) -> Result<RootRecord, SnapshotError> {
        let record = proof::record(&self.frame, &self.records, keyring)?;
        let hasher = EntryHasher::new(&keyring.fixed().entries);
        proof::must_add_up(contents::tally(self.spool.reader(), &hasher)?, &record)?;
        Ok(record)
    }

    /// An error once it is interrupted.
    pub(super) fn go_on(&self) -> Result<(), SnapshotError> {
        match self.interrupted.load(Ordering::Relaxed) {
            true => Err(SnapshotError::Interrupted),
            false => Ok(()),
        }
    }
}

impl Restorable for Received {
    fn accepted(&self, to: &Barrier, force: bool) -> Result<(Accept, bool), SnapshotError> {
        let (accept, same) = self.accepted_by_name(to, force)?;
        if let Some(keys) = to.unsealed() {
            self.prove(&keys, same)?;
        }
        Ok((accept, same))
    }

    fn fill(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        for entry in Entries::new(self.spool.reader())? {
            self.go_on()?;
            let (key, value) = entry?;
            to.put(&key, &value)?;
        }
        Ok(())
    }

    fn show(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        self.fill(to)
    }

    fn set_interrupted(&mut self, interrupted: Arc<AtomicBool>) {
        self.interrupted = interrupted;
    }
}
