//! The auth methods: a readable list of what can be enabled.

pub mod approle;
pub(crate) mod terms;
pub mod userpass;

use crate::api::engine::Engine;

/// The types that can be enabled.
pub const METHODS: &[&str] = &["approle", "userpass"];

/// The auth method of type `kind`; `None` where there is no such method.
pub fn method(kind: &str) -> Option<&'static dyn Engine> {
    match kind {
        "approle" => Some(&approle::METHOD),
        "userpass" => Some(&userpass::METHOD),
        _ => None,
    }
}
