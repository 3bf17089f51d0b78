//! Snapshots: the file, taking, restoring and verifying, by themselves and from a server.

mod altered;
mod foreign;
mod library;
mod served;
#[path = "../support/mod.rs"]
mod support;
