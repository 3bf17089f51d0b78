//! What is mounted where: secrets engines and auth methods in one table.

pub mod config;
pub mod gone;
mod old;
pub mod purge;
pub mod returned;
pub mod store;
pub mod table;
