//! `kv`: the key/value secrets engine, of either version.

pub mod delete;
pub mod destroy;
pub mod enable_versioning;
pub mod get;
pub mod list;
pub mod metadata;
pub mod patch;
pub mod place;
pub mod put;
pub mod rollback;
pub mod show;
pub mod undelete;
mod versions;
