//! Key pairs that sign, and the check of what they signed: the asymmetric algorithms of JSON Web
//! Signatures (RFC 7518, RFC 8037), composed from aws-lc-rs, which takes the randomness of a new
//! key from its own source.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// ECDSA with P-521 and SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

/// A key could not be made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a signing key cannot be made or used")
    }
}

impl std::error::Error for KeyError {}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::Es512, Self::EdDsa];

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn kind(self) -> Kind {
        match self {
            Self::Rs256 => Kind::Rsa(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Kind::Rsa(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Kind::Rsa(&signature::RSA_PKCS1_SHA512),
            Self::Es256 => Kind::Ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            Self::Es384 => Kind::Ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            Self::Es512 => Kind::Ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
            Self::EdDsa => Kind::Ed25519,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::EdDsa => &signature::ED25519,
        }
    }

    /// Makes a key pair; RSA's has 2048 bits, and takes a while.
    ///
    /// # Errors
    /// Only when the random source fails.
    pub fn generate(self) -> Result<KeyPair, KeyError> {
        let (private, public) = match self.kind() {
            Kind::Rsa(_) => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError)?;
                (Secret::new(der.as_ref()), pair.public_key().as_ref().to_vec())
            }
            Kind::Ec(algorithm, _) => {
                let pair = EcdsaKeyPair::generate(algorithm).map_err(|_| KeyError)?;
                let der = pair.to_pkcs8v1().map_err(|_| KeyError)?;
                (Secret::new(der.as_ref()), pair.public_key().as_ref().to_vec())
            }
            Kind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(|_| KeyError)?;
                let der = pair.to_pkcs8().map_err(|_| KeyError)?;
                (Secret::new(der.as_ref()), pair.public_key().as_ref().to_vec())
            }
        };
        Ok(KeyPair { private, public: PublicKey { algorithm: self, bytes: public } })
    }

    /// Signs `message` with a private key that [`generate`](Self::generate) made.
    pub fn sign(self, private: &[u8], message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        Ok(match self.kind() {
            Kind::Rsa(encoding) => {
                let pair = RsaKeyPair::from_pkcs8(private).map_err(|_| KeyError)?;
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut out).map_err(|_| KeyError)?;
                out
            }
            Kind::Ec(algorithm, _) => {
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, private).map_err(|_| KeyError)?;
                pair.sign(&random, message).map_err(|_| KeyError)?.as_ref().to_vec()
            }
            Kind::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(private).map_err(|_| KeyError)?;
                pair.sign(message).as_ref().to_vec()
            }
        })
    }
}

enum Kind {
    Rsa(&'static dyn RsaEncoding),
    /// With the name of its curve.
    Ec(&'static EcdsaSigningAlgorithm, &'static str),
    Ed25519,
}

/// A new key.
pub struct KeyPair {
    /// PKCS#8.
    pub private: Secret,
    /// What checks its signatures.
    pub public: PublicKey,
}

/// What checks signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// By which it is used.
    pub algorithm: Algorithm,
    /// RSA: an RSAPublicKey (RFC 8017, A.1.1). ECDSA: an uncompressed point. Ed25519: the key.
    bytes: Vec<u8>,
}

/// The parts of a public key, as JSON Web Keys show them.
pub enum Parts<'k> {
    /// Of RSA.
    Rsa {
        /// The modulus.
        n: &'k [u8],
        /// The exponent.
        e: &'k [u8],
    },
    /// Of ECDSA: a point.
    Ec {
        /// The name of its curve.
        curve: &'static str,
        /// Its first coordinate, as long as the curve's are.
        x: &'k [u8],
        /// Its second.
        y: &'k [u8],
    },
    /// The key.
    Ed25519(&'k [u8]),
}

impl PublicKey {
    /// Whether `signature` is that of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(self.algorithm.verification(), &self.bytes);
        key.verify(message, signature).is_ok()
    }

    /// Its parts; `None` only when its bytes are of no such key.
    pub fn parts(&self) -> Option<Parts<'_>> {
        Some(match self.algorithm.kind() {
            Kind::Rsa(_) => {
                let (content, []) = der(0x30, &self.bytes)? else { return None };
                let (n, rest) = der(0x02, content)?;
                let (e, _) = der(0x02, rest)?;
                // An integer whose first bit is set has a zero in front of it.
                Parts::Rsa { n: n.strip_prefix(&[0]).unwrap_or(n), e }
            }
            Kind::Ec(_, curve) => {
                let point = self.bytes.strip_prefix(&[4])?;
                let (x, y) = point.split_at(point.len() / 2);
                Parts::Ec { curve, x, y }
            }
            Kind::Ed25519 => Parts::Ed25519(&self.bytes),
        })
    }
}

/// The content of a DER element with that tag, and what follows it.
fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match *bytes.strip_prefix(&[tag])? {
        [length @ 0x00..=0x7f, ref rest @ ..] => (usize::from(length), rest),
        [0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_verified_and_nothing_else() {
        for algorithm in Algorithm::ALL {
            let [one, other] = [(); 2].map(|()| algorithm.generate().unwrap());
            let signature = algorithm.sign(one.private.expose(), b"message").unwrap();
            assert!(one.public.verify(b"message", &signature), "{algorithm:?}");
            assert!(!one.public.verify(b"massage", &signature), "{algorithm:?}");
            assert!(!other.public.verify(b"message", &signature), "{algorithm:?}");
            assert!(!one.public.verify(b"message", &signature[1..]), "{algorithm:?}");
            assert!(!one.public.verify(b"message", b""), "{algorithm:?}");
        }
    }

    #[test]
    fn parts_have_the_lengths_that_json_web_keys_want() {
        let lengths = Algorithm::ALL.map(|algorithm| {
            match algorithm.generate().unwrap().public.parts().unwrap() {
                Parts::Rsa { n, e } => (n.len(), e.len()),
                Parts::Ec { x, y, .. } => (x.len(), y.len()),
                Parts::Ed25519(x) => (x.len(), 0),
            }
        });
        let rsa = (256, 3);
        assert_eq!(lengths, [rsa, rsa, rsa, (32, 32), (48, 48), (66, 66), (32, 0)]);
        let broken = PublicKey { algorithm: Algorithm::Rs256, bytes: vec![0x30, 0x82, 1] };
        assert!(broken.parts().is_none());
        assert!(!broken.verify(b"", b""));
    }
}
