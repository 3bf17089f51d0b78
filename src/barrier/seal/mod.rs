//! What opens a sealed store: the seal record keeps the root key, sealed by the unseal key.
//!
//! It is the one entry that is not sealed itself. Rekeying rewrites it and nothing else.

pub mod auto;
pub mod contract;
pub mod pkcs11;
pub mod shamir;
pub mod static_key;
pub mod tool;
pub mod tpm2;
pub mod transit;

use serde::{Deserialize, Serialize};

use self::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Shares held by people.
    Shamir(Split),
    /// An automatic seal, without people. They hold shares of a recovery key.
    Auto(Automatic),
}

impl Kind {
    /// How the key is split that people hold shares of: the unseal key or, where that comes from an
    /// automatic seal, the recovery key.
    pub fn split(&self) -> Split {
        match self {
            Self::Shamir(split) => *split,
            Self::Auto(automatic) => automatic.recovery.split,
        }
    }

    /// The automatic seal that gives the key; `None` where people do.
    pub fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::Shamir(_) => None,
            Self::Auto(automatic) => Some(automatic.mechanism),
        }
    }

    /// What it is called: `shamir`, or the name of the automatic seal.
    pub fn name(&self) -> &'static str {
        self.mechanism().map_or(SHAMIR, Mechanism::name)
    }
}

/// What the seal by people is called.
pub const SHAMIR: &str = "shamir";

/// An unseal key that an automatic seal gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    mechanism: Mechanism,
    unseal_key: WrappedKey,
    recovery: Recovery,
}

/// The recovery key of a store with an automatic seal: people hold shares of it. It opens the store
/// where the seal is lost, and it proves that people agree to what the seal alone must not allow: a
/// new root token, new recovery keys, another seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    split: Split,
    /// The root key, sealed by the recovery key.
    root_key: Vec<u8>,
}

impl Recovery {
    /// That of `key`, which is split so.
    pub fn by(key: &Key<32>, split: Split, root_key: &Key<32>, entropy: &dyn Entropy) -> Self {
        let root_key = envelope::seal(key, NO_TERM, &Self::place(split), &**root_key, entropy);
        Self { split, root_key }
    }

    fn open(&self, key: &Key<32>) -> Option<Key<32>> {
        let root_key = envelope::open(key, &Self::place(self.split), &self.root_key).ok()?;
        Key::from_bytes(&root_key)
    }

    fn place(split: Split) -> Vec<u8> {
        [SEAL, b"recovery", &[split.shares(), split.threshold()]].concat()
    }
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
        let record = Self::by_people(root_key, &unseal_key, split, entropy);
        (record, shamir::split(&unseal_key, split, entropy))
    }

    /// Seals `root_key` under an unseal key of which people have the shares already.
    pub fn by_people(
        root_key: &Key<32>,
        unseal_key: &Key<32>,
        split: Split,
        entropy: &dyn Entropy,
    ) -> Self {
        Self::under(unseal_key, root_key, Kind::Shamir(split), entropy)
    }

    /// Seals `root_key` under a new unseal key, which `seal` wraps.
    pub fn by_seal(
        root_key: &Key<32>,
        seal: &dyn AutoSeal,
        recovery: Recovery,
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        let unseal_key = Key::random(entropy);
        let wrapped = seal.wrap(&unseal_key, entropy)?;
        // What is wrapped wrongly is found out now, and not after the next power cut.
        if *seal.unwrap(&wrapped)? != *unseal_key {
            let what = "what it wrapped does not come back as it was".to_owned();
            return Err(SealError::Away(what));
        }
        let mechanism = seal.mechanism();
        let kind = Kind::Auto(Automatic { mechanism, unseal_key: wrapped, recovery });
        Ok(Self::under(&unseal_key, root_key, kind, entropy))
    }

    fn under(unseal_key: &Key<32>, root_key: &Key<32>, kind: Kind, entropy: &dyn Entropy) -> Self {
        let settings = Settings { kind, root_key: KeyId::of(root_key) };
        let place = settings.place();
        let root_key = envelope::seal(unseal_key, NO_TERM, &place, &**root_key, entropy);
        Self { settings, root_key }
    }

    /// What anyone may know of it.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// What gives the unseal key.
    pub fn kind(&self) -> &Kind {
        &self.settings.kind
    }

    /// The root key, if that is the unseal key or the recovery key.
    pub fn open(&self, key: &Key<32>) -> Result<Key<32>, UnsealError> {
        self.open_by_people(key).or_else(|_| self.open_by_unseal_key(key))
    }

    /// The root key, if that is the key that people hold shares of. With an automatic seal the
    /// unseal key is not: who got hold of the seal, or of all that it ever wrapped, is not people.
    pub fn open_by_people(&self, key: &Key<32>) -> Result<Key<32>, UnsealError> {
        match self.kind() {
            Kind::Shamir(_) => self.open_by_unseal_key(key),
            Kind::Auto(automatic) => self.known(automatic.recovery.open(key)),
        }
    }

    /// The root key, if that is the unseal key.
    pub fn open_by_unseal_key(&self, key: &Key<32>) -> Result<Key<32>, UnsealError> {
        let opened = envelope::open(key, &self.settings.place(), &self.root_key).ok();
        self.known(opened.and_then(|opened| Key::from_bytes(&opened)))
    }

    /// The same, of what the seal gave.
    pub fn open_by_seal(&self, unseal_key: &Key<32>) -> Result<Key<32>, UnsealError> {
        self.open_by_unseal_key(unseal_key).map_err(|error| match error {
            UnsealError::WrongKey => SealError::Away(format!(
                "the seal {:?} gives another key than that of the store: it is not the one that \
                 sealed it",
                self.kind().name()
            ))
            .into(),
            error => error,
        })
    }

    /// Whether a seal would open the store.
    pub fn try_seal(&self, seal: &dyn AutoSeal) -> Result<(), UnsealError> {
        self.open_by_seal(&self.settings.unwrapped(seal)?).map(drop)
    }

    /// The key that was found, if it is what the settings say.
    fn known(&self, opened: Option<Key<32>>) -> Result<Key<32>, UnsealError> {
        let opened = opened.ok_or(UnsealError::WrongKey)?;
        match KeyId::of(&opened) == self.settings.root_key {
            true => Ok(opened),
            false => Err(UnsealError::Damaged("seal record")),
        }
    }
}

impl Settings {
    /// The unseal key, which `seal` unwraps.
    pub fn unwrapped(&self, seal: &dyn AutoSeal) -> Result<Key<32>, UnsealError> {
        match &self.kind {
            Kind::Auto(automatic) if automatic.mechanism == seal.mechanism() => {
                Ok(seal.unwrap(&automatic.unseal_key)?)
            }
            kind => Err(UnsealError::OtherSeal(kind.name())),
        }
    }

    /// Binds the settings to what they are said of: a changed one opens nothing.
    fn place(&self) -> Vec<u8> {
        [SEAL, &self.encode()].concat()
    }
}

impl Automatic {
    /// The unseal key as it is wrapped.
    pub fn unseal_key(&self) -> &WrappedKey {
        &self.unseal_key
    }

    /// The recovery key.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }
}

#[cfg(test)]
mod tests {
    use super::auto::Settings as AutoSettings;
    use super::static_key::{NamedKey, Settings as StaticSettings};
    use super::*;
    use crate::base::credential::Credential;
    use crate::base::entropy::SeededEntropy;

    struct Made {
        root_key: Key<32>,
        recovery_key: Key<32>,
        record: SealRecord,
        seal: std::sync::Arc<dyn AutoSeal>,
    }

    fn made(seed: u64) -> Made {
        let entropy = SeededEntropy::new(seed);
        let key = Credential::parse(&"5a".repeat(32)).unwrap();
        let current = NamedKey { id: "one".into(), key };
        let seal = AutoSettings::Static(StaticSettings { current, previous: None });
        let seal = seal.seal(std::sync::Arc::new(SeededEntropy::new(seed)), &[]);
        let (root_key, recovery_key) = (Key::random(&entropy), Key::random(&entropy));
        let split = Split::new(3, 2).unwrap();
        let recovery = Recovery::by(&recovery_key, split, &root_key, &entropy);
        let record = SealRecord::by_seal(&root_key, &*seal, recovery, &entropy).unwrap();
        Made { root_key, recovery_key, record, seal }
    }

    /// What the record gives to a server that has just started.
    fn opened(record: &SealRecord, by: &Made) -> Result<Key<32>, UnsealError> {
        record.open(&record.settings().unwrapped(&*by.seal)?)
    }

    #[test]
    fn the_seal_opens_a_record_and_so_does_the_recovery_key() {
        let made = made(1);
        let record = SealRecord::decode(&made.record.encode()).unwrap();
        assert_eq!(*opened(&record, &made).unwrap(), *made.root_key);
        assert_eq!(*record.open(&made.recovery_key).unwrap(), *made.root_key);
        assert!(record.open(&made.root_key).is_err());
        assert_eq!(*record.open_by_people(&made.recovery_key).unwrap(), *made.root_key);
        let unseal_key = record.settings().unwrapped(&*made.seal).unwrap();
        assert!(record.open_by_people(&unseal_key).is_err(), "the seal alone is not people");
        assert!(record.open_by_unseal_key(&made.recovery_key).is_err());
        assert_eq!(record.settings().kind.split().shares(), 3);
        assert_eq!(record.kind().name(), "static");
    }

    #[test]
    fn a_record_with_something_of_another_opens_nothing() {
        let (made, other) = (made(2), made(3));
        let mut record = made.record.clone();
        let (Kind::Auto(automatic), Kind::Auto(theirs)) =
            (&mut record.settings.kind, &other.record.settings.kind)
        else {
            panic!("both are automatic")
        };
        automatic.recovery = theirs.recovery.clone();
        assert!(record.open(&other.recovery_key).is_err(), "it would open another root key");
        assert!(record.open(&made.recovery_key).is_err());
        assert!(opened(&record, &made).is_err());
        let mut record = made.record.clone();
        let Kind::Auto(automatic) = &mut record.settings.kind else { panic!("it is automatic") };
        automatic.recovery.split = Split::new(3, 3).unwrap();
        assert!(record.open(&made.recovery_key).is_err());
        assert!(opened(&record, &made).is_err());
    }
}
