//! Automatic seals: what gives the unseal key back without people, on a board that reboots alone.
//!
//! A seal wraps one key of 32 random bytes, and unwraps it again; the root key lies below that in
//! the store's own envelope. So a mechanism need not be able to do more than that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pkcs11::{self, Pkcs11};
use super::static_key::{self, StaticKey};
use super::tool::Tools;
use super::tpm2::{self, Tpm2};
use super::transit::{self, Transit};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::pages::Key;

/// What wraps the unseal key.
pub trait AutoSeal: Send + Sync {
    /// Which mechanism it is.
    fn mechanism(&self) -> Mechanism;

    /// Wraps a key.
    fn wrap(&self, key: &Key<32>, entropy: &dyn Entropy) -> Result<WrappedKey, SealError>;

    /// The key that was wrapped, if it was by this one and nothing of it was changed.
    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError>;

    /// Whether it would be wrapped by the same key today. What is not is wrapped anew once the
    /// store is open, so that the older key can be taken away.
    fn is_current(&self, wrapped: &WrappedKey) -> bool;

    /// Keeps what it is opened with in force, while the store is open. When to do that next; `None`
    /// where there is nothing of that kind. On failure, when to try again, too.
    fn keep(&self) -> Result<Option<Duration>, (SealError, Duration)> {
        Ok(None)
    }

    /// Forgets what was refused: somebody says that it was mended.
    fn reconsider(&self) {}

    /// The server ends: what runs is given up, and nothing is begun any more.
    fn stop(&self) {}
}

/// The kinds of automatic seals. Their order is that of the seal record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// A key that lies elsewhere: in a file on a stick, in a credential of the service manager.
    Static,
    /// The transit engine of another server.
    Transit,
    /// The TPM of this board.
    Tpm2,
    /// A security module or a card.
    Pkcs11,
}

impl Mechanism {
    /// As the configuration and `sys/seal-status` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Transit => "transit",
            Self::Tpm2 => "tpm2",
            Self::Pkcs11 => "pkcs11",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key as a seal wrapped it: no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Which of the seal's keys wrapped it, by the seal's own name for it.
    pub by: String,
    /// What the seal made of it.
    pub bytes: Vec<u8>,
}

/// Why a seal does not wrap or unwrap. The text never tells a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// What it needs is not there, or is not right. It may be tried as often as one likes.
    Away(String),
    /// What it needs does not answer within its time: the same, but that each attempt takes long.
    Silent(String),
    /// It refuses what it is opened with, and each attempt may cost one of few: a card locks its
    /// PIN. It is not asked again before that is another one, or until it is [told](
    /// AutoSeal::reconsider) to.
    Refused(String),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Away(text) | Self::Silent(text) | Self::Refused(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for SealError {}

/// An automatic seal as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// `seal "static"`.
    Static(static_key::Settings),
    /// `seal "transit"`.
    Transit(transit::Settings),
    /// `seal "tpm2"`.
    Tpm2(tpm2::Settings),
    /// `seal "pkcs11"`.
    Pkcs11(pkcs11::Settings),
}

impl Settings {
    /// Which mechanism it is.
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Self::Static(_) => Mechanism::Static,
            Self::Transit(_) => Mechanism::Transit,
            Self::Tpm2(_) => Mechanism::Tpm2,
            Self::Pkcs11(_) => Mechanism::Pkcs11,
        }
    }

    /// What it is opened with.
    pub fn credentials(&self) -> Vec<&Credential> {
        match self {
            Self::Static(keys) => {
                let keys = [Some(&keys.current), keys.previous.as_ref()].into_iter().flatten();
                keys.map(|named| &named.key).collect()
            }
            Self::Transit(transit) => vec![&transit.token],
            Self::Tpm2(_) => Vec::new(),
            Self::Pkcs11(pkcs11) => vec![&pkcs11.pin],
        }
    }

    /// The seal. Nothing is looked for yet: what it needs may come later. The programs that it runs
    /// see nothing of the variables that are `hidden`.
    pub fn seal(self, entropy: Arc<dyn Entropy>, hidden: &[String]) -> Arc<dyn AutoSeal> {
        let tools = Tools::hiding(hidden);
        match self {
            Self::Static(settings) => Arc::new(StaticKey::new(settings)),
            Self::Transit(settings) => Arc::new(Transit::new(settings)),
            Self::Tpm2(settings) => Arc::new(Tpm2::new(settings, tools, entropy)),
            Self::Pkcs11(settings) => Arc::new(Pkcs11::new(settings, tools)),
        }
    }
}
