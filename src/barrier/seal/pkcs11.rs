//! The PKCS#11 seal: a security module or a card has a key that never leaves it, with which it
//! encrypts and decrypts.
//!
//! It is asked through OpenSC's `pkcs11-tool`, which loads the module's library: a static program
//! cannot. The module's key (AES, CBC with padding) wraps a key of ours, and that seals the unseal
//! key in an envelope, which proves that nothing of it was changed: CBC proves nothing.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
use super::tool::Tools;
use crate::barrier::SEAL;
use crate::barrier::envelope::{self, NO_TERM};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::Key;
use crate::base::secret::Secret;
use crate::base::sync::lock;

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
    Slot(u64),
}

/// The seal.
pub struct Pkcs11 {
    settings: Settings,
    tools: Tools,
    refused: Mutex<Option<Refused>>,
    /// Whether that is to be forgotten.
    mended: AtomicBool,
}

/// A PIN that the token has refused, and how. After three of those it is locked.
struct Refused {
    pin: Secret,
    why: SealError,
}

/// In front of the envelope: what CBC begins with, and what the module makes of a key of ours.
const IV: usize = 16;
const WRAPPED: usize = 48;

/// Where the child finds the PIN: its arguments are for all to see.
const PIN: &str = "EDGEKEEP_PKCS11_PIN";

impl Pkcs11 {
    /// The module is not asked yet.
    pub fn new(settings: Settings, tools: Tools) -> Self {
        Self { settings, tools, refused: Mutex::default(), mended: AtomicBool::default() }
    }

    /// Has the module's key do something with `input`.
    fn ask<const N: usize>(&self, act: &str, iv: &[u8], input: &[u8]) -> Result<Key<N>, SealError> {
        let Settings { lib, token, pin, key_id } = &self.settings;
        let pin = pin.read().map_err(|error| SealError::Away(error.to_string()))?;
        let text = std::str::from_utf8(pin.expose());
        let text = text.map_err(|_| SealError::Away("the PIN is no text".to_owned()))?;
        // Held until it is known whether the PIN is right: who comes meanwhile does not try it.
        let mut refused = lock(&self.refused);
        if self.mended.swap(false, Ordering::Relaxed) {
            *refused = None;
        }
        if let Some(refused) = refused.as_ref().filter(|refused| refused.pin == pin) {
            return Err(refused.why.clone());
        }
        let mut tool = Command::new("pkcs11-tool");
        tool.env(PIN, text).arg("--module").arg(lib);
        match token {
            Token::Label(label) => tool.args(["--token-label", label]),
            Token::Slot(slot) => tool.args(["--slot", &slot.to_string()]),
        };
        tool.args(["--login", "--pin", &format!("env:{PIN}"), act, "--id", key_id]);
        tool.args(["--mechanism", "AES-CBC-PAD", "--iv", &hex::encode(iv)]);
        let output = self.tools.run(&mut tool, input).map_err(|error| {
            if !is_refusal(&error) {
                return error;
            }
            let why = SealError::Refused(error.to_string());
            *refused = Some(Refused { pin: pin.clone(), why: why.clone() });
            why
        })?;
        // Where the padding was changed it may still be one, of another length.
        Key::from_bytes(&output).ok_or_else(odd)
    }
}

/// Whether the login failed, as it does when the PIN is wrong, and not because there is nothing to
/// log in to. Which of its errors costs a try only the token knows: each is taken for one.
fn is_refusal(error: &SealError) -> bool {
    let text = error.to_string();
    let away = ["CKR_DEVICE_", "CKR_TOKEN_NOT_", "CKR_SESSION_", "CKR_SLOT_"];
    text.contains("C_Login failed") && !away.iter().any(|code| text.contains(code))
}

impl AutoSeal for Pkcs11 {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Pkcs11
    }

    fn wrap(&self, key: &Key<32>, entropy: &dyn Entropy) -> Result<WrappedKey, SealError> {
        let between = Key::random(entropy);
        let iv: [u8; IV] = entropy.bytes();
        let wrapped = self.ask::<WRAPPED>("--encrypt", &iv, &*between)?;
        let sealed = envelope::seal(&between, NO_TERM, &self.place(), &**key, entropy);
        let bytes = [&iv[..], &wrapped[..], &sealed].concat();
        Ok(WrappedKey { by: self.settings.key_id.clone(), bytes })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        let Settings { key_id, .. } = &self.settings;
        if wrapped.by != *key_id {
            return Err(SealError::Away(format!(
                "the store is sealed by the key {:?}, and the configuration names {key_id:?}",
                wrapped.by
            )));
        }
        let (iv, rest) = wrapped.bytes.split_first_chunk::<IV>().ok_or_else(odd)?;
        let (between, sealed) = rest.split_first_chunk::<WRAPPED>().ok_or_else(odd)?;
        let between = self.ask("--decrypt", iv, between)?;
        let key = envelope::open(&between, &self.place(), sealed);
        key.ok().and_then(|key| Key::from_bytes(&key)).ok_or_else(odd)
    }

    fn is_current(&self, wrapped: &WrappedKey) -> bool {
        wrapped.by == self.settings.key_id
    }

    fn reconsider(&self) {
        self.mended.store(true, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.tools.stop();
    }
}

impl Pkcs11 {
    /// Binds what is wrapped to the key that wraps.
    fn place(&self) -> Vec<u8> {
        [SEAL, b"pkcs11", self.settings.key_id.as_bytes()].concat()
    }
}

fn odd() -> SealError {
    SealError::Away("another key of the module wrapped that, or it was changed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_may_have_cost_a_try_is_told_from_a_token_that_is_away() {
        let told = |text: &str| SealError::Away(format!("pkcs11-tool failed: error: {text}"));
        for text in [
            "PKCS11 function C_Login failed: rv = CKR_PIN_INCORRECT (0xa0); Aborting.",
            "PKCS11 function C_Login failed: rv = CKR_PIN_LOCKED (0xa4); Aborting.",
            "PKCS11 function C_Login failed: rv = unknown PKCS11 error (0x80000001); Aborting.",
        ] {
            assert!(is_refusal(&told(text)), "{text}");
        }
        for text in [
            "PKCS11 function C_Login failed: rv = CKR_DEVICE_REMOVED (0x32); Aborting.",
            "PKCS11 function C_OpenSession failed: rv = CKR_TOKEN_NOT_PRESENT (0xe0); Aborting.",
            "No slot with token named \"edge\" found",
        ] {
            assert!(!is_refusal(&told(text)), "{text}");
        }
    }
}
