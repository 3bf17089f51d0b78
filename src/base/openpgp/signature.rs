//! One signature packet (RFC 9580, section 5.2) of version 4, of those that a key makes about
//! itself and its parts.

use super::key::{Hash, Key};
use super::packet::Reader;
use crate::base::clock::Timestamp;

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This user holds the key.
    Certification,
    /// This subkey is of the key.
    SubkeyBinding,
    /// Something about the key as a whole.
    DirectKey,
    KeyRevocation,
    SubkeyRevocation,
    CertificationRevocation,
}

impl Kind {
    /// Section 5.2.1.
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0x10..=0x13 => Self::Certification,
            0x18 => Self::SubkeyBinding,
            0x1f => Self::DirectKey,
            0x20 => Self::KeyRevocation,
            0x28 => Self::SubkeyRevocation,
            0x30 => Self::CertificationRevocation,
            _ => return None,
        })
    }

    pub fn revokes(self) -> bool {
        use Kind::{CertificationRevocation, KeyRevocation, SubkeyRevocation};
        matches!(self, KeyRevocation | SubkeyRevocation | CertificationRevocation)
    }
}

/// A signature, not yet verified.
pub struct Signature<'a> {
    pub kind: Kind,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Seconds from then on; zero is for ever.
    life: u64,
    /// Seconds from the key's making on; zero is for ever.
    key_life: u64,
    key_flags: Option<u8>,
    issuer: Option<&'a [u8; 8]>,
    hash: Hash,
    /// Its own bytes that it signs.
    signed: &'a [u8],
    digest_start: &'a [u8; 2],
    value: Reader<'a>,
}

impl<'a> Signature<'a> {
    /// Reads a packet's body; `None` when there is nothing in it for us: cut short, of another
    /// version or kind, or made in a way that is not trusted.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let [4, kind, _, hash] = *reader.array()? else { return None };
        let (kind, hash) = (Kind::of(kind)?, Hash::of(hash)?);
        // Who forges a SHA-1 may revoke with it, and nothing else.
        if hash == Hash::Sha1 && !kind.revokes() {
            return None;
        }
        let hashed = reader.long()?;
        let signed = body.get(..6 + hashed.len())?;
        let unhashed = reader.long()?;
        let digest_start = reader.array()?;
        let mut signature = Self {
            kind,
            created: 0,
            life: 0,
            key_life: 0,
            key_flags: None,
            issuer: None,
            hash,
            signed,
            digest_start,
            value: reader,
        };
        signature.read_hashed(Reader(hashed))?;
        signature.read_unhashed(Reader(unhashed))?;
        Some(signature)
    }

    /// Section 5.2.3.
    fn read_hashed(&mut self, mut area: Reader<'a>) -> Option<()> {
        while !area.is_empty() {
            let (number, mut body) = area.subpacket()?;
            match number & 0x7f {
                2 => self.created = body.u32()?.into(),
                3 => self.life = body.u32()?.into(),
                9 => self.key_life = body.u32()?.into(),
                16 => self.issuer = Some(body.array()?),
                27 => self.key_flags = Some(body.byte().unwrap_or(0)),
                // What these say changes nothing here.
                4..=7 | 11 | 12 | 21..=33 => {}
                _ if number & 0x80 != 0 && !self.kind.revokes() => return None,
                _ => {}
            }
        }
        Some(())
    }

    fn read_unhashed(&mut self, mut area: Reader<'a>) -> Option<()> {
        while !area.is_empty() {
            let (number, mut body) = area.subpacket()?;
            if number & 0x7f == 16 {
                self.issuer = Some(body.array()?);
            }
        }
        Some(())
    }

    /// Whether it may be by the key with this fingerprint: others' certifications are not.
    pub fn may_be_by(&self, fingerprint: &[u8; 20]) -> bool {
        self.issuer.is_none_or(|issuer| fingerprint.ends_with(issuer))
    }

    /// Whether `signer` made it over `subject`, and it has not expired.
    pub fn stands(&self, signer: &Key<'_>, subject: &[u8], now: Timestamp) -> bool {
        // One from the future stands: a board without a clock may believe that it is 1970.
        let over = self.life != 0 && self.created + self.life <= now.as_secs();
        if over && !self.kind.revokes() {
            return false;
        }
        let mut message = subject.to_vec();
        message.extend(self.signed);
        message.extend([4, 0xff]);
        message.extend((self.signed.len() as u32).to_be_bytes());
        self.hash.digest(&message).as_ref().starts_with(self.digest_start)
            && signer.material.verifies(self.hash, &message, self.value)
    }

    /// Whether it lets `key` live until now.
    pub fn keeps(&self, key: &Key<'_>, now: Timestamp) -> bool {
        self.key_life == 0 || now.as_secs() < key.created + self.key_life
    }

    /// Whether it lets a key encrypt (section 5.2.3.29); without a word, what its algorithm can.
    pub fn lets_encrypt(&self) -> bool {
        self.key_flags.is_none_or(|flags| flags & 0x0c != 0)
    }
}
