//! `snapshot`, also under Vault's name for it, `operator raft snapshot`.

pub mod diff;
mod file;
pub mod inspect;
mod keys;
pub mod load;
pub mod read;
pub mod log;
mod place;
pub mod restore;
mod rewind;
pub mod save;
pub mod unload;
pub mod verify;
