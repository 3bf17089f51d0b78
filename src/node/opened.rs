//! Snapshots that are opened with their own unseal keys, while no server has anything to do with
//! them.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::SPOOL_FLOOR;
use super::offline::{self, Lying, Reached};
use crate::barrier::past::Past;
use crate::barrier::root::Timeline;
use crate::barrier::seal::Settings;
use crate::barrier::verify::Report;
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::base::pages::Key;
use crate::mount::store::MountStore;
use crate::snapshot::SnapshotError;
use crate::snapshot::restorable::Restorable;
use crate::snapshot::restore::receive;
use crate::snapshot::rewind::plan::Wish;
use crate::snapshot::rewind::{Prepared, RewindError, Source};
use crate::snapshot::spool::Spools;
use crate::storage::Job;

/// A state of a store that is here whole, and sealed. Memory does not grow with it; it lies among
/// the temporary files, or where it is to be put.
pub struct Sealed {
    lying: Lying,
    place: (Option<Timeline>, u64),
}

/// Gets all that leads to an instant on a target, and checks it.
pub fn prepare(source: Source<'_>, wish: &Wish) -> Result<Reached, RewindError> {
    Reached::prepare(source, wish, &spools())
}

impl Sealed {
    /// Receives a snapshot.
    pub fn receive(stream: impl Read) -> Result<Self, SnapshotError> {
        let spools = spools();
        let received = receive(stream, spools.open()?)?;
        let about = &received.meta().about;
        let place = (about.timeline.parse().ok(), about.revision);
        Self::filled(&spools, place, &mut |to| received.fill(to))
    }

    /// The instant that was prepared.
    pub fn of(prepared: &Prepared) -> Result<Self, SnapshotError> {
        Self::of_in(&spools(), prepared)
    }

    /// The same, lying where the store of `folder` is to lie, and not among the temporary files,
    /// for which a bare machine may have no room.
    pub fn beside(folder: &Path, prepared: &Prepared) -> Result<Self, SnapshotError> {
        Self::of_in(&offline::spools(folder), prepared)
    }

    fn of_in(spools: &Spools, prepared: &Prepared) -> Result<Self, SnapshotError> {
        let place = (Some(prepared.timeline()), prepared.found().instant.revision);
        Self::filled(spools, place, &mut |to| prepared.fill(to))
    }

    fn filled(
        spools: &Spools,
        place: (Option<Timeline>, u64),
        fill: &mut Job<'_>,
    ) -> Result<Self, SnapshotError> {
        let storage = spools.store(Arc::new(SystemClock), fill)?;
        Ok(Self { lying: Lying::over(storage), place })
    }

    /// Where it is in the history, as far as that is told without keys.
    pub fn place(&self) -> (Option<Timeline>, u64) {
        self.place
    }

    /// Which shares it needs.
    pub fn seal(&self) -> Result<Settings, SnapshotError> {
        self.lying.seal()
    }

    /// Opens it, and all of its entries. `unseal_key` is what its shares make.
    pub fn open(&self, unseal_key: &Key<32>) -> Result<(Past, Report), SnapshotError> {
        self.lying.unlock(unseal_key)
    }

    /// Opens it with the keys of another state of the same store.
    pub fn open_by(&self, other: &Past) -> Result<(Past, Report), SnapshotError> {
        self.lying.unlock_by(other)
    }
}

fn spools() -> Spools {
    Spools::new(std::env::temp_dir(), SPOOL_FLOOR)
}

/// Tells the mounts of opened snapshots.
pub fn mounts() -> MountStore {
    MountStore::new(Arc::new(SystemEntropy))
}
