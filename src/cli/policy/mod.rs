//! `policy`: what tokens may do.

pub mod delete;
pub mod fmt;
pub mod list;
pub mod read;
pub mod write;

/// Where a policy is, whose names the server keeps in small letters.
fn path(name: &str) -> String {
    format!("sys/policies/acl/{name}")
}

/// A policy's name as the server keeps it.
fn name(operand: &str) -> String {
    operand.trim().to_lowercase()
}
