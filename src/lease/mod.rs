//! Leases: what lasts for a while only, by the path of the request that it came from, and when it
//! ends.

pub mod expiry;
pub mod store;
