#![doc = include_str!("README.md")]

mod contents;
mod error;
pub mod follow;
pub mod format;
pub mod include;
pub mod inspect;
pub mod journal;
pub mod keeper;
pub mod layout;
pub mod lent;
mod link;
pub mod loaded;
pub mod meters;
pub mod precaution;
mod proof;
pub mod restorable;
pub mod restore;
pub mod rewind;
pub mod save;
pub mod spool;
pub mod take;
pub mod target;
pub mod verify;

pub use self::error::SnapshotError;
