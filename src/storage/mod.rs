//! Opaque ordered bytes, durable and transactional. Nothing here knows what the bytes mean.
//!
//! [`Storage`] is what a store must do: views that never change, and durable transactions by one
//! writer. Everything that all stores share (conflict checks, group commit) is written once, over
//! this trait, in [`commit`].

pub mod commit;
pub mod contract;
pub mod faulty;
pub mod folder;
pub mod memory;
pub mod nameless;
pub mod redb;
mod scan;
pub mod space;

use std::fmt;
use std::io;

use crate::base::meter::Readings;

/// A physical key, at most 64 KiB.
pub type Key = Vec<u8>;
/// A physical value: sealed bytes.
pub type Value = Vec<u8>;
/// A physical value is at most this long, in bytes: what a request may send (32 MiB), and room.
/// Longer ones would be in no snapshot that can be restored.
pub const MAX_VALUE: usize = 64 << 20;
/// One entry of a scan.
pub type Entry = (Key, Value);

/// A transactional, ordered byte store.
pub trait Storage: Send + Sync {
    /// The newest committed state, unchanging while it is held. It never waits for a writer.
    /// A view that is held makes the file grow: hold it for one request or one bounded copy.
    fn view(&self) -> Result<Box<dyn View>, StorageError>;

    /// Runs `job` in one transaction and returns when that is durable. When `job` fails, or the
    /// disk does, nothing of it is there afterwards. One writer at a time; others wait.
    fn write(&self, urgency: Urgency, job: &mut Job<'_>) -> Result<(), StorageError>;

    /// Replaces the whole content by what `job` puts into an empty store: all of it or, after a
    /// failure or a crash at any point, none. Memory does not grow with the content.
    fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError>;

    /// Bytes written so far, in jobs that are not done too: by it is seen that a writer gets on.
    /// A store that is in memory has no writer that could hang.
    fn written(&self) -> u64 {
        0
    }

    /// Size, free space and what is wrong, for health and metrics.
    fn condition(&self) -> Condition;

    /// Tells that, and what else it counts.
    fn tell(&self, to: &mut Readings) {
        self.condition().tell(to);
    }

    /// Called now and then by the server: gives unused space back to the file system when that
    /// is worth its pause, and heals (reserve, reopening) what can be healed.
    fn maintain(&self) -> Result<(), StorageError>;

    /// Closes it for good, though somebody who hangs may have it yet: he is refused from now on.
    fn close(&self) {}
}

/// What a writing transaction does. It may be run again from the start.
pub type Job<'a> = dyn FnMut(&mut dyn Writer) -> Result<(), StorageError> + 'a;

/// One unchanging state of a store.
pub trait View: Send {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        let mut found = None;
        self.look(key, &mut |value| found = Some(value.to_vec()))?;
        Ok(found)
    }

    /// Shows `look`, which must not use the view, the value of `key`, if there is one. So a value
    /// that is too large for whoever asks is not copied.
    fn look(&self, key: &[u8], look: &mut dyn FnMut(&[u8])) -> Result<(), StorageError>;

    /// The keys of [`scan`](Self::scan), without their values.
    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Key, StorageError>> + 'a>, StorageError>;

    /// Entries with `from <= key` and, where `to` is given, `key < to`, in the order of the keys'
    /// bytes.
    fn scan<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>, StorageError>;
}

/// The inside of a writing transaction: sees its own writes.
pub trait Writer {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError>;

    /// Sets `key` and returns what stood there.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError>;

    /// Removes `key` and returns what stood there.
    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError>;
}

/// Whether a write may use the reserve of a full disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Refused with [`StorageError::Full`] below the floor of free space.
    Ordinary,
    /// A delete, a revocation, a seal: goes on out of the reserve.
    Essential,
}

/// How a store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Bytes that the file takes on the disk.
    pub file_bytes: u64,
    /// Bytes free on its file system, where that is known.
    pub free_bytes: Option<u64>,
    /// Why writes are refused or reads fail at present, said to an operator with the remedy.
    pub trouble: Option<String>,
}

impl Condition {
    fn tell(&self, to: &mut Readings) {
        let help = "Bytes that the store's file takes.";
        to.gauge("edgekeep.storage.file_bytes", help, self.file_bytes as f64);
        if let Some(free) = self.free_bytes {
            let help = "Bytes free on the store's file system.";
            to.gauge("edgekeep.storage.free_bytes", help, free as f64);
        }
        let help = "1 when the store refuses writes or cannot be read, else 0.";
        let degraded = f64::from(u8::from(self.trouble.is_some()));
        to.gauge("edgekeep.storage.degraded", help, degraded);
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub enum StorageError {
    /// Below the floor of free space: only essential writes pass.
    Full,
    /// The file system is mounted read-only, or became so after an error.
    ReadOnly(String),
    /// The file is damaged: what and where, and the remedy.
    Damaged(String),
    /// The device failed; nothing of the transaction is there. The store reopens by itself.
    Io(io::Error),
    /// The store was not opened: another process has it, others can read it, it is no store of
    /// ours. What, and the remedy.
    Refused(String),
    /// The view was held while the store grew beyond its bound, and is gone: begin again.
    Expired,
    /// The job itself gave up.
    Aborted(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is nearly full: free some space"),
            Self::ReadOnly(what) => write!(f, "the store cannot be written: {what}"),
            Self::Damaged(what) => write!(f, "the store is damaged: {what}"),
            Self::Io(error) => write!(f, "the store's device failed: {error}"),
            Self::Refused(why) => f.write_str(why),
            Self::Expired => f.write_str("the store grew too much while it was read: try again"),
            Self::Aborted(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for StorageError {}

impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(error.to_string()),
            _ => Self::Io(error),
        }
    }
}
