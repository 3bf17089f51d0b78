//! `audit`: the devices that each request and answer is told to.

pub mod disable;
pub mod enable;
pub mod list;
