//! The journal on a target, as it ages.

use std::time::Duration;

use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::journal::live::origins;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::compact::{Policy, clear, compact, plan};
use crate::snapshot::journal::export::Owner;
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::rewind::{RewindError, Source};

/// How often it is looked for what may be compacted.
const EVERY: Duration = Duration::from_secs(3600);

impl Worker {
    /// Compacts what has become old, once an hour. What cannot be compacted stays as it is: nothing
    /// but room is lost.
    pub fn age(&mut self) -> Result<(), Trouble> {
        let boot = self.boot();
        let last = *self.compacted.get_or_insert(boot);
        if boot.saturating_sub(last) < EVERY {
            return Ok(());
        }
        self.compacted = Some(boot);
        match self.compact() {
            Ok(0) => {}
            Ok(made) => {
                log::debug!("snapshots to {}: {made} files of the journal compacted", self.name);
                (self.known, self.proved) = (None, None);
            }
            Err(RewindError::Target(error)) => return Err(error.into()),
            Err(RewindError::Snapshot(SnapshotError::Busy | SnapshotError::Sealed)) => {}
            Err(error) => {
                log::warn!("snapshots to {}: the journal is not compacted: {error}", self.name);
                (self.known, self.proved) = (None, None);
            }
        }
        Ok(())
    }

    fn compact(&self) -> Result<usize, RewindError> {
        let keys = self.keys()?;
        let store_id = keys.status().store_id;
        let Ok(folder) = self.folder(&store_id) else { return Ok(0) };
        let source = Source { target: &*self.target, folder: &folder };
        let listing = Listing::read(&folder, &self.target.list(folder.path())?);
        let begun = origins(&keys).map_err(SnapshotError::from)?;
        let round = plan(&listing, &begun, keys.time().now(), Policy::default());
        let settings = self.means.barrier.settings()?.ok_or(SnapshotError::Sealed)?;
        let owner = Owner { store_id, key_id: settings.root_key.to_string() };
        for (outer, inner) in &round.left {
            clear(source, outer, inner, &keys)?;
        }
        for job in round.jobs.iter().take_while(|_| !self.desk.is_stopped()) {
            compact(source, job, &keys, &owner, &self.means.spools)?;
        }
        Ok(round.left.len() + round.jobs.len())
    }
}
