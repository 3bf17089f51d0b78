//! Quotas: how many requests a client may make, and how many leases there may be.
//!
//! A quota holds in one [`place`]; of all that a request meets, the one in the narrowest place
//! counts ([`rules`]). Rate limits are counted in memory, a [`buckets`] entry for each client that
//! has made requests of late; what is stored are the quotas themselves ([`store`]). They are
//! compiled when they change, and a request finds its own without a transaction ([`limiter`]).
//! Leases are counted in memory too, exactly ([`leases`]).
//! Requests that need no token are bounded besides, by the server's configuration ([`strangers`]).

pub mod buckets;
pub mod client;
pub mod leases;
pub mod limiter;
pub mod place;
mod prefixes;
pub mod record;
pub mod rules;
pub mod store;
pub mod strangers;
pub mod violations;
