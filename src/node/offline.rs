//! What is done to a store while no server has it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::SPOOL_FLOOR;
use crate::barrier::Barrier;
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::config::data_of_vault;
use crate::snapshot::SnapshotError;
use crate::snapshot::format::meta::Meta;
use crate::snapshot::restore::receive;
use crate::snapshot::spool::Spools;
use crate::storage::StorageError;
use crate::storage::redb::{Options, Redb};

/// Restores a snapshot into the store of `folder`, which is made where it is absent. A store that
/// has keys is replaced by force alone. The server that is started there next is sealed; when it
/// is unsealed a new timeline begins.
///
/// A restore that fails, or that SIGINT or SIGTERM ends, leaves the folder as it was.
pub fn restore(stream: impl Read, folder: &Path, force: bool) -> Result<Meta, SnapshotError> {
    if let Some(found) = data_of_vault(folder) {
        return Err(SnapshotError::Storage(StorageError::Refused(format!(
            "{} belongs to Vault, and no store of edgekeep goes beside it: name another folder",
            found.display()
        ))));
    }
    // Beside the store, unless there is none yet: a folder that is not restored to is not made.
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let mut received = receive(stream, Spools::new(there, SPOOL_FLOOR).open()?)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    received.set_interrupted(interrupted);
    let clock = Arc::new(SystemClock);
    let mut founded = false;
    let storage = Redb::open_or_fill(folder, Options::new(clock.clone()), &mut |to| {
        founded = true;
        received.found(to)
    })?;
    if !founded {
        let barrier = Barrier::new(Arc::new(storage), clock, Arc::new(SystemEntropy));
        if !force && barrier.settings()?.is_some() {
            return Err(SnapshotError::Occupied(folder.display().to_string()));
        }
        received.restore(&barrier, force)?;
    }
    Ok(received.meta().clone())
}
