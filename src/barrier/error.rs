//! Why a store is not opened, and why none is made.

use std::fmt;

use super::envelope;
use super::restore::OtherKeys;
use super::seal::auto::SealError;
use super::txn::TxnError;
use crate::base::record::RecordError;
use crate::storage::StorageError;
use crate::storage::commit::CommitError;

/// Why a store cannot be opened.
#[derive(Debug)]
pub enum UnsealError {
    /// It has no keys yet.
    NotInitialized,
    /// The shares given do not make its unseal key.
    WrongKey,
    /// It is another state, and not of this store's root key.
    OtherKeys(OtherKeys),
    /// A record of it was written by a newer program: which, and its version.
    Newer(&'static str, u8),
    /// Its root record demands at least this version of the program.
    ProgramTooOld([u16; 3]),
    /// A record without which nothing can be read was changed or is missing: which.
    Damaged(&'static str),
    /// Its automatic seal does not give the unseal key.
    Seal(SealError),
    /// It is sealed by a seal that is not configured: its name.
    OtherSeal(&'static str),
    /// The seal record could not be changed.
    NotChanged(TxnError),
    /// Somebody else has changed the seal record meanwhile.
    Overtaken,
    /// Somebody has sealed it meanwhile, or the server ends.
    Unwanted,
    /// What must be done before anybody has it failed.
    NotReady(TxnError),
    /// A restore is done, and what it has put does not open: why.
    NotOpened(Box<Self>),
    /// The store failed.
    Storage(CommitError),
}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialized => f.write_str("the store is not initialized"),
            Self::WrongKey => f.write_str("the key does not open the store"),
            Self::OtherKeys(error) => error.fmt(f),
            Self::Newer(what, version) => write!(
                f,
                "the store's {what} is of version {version}, which only a newer edgekeep knows: \
                 upgrade it"
            ),
            Self::ProgramTooOld([major, minor, patch]) => {
                write!(f, "the store needs edgekeep {major}.{minor}.{patch} or newer: upgrade it")
            }
            Self::Damaged(what) => write!(
                f,
                "the store is damaged: its {what} is missing or was changed: restore a snapshot"
            ),
            Self::Seal(error) => error.fmt(f),
            Self::OtherSeal(name) => write!(
                f,
                "the {name} seal has the unseal key, and the configuration has no seal \"{name}\" \
                 in use"
            ),
            Self::NotChanged(error) => write!(f, "the seal stays the old one: {error}"),
            Self::Overtaken => f.write_str("the seal was changed meanwhile: begin again"),
            Self::NotReady(error) => {
                write!(f, "what a restore has left to do comes first, and failed: {error}")
            }
            Self::NotOpened(error) => write!(
                f,
                "the restore is done, but the store stays sealed until it is unsealed: {error}"
            ),
            Self::Unwanted => f.write_str("the store was sealed meanwhile, and stays so"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnsealError {}

impl From<SealError> for UnsealError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl From<TxnError> for UnsealError {
    fn from(error: TxnError) -> Self {
        Self::NotChanged(error)
    }
}

impl From<StorageError> for UnsealError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<CommitError> for UnsealError {
    fn from(error: CommitError) -> Self {
        Self::Storage(error)
    }
}

impl UnsealError {
    /// What the bytes of such a record are, that cannot be read.
    pub(super) fn unread(what: &'static str) -> impl Fn(RecordError) -> Self {
        move |error| match error {
            RecordError::Version(version) => Self::Newer(what, version),
            RecordError::Malformed => Self::Damaged(what),
        }
    }

    /// What such a sealed record is, that does not open.
    pub(super) fn unopened(what: &'static str, sealed: &[u8]) -> Self {
        let newer = envelope::newer(sealed);
        newer.map_or(Self::Damaged(what), |version| Self::Newer(what, version))
    }
}

/// Why a store cannot be initialized.
#[derive(Debug)]
pub enum InitError {
    /// It is already.
    Initialized,
    /// Somebody else is at it.
    Underway,
    /// It has no seal record but other entries: what opens them is lost.
    Occupied,
    /// The unseal key did not split into the shares asked for.
    Shares,
    /// Its automatic seal does not take the unseal key.
    Seal(UnsealError),
    /// It cannot be read.
    Storage(StorageError),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Initialized => f.write_str("the store is initialized already"),
            Self::Underway => f.write_str("the store is being initialized by another request"),
            Self::Occupied => f.write_str(
                "the store is not empty but its seal record is missing: restore a snapshot, or \
                 move the file away to begin anew",
            ),
            Self::Shares => f.write_str(
                "the unseal key did not split into as many shares as asked for: nothing was \
                 written; this is a defect of edgekeep",
            ),
            Self::Seal(error) => write!(f, "the seal cannot be used: {error}"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for InitError {}

impl From<UnsealError> for InitError {
    fn from(error: UnsealError) -> Self {
        Self::Seal(error)
    }
}

impl From<StorageError> for InitError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}
