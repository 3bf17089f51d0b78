//! Why a transaction failed.

use std::fmt;
use std::sync::Arc;

use crate::barrier::names::{Foreign, NameError};
use crate::base::fault::{Cause, Fault};
use crate::base::record::RecordError;
use crate::base::room::NoRoom;
use crate::storage::commit::CommitError;
use crate::storage::{MAX_VALUE, StorageError};

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
    /// It was sealed or replaced since, and may be open again as another.
    Gone,
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
                 `edgekeep snapshot verify FILE` on a snapshot, and restore a good one",
            ),
            Self::Record(error) => error.fmt(f),
            Self::Conflict => f.write_str("another request changed what this one read: try again"),
            Self::Sealed => f.write_str("Vault is sealed"),
            Self::Restoring => {
                f.write_str("a snapshot is being restored: try again when that is done")
            }
            Self::Gone => {
                f.write_str("the store was sealed or replaced meanwhile: try again when it is open")
            }
            Self::NoRoom => f.write_str("too much is read and written at once: try again"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TxnError {}

impl TxnError {
    /// Whether nothing is wrong but that the store is closed: sealed or replaced, or being so.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Sealed | Self::Restoring | Self::Gone)
    }
}

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
            TxnError::Restoring => Self::new(503, error.to_string()).again_in("1"),
            TxnError::Gone => {
                Self { cause: Cause::Gone, ..Self::new(503, error.to_string()).again_in("1") }
            }
            TxnError::NoRoom => Self::no_room(error.to_string()),
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
