//! `operator raft`: what a server says of its cluster. Snapshots are in `cli/snapshot`.

pub mod get_config;
pub mod list_peers;
pub mod state;
