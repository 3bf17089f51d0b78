//! `snapshot`, also under Vault's name for it, `operator raft snapshot`.

pub mod adopt;
pub mod diff;
mod file;
pub mod forget;
pub mod inspect;
pub mod instant;
pub mod keys;
pub mod lent;
pub mod list;
pub mod load;
pub mod log;
pub mod place;
pub mod read;
pub mod restore;
mod rewind;
pub mod save;
pub mod state;
pub mod status;
pub mod take;
mod target;
pub mod unload;
pub mod verify;
mod versions;
pub mod wait;
