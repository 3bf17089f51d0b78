//! `secrets`: secrets engines.

pub mod enable;
pub mod list;
