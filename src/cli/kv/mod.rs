//! `kv`: the key/value secrets engine, of either version.

pub mod delete;
pub mod destroy;
pub mod enable_versioning;
pub mod get;
pub mod list;
pub mod metadata;
pub mod patch;
mod place;
pub mod put;
pub mod rollback;
mod show;
pub mod undelete;

/// The versions that `-versions` names; each may hold several, parted by commas.
fn versions(given: &[String]) -> Vec<&str> {
    given.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect()
}
