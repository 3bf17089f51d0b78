//! `snapshot`, also under Vault's name for it, `operator raft snapshot`.

mod file;
pub mod inspect;
pub mod load;
pub mod restore;
pub mod save;
pub mod unload;
pub mod verify;
