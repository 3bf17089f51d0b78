//! What opens a sealed store: the seal record keeps the root key, sealed by the unseal key.
//!
//! It is the one entry that is not sealed itself. Rekeying rewrites it and nothing else.

pub mod shamir;

use serde::{Deserialize, Serialize};

use self::shamir::Split;
use super::envelope::{self, NO_TERM};
use super::{SEAL, UnsealError};
use crate::base::digest::MacKey;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::base::secret::Secret;

/// The seal record.
#[derive(Clone, Serialize, Deserialize)]
pub struct SealRecord {
    settings: Settings,
    /// The root key, sealed by the unseal key; its place is the settings too.
    root_key: Vec<u8>,
}

impl Record for SealRecord {
    const VERSION: u8 = 1;
}

/// What the seal record says to anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What gives the unseal key.
    pub kind: Kind,
    /// Which root key is sealed. It outlives a rekey.
    pub root_key: KeyId,
}

impl Record for Settings {
    const VERSION: u8 = 1;
}

/// What gives the unseal key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Shares held by people.
    Shamir(Split),
}

/// A fingerprint of a root key, by which stores and snapshots of other keys are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub(super) fn of(root_key: &Key<32>) -> Self {
        let mac = MacKey::new(root_key).mac(&[b"edgekeep root key"]);
        let mut id = [0; 8];
        id.copy_from_slice(&mac[..8]);
        Self(id)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl SealRecord {
    /// Seals `root_key` under a new unseal key, and gives out the shares of that.
    pub fn close(root_key: &Key<32>, split: Split, entropy: &dyn Entropy) -> (Self, Vec<Secret>) {
        let unseal_key = Key::random(entropy);
        let settings = Settings { kind: Kind::Shamir(split), root_key: KeyId::of(root_key) };
        let place = settings.place();
        let root_key = envelope::seal(&unseal_key, NO_TERM, &place, &**root_key, entropy);
        (Self { settings, root_key }, shamir::split(&unseal_key, split, entropy))
    }

    /// What anyone may know of it.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The root key, if that is the unseal key.
    pub fn open(&self, unseal_key: &Key<32>) -> Result<Key<32>, UnsealError> {
        envelope::open(unseal_key, &self.settings.place(), &self.root_key)
            .ok()
            .and_then(|root_key| Key::from_bytes(&root_key))
            .ok_or(UnsealError::WrongKey)
    }
}

impl Settings {
    /// Binds the settings to what they are said of: a changed one opens nothing.
    fn place(&self) -> Vec<u8> {
        [SEAL, &self.encode()].concat()
    }
}
