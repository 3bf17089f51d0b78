//! SHA-256 and HMAC-SHA-256, and the hashes that clients may ask for, composed from aws-lc-rs and,
//! as that has not all of SHA-3, from sha3.

use aws_lc_rs::{digest, hmac};
use sha3::{Digest as _, Sha3_224, Sha3_256, Sha3_384, Sha3_512};

/// The first eight bytes of a hash, for a name that tells by them what it names.
pub fn short(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The SHA-256 of `bytes` (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    hasher.finish()
}

/// SHA-256 of what arrives in pieces.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Nothing hashed yet.
    #[expect(clippy::new_without_default, reason = "a hash in progress has no default")]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Hashes `bytes` after what came before.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of what came so far; more may follow.
    pub fn so_far(&self) -> [u8; 32] {
        Self(self.0.clone()).finish()
    }

    /// The hash of everything.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// A key prepared for HMAC-SHA-256 (RFC 2104).
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Prepares `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self::of(key)
    }

    /// Prepares a key of another's choice, of any length.
    pub fn of(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The MAC of the pieces, one after the other.
    pub fn mac(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for piece in pieces {
            context.update(piece);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// A hash that clients may ask for, by Vault's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-224 (FIPS 180-4).
    Sha2_224,
    /// SHA-256.
    Sha2_256,
    /// SHA-384.
    Sha2_384,
    /// SHA-512.
    Sha2_512,
    /// SHA3-224 (FIPS 202).
    Sha3_224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

impl Algorithm {
    /// The algorithm of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sha2-224" => Self::Sha2_224,
            "sha2-256" => Self::Sha2_256,
            "sha2-384" => Self::Sha2_384,
            "sha2-512" => Self::Sha2_512,
            "sha3-224" => Self::Sha3_224,
            "sha3-256" => Self::Sha3_256,
            "sha3-384" => Self::Sha3_384,
            "sha3-512" => Self::Sha3_512,
            _ => return None,
        })
    }

    /// The hash of `bytes`.
    pub fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let sha2 = |algorithm| digest::digest(algorithm, bytes).as_ref().to_vec();
        match self {
            Self::Sha2_224 => sha2(&digest::SHA224),
            Self::Sha2_256 => sha2(&digest::SHA256),
            Self::Sha2_384 => sha2(&digest::SHA384),
            Self::Sha2_512 => sha2(&digest::SHA512),
            Self::Sha3_224 => Sha3_224::digest(bytes).to_vec(),
            Self::Sha3_256 => Sha3_256::digest(bytes).to_vec(),
            Self::Sha3_384 => Sha3_384::digest(bytes).to_vec(),
            Self::Sha3_512 => Sha3_512::digest(bytes).to_vec(),
        }
    }
}
