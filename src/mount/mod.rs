//! What is mounted where.

pub mod purge;
pub mod table;
