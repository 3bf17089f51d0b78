//! SHA-256 and HMAC-SHA-256, composed from aws-lc-rs.

use aws_lc_rs::{digest, hmac};

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
