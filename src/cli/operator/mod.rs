//! `operator`: what whoever runs the server does with it.

mod attempt;
pub mod diagnose;
pub mod generate_root;
pub mod init;
pub mod key_status;
pub mod members;
mod pgp;
pub mod raft;
pub mod rekey;
pub mod rotate;
pub mod seal;
mod share;
mod split;
pub mod step_down;
pub mod unseal;
pub mod usage;
