//! Keys for who waits for a target meanwhile.

use std::sync::{Arc, Weak};

use crate::barrier::Unsealed;
use crate::barrier::keyring::Keyring;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::segment::End;

/// The keys of a store, asked for each time that they are needed: a target may hang for days, and
/// once the store is sealed nobody is to have them.
#[derive(Clone)]
pub struct Lent(Weak<Unsealed>);

impl Lent {
    /// Those of this store, for as long as somebody else holds it.
    pub fn of(unsealed: &Arc<Unsealed>) -> Self {
        Self(Arc::downgrade(unsealed))
    }

    /// Which store that is.
    pub fn store(&self) -> &Weak<Unsealed> {
        &self.0
    }

    /// The store, for a moment.
    pub fn get(&self) -> Result<Arc<Unsealed>, SnapshotError> {
        self.0.upgrade().ok_or(SnapshotError::Gone)
    }
}

/// A keyring of a store whose keys are lent: its present one, or as it was sealed in a snapshot.
pub struct LentKeyring {
    keys: Lent,
    sealed: Option<Vec<u8>>,
}

impl LentKeyring {
    /// The present one.
    pub fn present(keys: Lent) -> Self {
        Self { keys, sealed: None }
    }

    /// One that was sealed with the root key.
    pub fn sealed(keys: Lent, sealed: &[u8]) -> Self {
        Self { keys, sealed: Some(sealed.to_vec()) }
    }
}

impl Vouch for LentKeyring {
    fn vouches_for(&self, end: &End) -> Result<bool, SnapshotError> {
        match &self.sealed {
            None => self.keys.vouches_for(end),
            Some(sealed) => self.keys.get()?.open_keyring(sealed)?.vouches_for(end),
        }
    }
}

/// Tells whether a segment was made with the keys of its store.
pub trait Vouch {
    /// By the end of one that was read.
    fn vouches_for(&self, end: &End) -> Result<bool, SnapshotError>;
}

impl Vouch for Keyring {
    fn vouches_for(&self, end: &End) -> Result<bool, SnapshotError> {
        Ok(end.is_proved(self))
    }
}

impl Vouch for Lent {
    fn vouches_for(&self, end: &End) -> Result<bool, SnapshotError> {
        self.get()?.keyring().vouches_for(end)
    }
}
