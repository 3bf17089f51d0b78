//! What is counted and measured of tokens and their leases.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::meter::{Counter, Metered, Readings, Sampler, Timer, Value};
use crate::base::sync::lock;

/// So many kinds of new tokens are told apart; what comes later is counted together.
const KINDS: usize = 500;

/// The meters of tokens.
pub struct Meters {
    /// Making one.
    pub create: Timer,
    /// Finding one by its id.
    pub lookup: Sampler,
    /// Writing one that is there.
    pub store: Timer,
    /// Ending one, by request or in its time, by which all that descend from it are dead.
    pub revoke_tree: Timer,
    /// Noting when one ends.
    pub register: Timer,
    /// Noting that one ends later.
    pub renew: Timer,
    /// Ending a lease.
    pub revoke: Timer,
    /// Ending all leases below a path.
    pub revoke_prefix: Timer,
    /// Root tokens made.
    pub create_root: Counter,
    created: Mutex<BTreeMap<Created, u64>>,
    created_others: Counter,
}

/// What new tokens are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Created {
    /// The type of the auth method.
    pub method: String,
    /// Where it is mounted.
    pub mount: String,
    /// Service or batch.
    pub kind: &'static str,
    /// Vault's bucket of its first TTL.
    pub ttl: &'static str,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let timer = || Timer::new(clock);
        Self {
            create: timer(),
            lookup: Sampler::new(clock),
            store: timer(),
            revoke_tree: timer(),
            register: timer(),
            renew: timer(),
            revoke: timer(),
            revoke_prefix: timer(),
            create_root: Counter::default(),
            created: Mutex::default(),
            created_others: Counter::default(),
        }
    }

    /// One was made.
    pub fn created(&self, created: Created) {
        let mut known = lock(&self.created);
        if known.len() < KINDS || known.contains_key(&created) {
            *known.entry(created).or_default() += 1;
        } else {
            self.created_others.count();
        }
    }
}

/// The smallest of Vault's spans that a TTL does not exceed; none at all exceeds all of them.
pub fn ttl_bucket(ttl: Duration) -> &'static str {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    const BUCKETS: [(u64, &str); 9] = [
        (60, "1m"),
        (10 * 60, "10m"),
        (20 * 60, "20m"),
        (HOUR, "1h"),
        (2 * HOUR, "2h"),
        (DAY, "1d"),
        (2 * DAY, "2d"),
        (7 * DAY, "7d"),
        (30 * DAY, "30d"),
    ];
    let fits = |(seconds, _): &&(u64, &str)| !ttl.is_zero() && ttl <= Duration::from_secs(*seconds);
    BUCKETS.iter().find(fits).map_or("+Inf", |(_, name)| name)
}

fn tell_created([method, ttl, mount, kind]: [&str; 4], count: u64, to: &mut Readings) {
    let labels = [
        ("auth_method", method),
        ("cluster", to.cluster()),
        ("creation_ttl", ttl),
        ("mount_point", mount),
        ("namespace", "root"),
        ("token_type", kind),
    ];
    let labels = labels.map(|(name, value)| (name, value.to_owned())).to_vec();
    to.add("vault.token.creation", "Tokens made.", labels, Value::Counter(count));
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        for (name, help, timer) in [
            ("vault.token.create", "Milliseconds to make a token.", &self.create),
            ("vault.token.store", "Milliseconds to write a token anew.", &self.store),
            (
                "vault.token.revoke-tree",
                "Milliseconds to revoke a token, or to end it in its time; what descends from it \
                 is dead by that.",
                &self.revoke_tree,
            ),
            (
                "vault.expire.register-auth",
                "Milliseconds to note when a token ends.",
                &self.register,
            ),
            ("vault.expire.renew-token", "Milliseconds to renew a token.", &self.renew),
            ("vault.expire.revoke", "Milliseconds to revoke a lease.", &self.revoke),
            (
                "vault.expire.revoke-prefix",
                "Milliseconds to revoke all leases below a path.",
                &self.revoke_prefix,
            ),
        ] {
            to.summary(name, help, timer.millis());
        }
        let help = "Milliseconds to find a token by its id.";
        to.summary("vault.token.lookup", help, self.lookup.millis());
        to.counter("vault.token.create_root", "Root tokens made.", self.create_root.get());
        let created = lock(&self.created).clone();
        for (Created { method, mount, kind, ttl }, count) in &created {
            tell_created([method, ttl, mount, kind], *count, to);
        }
        if created.len() == KINDS {
            tell_created(["others"; 4], self.created_others.get(), to);
        }
    }
}
