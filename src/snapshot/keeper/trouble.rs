//! Why a target was not served.

use std::fmt;

use super::settings::Wrong;
use super::status::Standing;
use crate::barrier::UnsealError;
use crate::barrier::txn::TxnError;
use crate::snapshot::SnapshotError;
use crate::snapshot::target::TargetError;
use crate::storage::StorageError;

/// Why a target was not served.
#[derive(Debug)]
pub enum Trouble {
    /// The target.
    Target(TargetError),
    /// A file there that cannot be read, and may be another time.
    Unread(String),
    /// Taking a snapshot, or what was read back.
    Snapshot(SnapshotError),
    /// The store.
    Store(TxnError),
    /// The store is damaged, so that no snapshot of it would be of use.
    Rotten(String),
    /// The settings do not allow it.
    Settings(String),
    /// Nothing may go there at all, by what it is.
    Unserved(Wrong),
    /// The target is ahead of this server.
    Ahead(String),
    /// The server was sealed, or is ending: nothing is wrong.
    Over,
}

impl Trouble {
    /// That the store is, for the target of that name, which holds a good snapshot or none.
    pub fn rotten(target: &str, holds_one: bool) -> Self {
        let remedy = match holds_one {
            true => format!(
                "To go back to what is there: `edgekeep snapshot restore -target={target} \
                 -at=latest`"
            ),
            false => "To keep what is left of it: `edgekeep snapshot save FILE`".into(),
        };
        Self::Rotten(format!(
            "the store of this server is damaged: its entries do not add up to its root record, \
             and no snapshot of it is put there. {remedy}"
        ))
    }

    /// How the target stands then.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Target(TargetError::Away(_)) | Self::Unread(_) => Standing::Away,
            Self::Ahead(_) => Standing::Ahead,
            Self::Unserved(_) => Standing::Unserved,
            _ => Standing::Failing,
        }
    }

    /// Whether nothing else can be done there either: not a snapshot alone that could not be put.
    pub fn ends_all(&self) -> bool {
        let never = matches!(self, Self::Over | Self::Unserved(_) | Self::Ahead(_));
        never || self.standing() == Standing::Away
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Snapshot(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Unread(what) | Self::Rotten(what) | Self::Settings(what) | Self::Ahead(what) => {
                f.write_str(what)
            }
            Self::Unserved(wrong) => wrong.fmt(f),
            Self::Over => f.write_str("the server was sealed"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Self {
        Self::Unserved(wrong)
    }
}

impl From<TargetError> for Trouble {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<SnapshotError> for Trouble {
    fn from(error: SnapshotError) -> Self {
        if error.is_over() { Self::Over } else { Self::Snapshot(error) }
    }
}

impl From<TxnError> for Trouble {
    fn from(error: TxnError) -> Self {
        match error {
            error if error.is_closed() => Self::Over,
            other => Self::Store(other),
        }
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Snapshot(error.into())
    }
}

impl From<UnsealError> for Trouble {
    fn from(error: UnsealError) -> Self {
        Self::Snapshot(error.into())
    }
}
