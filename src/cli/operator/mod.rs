//! `operator`: what whoever runs the server does with it.

pub mod generate_root;
pub mod init;
pub mod key_status;
mod pgp;
pub mod rekey;
pub mod rotate;
pub mod seal;
mod share;
pub mod unseal;
