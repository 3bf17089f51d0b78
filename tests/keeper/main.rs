//! Snapshots that leave by themselves, to a folder: scheduled, verified, dropped, and the journal
//! between them.

mod folder;
mod journal;
mod killed;
mod settings;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
