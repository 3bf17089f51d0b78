//! Encrypted messages (RFC 9580, section 10.3.2): a session key for one recipient, and the data
//! under it. Composed from aws-lc-rs.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use zeroize::Zeroizing;

use super::key::{CURVE25519, Hash, Kdf, Key, Material, Wrap};
use super::packet::{tag, write_head, write_number};
use crate::base::entropy::Entropy;

/// The number of AES-256 (section 9.3).
const AES256: u8 = 9;

/// AES's.
const BLOCK: usize = 16;

/// A key that encrypts.
pub struct EncryptionKey {
    fingerprint: [u8; 20],
    algorithm: u8,
    cipher: Cipher,
}

enum Cipher {
    Rsa(Pkcs1PublicEncryptingKey),
    Curve25519 { point: [u8; 32], kdf: Kdf },
}

impl EncryptionKey {
    /// Prepares a key; an error when it cannot encrypt.
    pub fn new(key: &Key<'_>) -> Result<Self, Unspecified> {
        let cipher = match &key.material {
            Material::Rsa(numbers) => {
                let key: PublicEncryptingKey = (*numbers).try_into()?;
                Cipher::Rsa(Pkcs1PublicEncryptingKey::new(key)?)
            }
            Material::Curve25519 { point, kdf } => Cipher::Curve25519 { point: **point, kdf: *kdf },
            Material::Ed25519(_) | Material::Other(_) => return Err(Unspecified),
        };
        Ok(Self { fingerprint: key.fingerprint(), algorithm: key.algorithm, cipher })
    }

    /// `plain` as a message. The padding of RSA takes its random bytes from aws-lc.
    pub fn encrypt(&self, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Unspecified> {
        let session_key = Zeroizing::new(entropy.bytes::<32>());
        let mut message = self.encrypted_session_key(&session_key, entropy)?;
        message.extend(encrypted_data(&session_key, plain, entropy)?);
        Ok(message)
    }

    /// The session key's packet, version 3 (section 5.1).
    fn encrypted_session_key(
        &self,
        key: &[u8; 32],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Unspecified> {
        let sum = key.iter().map(|byte| u16::from(*byte)).sum::<u16>();
        let mut session = Zeroizing::new(Vec::with_capacity(40));
        session.push(AES256);
        session.extend(key);
        session.extend(sum.to_be_bytes());

        let mut body = vec![3];
        body.extend(&self.fingerprint[12..]);
        body.push(self.algorithm);
        match &self.cipher {
            Cipher::Rsa(key) => {
                let mut sealed = vec![0; key.ciphertext_size()];
                write_number(&mut body, key.encrypt(&session, &mut sealed)?);
            }
            Cipher::Curve25519 { point, kdf } => {
                // The padding of section 11.5: as many bytes as it has, each saying so.
                session.extend([5; 5]);
                let ephemeral = Zeroizing::new(entropy.bytes::<32>());
                let ephemeral = PrivateKey::from_private_key(&X25519, &*ephemeral)?;
                let peer = UnparsedPublicKey::new(&X25519, point);
                let key = agreement::agree(&ephemeral, peer, Unspecified, |shared| {
                    Ok(self.wrapping_key(shared, *kdf))
                })?;
                let mut wrapped = [0; 48];
                let kek = match kdf.wrap {
                    Wrap::Aes128 => AesKek::new(&key_wrap::AES_128, &key[..16]),
                    Wrap::Aes256 => AesKek::new(&key_wrap::AES_256, &key[..]),
                };
                kek?.wrap(&session, &mut wrapped)?;
                let public = ephemeral.compute_public_key()?;
                write_number(&mut body, &[&[0x40], public.as_ref()].concat());
                body.push(wrapped.len() as u8);
                body.extend(wrapped);
            }
        }
        let mut packet = Vec::new();
        write_head(&mut packet, tag::ENCRYPTED_SESSION_KEY, body.len());
        packet.extend(body);
        Ok(packet)
    }

    /// The key that wraps the session key, from the shared secret (section 11.5).
    fn wrapping_key(&self, shared: &[u8], kdf: Kdf) -> Zeroizing<[u8; 32]> {
        let mut input = Zeroizing::new(Vec::with_capacity(128));
        input.extend([0, 0, 0, 1]);
        input.extend(shared);
        input.push(CURVE25519.len() as u8);
        input.extend(CURVE25519);
        let cipher = match kdf.wrap {
            Wrap::Aes128 => 7,
            Wrap::Aes256 => AES256,
        };
        input.extend([self.algorithm, 3, 1, kdf.hash as u8, cipher]);
        input.extend(b"Anonymous Sender    ");
        input.extend(self.fingerprint);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&kdf.hash.digest(&input).as_ref()[..32]);
        key
    }
}

/// The data's packet (section 5.13.1, version 1): `plain` as literal data between a random prefix,
/// whose end is repeated, and a SHA-1 of it all, under AES-256 in CFB mode with zeros as its IV.
fn encrypted_data(
    key: &[u8; 32],
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Unspecified> {
    // Room for all, so that no copy of the plain text is left behind in growing.
    let mut data = Zeroizing::new(Vec::with_capacity(plain.len() + 64));
    let prefix: [u8; BLOCK] = entropy.bytes();
    data.extend(prefix);
    data.extend(&prefix[BLOCK - 2..]);
    // Binary, without a file's name and date.
    let literal = [b'b', 0, 0, 0, 0, 0];
    write_head(&mut data, tag::LITERAL_DATA, literal.len() + plain.len());
    data.extend(literal);
    data.extend(plain);
    data.extend([0xd3, 20]);
    let hash = Hash::Sha1.digest(&data);
    data.extend(hash.as_ref());

    let cipher = EncryptingKey::cfb128(UnboundCipherKey::new(&AES_256, key)?)?;
    cipher.less_safe_encrypt(&mut data, EncryptionContext::Iv128([0; BLOCK].into()))?;
    let mut packet = Vec::with_capacity(data.len() + 8);
    write_head(&mut packet, tag::ENCRYPTED_DATA, 1 + data.len());
    packet.push(1);
    packet.extend(data.iter());
    Ok(packet)
}
