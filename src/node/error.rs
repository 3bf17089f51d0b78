//! Why there is no node.

use std::fmt;

use crate::barrier::InitError;
use crate::base::fault::Fault;
use crate::server::FrontError;
use crate::server::certificate::CertificateError;
use crate::storage::StorageError;

/// Why a server does not start.
#[derive(Debug)]
pub enum NodeError {
    /// Its store cannot be opened.
    Storage(StorageError),
    /// Its store cannot be made or unsealed.
    Store(String),
    /// Its own certificate cannot be made.
    Certificate(CertificateError),
    /// A listener.
    Front(FrontError),
    /// A thread.
    Thread(std::io::Error),
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Store(what) => f.write_str(what),
            Self::Certificate(error) => error.fmt(f),
            Self::Front(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for NodeError {}

impl From<StorageError> for NodeError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<InitError> for NodeError {
    fn from(error: InitError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<crate::barrier::txn::TxnError> for NodeError {
    fn from(error: crate::barrier::txn::TxnError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<Fault> for NodeError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.to_string())
    }
}

impl From<CertificateError> for NodeError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

impl From<std::io::Error> for NodeError {
    fn from(error: std::io::Error) -> Self {
        Self::Thread(error)
    }
}
