//! A whole public key (RFC 9580, section 10.1.1): the primary key, its users and subkeys, and what
//! it signed about them.

use std::cmp::Reverse;

use super::OpenPgpError;
use super::key::{Key, Material};
use super::packet::{Packet, Reader, tag};
use super::signature::{Kind, Signature};
use crate::base::clock::Timestamp;

/// Signatures that are verified, a millisecond each: a key has a handful, and who sends one may be
/// anybody.
const MAX_SIGNATURES: usize = 256;

/// A longer user id is none: 2 KiB is GnuPG's limit, too.
const MAX_USER_ID: usize = 2048;

/// A public key as it is sent.
pub struct Certificate<'a> {
    pub primary: Key<'a>,
    parts: Vec<Part<'a>>,
}

/// What can be signed, with the signatures that follow it.
struct Part<'a> {
    of: Of<'a>,
    signatures: Vec<Signature<'a>>,
}

enum Of<'a> {
    /// The primary key itself.
    Primary,
    User(&'a [u8]),
    Subkey(Key<'a>),
    /// A photograph, or a part of an unknown kind or version.
    Ignored,
}

impl<'a> Part<'a> {
    fn new(of: Of<'a>) -> Self {
        Self { of, signatures: Vec::new() }
    }

    fn takes(&self, kind: Kind) -> bool {
        match self.of {
            Of::Primary => matches!(kind, Kind::DirectKey | Kind::KeyRevocation),
            Of::User(_) => matches!(kind, Kind::Certification | Kind::CertificationRevocation),
            Of::Subkey(_) => matches!(kind, Kind::SubkeyBinding | Kind::SubkeyRevocation),
            Of::Ignored => false,
        }
    }
}

impl<'a> Certificate<'a> {
    /// Reads the first key in `bytes`; what follows it, other keys too, is ignored, as Vault does.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OpenPgpError> {
        let mut reader = Reader(bytes);
        let first = next(&mut reader)?;
        if first.tag != tag::PUBLIC_KEY {
            return Err(malformed("it does not begin with a public key"));
        }
        let primary = Key::parse(first.body).ok_or_else(|| {
            malformed("its primary key is damaged or not of version 4, which alone is supported")
        })?;
        let fingerprint = primary.fingerprint();
        let mut parts = Vec::new();
        let mut part = Part::new(Of::Primary);
        let mut count = 0;
        while !reader.is_empty() {
            let packet = next(&mut reader)?;
            let of = match packet.tag {
                tag::PUBLIC_KEY => break,
                tag::SIGNATURE => {
                    let signature = Signature::parse(packet.body);
                    part.signatures.extend(signature.filter(|signature| {
                        let ours = part.takes(signature.kind) && signature.may_be_by(&fingerprint);
                        count += usize::from(ours);
                        ours
                    }));
                    if count > MAX_SIGNATURES {
                        return Err(malformed("it has over 256 signatures by itself"));
                    }
                    continue;
                }
                tag::USER_ID if packet.body.len() <= MAX_USER_ID => Of::User(packet.body),
                tag::PUBLIC_SUBKEY => Key::parse(packet.body).map_or(Of::Ignored, Of::Subkey),
                tag::USER_ID | tag::USER_ATTRIBUTE => Of::Ignored,
                _ => continue,
            };
            parts.push(std::mem::replace(&mut part, Part::new(of)));
            // What is not signed says nothing, and there may be very much of it.
            parts.pop_if(|part| part.signatures.is_empty());
        }
        parts.push(part);
        Ok(Self { primary, parts })
    }

    /// The newest subkey that is for encryption, else the primary key when that is.
    pub fn encrypting(&self, now: Timestamp) -> Result<&Key<'a>, OpenPgpError> {
        if let Material::Other(name) = self.primary.material {
            return Err(unusable(format!(
                "signs with {name}, which is not supported: use a key that signs with RSA (2048 to \
                 8192 bits) or Ed25519",
            )));
        }
        let mut own = Vec::new();
        let mut bound = Vec::new();
        for part in &self.parts {
            let standing = self.standing(part, now);
            let revoked = standing.iter().any(|signature| signature.kind.revokes());
            let Some(newest) = standing.into_iter().max_by_key(|signature| signature.created)
            else {
                continue;
            };
            match &part.of {
                Of::Primary if revoked => return Err(unusable("is revoked")),
                // A user may come back.
                Of::User(_) if newest.kind.revokes() => {}
                Of::Primary | Of::User(_) => own.push(newest),
                Of::Subkey(key) if !revoked => bound.push((key, newest)),
                Of::Subkey(_) | Of::Ignored => {}
            }
        }
        let Some(own) = own.into_iter().max_by_key(|signature| signature.created) else {
            return Err(unusable(
                "is not signed by itself with SHA-256, SHA-384 or SHA-512: sign it anew, as with \
                 `gpg --quick-set-expire`",
            ));
        };
        if !own.keeps(&self.primary, now) {
            return Err(unusable("has expired"));
        }
        bound.retain(|(key, binding)| binding.lets_encrypt() && binding.keeps(key, now));
        bound.sort_by_key(|(key, _)| Reverse(key.created));
        let mut keys: Vec<_> = bound.into_iter().map(|(key, _)| key).collect();
        if own.lets_encrypt() {
            keys.push(&self.primary);
        }
        let encrypts = |key: &&&Key<'_>| {
            matches!(key.material, Material::Rsa(_) | Material::Curve25519 { .. })
        };
        if let Some(key) = keys.iter().find(encrypts) {
            return Ok(key);
        }
        let other = keys.iter().find_map(|key| match key.material {
            Material::Other(name) => Some(name),
            _ => None,
        });
        Err(other.map_or_else(
            || unusable("has no part that may encrypt and has not expired"),
            |name| {
                unusable(format!(
                    "encrypts with {name}, which is not supported: add a subkey of RSA (2048 to \
                     8192 bits) or Curve25519, as with `gpg --quick-add-key FINGERPRINT cv25519`",
                ))
            },
        ))
    }

    /// The signatures of a part that the primary key made and that have not expired.
    fn standing<'s>(&self, part: &'s Part<'a>, now: Timestamp) -> Vec<&'s Signature<'a>> {
        let mut subject = self.primary.hashed();
        match &part.of {
            Of::Primary | Of::Ignored => {}
            Of::User(id) => {
                subject.push(0xb4);
                subject.extend((id.len() as u32).to_be_bytes());
                subject.extend(*id);
            }
            Of::Subkey(key) => subject.extend(key.hashed()),
        }
        part.signatures
            .iter()
            .filter(|signature| signature.stands(&self.primary, &subject, now))
            .collect()
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, OpenPgpError> {
    let packet = reader.packet().ok_or_else(|| malformed("it is damaged or cut short"))?;
    if matches!(packet.tag, tag::SECRET_KEY | tag::SECRET_SUBKEY) {
        return Err(malformed(
            "it is a secret key, which nobody else should see: send the public one",
        ));
    }
    Ok(packet)
}

fn malformed(why: &str) -> OpenPgpError {
    OpenPgpError::Malformed(why.to_owned())
}

fn unusable(why: impl Into<String>) -> OpenPgpError {
    OpenPgpError::Unusable(why.into())
}
