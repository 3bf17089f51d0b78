//! One key packet (RFC 9580, section 5.5), and what its algorithm can do.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, UnparsedPublicKey};

use super::packet::Reader;

/// Object identifiers of curves, as they stand in a key (section 9.2).
const ED25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
pub const CURVE25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01];

/// A primary key or a subkey, of version 4.
pub struct Key<'a> {
    body: &'a [u8],
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The number of its algorithm (section 9.1).
    pub algorithm: u8,
    pub material: Material<'a>,
}

/// The public numbers of a key.
pub enum Material<'a> {
    /// 2048 to 8192 bits.
    Rsa(PublicKeyComponents<&'a [u8]>),
    /// Signs only.
    Ed25519(&'a [u8; 32]),
    /// Encrypts only: ECDH on Curve25519.
    Curve25519 { point: &'a [u8; 32], kdf: Kdf },
    /// What is not supported, by name.
    Other(&'static str),
}

/// How ECDH's shared secret becomes the key that wraps (section 11.5).
#[derive(Clone, Copy)]
pub struct Kdf {
    pub hash: Hash,
    pub wrap: Wrap,
}

/// A cipher that wraps keys.
#[derive(Clone, Copy)]
pub enum Wrap {
    Aes128,
    Aes256,
}

/// A hash, by its number (section 9.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1 = 2,
    Sha256 = 8,
    Sha384 = 9,
    Sha512 = 10,
}

impl Hash {
    pub fn of(number: u8) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| *hash as u8 == number)
    }

    pub fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

impl<'a> Key<'a> {
    /// Reads a packet's body; `None` when it is cut short or not of version 4.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        // What a fingerprint and a signature hash has its length in two bytes.
        u16::try_from(body.len()).ok()?;
        let mut reader = Reader(body);
        if reader.byte()? != 4 {
            return None;
        }
        let created = reader.u32()?.into();
        let algorithm = reader.byte()?;
        let material = Material::parse(algorithm, reader)?;
        Some(Self { body, created, algorithm, material })
    }

    /// The key as fingerprints and signatures hash it (section 5.2.4).
    pub fn hashed(&self) -> Vec<u8> {
        let mut hashed = vec![0x99];
        hashed.extend((self.body.len() as u16).to_be_bytes());
        hashed.extend(self.body);
        hashed
    }

    /// The SHA-1 of the key (section 5.5.4.2).
    pub fn fingerprint(&self) -> [u8; 20] {
        let mut fingerprint = [0; 20];
        fingerprint.copy_from_slice(Hash::Sha1.digest(&self.hashed()).as_ref());
        fingerprint
    }
}

impl<'a> Material<'a> {
    fn parse(algorithm: u8, mut reader: Reader<'a>) -> Option<Self> {
        let material = match algorithm {
            1..=3 => {
                let (n, e) = (reader.number()?, reader.number()?);
                // Neither begins with a zero byte.
                let bits =
                    n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
                match bits {
                    2048..=8192 => Self::Rsa(PublicKeyComponents { n, e }),
                    _ => return Some(Self::Other("RSA of less than 2048 or over 8192 bits")),
                }
            }
            18 => {
                if reader.short()? != CURVE25519 {
                    return Some(Self::Other("ECDH on another curve than Curve25519"));
                }
                let point = native(reader.number()?)?;
                let mut kdf = Reader(reader.short()?);
                let [1, hash, cipher] = *kdf.array()? else { return None };
                let hash = Hash::of(hash).filter(|hash| *hash != Hash::Sha1);
                let wrap = match cipher {
                    7 => Some(Wrap::Aes128),
                    9 => Some(Wrap::Aes256),
                    _ => None,
                };
                let (Some(hash), Some(wrap)) = (hash, wrap) else {
                    return Some(Self::Other("ECDH with AES-192 or without SHA-2"));
                };
                Self::Curve25519 { point, kdf: Kdf { hash, wrap } }
            }
            22 => match reader.short()? {
                ED25519 => Self::Ed25519(native(reader.number()?)?),
                _ => return Some(Self::Other("EdDSA on another curve than Ed25519")),
            },
            16 | 20 => return Some(Self::Other("Elgamal")),
            17 => return Some(Self::Other("DSA")),
            19 => return Some(Self::Other("ECDSA")),
            25 | 27 => return Some(Self::Other("the X25519 and Ed25519 that are new in RFC 9580")),
            26 | 28 => return Some(Self::Other("X448 or Ed448")),
            _ => return Some(Self::Other("an algorithm that is unknown here")),
        };
        reader.is_empty().then_some(material)
    }

    /// Whether `value`, the numbers of a signature, signs `message`.
    pub fn verifies(&self, hash: Hash, message: &[u8], value: Reader<'_>) -> bool {
        self.verify(hash, message, value).is_some()
    }

    fn verify(&self, hash: Hash, message: &[u8], mut value: Reader<'_>) -> Option<()> {
        match self {
            Self::Rsa(key) => {
                let parameters = match hash {
                    Hash::Sha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                    Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                };
                let mut padded = vec![0; key.n.len()];
                fill_end(&mut padded, value.number()?)?;
                key.verify(parameters, message, &padded).ok()
            }
            Self::Ed25519(point) => {
                let mut padded = [0; 64];
                let (r, s) = padded.split_at_mut(32);
                fill_end(r, value.number()?)?;
                fill_end(s, value.number()?)?;
                let key = UnparsedPublicKey::new(&signature::ED25519, point);
                key.verify(hash.digest(message).as_ref(), &padded).ok()
            }
            Self::Curve25519 { .. } | Self::Other(_) => None,
        }
    }
}

/// A point of a curve that has its own form (section 11.2.2): behind a byte that says so.
fn native(number: &[u8]) -> Option<&[u8; 32]> {
    number.strip_prefix(&[0x40])?.try_into().ok()
}

fn fill_end(padded: &mut [u8], number: &[u8]) -> Option<()> {
    let zeros = padded.len().checked_sub(number.len())?;
    padded[zeros..].copy_from_slice(number);
    Some(())
}
