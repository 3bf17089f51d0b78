//! What is done to a store while no server has it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::SPOOL_FLOOR;
use crate::barrier::Barrier;
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::snapshot::SnapshotError;
use crate::snapshot::format::meta::Meta;
use crate::snapshot::restore::receive;
use crate::snapshot::spool::Spools;
use crate::storage::redb::{Options, Redb};

/// Restores a snapshot into the store of `folder`, which is made where it is absent. A store that
/// has keys is replaced by force alone. The server that is started there next is sealed; when it
/// is unsealed a new timeline begins.
pub fn restore(stream: impl Read, folder: &Path, force: bool) -> Result<Meta, SnapshotError> {
    // Beside the store, unless there is none yet: a folder that is not restored to is not made.
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let received = receive(stream, Spools::new(there, SPOOL_FLOOR).open()?)?;
    let clock = Arc::new(SystemClock);
    let storage = Arc::new(Redb::open(folder, Options::new(clock.clone()))?);
    let barrier = Barrier::new(storage, clock, Arc::new(SystemEntropy));
    if !force && barrier.settings()?.is_some() {
        return Err(SnapshotError::Occupied(folder.display().to_string()));
    }
    received.restore(&barrier, force)?;
    Ok(received.meta().clone())
}
