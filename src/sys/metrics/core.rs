//! What is told of the server as a whole.

use std::sync::Arc;

use crate::barrier::txn::TxnError;
use crate::barrier::{Barrier, Unsealed};
use crate::base::meter::{Metered, Readings};
use crate::base::record::Record;
use crate::mount::store::MountStore;
use crate::mount::table::MountTable;
use crate::pipeline::meters::Meters;

/// Its state and its mounts.
pub struct Core {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// What is mounted.
    pub mounts: Arc<MountStore>,
    /// What engines do is told by mount.
    pub requests: Arc<Meters>,
}

/// What Vault tells of a cluster, and is so of a server that stands alone.
const ALONE: [(&str, &str); 5] = [
    ("vault.core.performance_standby", "There is no cluster."),
    ("vault.core.replication.dr.primary", "There is no replication."),
    ("vault.core.replication.dr.secondary", "There is no replication."),
    ("vault.core.replication.performance.primary", "There is no replication."),
    ("vault.core.replication.performance.secondary", "There is no replication."),
];

impl Metered for Core {
    fn tell(&self, to: &mut Readings) {
        let unsealed = self.barrier.unsealed();
        let open = f64::from(u8::from(unsealed.is_some()));
        to.cluster_gauge("vault.core.unsealed", "1 when unsealed, else 0.", [], open);
        to.cluster_gauge("vault.core.active", "1 when it serves, else 0.", [], open);
        for (name, help) in ALONE {
            to.cluster_gauge(name, help, [], 0.0);
        }
        // A store that cannot be read is told of elsewhere.
        let table = unsealed.and_then(|unsealed| self.table(&unsealed).ok());
        if let Some(table) = &table {
            tell_mounts(table, to);
        }
        self.requests.routes.tell(table.as_deref(), to);
    }
}

impl Core {
    fn table(&self, unsealed: &Arc<Unsealed>) -> Result<Arc<MountTable>, TxnError> {
        self.mounts.read(&mut unsealed.begin()?)
    }
}

fn tell_mounts(table: &MountTable, to: &mut Readings) {
    for (kind, auth) in [("auth", true), ("logical", false)] {
        for local in [false, true] {
            let mounts = table.iter().filter(|m| m.is_auth() == auth && m.local == local);
            let sizes: Vec<usize> = mounts.map(|mount| mount.encode().len()).collect();
            let local = if local { "true" } else { "false" };
            let labels = [("local", local), ("type", kind)];
            let (count, size) = (sizes.len() as f64, sizes.iter().sum::<usize>() as f64);
            to.cluster_gauge("vault.core.mount_table.num_entries", "Mounts.", labels, count);
            let help = "Bytes of what is stored of mounts.";
            to.cluster_gauge("vault.core.mount_table.size", help, labels, size);
        }
    }
}
