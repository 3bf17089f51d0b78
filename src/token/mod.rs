//! Tokens: what is stored of them, and how they are found. Whether one is alive is for the
//! pipeline to say, which knows the mounts.

pub mod batch;
pub mod lifetime;
pub mod record;
pub mod role;
pub mod store;
