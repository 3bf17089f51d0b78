//! `secrets`: secrets engines.

pub mod disable;
pub mod enable;
pub mod list;
pub mod remount;
pub mod tune;
