//! The secrets engines: a readable list of what can be mounted.

pub mod cubbyhole;
pub mod document;
pub mod kv1;
pub mod kv2;

use crate::api::engine::Engine;

/// The types that can be mounted, by the names that Vault's catalog has for them.
pub const ENGINES: &[&str] = &["kv"];

/// The engine of a mount of type `kind`, with the `version` of its options; `None` where there is
/// no such engine.
pub fn engine(kind: &str, version: Option<&str>) -> Option<&'static dyn Engine> {
    match (kind, version) {
        ("kv", None | Some("1")) | ("generic", _) => Some(&kv1::ENGINE),
        ("kv", Some("2")) => Some(&kv2::ENGINE),
        ("cubbyhole", _) => Some(&cubbyhole::ENGINE),
        _ => None,
    }
}
