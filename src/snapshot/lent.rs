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

    /// The store, for a moment.
    pub fn get(&self) -> Result<Arc<Unsealed>, SnapshotError> {
        self.0.upgrade().ok_or(SnapshotError::Sealed)
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
