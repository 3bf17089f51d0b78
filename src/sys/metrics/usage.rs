//! How much there is of what costs something to count: tokens, leases, entities, secrets. It is
//! counted when somebody asks, by one of those who ask, and what was counted last is told
//! meanwhile: for a hundred times as long as counting took, but never longer than the period that
//! is set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::barrier::txn::{Txn, TxnError};
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Clock;
use crate::base::fault::Fault;
use crate::base::meter::{Metered, Reading, Readings};
use crate::base::sync::{lock, try_lock};
use crate::identity::alias;
use crate::identity::record::Entity;
use crate::lease;
use crate::mount::store::MountStore;
use crate::mount::table::{Mount, MountTable};
use crate::pipeline::meters::tokens::ttl_bucket;
use crate::token;

/// So many times longer than counting takes its outcome is told.
const REST: u32 = 100;

/// Who is counted, and how often.
pub struct Usage {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// What is mounted.
    pub mounts: Arc<MountStore>,
    /// Measures.
    pub clock: Arc<dyn Clock>,
    /// How old what is told may be; `None` to count nothing.
    pub period: Option<Duration>,
    /// So many series at most of one name.
    pub most: usize,
    /// Held by who counts: the others do not wait for it.
    pub counting: Mutex<()>,
    /// What was counted last.
    pub kept: Mutex<Kept>,
}

/// What was counted, of which store, and when it is to be counted anew.
#[derive(Default)]
pub struct Kept {
    of: Weak<Unsealed>,
    readings: Vec<Reading>,
    until: Duration,
}

impl Metered for Usage {
    fn tell(&self, to: &mut Readings) {
        let (Some(unsealed), Some(period)) = (self.barrier.unsealed(), self.period) else { return };
        if let Some(_counting) = try_lock(&self.counting) {
            self.bring_up_to_date(&unsealed, period, to.cluster());
        }
        let kept = lock(&self.kept);
        if kept.is_of(&unsealed) {
            kept.readings.iter().for_each(|reading| to.put(reading.clone()));
        }
    }
}

impl Kept {
    fn is_of(&self, unsealed: &Arc<Unsealed>) -> bool {
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(unsealed))
    }
}

impl Usage {
    fn bring_up_to_date(&self, unsealed: &Arc<Unsealed>, period: Duration, cluster: &str) {
        let begun = self.clock.boot();
        let known = {
            let kept = lock(&self.kept);
            kept.is_of(unsealed).then_some(kept.until)
        };
        if known.is_some_and(|until| begun < until) {
            return;
        }
        let mut counted = Readings::of(cluster.to_owned());
        let outcome = self.count(unsealed, &mut counted);
        let ended = self.clock.boot();
        let mut kept = lock(&self.kept);
        let readings = match outcome {
            Ok(()) => counted.sorted(),
            Err(fault) => {
                log::warn!("counting for the metrics: {fault}");
                let of_this = kept.is_of(unsealed);
                std::mem::take(&mut kept.readings).into_iter().filter(|_| of_this).collect()
            }
        };
        let until = ended + period.min(ended.saturating_sub(begun) * REST);
        *kept = Kept { of: Arc::downgrade(unsealed), readings, until };
    }

    /// Each in a transaction of its own: what is read for long makes the file grow.
    fn count(&self, unsealed: &Arc<Unsealed>, to: &mut Readings) -> Result<(), Fault> {
        let table = self.mounts.read(&mut unsealed.begin()?)?;
        let leases = lease::store::count(&mut unsealed.begin()?)?;
        to.gauge("vault.expire.num_leases", "Leases.", leases as f64);
        let help = "Leases that cannot be revoked.";
        to.gauge("vault.expire.num_irrevocable_leases", help, 0.0);
        self.count_tokens(&mut unsealed.begin()?, &table, to)?;
        if let Some(identities) = table.at("identity/") {
            count_identities(&mut unsealed.begin()?, identities, &table, to)?;
        }
        let secrets = table.iter().filter(|mount| matches!(&*mount.kind, "kv" | "generic"));
        for mount in secrets.take(self.most) {
            let Some(engine) = mount.engine() else { continue };
            let mut txn = unsealed.begin()?;
            let Some(count) = engine.count(&mut txn.scope(mount.id)) else { continue };
            let labels = [("mount_point", &*mount.path), ("namespace", "root")];
            let count = count? as f64;
            to.cluster_gauge("vault.secret.kv.count", "Secrets.", labels, count);
        }
        Ok(())
    }

    fn count_tokens(
        &self,
        txn: &mut Txn,
        table: &MountTable,
        to: &mut Readings,
    ) -> Result<(), TxnError> {
        let mut all = 0.0;
        let mut by_method = Tally::default();
        let mut by_policy = Tally::default();
        let mut by_ttl = Tally::default();
        token::store::each(txn, |token| {
            all += 1.0;
            let mount = token.login.as_ref().map(|login| table.at(&login.path));
            let method = mount.map_or("token", |mount| mount.map_or("", |mount| &*mount.kind));
            by_method.count(method, self.most);
            for policy in &token.policies {
                by_policy.count(policy, self.most);
            }
            by_ttl.count(ttl_bucket(token.life.creation_ttl), self.most);
        })?;
        let root = ("namespace", "root");
        to.cluster_gauge("vault.token.count", "Service tokens.", [root], all);
        let help = "Service tokens by their auth method.";
        by_method.tell("vault.token.count.by_auth", help, "auth_method", to);
        let help = "Service tokens by their policies.";
        by_policy.tell("vault.token.count.by_policy", help, "policy", to);
        let help = "Service tokens by their first TTL.";
        by_ttl.tell("vault.token.count.by_ttl", help, "creation_ttl", to);
        Ok(())
    }
}

fn count_identities(
    txn: &mut Txn,
    identities: &Mount,
    table: &MountTable,
    to: &mut Readings,
) -> Result<(), TxnError> {
    let mut scope = txn.scope(identities.id);
    let entities = Entity::count(&mut scope)? as f64;
    to.gauge("vault.identity.num_entities", "Entities.", entities);
    let root = ("namespace", "root");
    to.cluster_gauge("vault.identity.entity.count", "Entities.", [root], entities);
    for mount in table.iter().filter(|mount| mount.is_auth()) {
        let aliases = alias::count(&mut scope, &mount.accessor)? as f64;
        let labels = [("auth_method", &*mount.kind), ("mount_point", &*mount.path), root];
        let help = "Aliases of entities.";
        to.cluster_gauge("vault.identity.entity.alias.count", help, labels, aliases);
    }
    Ok(())
}

/// How many there are of each name.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// Of names that come when there are `most` of them nothing is told.
    fn count(&mut self, name: &str, most: usize) {
        let room = self.0.len() < most;
        match self.0.get_mut(name) {
            Some(count) => *count += 1,
            None if room => drop(self.0.insert(name.to_owned(), 1)),
            None => {}
        }
    }

    fn tell(&self, name: &'static str, help: &'static str, label: &'static str, to: &mut Readings) {
        for (value, count) in &self.0 {
            let labels = [(label, &**value), ("namespace", "root")];
            to.cluster_gauge(name, help, labels, *count as f64);
        }
    }
}
