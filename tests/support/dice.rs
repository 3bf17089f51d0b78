//! Chance that follows from a seed.

use edgekeep::base::entropy::{Entropy, SeededEntropy};

/// A source of chance; several threads may throw it.
pub struct Dice(SeededEntropy);

impl Dice {
    /// The throws of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// Yes, once in so many times.
    pub fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}
