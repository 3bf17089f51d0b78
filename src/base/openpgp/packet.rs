//! Packets and the fields in them (RFC 9580, sections 3 and 4), read and written.

/// Tags of packets (section 5).
pub mod tag {
    pub const ENCRYPTED_SESSION_KEY: u8 = 1;
    pub const SIGNATURE: u8 = 2;
    pub const SECRET_KEY: u8 = 5;
    pub const PUBLIC_KEY: u8 = 6;
    pub const SECRET_SUBKEY: u8 = 7;
    pub const LITERAL_DATA: u8 = 11;
    pub const USER_ID: u8 = 13;
    pub const PUBLIC_SUBKEY: u8 = 14;
    pub const USER_ATTRIBUTE: u8 = 17;
    pub const ENCRYPTED_DATA: u8 = 18;
}

/// A packet: what it is, and what is in it.
pub struct Packet<'a> {
    pub tag: u8,
    pub body: &'a [u8],
}

/// Bytes that are read from the front; `None` is what is cut short or out of its range.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| *byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().copied().map(u32::from_be_bytes)
    }

    /// Bytes behind their count in one byte.
    pub fn short(&mut self) -> Option<&'a [u8]> {
        let count = self.byte()?;
        self.take(count.into())
    }

    /// Bytes behind their count in two bytes.
    pub fn long(&mut self) -> Option<&'a [u8]> {
        let count = u16::from_be_bytes(*self.array()?);
        self.take(count.into())
    }

    /// A number behind its count of bits (section 3.2), without zeros at its front.
    pub fn number(&mut self) -> Option<&'a [u8]> {
        let bits = u16::from_be_bytes(*self.array()?);
        let bytes = self.take(usize::from(bits).div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..)
    }

    /// A packet of known length, in the old or the new format (section 4.2). Keys have no others.
    pub fn packet(&mut self) -> Option<Packet<'a>> {
        let head = self.byte()?;
        let (tag, body) = match (head >> 6, head & 3) {
            (0b11, _) => {
                let len = self.length(224)?;
                (head & 0x3f, self.take(len)?)
            }
            (0b10, 0) => (head >> 2 & 0x0f, self.short()?),
            (0b10, 1) => (head >> 2 & 0x0f, self.long()?),
            (0b10, 2) => {
                let len = usize::try_from(self.u32()?).ok()?;
                (head >> 2 & 0x0f, self.take(len)?)
            }
            _ => return None,
        };
        Some(Packet { tag, body })
    }

    /// A part of a signature (section 5.2.3.7): its type, with the bit for critical, and the rest.
    pub fn subpacket(&mut self) -> Option<(u8, Self)> {
        let len = self.length(255)?;
        let mut body = Self(self.take(len)?);
        Some((body.byte()?, body))
    }

    /// A length in one, two or five bytes; two of them begin with 192 up to below `longer`.
    fn length(&mut self, longer: u8) -> Option<usize> {
        match self.byte()? {
            first @ ..192 => Some(first.into()),
            255 => usize::try_from(self.u32()?).ok(),
            first if first < longer => {
                Some((usize::from(first - 192) << 8) + usize::from(self.byte()?) + 192)
            }
            _ => None,
        }
    }
}

/// Appends the head of a packet in the new format.
pub fn write_head(out: &mut Vec<u8>, tag: u8, body: usize) {
    out.push(0xc0 | tag);
    match body {
        ..192 => out.push(body as u8),
        192..8384 => out.extend(((body - 192 + (192 << 8)) as u16).to_be_bytes()),
        _ => {
            out.push(255);
            out.extend((body as u32).to_be_bytes());
        }
    }
}

/// Appends a number of at most 8 KiB.
pub fn write_number(out: &mut Vec<u8>, number: &[u8]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let unused = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    out.extend(((number.len() * 8 - unused) as u16).to_be_bytes());
    out.extend(number);
}
