//! Snapshots that leave by themselves, to a folder: scheduled, verified, dropped, and the journal
//! between them.

mod aging;
mod away;
mod credential;
mod damage;
mod folder;
mod hung;
mod include;
mod journal;
mod killed;
mod mark;
mod neighbours;
mod promises;
mod remedies;
mod rotten;
mod settings;
mod silent;
mod snapshots;
mod twins;
mod undo;
mod unfit;
#[path = "../support/mod.rs"]
mod support;
