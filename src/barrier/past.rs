//! States of the store that are not the present one, such as that of a snapshot: opened with the
//! same root key, and read as the present one is.
//!
//! The time in such a state stands where its last commit left it: what was to be read then is.

use std::sync::{Arc, Mutex};

use super::journal::JournalBooks;
use super::restore::OtherKeys;
use super::root::RootRecord;
use super::seal::{KeyId, Settings};
use super::txn::{Txn, TxnError};
use super::verify::Report;
use super::{Barrier, UnsealError, Unsealed, open_records};
use crate::base::clock::{ManualClock, Timestamp};
use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::sync::lock;
use crate::storage::{Storage, View};

/// One state of a store, to be read.
pub struct Past {
    storage: Arc<dyn Storage>,
    unsealed: Arc<Unsealed>,
}

impl Past {
    /// The state in `storage`, whose entries are all opened and counted. `unseal_key` is what its
    /// shares make.
    ///
    /// # Errors
    /// The key is not its own, or the records that open all others are damaged.
    pub fn open(
        storage: Arc<dyn Storage>,
        unseal_key: &Key<32>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<(Self, Report), UnsealError> {
        let barrier = standing(&storage, entropy);
        let root_key = barrier.root_key(unseal_key)?;
        Self::with(storage, &barrier, root_key)
    }

    fn with(
        storage: Arc<dyn Storage>,
        barrier: &Barrier,
        root_key: Key<32>,
    ) -> Result<(Self, Report), UnsealError> {
        let view = storage.view()?;
        let (keyring, record) = open_records(&root_key, &|key| view.get(key))?;
        let unsealed =
            Arc::new(Unsealed::new(barrier, root_key, keyring, record, JournalBooks::new(None, 0)));
        let report = unsealed.verify(&*view)?;
        drop(view);
        Ok((Self { storage, unsealed }, report))
    }

    /// Lets `job` read. What it writes is nowhere.
    pub fn look<T, E: From<TxnError>>(
        &self,
        job: impl FnOnce(&mut Txn) -> Result<T, E>,
    ) -> Result<T, E> {
        job(&mut self.unsealed.begin()?)
    }

    /// What its root record says.
    pub fn record(&self) -> RootRecord {
        self.unsealed.status()
    }

    /// Its entries, as they are stored.
    pub fn view(&self) -> Result<Box<dyn View>, TxnError> {
        Ok(self.storage.view()?)
    }

    /// Its keys.
    pub fn unsealed(&self) -> &Unsealed {
        &self.unsealed
    }
}

/// A store in `storage` whose time stands.
fn standing(storage: &Arc<dyn Storage>, entropy: &Arc<dyn Entropy>) -> Barrier {
    let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
    Barrier::new(Arc::clone(storage), clock, Arc::clone(entropy))
}

/// A state that is kept ready for requests.
pub struct Loaded {
    /// By which requests name it.
    pub id: String,
    /// Since when it is ready.
    pub created: Timestamp,
    /// When it is let go.
    pub expires: Timestamp,
    /// The state.
    pub past: Past,
}

/// The states that are kept ready.
#[derive(Default)]
pub struct Pasts(Mutex<Vec<Arc<Loaded>>>);

impl Pasts {
    /// So many are kept at most.
    pub const MOST: usize = 4;

    /// Keeps one more; refused while there are as many as may be.
    pub fn put(&self, loaded: Arc<Loaded>) -> Result<(), Full> {
        let mut all = lock(&self.0);
        if all.len() >= Self::MOST {
            return Err(Full);
        }
        all.push(loaded);
        Ok(())
    }

    /// Whether another one can be kept.
    pub fn must_have_room(&self) -> Result<(), Full> {
        match lock(&self.0).len() < Self::MOST {
            true => Ok(()),
            false => Err(Full),
        }
    }

    /// The one of that id.
    pub fn get(&self, id: &str) -> Option<Arc<Loaded>> {
        lock(&self.0).iter().find(|loaded| loaded.id == id).cloned()
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Arc<Loaded>> {
        lock(&self.0).clone()
    }

    /// Lets one go, when nobody reads in it any more.
    pub fn remove(&self, id: &str) {
        let mut all = lock(&self.0);
        let gone = all.iter().position(|loaded| loaded.id == id).map(|place| all.remove(place));
        drop(all);
        drop(gone);
    }

    /// Lets go what has expired.
    pub fn expire(&self, now: Timestamp) {
        let mut all = lock(&self.0);
        let (kept, gone) = std::mem::take(&mut *all).into_iter().partition(|l| l.expires > now);
        *all = kept;
        drop(all);
        drop::<Vec<_>>(gone);
    }
}

/// As many states are kept ready as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Unsealed {
    /// The states of this store that are kept ready. What has expired is let go first.
    pub fn pasts(&self) -> &Pasts {
        self.pasts.expire(self.time.expiry_now());
        &self.pasts
    }

    /// Opens the state of this store that is in `storage`, and opens and counts all its entries.
    ///
    /// # Errors
    /// It is of other keys, or the records that open all others are damaged.
    pub fn open_past(&self, storage: Arc<dyn Storage>) -> Result<(Past, Report), UnsealError> {
        let barrier = standing(&storage, &self.entropy);
        self.must_open(barrier.settings()?.ok_or(UnsealError::NotInitialized)?)?;
        Past::with(storage, &barrier, Key::new(*self.root_key))
    }

    /// Refuses what has another root key.
    pub fn must_open(&self, settings: Settings) -> Result<(), UnsealError> {
        OtherKeys::refuse(KeyId::of(&self.root_key), settings.root_key)
            .map_err(UnsealError::OtherKeys)
    }
}
