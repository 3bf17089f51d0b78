//! What is counted and measured of the barrier.

use std::sync::Arc;

use super::Barrier;
use crate::base::clock::Clock;
use crate::base::meter::{Metered, Readings, Sampler, Timer, Value};
use crate::storage::commit;

/// The meters of a barrier, sealed or not.
pub struct Meters {
    /// Looking an entry up and opening it.
    pub get: Sampler,
    /// Sealing an entry: it is written with its commit.
    pub put: Sampler,
    /// Marking an entry to be deleted.
    pub delete: Sampler,
    /// Listing a folder.
    pub list: Sampler,
    /// Opening the store.
    pub unseal: Timer,
    /// Closing it, until its last commit is done.
    pub seal: Timer,
    /// What becomes of transactions.
    pub commits: Arc<commit::Meters>,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let sampler = || Sampler::new(clock);
        Self {
            get: sampler(),
            put: sampler(),
            delete: sampler(),
            list: sampler(),
            unseal: Timer::new(clock),
            seal: Timer::new(clock),
            commits: Arc::new(commit::Meters::new(clock)),
        }
    }
}

impl Metered for Barrier {
    fn tell(&self, to: &mut Readings) {
        let Meters { get, put, delete, list, unseal, seal, commits } = &*self.meters;
        for (name, help, sampler) in [
            ("vault.barrier.get", "Milliseconds to read and open an entry.", get),
            ("vault.barrier.put", "Milliseconds to seal an entry for its commit.", put),
            ("vault.barrier.delete", "Milliseconds to note a deletion for its commit.", delete),
            ("vault.barrier.list", "Milliseconds to list a folder.", list),
        ] {
            to.summary(name, help, sampler.millis());
        }
        to.summary("vault.core.unseal", "Milliseconds to unseal.", unseal.millis());
        to.summary("vault.core.seal", "Milliseconds to seal.", seal.millis());
        commits.tell(to);
        self.storage.tell(to);
        let Some(unsealed) = self.unsealed() else { return };
        let status = unsealed.status();
        let term = vec![("term", status.term.to_string())];
        let help = "What was sealed under the newest data key.";
        let sealed = Value::Counter(status.encryptions);
        to.add("vault.barrier.estimated_encryptions", help, term, sealed);
        let help = "Entries in the store.";
        to.gauge("edgekeep.storage.entries", help, status.tally.entries as f64);
        let bytes = status.tally.key_bytes + status.tally.value_bytes;
        let help = "Bytes of all sealed keys and values.";
        to.gauge("edgekeep.storage.entry_bytes", help, bytes as f64);
        let help = "Commits since the store was made.";
        to.gauge("edgekeep.storage.revision", help, status.revision as f64);
    }
}
