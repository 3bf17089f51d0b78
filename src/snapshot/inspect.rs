//! What is in a snapshot, from the file alone.

use std::io::Read;

use super::SnapshotError;
use super::contents::Entries;
use super::format::{self, meta::Meta};
use crate::barrier::seal::Settings;

/// What a snapshot says of itself, its checksums and its framing checked.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// `meta.json`.
    pub meta: Meta,
    /// Which shares it needs.
    pub seal: Settings,
}

/// Reads a snapshot from its first byte to its last and checks all that needs no keys. Takes any
/// bytes at all.
pub fn inspect(stream: impl Read) -> Result<Inspected, SnapshotError> {
    let (frame, records) = format::read(stream, |meta, state| Entries::new(state)?.finish(meta))?;
    Ok(Inspected { seal: records.seal()?.settings(), meta: frame.meta })
}
