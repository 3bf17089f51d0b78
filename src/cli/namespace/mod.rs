//! `namespace`: the root namespace is the only one here; other servers may have more.

pub mod list;
