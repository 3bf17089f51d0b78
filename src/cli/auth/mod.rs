//! `auth`: auth methods.

pub mod disable;
pub mod enable;
pub mod help;
pub mod list;
pub mod remount;
pub mod tune;
