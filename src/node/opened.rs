//! Snapshots that are opened with their own unseal keys, while no server has anything to do with
//! them.

use std::io::Read;
use std::sync::Arc;

use super::SPOOL_FLOOR;
use crate::barrier::past::Past;
use crate::barrier::seal::Settings;
use crate::barrier::verify::Report;
use crate::base::clock::SystemClock;
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::pages::Key;
use crate::mount::store::MountStore;
use crate::snapshot::SnapshotError;
use crate::snapshot::format::meta::Meta;
use crate::snapshot::restore::{Received, receive};
use crate::snapshot::spool::Spools;
use crate::storage::Storage;

/// A snapshot that was received whole, and is sealed.
pub struct Sealed {
    received: Received,
    spools: Spools,
}

impl Sealed {
    /// Receives it. Memory does not grow with it; it lies among the temporary files.
    pub fn receive(stream: impl Read) -> Result<Self, SnapshotError> {
        let spools = Spools::new(std::env::temp_dir(), SPOOL_FLOOR);
        Ok(Self { received: receive(stream, spools.open()?)?, spools })
    }

    /// What is in it.
    pub fn meta(&self) -> &Meta {
        self.received.meta()
    }

    /// Which shares it needs.
    pub fn seal(&self) -> Result<Settings, SnapshotError> {
        self.received.seal()
    }

    /// Opens it, and all of its entries. `unseal_key` is what its shares make.
    pub fn open(&self, unseal_key: &Key<32>) -> Result<(Past, Report), SnapshotError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        Ok(Past::open(self.store()?, unseal_key, &entropy)?)
    }

    /// Opens it with the keys of another state of the same store.
    pub fn open_by(&self, other: &Past) -> Result<(Past, Report), SnapshotError> {
        Ok(other.unsealed().open_past(self.store()?)?)
    }

    fn store(&self) -> Result<Arc<dyn Storage>, SnapshotError> {
        Ok(self.spools.store(Arc::new(SystemClock), &mut |to| self.received.fill(to))?)
    }
}

/// Tells the mounts of opened snapshots.
pub fn mounts() -> MountStore {
    MountStore::new(Arc::new(SystemEntropy))
}
