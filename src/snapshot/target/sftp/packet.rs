//! Packets of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), and of
//! OpenSSH's extensions (its file PROTOCOL). What is read takes any bytes.

use crate::base::said::said;

/// The longest packet that is read, as OpenSSH has it.
pub(super) const MOST: usize = 256 << 10;

/// Kinds of packets.
pub(super) mod kind {
    pub const INIT: u8 = 1;
    pub const VERSION: u8 = 2;
    pub const OPEN: u8 = 3;
    pub const CLOSE: u8 = 4;
    pub const READ: u8 = 5;
    pub const WRITE: u8 = 6;
    pub const FSTAT: u8 = 8;
    pub const OPENDIR: u8 = 11;
    pub const READDIR: u8 = 12;
    pub const REMOVE: u8 = 13;
    pub const MKDIR: u8 = 14;
    pub const STAT: u8 = 17;
    pub const RENAME: u8 = 18;
    pub const EXTENDED: u8 = 200;
    pub(super) const STATUS: u8 = 101;
    pub(super) const HANDLE: u8 = 102;
    pub(super) const DATA: u8 = 103;
    pub(super) const NAME: u8 = 104;
    pub(super) const ATTRS: u8 = 105;
    pub(super) const EXTENDED_REPLY: u8 = 201;
}

/// A packet that is sent, its length in front.
pub(super) struct Packet(Vec<u8>);

impl Packet {
    /// A packet without fields.
    pub fn new(kind: u8) -> Self {
        Self(vec![0, 0, 0, 1, kind])
    }

    /// The same with a number.
    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self.measured()
    }

    /// The same with a long number.
    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self.measured()
    }

    /// The same with bytes behind their length. They are of ours, and short.
    pub fn bytes(self, value: &[u8]) -> Self {
        let mut packet = self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        packet.0.extend_from_slice(value);
        packet.measured()
    }

    /// The same with attributes that say only who may do what.
    pub fn mode(self, mode: u32) -> Self {
        self.u32(Attributes::MODE).u32(mode)
    }

    /// As it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn measured(mut self) -> Self {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self
    }
}

/// What the server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Status(Status),
    Handle(Vec<u8>),
    Data(Vec<u8>),
    Names(Vec<(Vec<u8>, Attributes)>),
    Attributes(Attributes),
    /// The fields of an extension's answer.
    Extended(Vec<u8>),
}

/// How something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub code: u32,
    pub message: String,
}

impl Status {
    pub const OK: u32 = 0;
    pub const EOF: u32 = 1;
    pub const NO_SUCH_FILE: u32 = 2;
    pub const PERMISSION_DENIED: u32 = 3;
    pub const FAILURE: u32 = 4;
    pub const UNSUPPORTED: u32 = 8;
}

/// What is told of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub size: Option<u64>,
    mode: Option<u32>,
}

impl Attributes {
    const SIZE: u32 = 1;
    const OWNER: u32 = 2;
    const MODE: u32 = 4;
    const TIMES: u32 = 8;
    const EXTENDED: u32 = 1 << 31;

    pub fn is_folder(self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o170_000 == 0o040_000)
    }

    /// The size of a regular file; `None` where it is anything else.
    pub fn file(self) -> Option<u64> {
        self.mode.filter(|mode| mode & 0o170_000 == 0o100_000).and(self.size)
    }
}

/// Fields that are still to be read.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    fn attributes(&mut self) -> Option<Attributes> {
        let flags = self.u32()?;
        let has = |flag| flags & flag != 0;
        let size = if has(Attributes::SIZE) { Some(self.u64()?) } else { None };
        if has(Attributes::OWNER) {
            self.take(8)?;
        }
        let mode = if has(Attributes::MODE) { Some(self.u32()?) } else { None };
        if has(Attributes::TIMES) {
            self.take(8)?;
        }
        if has(Attributes::EXTENDED) {
            for _ in 0..self.u32()? {
                self.bytes()?;
                self.bytes()?;
            }
        }
        Some(Attributes { size, mode })
    }
}

/// Reads a packet without its length: which request it answers, and how. `None` for what is none.
pub(super) fn answer(packet: &[u8]) -> Option<(u32, Answer)> {
    let mut fields = Fields(packet);
    let (kind, id) = (fields.u8()?, fields.u32()?);
    let answer = match kind {
        kind::STATUS => {
            let code = fields.u32()?;
            // Older servers send no message.
            let message = fields.bytes().unwrap_or_default();
            let message = said(&String::from_utf8_lossy(message));
            Answer::Status(Status { code, message })
        }
        kind::HANDLE => Answer::Handle(fields.bytes().filter(|h| h.len() <= 256)?.to_vec()),
        kind::DATA => Answer::Data(fields.bytes()?.to_vec()),
        kind::NAME => {
            let mut names = Vec::new();
            for _ in 0..fields.u32()? {
                let name = fields.bytes()?.to_vec();
                // What `ls -l` would print.
                fields.bytes()?;
                names.push((name, fields.attributes()?));
            }
            Answer::Names(names)
        }
        kind::ATTRS => Answer::Attributes(fields.attributes()?),
        kind::EXTENDED_REPLY => Answer::Extended(fields.0.to_vec()),
        _ => return None,
    };
    Some((id, answer))
}

/// Reads the packet that a server begins with: the extensions that it has, where it speaks a
/// version that is spoken here.
pub(super) fn version(packet: &[u8]) -> Option<Vec<String>> {
    let mut fields = Fields(packet);
    if fields.u8()? != kind::VERSION || fields.u32()? < 3 {
        return None;
    }
    let mut extensions = Vec::new();
    while !fields.0.is_empty() {
        let name = String::from_utf8_lossy(fields.bytes()?).into_owned();
        fields.bytes()?;
        extensions.push(name);
    }
    Some(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_written_and_read() {
        let sent = Packet::new(kind::OPEN).u32(7).bytes(b"a/b").u32(26).mode(0o600);
        let wanted = b"\0\0\0\x18\x03\0\0\0\x07\0\0\0\x03a/b\0\0\0\x1a\0\0\0\x04\0\0\x01\x80";
        assert_eq!(sent.as_bytes(), wanted);
        let status = Packet::new(kind::STATUS).u32(1).u32(4).bytes(b"No\nspace").bytes(b"en");
        let no = Status { code: Status::FAILURE, message: "No space".into() };
        assert_eq!(answer(&status.as_bytes()[4..]), Some((1, Answer::Status(no))));
        let all = Attributes::SIZE | Attributes::OWNER | Attributes::MODE | Attributes::TIMES;
        let names = Packet::new(kind::NAME).u32(2).u32(1).bytes(b"x").bytes(b"-rw x");
        let names = names.u32(all | Attributes::EXTENDED).u64(9).u64(0).u32(0o100_600).u64(0);
        let names = names.u32(1).bytes(b"a").bytes(b"b");
        let told = answer(&names.as_bytes()[4..]);
        let Some((2, Answer::Names(told))) = told else { panic!("{told:?}") };
        assert_eq!((told[0].0.as_slice(), told[0].1.file()), (&b"x"[..], Some(9)));
        let begin = Packet::new(kind::VERSION).u32(3).bytes(b"fsync@openssh.com").bytes(b"1");
        assert_eq!(version(&begin.as_bytes()[4..]).unwrap(), ["fsync@openssh.com"]);
    }

    #[test]
    fn any_bytes_are_taken() {
        // A count or a length that is a lie takes no more than what is there.
        let lies = Packet::new(kind::NAME).u32(2).u32(u32::MAX).bytes(b"x");
        assert_eq!(answer(&lies.as_bytes()[4..]), None);
        let mut state = 1_u32;
        for length in 0..4000 {
            let random: Vec<u8> = (0..length % 64)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            for kind in [2, 101, 102, 103, 104, 105, 201] {
                let packet = [&[kind][..], &random].concat();
                let _ = (answer(&packet), version(&packet));
            }
        }
    }
}
