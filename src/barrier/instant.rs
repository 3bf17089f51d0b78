//! One instant of the whole store, and the keys of another one under the same root key: what a
//! snapshot needs of the barrier.

use std::sync::Arc;

use super::keyring::Keyring;
use super::names::{MountId, NameError, PlainPath, SealedPath};
use super::root::RootRecord;
use super::txn::TxnError;
use super::{UnsealError, Unsealed};
use crate::storage::{Key, View};

/// One instant of an unsealed store: nothing in it is of another one.
pub struct Instant {
    /// The entries.
    pub view: Box<dyn View>,
    /// The keys that were in force.
    pub keyring: Arc<Keyring>,
    /// What the root record says.
    pub record: RootRecord,
}

impl Unsealed {
    /// This instant of the store. Writers wait no longer than it takes to begin a view.
    pub fn instant(&self) -> Result<Instant, TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let view = alone.begin()?.view;
        Ok(Instant { view, keyring: self.keyring(), record: self.status() })
    }

    /// Opens a keyring that was sealed with this store's root key, such as a snapshot's.
    pub fn open_keyring(&self, sealed: &[u8]) -> Result<Keyring, UnsealError> {
        Keyring::open(&self.root_key, sealed)
    }

    /// Between which keys everything lies that is below a folder: from the first one up to, but
    /// without, the second.
    pub fn below(&self, mount: MountId, folder: &str) -> Result<(Key, Option<Key>), NameError> {
        Ok(self.names.seal(&SealedPath::root(mount), folder)?.below())
    }

    /// What stands at a physical key; `None` where that is no path of this store.
    pub fn open_name(&self, key: &[u8]) -> Option<PlainPath> {
        self.names.open(key).ok()
    }
}
