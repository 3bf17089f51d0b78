//! The audit log: what is told of each request and answer, to whom, and what becomes of requests
//! whose entries nobody takes.

mod entries;
mod log;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
