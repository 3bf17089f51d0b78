//! What is stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::buckets::{Limit, LimitId};
use super::place::Place;
use crate::base::record::Record;

/// What quotas of every kind have.
pub trait Quota: Record {
    /// Vault's word for the kind, and the folder of its quotas.
    const KIND: &'static str;

    /// Whether transactions read which quotas of the kind there are.
    const IS_READ: bool;

    /// Where it holds.
    fn place(&self) -> &Place;

    /// The same quota in another place.
    #[must_use]
    fn moved(self, place: Place) -> Self;
}

/// How many requests a client may make in a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Random, and another after each change: what was counted before does not count after it.
    pub id: u64,
    /// Where it holds.
    pub place: Place,
    /// Requests in each interval, as it was given: what counts is the nearest whole number.
    pub rate: f64,
    /// The interval.
    pub interval: Duration,
    /// For how long a client that asked for more is not heard at all.
    pub block_interval: Duration,
}

impl Record for RateLimit {
    const VERSION: u8 = 1;
}

impl Quota for RateLimit {
    const KIND: &'static str = "rate-limit";

    const IS_READ: bool = false;

    fn place(&self) -> &Place {
        &self.place
    }

    fn moved(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

impl RateLimit {
    /// By which its clients are counted.
    pub fn limit_id(&self) -> LimitId {
        LimitId::of_quota(self.id)
    }

    /// The limit for each client.
    pub fn limit(&self) -> Limit {
        // A fraction of a request is one, as in Vault; the cast holds at the largest number.
        let requests = (self.rate.round() as u64).max(1);
        Limit { requests, interval: self.interval, block: self.block_interval }
    }
}

/// How many leases there may be in a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseCount {
    /// Where it holds.
    pub place: Place,
    /// At most so many.
    pub max_leases: u64,
}

impl Record for LeaseCount {
    const VERSION: u8 = 1;
}

impl Quota for LeaseCount {
    const KIND: &'static str = "lease-count";

    const IS_READ: bool = true;

    fn place(&self) -> &Place {
        &self.place
    }

    fn moved(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

/// What is said of all rate limits together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Whether refused requests are audited.
    pub audit: bool,
    /// Whether answers say how much of the limit is left.
    pub headers: bool,
    /// What no rate limit counts, as it was given.
    pub exempt: Vec<String>,
}

impl Record for Config {
    const VERSION: u8 = 1;
}

/// What Vault counts nowhere, so that a server can be watched and unsealed whatever comes.
pub const ALWAYS_EXEMPT: [&str; 7] = [
    "sys/generate-recovery-token/attempt",
    "sys/generate-recovery-token/update",
    "sys/generate-root/attempt",
    "sys/generate-root/update",
    "sys/health",
    "sys/seal-status",
    "sys/unseal",
];

impl Default for Config {
    fn default() -> Self {
        let exempt = ALWAYS_EXEMPT.map(str::to_owned).into();
        Self { audit: false, headers: false, exempt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let places = [
            Place::Global,
            Place::within("a/", ""),
            Place::within("a/", "b*"),
            Place::within("a/", "b"),
            Place::Role { mount: "a/".to_owned(), role: "r".to_owned() },
        ];
        for place in places {
            let (interval, block_interval) = (Duration::from_secs(1), Duration::from_millis(1));
            let limit =
                RateLimit { id: 7, place: place.clone(), rate: 0.5, interval, block_interval };
            assert_eq!(RateLimit::decode(&limit.encode()), Ok(limit));
            let count = LeaseCount { place, max_leases: 9 };
            assert_eq!(LeaseCount::decode(&count.encode()), Ok(count));
        }
        assert_eq!(Config::decode(&Config::default().encode()), Ok(Config::default()));
    }

    #[test]
    fn a_rate_is_a_whole_number_of_requests() {
        for (rate, requests) in [(0.1, 1), (1.4, 1), (2.5, 3), (1e30, u64::MAX)] {
            let interval = Duration::from_secs(1);
            let block_interval = Duration::ZERO;
            let limit = RateLimit { id: 0, place: Place::Global, rate, interval, block_interval };
            assert_eq!(limit.limit().requests, requests, "{rate}");
        }
    }
}
