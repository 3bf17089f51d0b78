//! The keys of a store: a data key for each term, and those that never change.
//!
//! The keyring is one record, sealed by the root key. Rotating adds a term; values sealed before
//! stay as they are and open with the key of their term.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::envelope::{self, Damaged, NO_TERM, Term};
use super::{KEYRING, Opened, UnsealError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::record::Record;

/// All keys below the root key. Cheap to clone: the keys themselves are shared.
#[derive(Clone)]
pub struct Keyring {
    active: Arc<DataKey>,
    older: Vec<Arc<DataKey>>,
    fixed: Arc<FixedKeys>,
    rotation: Rotation,
}

struct DataKey {
    term: Term,
    key: Key<32>,
    installed: Timestamp,
}

/// The keys that rotating leaves alone: what they made stands in every key and index.
pub struct FixedKeys {
    /// Seals the names of paths (AES-256-SIV).
    pub names: Key<64>,
    /// Keys the hash over all entries.
    pub entries: Key<32>,
    /// Keys the HMAC under which tokens are stored.
    pub tokens: Key<32>,
    /// Keys the journal's MAC.
    pub journal: Key<32>,
}

/// When a new term is due by itself (`sys/rotate/config`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Whether it ever is.
    pub enabled: bool,
    /// After this many values sealed in a term.
    pub max_operations: u64,
    /// After this long; zero is never.
    pub interval: Duration,
}

impl Default for Rotation {
    /// Vault's.
    fn default() -> Self {
        Self { enabled: true, max_operations: 3_865_470_566, interval: Duration::ZERO }
    }
}

/// The record.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Stored {
    active: StoredKey,
    older: Vec<StoredKey>,
    names: [[u8; 32]; 2],
    entries: [u8; 32],
    tokens: [u8; 32],
    journal: [u8; 32],
    #[zeroize(skip)]
    rotation: Rotation,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct StoredKey {
    term: Term,
    #[zeroize(skip)]
    installed: Timestamp,
    key: [u8; 32],
}

impl Record for Stored {
    const VERSION: u8 = 1;
}

impl Keyring {
    /// The keys of a new store, at term 1.
    pub fn generate(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let fixed = FixedKeys {
            names: Key::random(entropy),
            entries: Key::random(entropy),
            tokens: Key::random(entropy),
            journal: Key::random(entropy),
        };
        Self {
            active: DataKey::generate(1, entropy, now),
            older: Vec::new(),
            fixed: Arc::new(fixed),
            rotation: Rotation::default(),
        }
    }

    /// These keys and a new term.
    pub fn rotated(&self, entropy: &dyn Entropy, now: Timestamp) -> Self {
        let mut next = self.clone();
        let active = DataKey::generate(self.active.term + 1, entropy, now);
        next.older.push(std::mem::replace(&mut next.active, active));
        next
    }

    /// These keys with another rule for rotation.
    pub fn with_rotation(&self, rotation: Rotation) -> Self {
        Self { rotation, ..self.clone() }
    }

    /// The newest term: the one that seals.
    pub fn term(&self) -> Term {
        self.active.term
    }

    /// When the newest term was installed.
    pub fn installed(&self) -> Timestamp {
        self.active.installed
    }

    /// When a new term is due by itself.
    pub fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// The keys without a term.
    pub fn fixed(&self) -> &FixedKeys {
        &self.fixed
    }

    /// Seals a value for `place` with the newest data key.
    pub fn seal_value(&self, place: &[u8], value: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        envelope::seal(&self.active.key, self.active.term, place, value, entropy)
    }

    /// Opens the value at `place` with the data key of its term.
    pub fn open_value(&self, place: &[u8], sealed: &[u8]) -> Result<Opened, Damaged> {
        let term = envelope::term(sealed)?;
        let mut data = self.older.iter().chain([&self.active]).rev();
        let data = data.find(|data| data.term == term).ok_or(Damaged)?;
        envelope::open(&data.key, place, sealed)
    }

    /// The keyring as it is stored.
    pub fn seal(&self, root_key: &Key<32>, entropy: &dyn Entropy) -> Vec<u8> {
        let (names, _) = self.fixed.names.as_chunks::<32>();
        let stored = Stored {
            active: self.active.stored(),
            older: self.older.iter().map(|data| data.stored()).collect(),
            names: [names[0], names[1]],
            entries: *self.fixed.entries,
            tokens: *self.fixed.tokens,
            journal: *self.fixed.journal,
            rotation: self.rotation,
        };
        envelope::seal(root_key, NO_TERM, KEYRING, &stored.encode(), entropy)
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn open(root_key: &Key<32>, sealed: &[u8]) -> Result<Self, UnsealError> {
        let plain = envelope::open(root_key, KEYRING, sealed)
            .map_err(|_| UnsealError::unopened("keyring", sealed))?;
        let stored = Stored::decode(&plain).map_err(UnsealError::unread("keyring"))?;
        let fixed = FixedKeys {
            names: Key::from_bytes(stored.names.as_flattened())
                .ok_or(UnsealError::Damaged("keyring"))?,
            entries: Key::new(stored.entries),
            tokens: Key::new(stored.tokens),
            journal: Key::new(stored.journal),
        };
        Ok(Self {
            active: DataKey::loaded(&stored.active),
            older: stored.older.iter().map(DataKey::loaded).collect(),
            fixed: Arc::new(fixed),
            rotation: stored.rotation,
        })
    }
}

impl DataKey {
    fn generate(term: Term, entropy: &dyn Entropy, installed: Timestamp) -> Arc<Self> {
        Arc::new(Self { term, key: Key::random(entropy), installed })
    }

    fn stored(&self) -> StoredKey {
        StoredKey { term: self.term, installed: self.installed, key: *self.key }
    }

    fn loaded(stored: &StoredKey) -> Arc<Self> {
        let StoredKey { term, installed, key } = *stored;
        Arc::new(Self { term, key: Key::new(key), installed })
    }
}
