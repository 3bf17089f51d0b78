//! A segment: the records of some commits in a row, in one file.
//!
//! ```text
//! "edgekeep journal" | version 1 | n length | header | entry ... | 0 | SHA-256 32 | MAC 32
//! entry = n step | chain after 32 | n length | record
//! ```
//!
//! `n` is a variable-length number, the header a [`Header`]. An entry's revision is that of the
//! one before (the header's first less one) and `step`; a step of more than one is what a
//! compaction made of so many commits: their last write of each key. The hash is that of everything
//! before it, the MAC (HMAC-SHA-256 by the keyring's journal key) that of the hash. Both end every
//! version: by the hash a newer one is told from one whose version is damaged.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::barrier::journal::record::{self, Record};
use crate::barrier::journal::{Chain, Origin};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::base::digest::{MacKey, Sha256};
use crate::base::record::{Record as _, RecordError};
use crate::base::secret;
use crate::base::varint;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::SegmentName;
use crate::storage::MAX_VALUE;

const MAGIC: &[u8; 16] = b"edgekeep journal";
const VERSION: u8 = 1;
/// The longest header, in bytes.
const MOST_HEADER: u64 = 4096;
/// The hash and the MAC.
const END: usize = 64;

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The UUID of the store.
    pub store_id: String,
    /// Which root key it needs: its fingerprint.
    pub key_id: String,
    /// The history that it is of.
    pub timeline: Timeline,
    /// Where that left another one, as far as it is known.
    pub origin: Option<Origin>,
    /// The revision of the first commit in it.
    pub first: u64,
    /// That of the last.
    pub last: u64,
    /// What the chain comes to before it.
    pub before: Chain,
    /// When the first entry's commit was.
    pub from: Timestamp,
    /// When the last one was.
    pub to: Timestamp,
}

impl Header {
    /// The name under which it lies on a target, where the chain comes to `end` with it.
    pub fn name(&self, end: Chain) -> SegmentName {
        let Self { timeline, origin, first, last, .. } = *self;
        let [from, to] = [self.from, self.to].map(|time| Timestamp::from_secs(time.as_secs()));
        SegmentName { timeline, origin, first, last, from, to, chain: end.short() }
    }
}

impl crate::base::record::Record for Header {
    const VERSION: u8 = 1;
}

/// One commit, or what a compaction made of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The revision to which it leads.
    pub revision: u64,
    /// How many commits it stands for.
    pub step: u64,
    /// What the chain comes to with it.
    pub after: Chain,
    /// Its writes: a record of `barrier::journal`.
    pub record: Vec<u8>,
}

impl Entry {
    /// A single commit's, in a chain that came to `before`.
    pub fn single(timeline: Timeline, revision: u64, before: Chain, record: Vec<u8>) -> Self {
        let after = before.then(timeline, revision, &record);
        Self { revision, step: 1, after, record }
    }
}

/// Writes a segment.
pub struct SegmentWriter<W> {
    to: Hashing<W>,
    revision: u64,
    last: u64,
}

impl<W: Write> SegmentWriter<W> {
    /// Begins one.
    pub fn new(to: W, header: &Header) -> io::Result<Self> {
        let mut to = Hashing { to, hash: Sha256::new() };
        let encoded = header.encode();
        let mut start = [&MAGIC[..], &[VERSION]].concat();
        varint::put(&mut start, encoded.len() as u64);
        to.put(&start)?;
        to.put(&encoded)?;
        Ok(Self { to, revision: header.first - 1, last: header.last })
    }

    /// Adds the next entry.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.step == 0 || self.revision.checked_add(entry.step) != Some(entry.revision) {
            return Err(io::Error::other("the journal has a gap"));
        }
        let mut start = Vec::with_capacity(64);
        varint::put(&mut start, entry.step);
        start.extend(entry.after.0);
        varint::put(&mut start, entry.record.len() as u64);
        self.to.put(&start)?;
        self.to.put(&entry.record)?;
        self.revision = entry.revision;
        Ok(())
    }

    /// Ends it, proved by the keys.
    pub fn finish(mut self, keyring: &Keyring) -> io::Result<W> {
        if self.revision != self.last {
            return Err(io::Error::other("the journal does not end where its header says"));
        }
        self.to.put(&[0])?;
        let Hashing { mut to, hash } = self.to;
        let hash = hash.finish();
        to.write_all(&hash)?;
        to.write_all(&mac(keyring, &hash))?;
        Ok(to)
    }
}

/// Reads a segment and trusts nothing: what was read counts only once the [`End`] is there.
pub struct SegmentReader<R> {
    from: R,
    hash: Sha256,
    header: Header,
    revision: u64,
    chain: Chain,
}

/// The end of a segment of which all is there and nothing was changed by mishap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What the chain comes to with it.
    pub chain: Chain,
    hash: [u8; 32],
    mac: [u8; 32],
}

impl End {
    /// Whether a server with these keys made the segment, every byte of it.
    pub fn is_proved(&self, keyring: &Keyring) -> bool {
        secret::same(&self.mac, &mac(keyring, &self.hash))
    }
}

/// What comes next in a segment.
pub enum Next {
    /// An entry.
    Entry(Entry),
    /// Its end.
    End(End),
}

impl<R: Read> SegmentReader<R> {
    /// Reads the header.
    pub fn new(from: R) -> Result<Self, SnapshotError> {
        let (hash, chain) = (Sha256::new(), Chain([0; 32]));
        let header = Header {
            store_id: String::new(),
            key_id: String::new(),
            timeline: Timeline { number: 0, id: 0 },
            origin: None,
            first: 0,
            last: 0,
            before: chain,
            from: Timestamp::EPOCH,
            to: Timestamp::EPOCH,
        };
        let mut reader = Self { from, hash, header, revision: 0, chain };
        if reader.array()? != *MAGIC {
            return Err(broken("it is no segment of a journal"));
        }
        match reader.array()? {
            [VERSION] => {}
            [other] if other > VERSION => {
                return Err(reader.newer("a segment of the journal", other));
            }
            [_] => return Err(broken("its version makes no sense")),
        }
        let length = reader.number()?;
        let header = reader.bytes(length, MOST_HEADER)?;
        reader.header = Header::decode(&header).map_err(|error| match error {
            RecordError::Version(version) => reader.newer("the head of a segment", version),
            RecordError::Malformed => broken(&error.to_string()),
        })?;
        if reader.header.name(chain).sound().is_none() {
            return Err(broken("its header makes no sense"));
        }
        let Header { first, before, .. } = reader.header;
        (reader.revision, reader.chain) = (first - 1, before);
        Ok(reader)
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry, or the end.
    pub fn read(&mut self) -> Result<Next, SnapshotError> {
        let step = self.number()?;
        if step == 0 {
            return self.end().map(Next::End);
        }
        let after = Chain(self.array()?);
        let length = self.number()?;
        let record = self.bytes(length, 2 * MAX_VALUE as u64)?;
        let revision = self.revision.checked_add(step).filter(|at| *at <= self.header.last);
        let revision = revision.ok_or_else(|| broken("it goes beyond its end"))?;
        if let Some(form) = record::newer(&record) {
            return Err(self.newer("a record of the journal", form));
        }
        let read = Record::read(&record).map_err(|error| broken(&error.to_string()))?;
        let Record { before, origin, .. } = read;
        if origin.is_some() && origin != self.header.origin {
            return Err(broken("it tells of two origins"));
        }
        let alone = self.chain.then(self.header.timeline, revision, &record);
        if before != self.chain || (step == 1 && after != alone) {
            return Err(broken("its chain is broken"));
        }
        (self.revision, self.chain) = (revision, after);
        Ok(Next::Entry(Entry { revision, step, after, record }))
    }

    fn end(&mut self) -> Result<End, SnapshotError> {
        let hash = self.hash.so_far();
        let (told, mac) = (self.array()?, self.array()?);
        if told != hash || self.revision != self.header.last {
            return Err(broken("it does not hold what its end says"));
        }
        match self.from.read_exact(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Err(broken("something follows its end")),
        }
        Ok(End { chain: self.chain, hash, mac })
    }

    /// Something in it is of a version that is not known here, where the rest of it says that it
    /// was written so: else the byte that tells the version is damaged.
    fn newer(&mut self, what: &str, version: u8) -> SnapshotError {
        match self.is_whole() {
            Ok(true) => SnapshotError::Newer(format!(
                "{what} is of version {version}, which only a newer edgekeep knows"
            )),
            Ok(false) => broken("it does not hold what its end says"),
            Err(error) => error.into(),
        }
    }

    /// Whether what was read and what is left come to the hash at the end.
    fn is_whole(&mut self) -> io::Result<bool> {
        let mut held = Vec::new();
        while (&mut self.from).take(64 << 10).read_to_end(&mut held)? > 0 {
            let past = held.len().saturating_sub(END);
            self.hash.update(&held[..past]);
            held.drain(..past);
        }
        Ok(held.len() == END && held.starts_with(&self.hash.so_far()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, SnapshotError> {
        let mut bytes = Vec::with_capacity(10);
        loop {
            let [byte] = self.array()?;
            bytes.push(byte);
            if byte < 0x80 || bytes.len() == 10 {
                return varint::take(&mut &bytes[..]).ok_or_else(|| broken("a number is none"));
            }
        }
    }

    fn bytes(&mut self, length: u64, most: u64) -> Result<Vec<u8>, SnapshotError> {
        if length > most {
            return Err(broken("a part of it is too long"));
        }
        // Grows with what arrives, not with what is promised.
        let mut bytes = Vec::new();
        (&mut self.from).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(broken("it is cut short"));
        }
        self.hash.update(&bytes);
        Ok(bytes)
    }
}

struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes)
    }
}

fn mac(keyring: &Keyring, hash: &[u8; 32]) -> [u8; 32] {
    MacKey::new(&keyring.fixed().journal).mac(&[b"edgekeep segment", hash])
}

fn broken(what: &str) -> SnapshotError {
    SnapshotError::Broken(format!("a segment of the journal: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::journal::record::{Mark, RecordWriter};
    use crate::base::entropy::SeededEntropy;

    const TIMELINE: Timeline = Timeline { number: 1, id: 9 };

    fn check(from: &[u8]) -> Result<(Header, End), SnapshotError> {
        let mut reader = SegmentReader::new(from)?;
        loop {
            if let Next::End(end) = reader.read()? {
                return Ok((reader.header, end));
            }
        }
    }

    fn segment(keyring: &Keyring) -> Vec<u8> {
        let begin = Chain::begin(TIMELINE, 4);
        let mut chain = begin;
        let entries = [5, 6, 7].map(|revision| {
            let mut writer = RecordWriter::default();
            writer.put(b"\x01a", Some(&[revision as u8; 40]));
            let record = writer.finish(chain, Timestamp::from_secs(revision), Mark::None);
            let entry = Entry::single(TIMELINE, revision, chain, record);
            chain = entry.after;
            entry
        });
        let header = Header {
            store_id: "store".into(),
            key_id: "key".into(),
            timeline: TIMELINE,
            origin: None,
            first: 5,
            last: 7,
            before: begin,
            from: Timestamp::from_secs(5),
            to: Timestamp::from_secs(7),
        };
        let mut writer = SegmentWriter::new(Vec::new(), &header).unwrap();
        entries.iter().for_each(|entry| writer.entry(entry).unwrap());
        writer.finish(keyring).unwrap()
    }

    #[test]
    fn every_changed_byte_is_found() {
        let entropy = SeededEntropy::new(1);
        let keyring = Keyring::generate(&entropy, Timestamp::EPOCH);
        let bytes = segment(&keyring);
        let (header, end) = check(&bytes).unwrap();
        assert_eq!((header.first, header.last), (5, 7));
        assert!(end.is_proved(&keyring));
        assert!(!end.is_proved(&Keyring::generate(&entropy, Timestamp::EPOCH)));
        for at in 0..bytes.len() {
            for bit in [1, 0x40] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                let checked = check(&changed);
                assert!(!matches!(checked, Err(SnapshotError::Newer(_))), "byte {at}");
                let proved = checked.is_ok_and(|(_, end)| end.is_proved(&keyring));
                assert!(!proved, "byte {at}");
            }
            assert!(check(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(check(&[&bytes[..], b"x"].concat()).is_err());
    }
}
