//! The PKCS#11 seal: a security module or a card has a key that never leaves it, with which it
//! encrypts and decrypts.
//!
//! It is asked through OpenSC's `pkcs11-tool`, which loads the module's library: a static program
//! cannot. The module's key (AES, CBC with padding) wraps a key of ours, and that seals the unseal
//! key in an envelope, which proves that nothing of it was changed: CBC proves nothing.

use std::path::PathBuf;
use std::process::Command;

use super::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
use super::tool::run;
use crate::barrier::SEAL;
use crate::barrier::envelope::{self, NO_TERM};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::Key;

/// `seal "pkcs11"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The module's library.
    pub lib: PathBuf,
    /// Which of its tokens.
    pub token: Token,
    /// What it is opened with.
    pub pin: Credential,
    /// The key's id there, in hex: the tool finds none by its label, and takes the first it sees.
    pub key_id: String,
}

/// How a token is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// By its label.
    Label(String),
    /// By the number of the slot that it is in.
    Slot(String),
}

/// The seal.
pub struct Pkcs11(Settings);

/// In front of the envelope: what CBC begins with, and what the module makes of a key of ours.
const IV: usize = 16;
const WRAPPED: usize = 48;

/// Where the child finds the PIN: its arguments are for all to see.
const PIN: &str = "EDGEKEEP_PKCS11_PIN";

impl Pkcs11 {
    /// The module is not asked yet.
    pub fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// Has the module's key do something with `input`.
    fn ask(&self, act: &str, iv: &[u8], input: &[u8]) -> Result<Key<WRAPPED>, SealError> {
        let Settings { lib, token, pin, key_id } = &self.0;
        let pin = pin.read().map_err(|error| SealError(error.to_string()))?;
        let pin = std::str::from_utf8(pin.expose());
        let pin = pin.map_err(|_| SealError("the PIN is no text".to_owned()))?;
        let mut tool = Command::new("pkcs11-tool");
        tool.env(PIN, pin).arg("--module").arg(lib);
        match token {
            Token::Label(label) => tool.args(["--token-label", label]),
            Token::Slot(slot) => tool.args(["--slot", slot]),
        };
        tool.args(["--login", "--pin", &format!("env:{PIN}"), act, "--id", key_id]);
        tool.args(["--mechanism", "AES-CBC-PAD", "--iv", &hex::encode(iv)]);
        let output = run(&mut tool, input)?;
        let mut whole = Key::new([0; WRAPPED]);
        let room = whole.get_mut(..output.len());
        room.filter(|_| !output.is_empty()).ok_or_else(odd)?.copy_from_slice(&output);
        Ok(whole)
    }
}

impl AutoSeal for Pkcs11 {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Pkcs11
    }

    fn wrap(&self, key: &Key<32>, entropy: &dyn Entropy) -> Result<WrappedKey, SealError> {
        let between = Key::random(entropy);
        let iv: [u8; IV] = entropy.bytes();
        let wrapped = self.ask("--encrypt", &iv, &*between)?;
        let sealed = envelope::seal(&between, NO_TERM, &self.place(), &**key, entropy);
        let bytes = [&iv[..], &wrapped[..], &sealed].concat();
        Ok(WrappedKey { by: self.0.key_id.clone(), bytes })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        if wrapped.by != self.0.key_id {
            return Err(SealError(format!(
                "the store is sealed by the key {:?}, and the configuration names {:?}",
                wrapped.by, self.0.key_id
            )));
        }
        let (iv, rest) = wrapped.bytes.split_first_chunk::<IV>().ok_or_else(odd)?;
        let (between, sealed) = rest.split_first_chunk::<WRAPPED>().ok_or_else(odd)?;
        let between = self.ask("--decrypt", iv, between)?;
        let between = Key::from_bytes(&between[..32]).ok_or_else(odd)?;
        let key = envelope::open(&between, &self.place(), sealed);
        key.ok().and_then(|key| Key::from_bytes(&key)).ok_or_else(odd)
    }

    fn is_current(&self, wrapped: &WrappedKey) -> bool {
        wrapped.by == self.0.key_id
    }
}

impl Pkcs11 {
    /// Binds what is wrapped to the key that wraps.
    fn place(&self) -> Vec<u8> {
        [SEAL, b"pkcs11", self.0.key_id.as_bytes()].concat()
    }
}

fn odd() -> SealError {
    SealError("another key of the module wrapped that, or it was changed".to_owned())
}
