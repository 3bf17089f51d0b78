//! The system's own endpoints: a file for each group of paths, each a small engine of its own
//! that is given only the service that it needs.

pub mod about;
pub mod auth;
pub mod capabilities;
pub mod audit;
pub mod config;
mod disclosure;
pub mod generate_root;
pub mod health;
pub mod identity;
pub mod init;
pub mod keys;
pub mod leader;
pub mod leases;
pub mod mounts;
pub mod openapi;
pub mod quotas;
pub mod password_policies;
pub mod policies;
pub mod rekey;
pub mod seal;
pub mod shares;
pub mod snapshot;
pub mod token;
pub mod tools;
pub mod wrapping;
