//! A snapshot that is kept beside the store before what cannot be undone, where no journal leads
//! back: one of each kind, the last.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::SnapshotError;
use super::save::keep;
use super::spool::Spools;
use super::take::take;
use crate::barrier::Unsealed;
use crate::base::entropy::Entropy;
use crate::base::sync::lock;

/// Keeps them.
pub struct Precaution {
    /// The store's folder.
    folder: PathBuf,
    /// Of its own, so that no peer that is slow takes the place of one.
    spools: Spools,
    entropy: Arc<dyn Entropy>,
    /// One at a time: they take room.
    turn: Mutex<()>,
}

impl Precaution {
    /// In `folder`, as long as `spools` finds room there. What a power cut left of one goes: the
    /// next of its kind may be far off. Nobody else may have the folder.
    pub fn new(folder: PathBuf, spools: Spools, entropy: Arc<dyn Entropy>) -> Self {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".before-") && name.ends_with(".snap.partial") {
                let _ = fs::remove_file(entry.path());
            }
        }
        Self { folder, spools, entropy, turn: Mutex::default() }
    }

    /// Keeps the store as it is now in a file called `name`, in the place of the last one.
    pub fn keep(&self, unsealed: &Unsealed, name: &str) -> Result<PathBuf, SnapshotError> {
        let _turn = lock(&self.turn);
        let spool = self.spools.open()?;
        let instant = unsealed.instant()?;
        let now = unsealed.time().now();
        let taken = take(instant, spool, now, &*self.entropy)?;
        let path = self.folder.join(name);
        if !self.spools.have_room_for(taken.length())? {
            return Err(SnapshotError::Full);
        }
        keep(&taken, &path)?;
        Ok(path)
    }
}
