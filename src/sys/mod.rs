//! The system's own endpoints: a file for each group of paths, each a small engine of its own
//! that is given only the service that it needs.

pub mod about;
pub mod absent;
pub mod auth;
pub mod capabilities;
pub mod audit;
pub mod cluster;
pub mod config;
mod disclosure;
pub mod generate_root;
pub mod health;
pub mod host_info;
pub mod identity;
pub mod init;
pub mod inspect;
pub mod keys;
pub mod leases;
pub mod locked_users;
pub mod loggers;
pub mod metrics;
pub mod monitor;
pub mod mounts;
pub mod openapi;
pub mod quotas;
pub mod password_policies;
pub mod plugins;
pub mod policies;
pub mod rekey;
pub mod seal;
pub mod shares;
pub mod snapshot;
pub mod token;
pub mod tools;
pub mod ui;
pub mod versions;
pub mod wrapping;
