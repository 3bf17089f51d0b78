//! `snapshot`, also under Vault's name for it, `operator raft snapshot`.

pub mod restore;
pub mod save;
