//! The system's own endpoints: a file for each group of paths, each a small engine of its own
//! that is given only the service that it needs.

pub mod about;
pub mod mounts;
pub mod snapshot;
pub mod token;
