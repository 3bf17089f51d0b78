//! How many leases there are where a lease count holds, so that no more are made than it allows.
//!
//! The counts are kept in memory, for the quotas of one state of the store. Each transaction that
//! makes or removes a lease reads the name of that state ([`store::state`]), so that it meets a
//! conflict if it goes by other quotas than those that hold when it commits. Who first needs the
//! counts of a state counts what the store has; nobody else changes that meanwhile, as they would
//! need the counts for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::record::LeaseCount;
use super::rules::Rules;
use super::store::{self, State};
use super::violations::Violations;
use crate::barrier::txn::{Txn, TxnError};
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::meter::{Counter, Readings};
use crate::base::sync::lock;

/// The lease counts of a server.
pub struct LeaseCounts {
    barrier: Arc<Barrier>,
    /// Those of the newest state that was asked for.
    newest: Mutex<Option<Arc<Counts>>>,
    violations: Violations,
    /// In which second leases were last looked through for those that have ended.
    looked: AtomicU64,
}

/// Where a lease is, as quotas see it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The path of the request that it comes from.
    pub path: &'a str,
    /// The role that whoever it is of has logged in as.
    pub role: Option<&'a str>,
}

/// A lease would be one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

/// The lease counts of one state of a store.
pub struct Counts {
    store: Weak<Unsealed>,
    state: State,
    rules: Rules<Arc<Count>>,
    named: BTreeMap<String, Arc<Count>>,
    /// The mounts that hold what is counted; an empty path where everything is.
    scopes: Vec<String>,
}

struct Count {
    most: u64,
    /// Those that there are, and those that are about to be committed.
    taken: AtomicU64,
    violations: Arc<Counter>,
}

/// Tells `Counts` of every lease that a store has.
pub type Census<'a> = &'a dyn Fn(&mut Txn, &Counts) -> Result<(), TxnError>;

impl LeaseCounts {
    /// Nothing is counted yet.
    pub fn new(barrier: Arc<Barrier>) -> Self {
        let (newest, violations) = Default::default();
        Self { barrier, newest, violations, looked: AtomicU64::new(0) }
    }

    /// Whether leases are to be looked through for those that have ended, which they are in each
    /// second once.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.looked.swap(now.as_secs(), Ordering::Relaxed) != now.as_secs()
    }

    /// Makes room for a lease that the transaction makes; it is given back unless that is
    /// committed.
    pub fn add(
        &self,
        txn: &mut Txn,
        origin: Origin<'_>,
        census: Census<'_>,
    ) -> Result<Result<(), Crowded>, TxnError> {
        let Some(count) = self.count_of(txn, origin, census)? else { return Ok(Ok(())) };
        let violations = count.violations.clone();
        let Some(seat) = Seat::take(count) else {
            violations.count();
            return Ok(Err(Crowded));
        };
        txn.after_commit(move || seat.keep());
        Ok(Ok(()))
    }

    /// Whether there is no room for a lease.
    pub fn is_full(
        &self,
        txn: &mut Txn,
        origin: Origin<'_>,
        census: Census<'_>,
    ) -> Result<bool, TxnError> {
        let Some(count) = self.count_of(txn, origin, census)? else { return Ok(false) };
        let full = count.taken.load(Ordering::Relaxed) >= count.most;
        if full {
            count.violations.count();
        }
        Ok(full)
    }

    /// Counts a lease no more that the transaction removes.
    pub fn remove(
        &self,
        txn: &mut Txn,
        origin: Origin<'_>,
        census: Census<'_>,
    ) -> Result<(), TxnError> {
        if let Some(count) = self.count_of(txn, origin, census)? {
            txn.after_commit(move || count.give_back());
        }
        Ok(())
    }

    /// How many leases the quota of that name counts.
    pub fn counter(
        &self,
        txn: &mut Txn,
        name: &str,
        census: Census<'_>,
    ) -> Result<Option<u64>, TxnError> {
        let counts = self.counts(txn, census)?;
        let count = counts.as_ref().and_then(|counts| counts.named.get(name));
        Ok(count.map(|count| count.taken.load(Ordering::Relaxed)))
    }

    /// Tells how many leases each quota counts, and how many it allows.
    pub fn tell(
        &self,
        txn: &mut Txn,
        census: Census<'_>,
        to: &mut Readings,
    ) -> Result<(), TxnError> {
        let Some(counts) = self.counts(txn, census)? else { return Ok(()) };
        for (name, count) in &counts.named {
            let (labels, taken) = ([("name", &**name)], count.taken.load(Ordering::Relaxed));
            let help = "Leases that a lease count counts.";
            to.cluster_gauge("vault.quota.lease_count.counter", help, labels, taken as f64);
            let help = "Leases that a lease count allows.";
            to.cluster_gauge("vault.quota.lease_count.max", help, labels, count.most as f64);
        }
        let help = "Times that a lease count had no room for a lease.";
        self.violations.tell("vault.quota.lease_count.violation", help, to);
        Ok(())
    }

    fn count_of(
        &self,
        txn: &mut Txn,
        Origin { path, role }: Origin<'_>,
        census: Census<'_>,
    ) -> Result<Option<Arc<Count>>, TxnError> {
        let counts = self.counts(txn, census)?;
        Ok(counts.and_then(|counts| counts.rules.find(path, role).cloned()))
    }

    /// The counts that the transaction goes by. None where there are no quotas, nor for one that
    /// sees a state, or a store, that is over: it cannot be committed.
    fn counts(&self, txn: &mut Txn, census: Census<'_>) -> Result<Option<Arc<Counts>>, TxnError> {
        let Some(state) = store::state(txn)? else { return Ok(None) };
        let store = txn.unsealed().clone();
        let mut newest = lock(&self.newest);
        if !newest.as_ref().is_some_and(|counts| counts.is_of(&store, state)) {
            let mut now = store.begin()?;
            let open = self.barrier.unsealed().is_some_and(|open| Arc::ptr_eq(&open, &store));
            if !open || store::state(&mut now)? != Some(state) {
                return Ok(None);
            }
            let counts = Counts::none(&store, state, store::all(&mut now)?, &self.violations);
            census(&mut now, &counts)?;
            *newest = Some(Arc::new(counts));
        }
        Ok(newest.clone())
    }
}

impl Counts {
    fn none(
        store: &Arc<Unsealed>,
        state: State,
        quotas: Vec<(String, LeaseCount)>,
        violations: &Violations,
    ) -> Self {
        let names: Vec<&str> = quotas.iter().map(|(name, _)| name.as_str()).collect();
        violations.keep(&names);
        let (mut rules, mut named, mut scopes) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (name, quota) in quotas {
            let (most, taken, violations) =
                (quota.max_leases, AtomicU64::new(0), violations.of(&name));
            let count = Arc::new(Count { most, taken, violations });
            scopes.push(quota.place.mount().unwrap_or_default().to_owned());
            rules.push((quota.place, count.clone()));
            named.insert(name, count);
        }
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.first().is_some_and(String::is_empty) {
            scopes.truncate(1);
        }
        let (store, rules) = (Arc::downgrade(store), rules.into_iter().collect());
        Self { store, state, rules, named, scopes }
    }

    /// The paths below which there are leases that count.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(|mount| mount.trim_end_matches('/'))
    }

    /// Whether the role counts of who has logged in at `path`.
    pub fn want_role(&self, path: &str) -> bool {
        self.rules.want_role(path)
    }

    /// Counts leases that are there.
    pub fn found(&self, Origin { path, role }: Origin<'_>, number: u64) {
        if let Some(count) = self.rules.find(path, role) {
            count.taken.fetch_add(number, Ordering::Relaxed);
        }
    }

    fn is_of(&self, store: &Arc<Unsealed>, state: State) -> bool {
        // As long as it is held here, nothing else gets its place in memory.
        std::ptr::eq(self.store.as_ptr(), Arc::as_ptr(store)) && self.state == state
    }
}

impl Count {
    fn give_back(&self) {
        let less = |taken: u64| Some(taken.saturating_sub(1));
        // It never refuses.
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Room for a lease, given back when dropped.
struct Seat(Option<Arc<Count>>);

impl Seat {
    fn take(count: Arc<Count>) -> Option<Self> {
        let more = |taken| (taken < count.most).then_some(taken + 1);
        let taken = count.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(Some(count)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.give_back();
        }
    }
}
