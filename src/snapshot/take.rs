//! Taking a snapshot of a store that goes on serving.
//!
//! The entries of one instant are copied to a spool as fast as the disk goes; then the view is
//! let go, and the other end may take its time.

use std::io::{self, BufWriter, Write};

use super::SnapshotError;
use super::contents;
use super::format::archive::{self, Writer};
use super::format::meta::{About, Configuration, FORMAT, Meta};
use super::format::state::{StateWriter, Written};
use super::format::{member, sha256sums};
use super::spool::Spool;
use crate::barrier::instant::Instant;
use crate::barrier::journal::END;
use crate::barrier::root::{EntryHasher, Tally};
use crate::barrier::seal::SealRecord;
use crate::barrier::{ROOT, SEAL};
use crate::base::clock::Timestamp;
use crate::base::digest::{sha256, short};
use crate::base::entropy::Entropy;
use crate::base::record::Record;
use crate::storage::StorageError;

/// A snapshot that is taken and waits to be written out.
pub struct Taken {
    meta: Meta,
    meta_bytes: Vec<u8>,
    sums: Vec<u8>,
    sealed: Vec<u8>,
    state: u64,
    time: Timestamp,
    spool: Spool,
}

impl Taken {
    /// What is in it.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The first eight bytes of the SHA-256 of its entries.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// What its entries come to.
    pub fn tally(&self, hasher: &EntryHasher) -> Result<Tally, SnapshotError> {
        contents::tally(self.spool.reader(), hasher)
    }

    /// The exact length of the file, in bytes.
    pub fn length(&self) -> u64 {
        let small = |bytes: &[u8]| bytes.len() as u64;
        archive::length(&[
            small(&self.meta_bytes),
            self.spool.length(),
            small(&self.sums),
            small(&self.sealed),
        ])
    }

    /// Writes the file.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut archive = Writer::new(to, self.time)?;
        let small = |archive: &mut Writer<_>, name, mut bytes: &[u8]| {
            archive.member(name, bytes.len() as u64, &mut bytes)
        };
        small(&mut archive, member::META, &self.meta_bytes)?;
        archive.member(member::STATE, self.spool.length(), &mut self.spool.reader())?;
        small(&mut archive, member::SUMS, &self.sums)?;
        small(&mut archive, member::SEALED, &self.sealed)?;
        archive.finish()
    }
}

/// Takes a snapshot of `instant` into `spool`. Memory does not grow with the store.
pub fn take(
    instant: Instant,
    mut spool: Spool,
    time: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Taken, SnapshotError> {
    let seal = instant.view.get(SEAL)?.ok_or_else(|| damaged("its seal record is missing"))?;
    let seal = SealRecord::decode(&seal).map_err(|_| damaged("its seal record cannot be read"))?;
    let written = copy(&instant, &mut spool)?;
    let Instant { view, keyring, record } = instant;
    drop(view);
    let dotted = |[major, minor, patch]: [u16; 3]| format!("{major}.{minor}.{patch}");
    let meta = Meta {
        version: 1,
        id: format!("{}-{}", record.timeline, record.revision),
        index: record.revision,
        term: record.timeline.number.into(),
        peers: None,
        configuration: Configuration::default(),
        configuration_index: 0,
        size: written.length,
        about: About {
            format: FORMAT,
            readable_by: dotted(record.readable_by),
            written_by: env!("CARGO_PKG_VERSION").into(),
            store_id: record.store_id,
            timeline: record.timeline.to_string(),
            revision: record.revision,
            time: time.rfc3339(),
            entries: written.counts.entries,
            bytes: written.counts.bytes,
            key_id: seal.settings().root_key.to_string(),
        },
    };
    let meta_bytes = meta.encode();
    let sums = sha256sums(&sha256(&meta_bytes), &written.hash);
    let sealed = keyring.seal_value(member::SEALED.as_bytes(), &sums, entropy);
    let state = short(&written.hash);
    Ok(Taken { meta, meta_bytes, sums, sealed, state, time, spool })
}

fn copy(instant: &Instant, spool: &mut Spool) -> Result<Written, SnapshotError> {
    let mut state = StateWriter::new(BufWriter::with_capacity(256 << 10, spool))?;
    let mut has_root = false;
    for entry in instant.view.scan(&[], Some(END))? {
        let (key, value) = entry?;
        has_root |= key == ROOT;
        state.entry(&key, &value)?;
    }
    if !has_root {
        return Err(damaged("its root record is missing"));
    }
    Ok(state.finish()?)
}

fn damaged(what: &str) -> SnapshotError {
    StorageError::Damaged(what.into()).into()
}
