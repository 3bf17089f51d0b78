//! `token`: what callers show.

pub mod capabilities;
pub mod create;
pub mod lookup;
pub mod renew;
pub mod revoke;
