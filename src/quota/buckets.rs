//! What clients have used up of their rate limits.
//!
//! A bucket is filled whole when a client makes its first request and again an interval later, as
//! Vault fills them; one whose time is over is as good as none, and only such are ever thrown
//! away. So nobody gets a new bucket by making the table forget the old one: who finds it full of
//! buckets in use shares one with all others who came too late.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::Duration;

use super::client::Client;
use crate::base::entropy::Entropy;
use crate::base::keyed::Keyed;
use crate::base::sync::lock;

/// Parts of the table, each with a lock of its own: clients in different ones do not wait for each
/// other, and those in the same one for some dozens of instructions.
const SHARDS: usize = 64;
/// Buckets of a shard: what a table of 1,024 places holds before it grows.
const SHARD_BUCKETS: usize = 896;

/// How many buckets there are at most, besides one for each limit: they take less than 5 MB.
pub const MOST: usize = SHARDS * SHARD_BUCKETS;

/// Names a rate limit among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitId(u64);

impl LimitId {
    /// One of the server's own.
    pub const fn own(number: u8) -> Self {
        Self(number as u64)
    }

    /// That of a quota which carries `number`.
    pub const fn of_quota(number: u64) -> Self {
        Self(number | 1 << 63)
    }

    /// Whether it is one of the server's own.
    pub const fn is_own(self) -> bool {
        self.0 >> 63 == 0
    }
}

/// How many requests a client may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many in each interval.
    pub requests: u64,
    /// The interval; not zero.
    pub interval: Duration,
    /// For how long none at all is taken of who asked for more.
    pub block: Duration,
}

/// What became of a request that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is within the limit.
    Within {
        /// So many more are.
        remaining: u64,
        /// When the bucket is filled again.
        reset: Duration,
    },
    /// It is not.
    Over {
        /// When the bucket is filled again.
        reset: Duration,
        /// From when on there is something to ask for again.
        wait: Duration,
    },
    /// It is not looked at for that long, as one before it was over.
    Blocked(Duration),
}

/// The buckets of all limits.
pub struct Buckets {
    hasher: Keyed,
    shards: [Mutex<Shard>; SHARDS],
}

type Key = (LimitId, Client);

struct Shard {
    buckets: HashMap<Key, Bucket, Keyed>,
    /// Until then none of them is over: there is nothing to throw away.
    full_until: Duration,
}

/// Its times are those of the boot clock.
#[derive(Clone, Copy)]
struct Bucket {
    used: u64,
    ends: Duration,
    blocked_until: Duration,
}

impl Buckets {
    /// None yet. Which of them share a shard is nothing that anybody outside can tell.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let hasher = Keyed::new(entropy);
        let shards = std::array::from_fn(|_| {
            let buckets = HashMap::with_hasher(hasher);
            Mutex::new(Shard { buckets, full_until: Duration::ZERO })
        });
        Self { hasher, shards }
    }

    /// Counts a request that `client` makes at `now`.
    pub fn count(&self, id: LimitId, limit: Limit, client: Client, now: Duration) -> Counted {
        let key = (id, client);
        if let Some(counted) =
            self.shard(key, |shard| Some(shard.find(key, now)?.count(limit, now)))
        {
            return counted;
        }
        let late = (id, Client::ALL);
        self.shard(late, |shard| {
            let bucket = shard.buckets.entry(late).or_insert(Bucket::OVER);
            bucket.count(limit, now)
        })
    }

    /// Throws away those that are over, and those of quotas that are no more.
    pub fn sweep(&self, now: Duration, lives: impl Fn(LimitId) -> bool) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard
                .buckets
                .retain(|(id, _), bucket| (id.is_own() || lives(*id)) && !bucket.is_over(now));
            shard.full_until = Duration::ZERO;
            if shard.buckets.len() < SHARD_BUCKETS / 4 {
                shard.buckets.shrink_to_fit();
            }
        }
    }

    fn shard<T>(&self, key: Key, job: impl FnOnce(&mut Shard) -> T) -> T {
        let place = self.hasher.hash_one(key) as usize % SHARDS;
        job(&mut lock(&self.shards[place]))
    }
}

impl Shard {
    /// The bucket of that key, a new one where it has none; `None` when there is no room for it.
    fn find(&mut self, key: Key, now: Duration) -> Option<&mut Bucket> {
        if !self.buckets.contains_key(&key) {
            if self.buckets.len() >= SHARD_BUCKETS {
                self.make_room(now);
            }
            if self.buckets.len() >= SHARD_BUCKETS {
                return None;
            }
            // The new one may be over before all others.
            self.full_until = Duration::ZERO;
        }
        Some(self.buckets.entry(key).or_insert(Bucket::OVER))
    }

    fn make_room(&mut self, now: Duration) {
        if now < self.full_until {
            return;
        }
        self.buckets.retain(|_, bucket| !bucket.is_over(now));
        let ends = self.buckets.values().map(|bucket| bucket.ends.max(bucket.blocked_until));
        self.full_until = ends.min().unwrap_or(Duration::ZERO);
    }
}

impl Bucket {
    const OVER: Self = Self { used: 0, ends: Duration::ZERO, blocked_until: Duration::ZERO };

    fn count(&mut self, limit: Limit, now: Duration) -> Counted {
        if now < self.blocked_until {
            return Counted::Blocked(self.blocked_until - now);
        }
        if self.ends <= now {
            self.used = 0;
            self.ends = now.saturating_add(limit.interval);
        }
        let reset = self.ends - now;
        if self.used < limit.requests {
            self.used += 1;
            return Counted::Within { remaining: limit.requests - self.used, reset };
        }
        if limit.block.is_zero() {
            return Counted::Over { reset, wait: reset };
        }
        self.blocked_until = now.saturating_add(limit.block);
        Counted::Over { reset, wait: limit.block }
    }

    /// Whether its owner can be given a new one for it.
    fn is_over(&self, now: Duration) -> bool {
        self.ends <= now && self.blocked_until <= now
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::api::request::Peer;
    use crate::base::entropy::SeededEntropy;

    const LIMIT: LimitId = LimitId::of_quota(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn buckets() -> Buckets {
        Buckets::new(&SeededEntropy::new(1))
    }

    fn client(number: u32) -> Client {
        let address = Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        Client::of(&Peer { address, ..Peer::default() })
    }

    fn limit(requests: u64) -> Limit {
        Limit { requests, interval: SECOND, block: Duration::ZERO }
    }

    fn len(buckets: &Buckets) -> usize {
        buckets.shards.iter().map(|shard| lock(shard).buckets.len()).sum()
    }

    fn within(counted: Counted) -> bool {
        matches!(counted, Counted::Within { .. })
    }

    #[test]
    fn a_bucket_is_filled_again_when_its_interval_is_over() {
        let (buckets, limit) = (buckets(), limit(2));
        let count = |millis| buckets.count(LIMIT, limit, client(1), Duration::from_millis(millis));
        assert_eq!(count(5000), Counted::Within { remaining: 1, reset: SECOND });
        assert_eq!(count(5400), Counted::Within { remaining: 0, reset: SECOND * 3 / 5 });
        let (reset, wait) = (SECOND / 1000, SECOND / 1000);
        assert_eq!(count(5999), Counted::Over { reset, wait });
        assert_eq!(count(6000), Counted::Within { remaining: 1, reset: SECOND });
        assert!(within(buckets.count(LIMIT, limit, client(2), SECOND * 6)));
        assert!(within(buckets.count(LimitId::of_quota(2), limit, client(1), SECOND * 6)));
    }

    #[test]
    fn who_goes_over_is_blocked_and_asking_on_prolongs_nothing() {
        let limit = Limit { requests: 1, interval: SECOND, block: SECOND * 3 };
        let buckets = buckets();
        let count = |seconds| buckets.count(LIMIT, limit, client(1), SECOND * seconds);
        assert!(within(count(1)));
        assert_eq!(count(1), Counted::Over { reset: SECOND, wait: SECOND * 3 });
        assert_eq!(count(3), Counted::Blocked(SECOND));
        assert!(within(count(4)));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_nobody_who_is_counted() {
        let (buckets, limit) = (buckets(), limit(1));
        let early: Vec<Client> = (0..1000).map(client).collect();
        assert!(early.iter().all(|early| within(buckets.count(LIMIT, limit, *early, SECOND))));
        let late = (1000..101_000).map(client);
        let allowed =
            late.filter(|late| within(buckets.count(LIMIT, limit, *late, SECOND))).count();
        assert!(len(&buckets) <= MOST + 1, "{}", len(&buckets));
        assert_eq!(allowed, len(&buckets) - 1000, "those who came too late share one bucket");
        assert!(!early.iter().any(|early| within(buckets.count(LIMIT, limit, *early, SECOND))));
        // An interval later there is room again.
        let again = (200_000..210_000).map(client);
        assert!(again.into_iter().all(|new| within(buckets.count(LIMIT, limit, new, SECOND * 2))));
        buckets.sweep(SECOND * 3, |_| true);
        assert_eq!(len(&buckets), 0);
    }

    #[test]
    fn a_sweep_leaves_what_is_in_use() {
        let buckets = buckets();
        let own = LimitId::own(1);
        for id in [own, LIMIT, LimitId::of_quota(2)] {
            buckets.count(id, limit(1), client(1), SECOND);
        }
        buckets.sweep(SECOND, |id| id == LIMIT);
        let again = |id| buckets.count(id, limit(1), client(1), SECOND);
        assert!(
            !within(again(own)) && !within(again(LIMIT)) && within(again(LimitId::of_quota(2)))
        );
    }

    #[test]
    fn clients_at_once_are_counted_exactly() {
        let (buckets, limit) = (buckets(), limit(1000));
        let count = |_| within(buckets.count(LIMIT, limit, client(1), SECOND));
        let allowed: usize = std::thread::scope(|threads| {
            let counts = || (0..500).filter(|n| count(*n)).count();
            let threads: Vec<_> = (0..16).map(|_| threads.spawn(counts)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1000);
    }
}
