//! The mount table: one record, read in each request's transaction, so that a request sees the
//! mounts of the same instant as the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::record::Record;
use crate::base::sync::lock;

/// Where the table lies in the system's part of the store.
const PATH: &str = "core/mounts";

/// How long leases last, seconds.
#[derive(Clone, Copy, Debug)]
pub struct Ttls {
    /// Where nothing else says how long.
    pub default: u64,
    /// At most.
    pub max: u64,
}

/// One mount.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// Its path, with a slash at the end.
    pub path: String,
    /// The engine's type (`kv`).
    pub kind: String,
    /// The prefix of its entries in the store: random, so that a remount moves nothing.
    pub id: MountId,
    /// Shown to clients.
    pub uuid: String,
    /// Shown to clients; type and random part.
    pub accessor: String,
    /// Free text.
    pub description: String,
    /// The engine's options; null and none are told apart, as Vault does.
    pub options: Option<BTreeMap<String, String>>,
    /// Accepted and shown; there is no replication for it to matter.
    pub local: bool,
    /// Accepted and shown; everything is sealed here.
    pub seal_wrap: bool,
    /// Accepted and shown; there is no entropy augmentation.
    pub external_entropy_access: bool,
    /// TTLs, visibility and the like, as they are shown.
    pub config: Map<String, Value>,
}

impl Mount {
    /// A mount with a new identity and Vault's default configuration.
    pub fn new(path: &str, kind: &str, description: &str, entropy: &dyn Entropy) -> Self {
        let config = [
            ("default_lease_ttl", 0.into()),
            ("max_lease_ttl", 0.into()),
            ("force_no_cache", false.into()),
        ];
        Self {
            path: path.to_owned(),
            kind: kind.to_owned(),
            id: MountId::random(entropy),
            uuid: entropy.uuid(),
            accessor: format!("{kind}_{}", entropy.hex(4)),
            description: description.to_owned(),
            options: None,
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            config: config.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
        }
    }

    /// The TTLs in the configuration; 0 where the system's holds.
    pub fn own_ttls(&self) -> Ttls {
        let ttl = |name| self.config.get(name).and_then(Value::as_u64).unwrap_or(0);
        Ttls { default: ttl("default_lease_ttl"), max: ttl("max_lease_ttl") }
    }

    /// The TTLs that hold in it.
    pub fn ttls(&self, system: Ttls) -> Ttls {
        let or_system = |own, system| if own == 0 { system } else { own };
        let Ttls { default, max } = self.own_ttls();
        Ttls { default: or_system(default, system.default), max: or_system(max, system.max) }
    }
}

/// All mounts, in the order of their paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// The mounts of a new store.
    pub fn initial(entropy: &dyn Entropy) -> Self {
        let mut table = Self::default();
        let mut cubbyhole =
            Mount::new("cubbyhole/", "cubbyhole", "per-token private secret storage", entropy);
        cubbyhole.local = true;
        table.insert(cubbyhole);
        let mut identity = Mount::new("identity/", "identity", "identity store", entropy);
        let headers = |name: &str| Value::from(vec![name]);
        identity.config.insert("passthrough_request_headers".into(), headers("Authorization"));
        table.insert(identity);
        let purpose = "system endpoints used for control, policy and debugging";
        let mut system = Mount::new("sys/", "system", purpose, entropy);
        system.seal_wrap = true;
        system.config.insert("passthrough_request_headers".into(), headers("Accept"));
        table.insert(system);
        table
    }

    /// All mounts.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// The mount at exactly `path` (with its slash).
    pub fn at(&self, path: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.path == path)
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, path: &str) -> Option<&mut Mount> {
        self.mounts.iter_mut().find(|mount| mount.path == path)
    }

    /// The mount that `path` is in, and the path below it. `secret` is in `secret/` too.
    pub fn resolve<'p>(&self, path: &'p str) -> Option<(&Mount, &'p str)> {
        // No mount lies inside another, so at most one matches.
        self.mounts.iter().find_map(|mount| {
            let below = path.strip_prefix(mount.path.as_str());
            let itself = || (mount.path.strip_suffix('/') == Some(path)).then_some("");
            below.or_else(itself).map(|below| (mount, below))
        })
    }

    /// A mount that lies in, over or at `path`, which is why none can be made there.
    pub fn conflict(&self, path: &str) -> Option<&Mount> {
        let meets = |m: &&Mount| path.starts_with(&m.path) || m.path.starts_with(path);
        self.mounts.iter().find(meets)
    }

    /// Adds a mount; the caller has looked for conflicts.
    pub fn insert(&mut self, mount: Mount) {
        let place = self.mounts.partition_point(|other| other.path < mount.path);
        self.mounts.insert(place, mount);
    }

    /// Takes a mount out.
    pub fn remove(&mut self, path: &str) -> Option<Mount> {
        let place = self.mounts.iter().position(|mount| mount.path == path)?;
        Some(self.mounts.remove(place))
    }

    /// Writes the table.
    pub fn store(&self, txn: &mut Txn) -> Result<(), TxnError> {
        let mounts = self.mounts.iter().map(StoredMount::from).collect();
        txn.scope(MountId::SYSTEM).write(PATH, &StoredTable { mounts })
    }
}

/// The table's stored form and what it says.
type Known = (Zeroizing<Vec<u8>>, Arc<MountTable>);

/// Reads the table; decoded anew only when it has changed.
#[derive(Default)]
pub struct MountCache {
    last: Mutex<Option<Known>>,
}

impl MountCache {
    /// The table as the transaction sees it.
    pub fn read(&self, txn: &mut Txn) -> Result<Arc<MountTable>, TxnError> {
        let Some(bytes) = txn.scope(MountId::SYSTEM).get(PATH)? else {
            return Ok(Arc::default());
        };
        let mut last = lock(&self.last);
        match &*last {
            Some((known, table)) if *known == bytes => Ok(table.clone()),
            _ => {
                let stored = StoredTable::decode(&bytes)?;
                let mounts = stored.mounts.into_iter().map(Mount::from).collect();
                let table = Arc::new(MountTable { mounts });
                *last = Some((bytes, table.clone()));
                Ok(table)
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    mounts: Vec<StoredMount>,
}

impl Record for StoredTable {
    const VERSION: u8 = 1;
}

#[derive(Serialize, Deserialize)]
struct StoredMount {
    path: String,
    kind: String,
    id: MountId,
    uuid: String,
    accessor: String,
    description: String,
    options: Option<BTreeMap<String, String>>,
    local: bool,
    seal_wrap: bool,
    external_entropy_access: bool,
    /// JSON.
    config: String,
}

impl From<&Mount> for StoredMount {
    fn from(mount: &Mount) -> Self {
        Self {
            path: mount.path.clone(),
            kind: mount.kind.clone(),
            id: mount.id,
            uuid: mount.uuid.clone(),
            accessor: mount.accessor.clone(),
            description: mount.description.clone(),
            options: mount.options.clone(),
            local: mount.local,
            seal_wrap: mount.seal_wrap,
            external_entropy_access: mount.external_entropy_access,
            config: Value::Object(mount.config.clone()).to_string(),
        }
    }
}

impl From<StoredMount> for Mount {
    fn from(stored: StoredMount) -> Self {
        Self {
            path: stored.path,
            kind: stored.kind,
            id: stored.id,
            uuid: stored.uuid,
            accessor: stored.accessor,
            description: stored.description,
            options: stored.options,
            local: stored.local,
            seal_wrap: stored.seal_wrap,
            external_entropy_access: stored.external_entropy_access,
            // Written by us as an object; a store that says otherwise is damaged and shows it
            // by an empty configuration rather than by refusing every request.
            config: serde_json::from_str(&stored.config).unwrap_or_default(),
        }
    }
}
