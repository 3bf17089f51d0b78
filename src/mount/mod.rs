//! What is mounted where.

pub mod table;
