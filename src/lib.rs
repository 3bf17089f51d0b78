#![doc = include_str!("README.md")]
#![deny(unsafe_code)]
#![warn(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

// The order is the order of the layers: a module imports only from those above it.
pub mod base;
pub mod client;
pub mod storage;
pub mod barrier;
pub mod snapshot;
pub mod api;
pub mod policy;
pub mod identity;
pub mod quota;
pub mod lease;
pub mod token;
pub mod audit;
pub mod engines;
pub mod auth;
pub mod mount;
pub mod pipeline;
pub mod sys;
pub mod server;
pub mod config;
pub mod node;
pub mod cli;
