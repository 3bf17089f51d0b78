//! The bytes of a snapshot file: see [`README.md`](super) for every one of them.

pub mod archive;
mod gzip;
pub mod meta;
pub mod state;

use std::io::{self, Read};

use self::archive::Reader;
use self::meta::Meta;
use super::SnapshotError;
use crate::barrier::keyring::Keyring;
use crate::base::digest::short;
use crate::base::hex;

/// The members of the archive, in their order.
pub mod member {
    /// What is in the snapshot.
    pub const META: &str = "meta.json";
    /// The entries.
    pub const STATE: &str = "state.bin";
    /// SHA-256 of the two before, in the form of `sha256sum`.
    pub const SUMS: &str = "SHA256SUMS";
    /// The sums again, sealed by a key of the store.
    pub const SEALED: &str = "SHA256SUMS.sealed";
}

/// What a snapshot holds besides its state.
#[derive(Clone, Debug)]
pub struct Frame {
    /// `meta.json`.
    pub meta: Meta,
    /// The first eight bytes of the SHA-256 of `state.bin`, as a name on a target tells it.
    pub state: u64,
    /// `SHA256SUMS`, which matches the other two.
    pub sums: Vec<u8>,
    /// `SHA256SUMS.sealed`, which only the keys can judge.
    pub sealed: Vec<u8>,
}

impl Frame {
    /// Whether a server with these keys has sealed the checksums.
    pub fn is_sealed_by(&self, keyring: &Keyring) -> bool {
        let sums = keyring.open_value(member::SEALED.as_bytes(), &self.sealed);
        sums.is_ok_and(|sums| *sums == self.sums)
    }
}

/// Reads a snapshot from its first byte to its last and checks all that needs no keys. The state
/// is handed to `take_state`, which must read it whole; what that makes of it counts only once
/// this has returned it.
pub fn read<T>(
    stream: impl Read,
    take_state: impl FnOnce(&Meta, &mut dyn Read) -> Result<T, SnapshotError>,
) -> Result<(Frame, T), SnapshotError> {
    let mut archive = Reader::new(stream)?;
    let read = read_members(&mut archive, take_state);
    if let Err(SnapshotError::Newer(_)) = read {
        // Or the byte that tells the version is damaged: then the wrapping does not hold.
        archive.pass()?;
    }
    read
}

fn read_members<T>(
    archive: &mut Reader<impl Read>,
    take_state: impl FnOnce(&Meta, &mut dyn Read) -> Result<T, SnapshotError>,
) -> Result<(Frame, T), SnapshotError> {
    let (meta_bytes, meta_hash) = archive.small(member::META)?;
    let meta = Meta::parse(&meta_bytes)?;
    let (taken, state_hash) = archive.member(member::STATE, |length, state| {
        if length != meta.size {
            return Err(broken("the length of state.bin is not what meta.json says").into());
        }
        take_state(&meta, state)
    })?;
    let (sums, _) = archive.small(member::SUMS)?;
    if sums != sha256sums(&meta_hash, &state_hash) {
        return Err(broken("its contents do not match its checksums (SHA256SUMS)").into());
    }
    let (sealed, _) = archive.small(member::SEALED)?;
    archive.end()?;
    Ok((Frame { meta, state: short(&state_hash), sums, sealed }, taken))
}

/// `SHA256SUMS`, as `sha256sum --check` reads it.
pub fn sha256sums(meta: &[u8; 32], state: &[u8; 32]) -> Vec<u8> {
    let line = |hash: &[u8; 32], name| format!("{}  {name}\n", hex::encode(hash));
    [line(meta, member::META), line(state, member::STATE)].concat().into_bytes()
}

/// The file is not what it should be.
fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// An early end means a snapshot that was cut.
fn cut_short(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => broken("it is cut short"),
        _ => error,
    }
}

/// Nothing may follow.
fn must_end(from: &mut impl Read) -> io::Result<()> {
    match from.read_exact(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(broken("something follows its end")),
    }
}
