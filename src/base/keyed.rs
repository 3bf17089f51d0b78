//! Hashes of tables whose keys others choose.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use super::entropy::Entropy;

/// Hashes under a random key, so that nobody outside can choose what collides.
#[derive(Clone, Copy)]
pub struct Keyed([u8; 16]);

impl Keyed {
    /// Under a new key.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        hasher
    }
}
