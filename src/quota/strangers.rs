//! The server's own limits for requests that need no token, so that a board serves its clients
//! whatever others send.
//!
//! They are counted for each client, and for all of them together: a request that is over its own
//! limit takes nothing from the others. What is on this machine may take up as much as all others
//! and is not counted with them, as a proxy for many may stand there, or the operator whom the
//! others must not lock out.

use std::time::Duration;

use super::buckets::{Counted, Limit, LimitId};
use super::client::Client;
use super::limiter::{Quotas, Standing, judge};
use crate::api::request::Peer;
use crate::base::fault::Fault;

/// Requests a second, averaged over [`WINDOW`]; 0 for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Of one client.
    pub each: u32,
    /// Of all.
    pub all: u32,
}

/// What is allowed to requests that need no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers {
    /// To most of them.
    pub requests: Allowance,
    /// To those that are slow by design: a login that hashes a password.
    pub passwords: Allowance,
}

/// The time over which a rate is averaged: a client may use up all of it at once.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Never counted: an answer costs no more than a refusal, and what watches a server must not take
/// a limit for its end.
const FREE: [&str; 2] = ["sys/health", "sys/seal-status"];

const REQUESTS: [LimitId; 2] = [LimitId::own(0), LimitId::own(1)];
const PASSWORDS: [LimitId; 2] = [LimitId::own(2), LimitId::own(3)];

impl Quotas {
    /// Counts a request that needs no token; `slow` says that it is so by design.
    ///
    /// # Errors
    /// Vault's 429 for one too many.
    pub fn admit_stranger(&self, path: &str, slow: bool, peer: &Peer) -> Result<(), Fault> {
        if FREE.contains(&path) {
            return Ok(());
        }
        let (allowed, [each, all]) = match slow {
            false => (self.strangers.requests, REQUESTS),
            true => (self.strangers.passwords, PASSWORDS),
        };
        let client = Client::of(peer);
        if Client::is_local(peer) {
            return judge(path, self.count_of(each, allowed.all, client), Standing::new())
                .map(drop);
        }
        judge(path, self.count_of(each, allowed.each, client), Standing::new())?;
        judge(path, self.count_of(all, allowed.all, Client::ALL), Standing::new()).map(drop)
    }

    fn count_of(&self, id: LimitId, rate: u32, client: Client) -> Counted {
        if rate == 0 {
            return Counted::Within { remaining: u64::MAX, reset: Duration::ZERO };
        }
        let requests = u64::from(rate) * WINDOW.as_secs();
        let limit = Limit { requests, interval: WINDOW, block: Duration::ZERO };
        self.count(id, limit, client)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::{ManualClock, Timestamp};
    use crate::base::entropy::SeededEntropy;

    const LOGIN: &str = "auth/userpass/login/bob";

    fn quotas(each: u32, all: u32) -> Quotas {
        let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
        let allowed = Allowance { each, all };
        let strangers = Strangers { requests: allowed, passwords: allowed };
        Quotas::new(clock, &SeededEntropy::new(1), strangers)
    }

    /// How many of 100 requests from there are let through.
    fn within(quotas: &Quotas, address: &str, path: &str, slow: bool) -> usize {
        let peer = Peer { address: address.parse().ok(), ..Peer::default() };
        (0..100).filter(|_| quotas.admit_stranger(path, slow, &peer).is_ok()).count()
    }

    #[test]
    fn one_client_takes_nothing_from_the_others_and_all_not_more_than_there_is() {
        let quotas = quotas(2, 5);
        let each = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
        assert_eq!(each.map(|address| within(&quotas, address, LOGIN, false)), [20, 20, 10]);
        let more = ["10.0.0.1", "10.0.0.4", "2001:db8::1"];
        assert_eq!(more.map(|address| within(&quotas, address, LOGIN, false)), [0; 3]);
        // What is on this machine is another matter, and so are passwords.
        assert_eq!(within(&quotas, "127.0.0.1", LOGIN, false), 50);
        assert_eq!(within(&quotas, "10.0.0.4", LOGIN, true), 20);
        for free in FREE {
            assert_eq!(within(&quotas, "10.0.0.1", free, false), 100);
        }
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(within(&quotas(0, 0), "10.0.0.1", LOGIN, true), 100);
    }
}
