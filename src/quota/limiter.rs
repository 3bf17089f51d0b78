//! Whether a request is within the rate limit that it meets. It is asked of every request, before
//! the token is looked at and before any transaction: the quotas are kept compiled, and compiled
//! anew by the first request after a commit that changed them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::time::Duration;

use super::buckets::{Buckets, Counted, Limit, LimitId};
use super::client::Client;
use super::prefixes::Prefixes;
use super::record::{ALWAYS_EXEMPT, Config, Quota, RateLimit};
use super::rules::Rules;
use super::store;
use super::strangers::Strangers;
use super::violations::Violations;
use crate::api::request::Peer;
use crate::barrier::Unsealed;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::meter::{Counter, Metered, Readings};
use crate::base::sync::{lock, read, write};

/// The quotas of a server.
pub struct Quotas {
    clock: Arc<dyn Clock>,
    pub(super) strangers: Strangers,
    buckets: Buckets,
    violations: Violations,
    /// Raised by each commit that changed a quota, before anybody is told of it.
    changes: Arc<AtomicU64>,
    in_force: RwLock<InForce>,
    /// Held by whoever compiles.
    loading: Mutex<()>,
}

/// What an answer says of the limit that its request met: headers, where that is configured.
pub type Standing = Vec<(&'static str, String)>;

impl Quotas {
    /// Nothing is read yet.
    pub fn new(clock: Arc<dyn Clock>, entropy: &dyn Entropy, strangers: Strangers) -> Self {
        Self {
            clock,
            strangers,
            buckets: Buckets::new(entropy),
            violations: Violations::default(),
            changes: Arc::default(),
            in_force: RwLock::new(InForce::nothing()),
            loading: Mutex::default(),
        }
    }

    /// Counts a request, made as `role` if it is a login.
    ///
    /// # Errors
    /// Vault's 429 for one too many.
    pub fn admit(
        &self,
        unsealed: &Arc<Unsealed>,
        path: &str,
        role: Option<&str>,
        peer: &Peer,
    ) -> Result<Standing, Fault> {
        self.with(unsealed, |quotas| {
            let met = quotas.rates.find(path, role).filter(|_| !quotas.is_exempt(path));
            let Some(Rate { id, limit, violations }) = met else { return Ok(Standing::new()) };
            let counted = self.count(*id, *limit, Client::of(peer));
            if !matches!(counted, Counted::Within { .. }) {
                violations.count();
            }
            let standing = if quotas.headers { standing(*limit, counted) } else { Standing::new() };
            judge(path, counted, standing)
        })?
    }

    /// Whether the role of a login counts at `path`: then it is to be found out first.
    pub fn want_role(&self, unsealed: &Arc<Unsealed>, path: &str) -> Result<bool, Fault> {
        Ok(self.with(unsealed, |quotas| quotas.rates.want_role(path))?)
    }

    /// Whether requests that are refused are to be audited.
    pub fn audit_refusals(&self) -> bool {
        read(&self.in_force).audit
    }

    /// Has the quotas compiled anew once the transaction, which changes them, is committed.
    pub fn changed(&self, txn: &mut Txn) {
        let changes = Arc::clone(&self.changes);
        txn.after_commit(move || {
            changes.fetch_add(1, Ordering::Release);
        });
    }

    /// Takes the quotas of a mount along to where it is moved, or away with it.
    pub fn mount_moved(&self, txn: &mut Txn, from: &str, to: Option<&str>) -> Result<(), TxnError> {
        if store::mount_moved(txn, from, to)? {
            self.changed(txn);
        }
        Ok(())
    }

    /// Gives back the memory of clients that are counted no more.
    pub fn sweep(&self) {
        self.buckets.sweep(self.clock.boot(), |_| true);
    }

    pub(super) fn count(&self, id: LimitId, limit: Limit, client: Client) -> Counted {
        self.buckets.count(id, limit, client, self.clock.boot())
    }

    /// Looks at the quotas that the newest committed state of the store has.
    fn with<T>(
        &self,
        unsealed: &Arc<Unsealed>,
        look: impl FnOnce(&InForce) -> T,
    ) -> Result<T, TxnError> {
        let changes = self.changes.load(Ordering::Acquire);
        let known = read(&self.in_force);
        if known.is(unsealed, changes) {
            return Ok(look(&known));
        }
        drop(known);
        self.load(unsealed)?;
        Ok(look(&read(&self.in_force)))
    }

    fn load(&self, unsealed: &Arc<Unsealed>) -> Result<(), TxnError> {
        let _loading = lock(&self.loading);
        // Before the transaction begins: a commit that it does not see is told of after this.
        let changes = self.changes.load(Ordering::Acquire);
        if read(&self.in_force).is(unsealed, changes) {
            return Ok(());
        }
        let mut txn = unsealed.begin()?;
        let limits = store::all::<RateLimit>(&mut txn)?;
        let config = store::config(&mut txn)?;
        let mut ids: Vec<LimitId> = limits.iter().map(|(_, limit)| limit.limit_id()).collect();
        ids.sort_unstable();
        let names: Vec<&str> = limits.iter().map(|(name, _)| name.as_str()).collect();
        self.violations.keep(&names);
        let rate = |(name, quota): &(String, RateLimit)| {
            let (id, limit, violations) =
                (quota.limit_id(), quota.limit(), self.violations.of(name));
            (quota.place().clone(), Rate { id, limit, violations })
        };
        let rates = limits.iter().map(rate).collect();
        let store = Arc::downgrade(unsealed);
        *write(&self.in_force) = InForce::of(store, changes, rates, config);
        self.buckets.sweep(self.clock.boot(), |id| ids.binary_search(&id).is_ok());
        Ok(())
    }
}

/// A rate limit, with how often it was violated.
struct Rate {
    id: LimitId,
    limit: Limit,
    violations: Arc<Counter>,
}

impl Metered for Quotas {
    fn tell(&self, to: &mut Readings) {
        let help = "Requests that were over a rate limit.";
        self.violations.tell("vault.quota.rate_limit.violation", help, to);
    }
}

/// The quotas of one state of the store, compiled.
struct InForce {
    store: Weak<Unsealed>,
    changes: u64,
    rates: Rules<Rate>,
    exempt: Prefixes<bool>,
    headers: bool,
    audit: bool,
}

impl InForce {
    fn nothing() -> Self {
        Self::of(Weak::new(), 0, Rules::from_iter([]), Config::default())
    }

    fn of(store: Weak<Unsealed>, changes: u64, rates: Rules<Rate>, config: Config) -> Self {
        let Config { audit, headers, exempt } = config;
        let always = ALWAYS_EXEMPT.map(|path| (path.to_owned(), true));
        let exempt = always.into_iter().chain(exempt.iter().map(|path| exemption(path))).collect();
        Self { store, changes, rates, exempt, headers, audit }
    }

    fn is(&self, unsealed: &Arc<Unsealed>, changes: u64) -> bool {
        // As long as it is held here, nothing else gets its place in memory.
        std::ptr::eq(self.store.as_ptr(), Arc::as_ptr(unsealed)) && self.changes == changes
    }

    fn is_exempt(&self, path: &str) -> bool {
        self.exempt.longest(path).is_some_and(|exempt| *exempt)
    }
}

/// What paths begin with, and whether those are exempt: a `!` in front takes them out again.
fn exemption(path: &str) -> (String, bool) {
    let (path, exempt) = match path.strip_prefix('!') {
        Some(path) => (path, false),
        None => (path, true),
    };
    let path = path.strip_prefix("/v1/").unwrap_or(path);
    (path.to_owned(), exempt)
}

/// Vault's 429 for what is not within its limit.
pub(super) fn judge(path: &str, counted: Counted, standing: Standing) -> Result<Standing, Fault> {
    let wait = match counted {
        Counted::Within { .. } => return Ok(standing),
        Counted::Over { wait, .. } => wait,
        Counted::Blocked(wait) => wait,
    };
    let text = format!("request path {}: rate limit quota exceeded", golang::quote(path));
    let mut fault = Fault::new(429, text).with_header("Retry-After", whole_seconds(wait));
    fault.headers.extend(standing);
    Err(fault)
}

/// Vault says nothing but when to come back to a client that it does not hear.
fn standing(limit: Limit, counted: Counted) -> Standing {
    let (remaining, reset) = match counted {
        Counted::Within { remaining, reset } => (remaining, reset),
        Counted::Over { reset, .. } => (0, reset),
        Counted::Blocked(_) => return Standing::new(),
    };
    vec![
        ("X-Ratelimit-Limit", limit.requests.to_string()),
        ("X-Ratelimit-Remaining", remaining.to_string()),
        ("X-Ratelimit-Reset", whole_seconds(reset)),
    ]
}

/// Rounded up: who waits for so long has waited long enough.
fn whole_seconds(span: Duration) -> String {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).to_string()
}
