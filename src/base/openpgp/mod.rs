//! Encrypting to OpenPGP keys (RFC 9580), as `pgp_keys` asks: public keys are read and messages
//! written, nothing is decrypted. The cryptography is aws-lc-rs's.
//!
//! Keys of version 4, signed by RSA or Ed25519, that encrypt with RSA or with ECDH on Curve25519:
//! what GnuPG makes by itself. What a key says about itself counts only when the key signed it:
//! a subkey that somebody else slipped in is not encrypted to, nor one that is revoked or expired.
//! A revocation by another key is not heeded. That the key belongs to whom the operator thinks is
//! the operator's to know, as in Vault.

mod certificate;
mod key;
mod message;
mod packet;
mod signature;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clock::Timestamp;
use super::entropy::Entropy;
use super::hex;
use certificate::Certificate;
use message::EncryptionKey;

/// A key is at most this long as it is sent: GnuPG's are a few KiB, with photographs some more.
const MAX_SENT: usize = 1 << 20;

/// Somebody's public key, with a part of it that encrypts.
pub struct Recipient {
    fingerprint: String,
    key: EncryptionKey,
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
    /// Revoked, expired, without any part that may encrypt, or of an algorithm not supported.
    Unusable(String),
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
        let bytes = STANDARD.decode(unarmored(text)?);
        let bytes = bytes.map_err(|error| OpenPgpError::Encoding(error.to_string()))?;
        let certificate = Certificate::parse(&bytes)?;
        let key = EncryptionKey::new(certificate.encrypting(now)?).map_err(refused)?;
        let fingerprint = hex::encode(&certificate.primary.fingerprint());
        let recipient = Self { fingerprint, key };
        recipient.encrypt(b"a trial", entropy)?;
        Ok(recipient)
    }

    /// The fingerprint of the primary key, lower-case hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// `plain` as an OpenPGP message in its binary form, which `gpg --decrypt` opens.
    pub fn encrypt(&self, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, OpenPgpError> {
        self.key.encrypt(plain, entropy).map_err(refused)
    }
}

fn refused(_: Unspecified) -> OpenPgpError {
    OpenPgpError::Encryption("its numbers are no valid key".to_owned())
}

/// The base64 in `text`, out of its armor when it has one (RFC 9580, section 6). The armor's
/// checksum is not looked at: the signatures inside say more.
///
/// # Errors
/// [`OpenPgpError::Encoding`] for armor without an end.
pub fn unarmored(text: &str) -> Result<String, OpenPgpError> {
    if !text.starts_with("-----BEGIN") {
        return Ok(text.split_ascii_whitespace().collect());
    }
    let mut lines = text.lines().map(str::trim).skip(1).skip_while(|line| line.contains(':'));
    let is_end = |line: &str| line.starts_with('=') || line.starts_with("-----END");
    let mut base64 = String::new();
    loop {
        match lines.next() {
            Some(line) if is_end(line) => return Ok(base64),
            Some(line) => base64.push_str(line),
            None => return Err(OpenPgpError::Encoding("its ASCII armor has no end".to_owned())),
        }
    }
}
