//! Records of which a store has many, and which are read only when they are needed. One that a
//! newer program wrote is refused by name all the same before anything is done with the store.

use super::journal::Head;
use super::journal::lapse::{self, LAPSE};
use super::journal::left::LEFT;
use super::stamps::{self, STAMP};
use super::{SYSTEM, UnsealError};
use crate::base::record::Record as _;
use crate::storage::View;

/// What their keys begin with, how many bytes follow (a time, or a place in a history), what they
/// are, and the newest version that is known here.
const KNOWN: [(&[u8], usize, &str, u8); 3] = [
    (STAMP, 8, "stamp of a snapshot", stamps::VERSION),
    (LAPSE, 20, "lapse of the journal", lapse::VERSION),
    (LEFT, 20, "note of where a journal was left", Head::VERSION),
];

/// What an entry is, and its version, if it is such a one and only a newer program knows it.
pub fn newer(key: &[u8], value: &[u8]) -> Option<(&'static str, u8)> {
    let is_such = |begin, length| key.strip_prefix(begin).is_some_and(|at| at.len() == length);
    let (.., name, known) = KNOWN.iter().find(|(begin, length, ..)| is_such(*begin, *length))?;
    let version = *value.first()?;
    (version > *known).then_some((name, version))
}

/// Refuses a store that holds one.
pub(super) fn must_be_known(view: &dyn View) -> Result<(), UnsealError> {
    for entry in view.scan(&[SYSTEM], Some(&[SYSTEM + 1]))? {
        let (key, value) = entry?;
        if let Some((name, version)) = newer(&key, &value) {
            return Err(UnsealError::Newer(name, version));
        }
    }
    Ok(())
}
