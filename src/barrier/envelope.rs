//! Sealed values: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random nonce.
//!
//! ```text
//! format 1 | term 4 BE | length 4 BE | nonce 24 | ciphertext | tag 16
//! ```
//!
//! The first nine bytes and the physical key are the associated data, so that a value opens only
//! where it was put and only with the key that its term names.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::base::entropy::Entropy;
use crate::base::pages::Key;

/// Which data key sealed a value; the first is 1.
pub type Term = u32;

/// In place of a term: sealed by no data key but by the one above it (keyring, root key).
pub const NO_TERM: Term = 0;

/// How much longer a sealed value is than what is in it, in bytes.
pub const OVERHEAD: usize = HEADER + NONCE + TAG;

const FORMAT: u8 = 1;
const HEADER: usize = 9;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Bytes that do not open: changed, cut, moved from another key, or sealed by another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Seals `value` for `place`, the physical key under which it will stand.
///
/// `value` is below 64 MiB (a transaction refuses longer ones), far below the format's 4 GiB.
#[expect(clippy::expect_used, reason = "no memory holds a value that is too long")]
pub fn seal(
    key: &Key<32>,
    term: Term,
    place: &[u8],
    value: &[u8],
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let nonce: [u8; NONCE] = entropy.bytes();
    let mut sealed = Vec::with_capacity(value.len() + OVERHEAD);
    sealed.push(FORMAT);
    sealed.extend(term.to_be_bytes());
    sealed.extend((value.len() as u32).to_be_bytes());
    let associated = associated(&sealed, place);
    sealed.extend(nonce);
    sealed.extend(value);
    let body = &mut sealed[HEADER + NONCE..];
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let tag = cipher.encrypt_inout_detached(&XNonce::from(nonce), &associated, body.into());
    sealed.extend(tag.expect("only a value of 256 GiB is too long for the cipher"));
    sealed
}

/// The term of a sealed value, without opening it.
pub fn term(sealed: &[u8]) -> Result<Term, Damaged> {
    match sealed {
        [FORMAT, a, b, c, d, ..] => Ok(Term::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(Damaged),
    }
}

/// The format of a sealed value, where only a newer program knows it.
pub fn newer(sealed: &[u8]) -> Option<u8> {
    sealed.first().copied().filter(|format| *format > FORMAT)
}

/// Opens what stands at `place`.
pub fn open(key: &Key<32>, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
    let (header, rest) = sealed.split_at_checked(HEADER).ok_or(Damaged)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Damaged)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(Damaged)?;
    if header[0] != FORMAT || header[5..] != (body.len() as u32).to_be_bytes() {
        return Err(Damaged);
    }
    let mut value = Zeroizing::new(body.to_vec());
    XChaCha20Poly1305::new((&**key).into())
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            &associated(header, place),
            value.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| Damaged)?;
    Ok(value)
}

fn associated(header: &[u8], place: &[u8]) -> Vec<u8> {
    [header, place].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn opens_only_at_its_place_and_unchanged() {
        let entropy = SeededEntropy::new(1);
        let key = Key::random(&entropy);
        for value in [&b""[..], b"x", &[7; 5000]] {
            let sealed = seal(&key, 3, b"place", value, &entropy);
            assert_eq!(sealed.len(), value.len() + OVERHEAD);
            assert_eq!(term(&sealed), Ok(3));
            assert_eq!(**open(&key, b"place", &sealed).unwrap(), *value);
            assert!(open(&key, b"elsewhere", &sealed).is_err());
            assert!(open(&Key::random(&entropy), b"place", &sealed).is_err());
            for at in 0..sealed.len().min(200) {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(open(&key, b"place", &changed).is_err(), "byte {at}");
                assert!(open(&key, b"place", &sealed[..at]).is_err(), "cut at {at}");
            }
            assert!(open(&key, b"place", &[&sealed[..], b"\0"].concat()).is_err());
        }
    }
}
