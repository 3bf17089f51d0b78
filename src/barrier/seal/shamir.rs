//! Shares of the unseal key, in Vault's layout: 32 bytes of values in GF(2^8) over 0x11b, then x.
//! A single share is the key itself.

use std::convert::Infallible;
use std::fmt;

use rand_core::{TryCryptoRng, TryRng};
use serde::{Deserialize, Serialize};
use vsss_rs::{Gf256, IdentifierGf256};
use zeroize::{Zeroize, Zeroizing};

use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::secret::Secret;

const KEY: usize = 32;

/// Into how many shares the unseal key is split, and how many of them give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Split {
    shares: u8,
    threshold: u8,
}

impl Split {
    /// The texts of the errors are Vault's.
    pub fn new(shares: u64, threshold: u64) -> Result<Self, SplitError> {
        let wrong = match (shares, threshold) {
            (0, _) => Some("shares must be at least one"),
            (_, 0) => Some("threshold must be at least one"),
            (2.., 1) => Some("threshold must be greater than one for multiple shares"),
            (256.., _) => Some("shares must be less than 256"),
            (_, 256..) => Some("threshold must be less than 256"),
            _ if threshold > shares => Some("threshold cannot be larger than shares"),
            _ => None,
        };
        match wrong {
            Some(text) => Err(SplitError(text)),
            None => Ok(Self { shares: shares as u8, threshold: threshold as u8 }),
        }
    }

    /// How many shares there are: 1 to 255.
    pub fn shares(self) -> u8 {
        self.shares
    }

    /// How many are needed: 1 for a single share, else 2 to as many as there are.
    pub fn threshold(self) -> u8 {
        self.threshold
    }
}

impl TryFrom<(u8, u8)> for Split {
    type Error = SplitError;

    fn try_from((shares, threshold): (u8, u8)) -> Result<Self, SplitError> {
        Self::new(shares.into(), threshold.into())
    }
}

impl From<Split> for (u8, u8) {
    fn from(split: Split) -> Self {
        (split.shares, split.threshold)
    }
}

/// Why a key cannot be split so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitError(&'static str);

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SplitError {}

/// Splits `key` into as many shares as `split` says. Their x are random and differ, as Vault's.
pub fn split(key: &Key<KEY>, split: Split, entropy: &dyn Entropy) -> Vec<Secret> {
    if split.shares == 1 {
        return vec![Secret::new(&key[..])];
    }
    let (threshold, shares) = (split.threshold.into(), split.shares.into());
    let xs = distinct(shares, entropy).into_iter().map(|x| IdentifierGf256(Gf256(x)));
    let source = Source(entropy);
    let made =
        Gf256::split_bytes_with_participant_ids_iter(threshold, shares, &key[..], source, xs);
    #[expect(clippy::expect_used, reason = "`Split` cannot say what would be refused")]
    let mut shares = made.expect("`Split` and `distinct` rule out what is refused");
    shares.iter_mut().for_each(|share| share.rotate_left(1));
    shares.into_iter().map(Secret::new).collect()
}

/// The key that these shares make. It may be a wrong one: only opening something tells.
/// `None` when they are no shares of one key: of wrong length, two with one x, or x of zero.
pub fn combine(shares: &[Secret]) -> Option<Key<KEY>> {
    if let [single] = shares {
        return Key::from_bytes(single.expose());
    }
    if shares.iter().any(|share| share.expose().len() != KEY + 1) {
        return None;
    }
    let mut turned: Vec<Vec<u8>> = shares.iter().map(|share| share.expose().to_vec()).collect();
    turned.iter_mut().for_each(|share| share.rotate_right(1));
    let key = Gf256::combine_bytes(&turned).map(Zeroizing::new);
    turned.zeroize();
    Key::from_bytes(&key.ok()?)
}

/// As many different numbers from 1 to 255, in random order.
fn distinct(count: usize, entropy: &dyn Entropy) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        let [number] = entropy.bytes();
        if number != 0 && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Our random source, as the library wants it.
struct Source<'a>(&'a dyn Entropy);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    /// a * b by hand in GF(2^8) over x^8 + x^4 + x^3 + x + 1 (0x11b): the field of AES.
    fn times(a: u8, b: u8) -> u8 {
        let product = (0..8).filter(|n| b >> n & 1 == 1).fold(0, |sum, n| sum ^ u16::from(a) << n);
        let reduced = (8..15).rev().fold(product, |rest, n| {
            if rest >> n & 1 == 1 { rest ^ 0x11b << (n - 8) } else { rest }
        });
        reduced as u8
    }

    #[test]
    fn the_field_is_that_of_vault() {
        assert_eq!(times(0x57, 0x83), 0xc1); // FIPS 197, section 4.2
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!((Gf256(a) * Gf256(b)).0, times(a, b));
            }
        }
    }

    #[test]
    fn shares_made_by_hand_combine() {
        // f(x) = key + 0x35 x + 0xd2 x^2 in each byte.
        let key: [u8; KEY] = std::array::from_fn(|n| n as u8 * 7 + 3);
        let share = |x: u8| {
            let y = |key: &u8| key ^ times(0x35, x) ^ times(0xd2, times(x, x));
            Secret::new(key.iter().map(y).chain([x]).collect::<Vec<u8>>())
        };
        let shares = [share(200), share(9), share(77)];
        assert_eq!(*combine(&shares).unwrap(), key);
        assert_ne!(*combine(&shares[..2]).unwrap(), key);
    }

    #[test]
    fn any_threshold_of_the_shares_gives_the_key_back() {
        let entropy = SeededEntropy::new(5);
        for (shares, threshold) in [(1, 1), (2, 2), (5, 3), (255, 255), (255, 2)] {
            let key = Key::random(&entropy);
            let split_as = Split::new(shares, threshold).unwrap();
            let made = split(&key, split_as, &entropy);
            assert_eq!(made.len() as u64, shares);
            let length = if shares == 1 { KEY } else { KEY + 1 };
            assert!(made.iter().all(|share| share.expose().len() == length));
            let needed = threshold as usize;
            for start in [0, made.len() - needed] {
                assert_eq!(*combine(&made[start..start + needed]).unwrap(), *key);
            }
            if needed > 2 {
                assert_ne!(*combine(&made[..needed - 1]).unwrap(), *key);
            }
        }
    }

    #[test]
    fn what_is_no_share_does_not_combine() {
        let entropy = SeededEntropy::new(6);
        let shares = split(&Key::random(&entropy), Split::new(3, 2).unwrap(), &entropy);
        let [one, two, _] = shares.as_slice() else { panic!() };
        let with_x = |x: u8| {
            let mut bytes = two.expose().to_vec();
            bytes[KEY] = x;
            Secret::new(bytes)
        };
        let cut = Secret::new(&two.expose()[..KEY]);
        for bad in [with_x(0), with_x(one.expose()[KEY]), cut.clone(), Secret::new([])] {
            assert!(combine(&[one.clone(), bad]).is_none());
        }
        assert!(combine(&[]).is_none());
        assert!(combine(&shares[..1]).is_none(), "a part of a key is not a key");
        assert!(combine(&[cut]).is_some());
    }

    #[test]
    fn splits_that_vault_refuses() {
        for (shares, threshold) in [(0, 0), (0, 1), (1, 0), (2, 1), (2, 3), (256, 2), (300, 300)] {
            assert!(Split::new(shares, threshold).is_err(), "{shares} {threshold}");
        }
        let stored = postcard::from_bytes::<Split>(&[5, 6]);
        assert!(stored.is_err());
    }
}
