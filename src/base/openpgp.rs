//! Encrypting to OpenPGP keys (RFC 9580), as `pgp_keys` asks: the only file that knows rPGP.
//!
//! Only public keys are handled here and nothing is decrypted, so the timing leak of the `rsa`
//! crate's private operations (RUSTSEC-2023-0071) has nothing to leak.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pgp::composed::{Deserializable, MessageBuilder, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{PublicKey, Signature, SignatureType};
use pgp::types::{EncryptionKey, KeyDetails, Tag};
use rand_core_06::{CryptoRng, RngCore};

use super::clock::Timestamp;
use super::entropy::Entropy;

/// A key is at most this long as it is sent: GnuPG's are a few KiB, with photographs some more.
const MAX_SENT: usize = 1 << 20;

/// Somebody's public key, with a part of it that encrypts.
pub struct Recipient {
    fingerprint: String,
    encrypts: Encrypts,
}

enum Encrypts {
    Subkey(Box<SignedPublicSubKey>),
    Primary(Box<PublicKey>),
}

/// Why a text is no key to encrypt to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenPgpError {
    /// It asks for a look-up on a public service.
    Keybase,
    /// Neither base64 nor ASCII armor.
    Encoding(String),
    /// Encoded well, but no OpenPGP public key.
    Malformed(String),
    /// Revoked, expired, or without any part that may encrypt.
    Unusable(&'static str),
    /// The key's algorithm refused.
    Encryption(String),
}

impl fmt::Display for OpenPgpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keybase => f.write_str(
                "keybase names are not looked up here: send the public key itself, as base64 or \
                 ASCII armor",
            ),
            Self::Encoding(why) => write!(f, "error decoding given PGP key: {why}"),
            Self::Malformed(why) => write!(f, "error parsing given PGP key: {why}"),
            Self::Unusable(why) => write!(f, "the given PGP key {why}"),
            Self::Encryption(why) => write!(f, "error encrypting with the given PGP key: {why}"),
        }
    }
}

impl std::error::Error for OpenPgpError {}

impl Recipient {
    /// Reads a public key: base64 of its binary form, as Vault wants it, or ASCII armor. `now`
    /// decides what has expired. What is returned was seen to encrypt.
    pub fn parse(text: &str, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, OpenPgpError> {
        let text = text.trim();
        if text.starts_with("keybase:") {
            return Err(OpenPgpError::Keybase);
        }
        if text.len() > MAX_SENT {
            return Err(OpenPgpError::Encoding("it is over 1 MiB long".to_owned()));
        }
        let malformed = |error: pgp::errors::Error| OpenPgpError::Malformed(error.to_string());
        let key = if text.starts_with("-----BEGIN") {
            SignedPublicKey::from_string(text).map_err(malformed)?.0
        } else {
            let bytes: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            let bytes = STANDARD.decode(bytes);
            let bytes = bytes.map_err(|error| OpenPgpError::Encoding(error.to_string()))?;
            SignedPublicKey::from_bytes(&bytes[..]).map_err(malformed)?
        };
        let fingerprint = key.primary_key.fingerprint().to_string().to_ascii_lowercase();
        let recipient = Self { fingerprint, encrypts: choose(key, now)? };
        recipient.encrypt(b"a trial", entropy)?;
        Ok(recipient)
    }

    /// The fingerprint of the primary key, lower-case hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// `plain` as an OpenPGP message in its binary form, which `gpg --decrypt` opens.
    pub fn encrypt(&self, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, OpenPgpError> {
        let message = match &self.encrypts {
            Encrypts::Subkey(key) => message(&**key, plain, entropy),
            Encrypts::Primary(key) => message(&**key, plain, entropy),
        };
        message.map_err(|error| OpenPgpError::Encryption(error.to_string()))
    }
}

fn message(
    key: &impl EncryptionKey,
    plain: &[u8],
    entropy: &dyn Entropy,
) -> pgp::errors::Result<Vec<u8>> {
    let mut random = Random(entropy);
    let mut builder = MessageBuilder::from_bytes("", plain.to_vec())
        .seipd_v1(&mut random, SymmetricKeyAlgorithm::AES256);
    builder.encrypt_to_key(&mut random, key)?;
    builder.to_vec(&mut random)
}

/// The newest subkey that is for encryption, else the primary key when that is.
fn choose(key: SignedPublicKey, now: Timestamp) -> Result<Encrypts, OpenPgpError> {
    let SignedPublicKey { primary_key: primary, details, public_subkeys } = key;
    if details.revocation_signatures.iter().any(|sig| sig.verify_key(&primary).is_ok()) {
        return Err(OpenPgpError::Unusable("is revoked"));
    }
    let certifies = |sig: &&Signature, user: &_| {
        sig.is_certification() && sig.verify_certification(&primary, Tag::UserId, user).is_ok()
    };
    let of_users = details
        .users
        .iter()
        .flat_map(|user| user.signatures.iter().filter(move |sig| certifies(sig, &user.id)));
    let direct = details.direct_signatures.iter().filter(|sig| sig.verify_key(&primary).is_ok());
    let Some(own) = of_users.chain(direct).max_by_key(|sig| sig.created()) else {
        return Err(OpenPgpError::Unusable("is not signed by itself"));
    };
    if expired(&primary, own, now) {
        return Err(OpenPgpError::Unusable("has expired"));
    }
    let subkeys = public_subkeys.into_iter();
    let subkey = subkeys
        .filter(|subkey| subkey_encrypts(&primary, subkey, now))
        .max_by_key(|subkey| subkey.created_at().as_secs());
    match subkey {
        Some(subkey) => Ok(Encrypts::Subkey(Box::new(subkey))),
        None if is_for_encryption(&primary, own) => Ok(Encrypts::Primary(Box::new(primary))),
        None => Err(OpenPgpError::Unusable("has no part that may encrypt and has not expired")),
    }
}

fn subkey_encrypts(primary: &PublicKey, subkey: &SignedPublicSubKey, now: Timestamp) -> bool {
    let valid: Vec<&Signature> = subkey
        .signatures
        .iter()
        .filter(|sig| sig.verify_subkey_binding(primary, &subkey.key).is_ok())
        .collect();
    let revoked = valid.iter().any(|sig| sig.typ() == Some(SignatureType::SubkeyRevocation));
    let newest = valid.into_iter().max_by_key(|sig| sig.created());
    newest.is_some_and(|binding| {
        !revoked && is_for_encryption(subkey, binding) && !expired(subkey, binding, now)
    })
}

fn is_for_encryption(key: &impl KeyDetails, signature: &Signature) -> bool {
    let flags = signature.key_flags();
    key.algorithm().can_encrypt() && (flags.encrypt_comms() || flags.encrypt_storage())
}

fn expired(key: &impl KeyDetails, signature: &Signature, now: Timestamp) -> bool {
    let life = signature.key_expiration_time().map_or(0, |life| u64::from(life.as_secs()));
    life != 0 && u64::from(key.created_at().as_secs()) + life <= now.as_secs()
}

/// Our random source as rPGP asks for it.
struct Random<'a>(&'a dyn Entropy);

impl RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Random<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    const CURVE: &str = include_str!("../../tests/fuzz/seeds/openpgp/curve25519");

    fn parse(text: &str) -> Result<Recipient, OpenPgpError> {
        Recipient::parse(text, Timestamp::from_secs(1_800_000_000), &SeededEntropy::new(1))
    }

    #[test]
    fn a_changed_or_cut_key_is_read_without_a_panic_and_not_as_another() {
        let whole = parse(CURVE).unwrap();
        let bytes = STANDARD.decode(CURVE).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            // Only what no signature covers may change: then it is the same key.
            if let Ok(read) = parse(&STANDARD.encode(&changed)) {
                assert_eq!(read.fingerprint(), whole.fingerprint(), "byte {at}");
            }
            assert!(parse(&STANDARD.encode(&bytes[..at])).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn names_of_keybase_are_refused_with_what_to_do() {
        let error = parse("keybase:someone").err().unwrap().to_string();
        assert!(error.contains("send the public key itself"), "{error}");
    }
}
