//! `sys/config/...`: what is set at run time and kept in the store.

pub mod audit_headers;
pub mod cors;
pub mod state;
pub mod ui_headers;
