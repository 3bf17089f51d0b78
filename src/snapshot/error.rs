//! Why a snapshot was not taken, read or restored.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use crate::barrier::UnsealError;
use crate::barrier::past::{Full, Pasts};
use crate::barrier::restore::OtherKeys;
use crate::barrier::txn::TxnError;
use crate::base::fault::Fault;
use crate::storage::StorageError;
use crate::storage::commit::CommitError;

/// Why a snapshot was not taken, read or restored. Nothing was replaced then, unless it says so.
#[derive(Debug)]
pub enum SnapshotError {
    /// The file is no snapshot, or not a whole one: what is wrong.
    Broken(String),
    /// It was written by a newer Edgekeep: what of it is not known here.
    Newer(String),
    /// It needs another root key.
    OtherKeys(OtherKeys),
    /// It cannot be read here, as it needs another root key.
    Unreadable(OtherKeys),
    /// As many snapshots are loaded as may be.
    Loaded,
    /// It has the right root key's fingerprint, but was not sealed with its keys: what is wrong.
    Forged(String),
    /// The disk has no room for it.
    Full,
    /// As many snapshots as may be under way are under way.
    Busy,
    /// The user stopped it.
    Interrupted,
    /// Reading or writing failed: a peer that went away, or the disk.
    Io(io::Error),
    /// There is a store already, with keys: where.
    Occupied(String),
    /// The unseal keys given are not the snapshot's.
    WrongKey,
    /// The records that open all others do not open.
    Keys(UnsealError),
    /// It was restored, and does not open: the store is sealed.
    NotOpened(UnsealError),
    /// The store is sealed, or being sealed.
    Sealed,
    /// It was sealed or replaced since it was asked for, or is being replaced.
    Gone,
    /// The store failed.
    Storage(StorageError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(what) => write!(f, "the snapshot is damaged or not one: {what}"),
            Self::Newer(what) => write!(f, "{what}: upgrade it first"),
            Self::OtherKeys(error) => error.fmt(f),
            Self::Unreadable(OtherKeys { present, snapshot }) => write!(
                f,
                "snapshot of other keys: it needs the root key {snapshot}, and the one here is \
                 {present}; read it with its own unseal keys: `edgekeep snapshot read FILE PATH`"
            ),
            Self::Loaded => write!(
                f,
                "{} snapshots are loaded, as many as may be: unload one of them (`edgekeep list \
                 sys/storage/raft/snapshot-load` names them): `edgekeep snapshot unload ID`",
                Pasts::MOST
            ),
            Self::Forged(what) => write!(
                f,
                "the snapshot was changed after it was taken: {what}; restore another one"
            ),
            Self::Full => f.write_str("the disk has no room for the snapshot: free some space"),
            Self::Busy => {
                f.write_str("too many snapshots are under way: try again when one has ended")
            }
            Self::Interrupted => f.write_str("interrupted: nothing was replaced"),
            Self::Io(error) => write!(f, "the snapshot could not be transferred: {error}"),
            Self::Occupied(folder) => write!(
                f,
                "there is a store in {folder} already: move it away, or replace it with -force"
            ),
            Self::WrongKey => f.write_str("the unseal keys given are not the snapshot's"),
            Self::Keys(error) | Self::NotOpened(error) => error.fmt(f),
            Self::Sealed => f.write_str("the store is sealed"),
            Self::Gone => TxnError::Gone.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl SnapshotError {
    /// What is wrong with a file, be it a snapshot or a segment of the journal.
    pub fn why(&self) -> String {
        match self {
            Self::Broken(what) => what.clone(),
            Self::Forged(what) => format!("it was changed after it was made: {what}"),
            Self::Io(error) => format!("it cannot be read: {error}"),
            other => other.to_string(),
        }
    }

    /// Whether something could not be read, so that nobody knows what it is.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Io(_))
    }

    /// Whether it is the store that is there no more: nothing is wrong with what was done.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Sealed | Self::Gone)
    }
}

impl std::error::Error for SnapshotError {}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidData => Self::Broken(error.to_string()),
            ErrorKind::UnexpectedEof => Self::Broken("it is cut short".into()),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<StorageError> for SnapshotError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => Self::Full,
            StorageError::Aborted(why) => Self::given_up(why),
            other => Self::Storage(other),
        }
    }
}

impl SnapshotError {
    /// What a job gave up with: an error of ours or of the barrier, passed through the store.
    fn given_up(why: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let why = match why.downcast::<Self>() {
            Ok(own) => return *own,
            Err(why) => why,
        };
        let why = match why.downcast::<OtherKeys>() {
            Ok(error) => return Self::OtherKeys(*error),
            Err(why) => why,
        };
        match why.downcast::<UnsealError>() {
            Ok(error) => (*error).into(),
            Err(why) => Self::Storage(StorageError::Aborted(why)),
        }
    }
}

impl From<OtherKeys> for SnapshotError {
    fn from(error: OtherKeys) -> Self {
        Self::OtherKeys(error)
    }
}

impl From<Full> for SnapshotError {
    fn from(Full: Full) -> Self {
        Self::Loaded
    }
}

impl From<CommitError> for SnapshotError {
    fn from(error: CommitError) -> Self {
        match error {
            // What concerns the store as a whole is committed alone: there is none to meet.
            CommitError::Conflict => Self::Storage(StorageError::Aborted(error.into())),
            CommitError::Storage(cause) => match Arc::try_unwrap(cause) {
                Ok(cause) => cause.into(),
                Err(shared) => Self::Storage(StorageError::Aborted(shared.to_string().into())),
            },
        }
    }
}

/// The store that is open here does not give what is still in it.
impl From<TxnError> for SnapshotError {
    fn from(error: TxnError) -> Self {
        match error {
            TxnError::Sealed => Self::Sealed,
            TxnError::Restoring | TxnError::Gone => Self::Gone,
            other => StorageError::Aborted(other.into()).into(),
        }
    }
}

impl From<UnsealError> for SnapshotError {
    fn from(error: UnsealError) -> Self {
        match error {
            UnsealError::WrongKey => Self::WrongKey,
            UnsealError::OtherKeys(error) => Self::Unreadable(error),
            UnsealError::Storage(cause) => cause.into(),
            error @ UnsealError::NotOpened(_) => Self::NotOpened(error),
            other => Self::Keys(other),
        }
    }
}

impl From<SnapshotError> for StorageError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Storage(error) => error,
            other => Self::Aborted(other.into()),
        }
    }
}

impl From<SnapshotError> for Fault {
    fn from(error: SnapshotError) -> Self {
        let status = match error {
            // A server has it on that disk first, wherever it goes or comes from.
            SnapshotError::Full => {
                let why = "the disk of the store has no room for the snapshot, which is put \
                           together there and leaves 32 MiB free: free some space";
                return Self::new(507, why).again_in(Self::SPACE);
            }
            SnapshotError::Busy => 429,
            SnapshotError::Sealed => return Self::sealed(),
            SnapshotError::Gone => 503,
            SnapshotError::Interrupted
            | SnapshotError::Io(_)
            | SnapshotError::NotOpened(_)
            | SnapshotError::Storage(_) => 500,
            SnapshotError::Broken(_)
            | SnapshotError::Newer(_)
            | SnapshotError::OtherKeys(_)
            | SnapshotError::Unreadable(_)
            | SnapshotError::Loaded
            | SnapshotError::Forged(_)
            | SnapshotError::Occupied(_)
            | SnapshotError::WrongKey
            | SnapshotError::Keys(_) => 400,
        };
        let fault = Self::new(status, error.to_string());
        match status {
            503 => fault.again_in("1"),
            429 => fault.again_in("5"),
            _ => fault,
        }
    }
}
