//! The static seal: a key of 32 bytes that lies somewhere else than the store.

use super::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
use crate::barrier::SEAL;
use crate::barrier::envelope::{self, NO_TERM};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::Key;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// `seal "static"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The key that wraps.
    pub current: NamedKey,
    /// The one before it, which unwraps what it wrapped.
    pub previous: Option<NamedKey>,
}

/// A key and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// Its name, which is stored in the clear.
    pub id: String,
    /// Where it is kept.
    pub key: Credential,
}

/// The seal.
pub struct StaticKey(Settings);

impl StaticKey {
    /// Its keys are read each time that they are used: a stick may be put in later.
    pub fn new(settings: Settings) -> Self {
        Self(settings)
    }
}

impl AutoSeal for StaticKey {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Static
    }

    fn wrap(&self, key: &Key<32>, entropy: &dyn Entropy) -> Result<WrappedKey, SealError> {
        let NamedKey { id, .. } = &self.0.current;
        let by = self.0.current.read(|odd| {
            format!(
                "{odd}: where nothing is sealed by it yet, make one with `openssl rand -out FILE \
                 32`; else keep the file (is a line break too many in it?)"
            )
        })?;
        let bytes = envelope::seal(&by, NO_TERM, &place(id), &**key, entropy);
        Ok(WrappedKey { by: id.clone(), bytes })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        let Settings { current, previous } = &self.0;
        let named = [Some(current), previous.as_ref()].into_iter().flatten();
        let Some(named) = named.into_iter().find(|named| named.id == wrapped.by) else {
            return Err(SealError::Away(format!(
                "the store is sealed by the key {:?}, and the configuration names {:?}: name it \
                 too, as previous_key_id and previous_key",
                wrapped.by, current.id
            )));
        };
        let by = named.read(|odd| {
            format!(
                "{odd}: bring the one that sealed the store, or give the recovery keys; a new one \
                 does not open it, so keep the file (is a line break too many in it?)"
            )
        })?;
        let key = envelope::open(&by, &place(&named.id), &wrapped.bytes);
        key.ok().and_then(|key| Key::from_bytes(&key)).ok_or_else(|| {
            let what = format!("the key {:?} ({}) is not the one", named.id, named.key.place());
            SealError::Away(format!("{what} that sealed the store"))
        })
    }

    fn is_current(&self, wrapped: &WrappedKey) -> bool {
        wrapped.by == self.0.current.id
    }
}

impl NamedKey {
    /// The key; of one that is none `mended` tells what to do.
    fn read(&self, mended: impl FnOnce(&str) -> String) -> Result<Key<32>, SealError> {
        let bytes = self.key.read_whole().map_err(|error| SealError::Away(error.to_string()))?;
        parse(bytes.expose()).ok_or_else(|| {
            SealError::Away(mended(&format!(
                "the key {:?} ({}) is not 32 bytes, as they are or in hex or base64, but {} bytes",
                self.id,
                self.key.place(),
                bytes.expose().len()
            )))
        })
    }
}

/// Reads a key: 32 bytes, or their hex or base64 with or without a line break.
pub fn parse(bytes: &[u8]) -> Option<Key<32>> {
    if let Some(key) = Key::from_bytes(bytes) {
        return Some(key);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let decoded = match text.len() {
        64 => hex::decode(text)?,
        44 => STANDARD.decode(text).ok()?,
        43 => URL_SAFE_NO_PAD.decode(text).ok()?,
        _ => return None,
    };
    Key::from_bytes(&Zeroizing::new(decoded))
}

/// Binds what is wrapped to the name of the key that wraps.
fn place(id: &str) -> Vec<u8> {
    [SEAL, b"static", id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::seal::contract;
    use crate::base::entropy::SeededEntropy;

    fn named(id: &str, byte: u8) -> NamedKey {
        NamedKey { id: id.into(), key: Credential::parse(&hex::encode(&[byte; 32])).unwrap() }
    }

    fn seal(current: NamedKey, previous: Option<NamedKey>) -> StaticKey {
        StaticKey::new(Settings { current, previous })
    }

    #[test]
    fn keeps_the_contract() {
        let entropy = SeededEntropy::new(7);
        contract::run(&seal(named("a", 1), None), &seal(named("a", 2), None), &entropy).unwrap();
        contract::run(&seal(named("a", 1), None), &seal(named("b", 2), None), &entropy).unwrap();
    }

    #[test]
    fn the_key_before_still_unwraps_and_is_told_from_the_present_one() {
        let entropy = SeededEntropy::new(8);
        let key = Key::random(&entropy);
        let wrapped = seal(named("a", 1), None).wrap(&key, &entropy).unwrap();
        let later = seal(named("b", 2), Some(named("a", 1)));
        assert_eq!(*later.unwrap(&wrapped).unwrap(), *key);
        assert!(!later.is_current(&wrapped));
        assert!(later.is_current(&later.wrap(&key, &entropy).unwrap()));
    }

    #[test]
    fn keys_are_bytes_or_hex_or_base64() {
        let bytes: [u8; 32] = std::array::from_fn(|n| 0xf0 ^ (n as u8).wrapping_mul(9));
        let hex = hex::encode(&bytes);
        let base64 = STANDARD.encode(bytes);
        let url = URL_SAFE_NO_PAD.encode(bytes);
        for text in [&hex, &base64, &url, &format!("{hex}\n"), &format!(" {base64}\r\n")] {
            assert_eq!(*parse(text.as_bytes()).unwrap(), bytes, "{text}");
        }
        assert_eq!(*parse(&bytes).unwrap(), bytes);
        // Bytes that end like a line are no text.
        let line: [u8; 32] = std::array::from_fn(|n| if n == 31 { b'\n' } else { b'a' });
        assert_eq!(*parse(&line).unwrap(), line);
        for wrong in [&b""[..], b"short", &bytes[..31], &hex.as_bytes()[..62], &[7; 33]] {
            assert!(parse(wrong).is_none());
        }
    }
}
