//! `state.bin`: all entries of one instant, in the order of their keys.
//!
//! A sequence of records, each behind its length. A record is a protobuf message whose field
//! numbers Vault's `StorageEntry` does not have, so that `vault operator raft snapshot inspect`,
//! which reads the file as those, steps over ours. Every field is there, in its order, its
//! numbers in their shortest form: one content has one encoding.

use std::io::{self, Read, Write};

use super::{broken, cut_short};
use crate::base::digest::Sha256;
use crate::base::varint;
use crate::storage::{Entry, MAX_VALUE};

/// A physical key is at most this long, in bytes.
pub const MAX_KEY: usize = 64 << 10;

const MAGIC: &[u8] = b"edgekeep state";
const VERSION: u64 = 1;

/// Tags of protobuf: the field's number times eight, and its type (0 number, 2 bytes).
mod tag {
    pub const MAGIC: u8 = 8 << 3 | 2;
    pub const VERSION: u8 = 9 << 3;
    pub const SHARED: u8 = 10 << 3;
    pub const REST: u8 = 11 << 3 | 2;
    pub const VALUE: u8 = 12 << 3 | 2;
    pub const ENTRIES: u8 = 13 << 3;
    pub const BYTES: u8 = 14 << 3;
    pub const HASH: u8 = 15 << 3 | 2;
}

/// How much is in a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Bytes of their keys and values together.
    pub bytes: u64,
}

impl Counts {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries += 1;
        self.bytes += (key.len() + value.len()) as u64;
    }
}

/// Writes a state.
pub struct StateWriter<W> {
    to: W,
    hash: Sha256,
    length: u64,
    counts: Counts,
    last: Vec<u8>,
    record: Vec<u8>,
}

/// What was written.
pub struct Written {
    /// SHA-256 of all of it.
    pub hash: [u8; 32],
    /// Its length in bytes.
    pub length: u64,
    /// What is in it.
    pub counts: Counts,
}

impl<W: Write> StateWriter<W> {
    /// Begins a state.
    pub fn new(to: W) -> io::Result<Self> {
        let (last, record) = (Vec::new(), Vec::new());
        let mut writer =
            Self { to, hash: Sha256::new(), length: 0, counts: Counts::default(), last, record };
        put_bytes(&mut writer.record, tag::MAGIC, MAGIC);
        put_number(&mut writer.record, tag::VERSION, VERSION);
        writer.put_record(&[])?;
        Ok(writer)
    }

    /// Adds an entry. The keys come in their order, none twice.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if self.counts.entries > 0 && *key <= self.last[..] {
            return Err(broken("the keys of the store are out of order"));
        }
        if key.len() > MAX_KEY || value.len() > MAX_VALUE {
            return Err(broken("an entry of the store is too long for a snapshot"));
        }
        let shared = key.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        put_number(&mut self.record, tag::SHARED, shared as u64);
        put_bytes(&mut self.record, tag::REST, &key[shared..]);
        self.record.push(tag::VALUE);
        varint::put(&mut self.record, value.len() as u64);
        self.put_record(value)?;
        self.counts.add(key, value);
        self.last.truncate(shared);
        self.last.extend(&key[shared..]);
        Ok(())
    }

    /// Ends the state.
    pub fn finish(mut self) -> io::Result<Written> {
        let hash = self.hash.so_far();
        put_number(&mut self.record, tag::ENTRIES, self.counts.entries);
        put_number(&mut self.record, tag::BYTES, self.counts.bytes);
        put_bytes(&mut self.record, tag::HASH, &hash);
        self.put_record(&[])?;
        self.to.flush()?;
        Ok(Written { hash: self.hash.finish(), length: self.length, counts: self.counts })
    }

    /// Writes what is in `record` and `tail`, which belongs to it, and makes room for the next.
    fn put_record(&mut self, tail: &[u8]) -> io::Result<()> {
        let mut length = Vec::with_capacity(5);
        varint::put(&mut length, (self.record.len() + tail.len()) as u64);
        for part in [&length, &self.record, tail] {
            self.to.write_all(part)?;
            self.hash.update(part);
            self.length += part.len() as u64;
        }
        self.record.clear();
        Ok(())
    }
}

/// Reads a state, trusting nothing.
pub struct StateReader<R> {
    from: R,
    hash: Sha256,
    counts: Counts,
    key: Vec<u8>,
    record: Vec<u8>,
    ended: bool,
}

impl<R: Read> StateReader<R> {
    /// Reads the first record.
    pub fn new(from: R) -> io::Result<Self> {
        let (key, record) = (Vec::new(), Vec::new());
        let mut reader = Self {
            from,
            hash: Sha256::new(),
            counts: Counts::default(),
            key,
            record,
            ended: false,
        };
        reader.read_record()?;
        reader.hash.update(&reader.record);
        let mut fields = Fields::of(&reader.record)?;
        if fields.bytes(tag::MAGIC)? != MAGIC {
            return Err(broken("state.bin does not begin as a state does"));
        }
        match fields.number(tag::VERSION)? {
            VERSION => fields.end()?,
            other => {
                return Err(broken(format!(
                    "state.bin is of version {other}, which this edgekeep does not know"
                )));
            }
        }
        Ok(reader)
    }

    /// The next entry; after the last one everything was checked.
    pub fn read_entry(&mut self) -> io::Result<Option<Entry>> {
        if self.ended {
            return Ok(None);
        }
        self.read_record()?;
        let mut fields = Fields::of(&self.record)?;
        if fields.rest.first() == Some(&tag::ENTRIES) {
            let counts =
                Counts { entries: fields.number(tag::ENTRIES)?, bytes: fields.number(tag::BYTES)? };
            let hash = fields.bytes(tag::HASH)?;
            fields.end()?;
            if counts != self.counts || hash != self.hash.so_far() {
                return Err(broken("state.bin does not hold what its end says"));
            }
            super::must_end(&mut self.from)?;
            self.ended = true;
            return Ok(None);
        }
        let shared = fields.number(tag::SHARED)?;
        let rest = fields.bytes(tag::REST)?;
        let value = fields.bytes(tag::VALUE)?;
        fields.end()?;
        let shared = usize::try_from(shared).unwrap_or(usize::MAX);
        let same = self.key.get(..shared).ok_or_else(|| broken("a key shares too much"))?;
        // The length shared is the longest, and the keys ascend: so the next byte is higher.
        let ascends = match (self.key.get(shared), rest.first()) {
            (Some(old), Some(new)) => old < new,
            (None, Some(_)) => true,
            (None, None) => self.counts.entries == 0,
            (Some(_), None) => false,
        };
        if !ascends || same.len() + rest.len() > MAX_KEY || value.len() > MAX_VALUE {
            return Err(broken("an entry is out of order or too long"));
        }
        self.key.truncate(shared);
        self.key.extend(rest);
        let value = value.to_vec();
        self.counts.add(&self.key, &value);
        self.hash.update(&self.record);
        Ok(Some((self.key.clone(), value)))
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Reads a record, its length in front of it.
    fn read_record(&mut self) -> io::Result<()> {
        const MOST: u64 = (MAX_KEY + MAX_VALUE + 32) as u64;
        self.record.clear();
        let length = loop {
            let mut byte = [0];
            self.from.read_exact(&mut byte).map_err(cut_short)?;
            self.record.push(byte[0]);
            if byte[0] < 0x80 || self.record.len() == 5 {
                break Fields { rest: &self.record }.varint()?;
            }
        };
        if length > MOST {
            return Err(broken("a record of state.bin is too long"));
        }
        // Grows with what arrives, not with what is promised.
        let read = (&mut self.from).take(length).read_to_end(&mut self.record)?;
        if (read as u64) < length {
            return Err(cut_short(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}

fn put_number(to: &mut Vec<u8>, tag: u8, number: u64) {
    to.push(tag);
    varint::put(to, number);
}

fn put_bytes(to: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    put_number(to, tag, bytes.len() as u64);
    to.extend(bytes);
}

/// The fields of a record that are not read yet.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a record that its length stands in front of.
    fn of(record: &'a [u8]) -> io::Result<Self> {
        let mut fields = Self { rest: record };
        fields.varint()?;
        Ok(fields)
    }

    fn byte(&mut self) -> io::Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> io::Result<u64> {
        varint::take(&mut self.rest).ok_or_else(damaged)
    }

    fn number(&mut self, tag: u8) -> io::Result<u64> {
        if self.byte()? == tag { self.varint() } else { Err(damaged()) }
    }

    fn bytes(&mut self, tag: u8) -> io::Result<&'a [u8]> {
        let length = usize::try_from(self.number(tag)?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn end(&self) -> io::Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged()) }
    }
}

fn damaged() -> io::Error {
    broken("a record of state.bin is damaged")
}
