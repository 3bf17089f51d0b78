//! Places that hold snapshots and journal: a folder, a stick, a bucket, another host.
//!
//! [`Target`] is all that a place must do. What is kept there, under which names and for how long,
//! is written once, over this trait.

pub mod contract;
pub mod exactly;
pub mod folder;
pub mod http;
pub mod name;
pub mod open;
pub mod remote;
pub mod s3;
pub mod sftp;
pub mod usb;
mod web;
mod xml;

use std::fmt;
use std::io::{self, ErrorKind, Read};

pub use self::name::Name;

/// How many objects and folders a listing may have.
const MOST_LISTED: usize = 1 << 20;

/// A place that holds named, immutable objects. Whoever puts one never changes it.
///
/// A peer that does not move for a minute counts as [`Away`](TargetError::Away). Only a folder's
/// file system may hang for longer, without end: who holds a lock, or has anybody wait, calls none
/// of this. Calls of several threads may overlap.
pub trait Target: Send + Sync {
    /// Puts an object of `length` bytes under `name`, in place of one that is there: whole and
    /// durable when this returns, and whole or absent whatever happens before. What a failed
    /// attempt left behind is in no listing, and is removed by the next.
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError>;

    /// Refuses an object of `length` bytes where it is seen beforehand that it has no room.
    fn must_fit(&self, _length: u64) -> Result<(), TargetError> {
        Ok(())
    }

    /// The object as the place itself holds it, past this machine's caches. An end before the
    /// object's is an error of the reader, and none of the object.
    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError>;

    /// Whether it is seen without reading it that an object cannot be read.
    fn is_closed(&self, _name: &Name) -> bool {
        false
    }

    /// Every object whose name lies below the folder `under` (`""` for all), in the order of names.
    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError>;

    /// Removes an object; one that is absent is removed already.
    fn delete(&self, name: &Name) -> Result<(), TargetError>;

    /// Marks the place as this target's, for a kind of place that is told again by its mark alone.
    fn mark(&self) -> Result<(), TargetError> {
        Ok(())
    }

    /// Where an object is, for people: a URL or a path, without credentials.
    fn url(&self, name: &Name) -> String;

    /// Which visit of a place that comes and goes this is: a stick that was pulled and is back has
    /// another, for it may be another stick. `None` while it is away. This asks for nothing, and
    /// costs next to nothing.
    fn visit(&self) -> Option<Visit> {
        Some(Visit::default())
    }

    /// Says that all that is owed to this visit is there: a stick may be pulled. Who uses the place
    /// after that may find it [`Away`](TargetError::Away), and has asked for it by that.
    fn rest(&self, _visit: &Visit) -> Result<(), TargetError> {
        Ok(())
    }
}

/// One of the times that a place is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit(String);

impl Visit {
    /// The one that is called that: no other one of the place is.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name.
    pub name: Name,
    /// Its length in bytes.
    pub length: u64,
}

/// Why a target did not do what it was asked. The text of each is for an operator: what was wrong
/// and what to do, without credentials.
#[derive(Debug)]
pub enum TargetError {
    /// It holds no object of that name.
    Absent(String),
    /// It cannot be reached at present: a stick that is pulled, a network that is down. Trying
    /// again later is right.
    Away(String),
    /// It has no room.
    Full(String),
    /// It cannot be written.
    ReadOnly(String),
    /// It refuses: wrong credentials, no permission, an unknown host key.
    Denied(String),
    /// It answered what no such place answers, or failed.
    Failed(String),
    /// What was to be put could not be read.
    Source(io::Error),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(what)
            | Self::Away(what)
            | Self::Full(what)
            | Self::ReadOnly(what)
            | Self::Denied(what)
            | Self::Failed(what) => f.write_str(what),
            Self::Source(error) => write!(f, "what was to be put could not be read: {error}"),
        }
    }
}

impl std::error::Error for TargetError {}

impl TargetError {
    /// An error of the file system at `place`.
    pub fn of_file(place: &str, error: &io::Error) -> Self {
        let what = format!("{place}: {error}");
        match error.kind() {
            ErrorKind::NotFound => Self::Absent(what),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full(what)
            }
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(what),
            ErrorKind::PermissionDenied => Self::Denied(what),
            _ => Self::Failed(what),
        }
    }
}
