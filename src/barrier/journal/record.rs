//! A record of the journal: the physical writes of one commit.
//!
//! ```text
//! format 1 | chain before 32 | time 8 BE | mark 1 | [origin 20] | write ...
//! write = n shared | n rest | bytes of rest | n value
//! value = 0 for a key that is deleted; else its length and one, and as many bytes
//! ```
//!
//! `n` is a variable-length number (`base::varint`). A key is the first `shared` bytes of the key
//! before and the rest; the first one shares none. The writes stand in the order in which they
//! were made; the last is the root record's. The format is 1, and 2 where there is an origin: in
//! the first record of a history that left another one at the end of its journal.

use std::fmt;

use super::{Chain, Origin};
use crate::base::clock::Timestamp;
use crate::base::varint;
use crate::storage::MAX_VALUE;

const PLAIN: u8 = 1;
const WITH_ORIGIN: u8 = 2;

/// What a commit comes before, if that cannot be undone: a restore to it undoes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing of that kind.
    #[default]
    None,
    /// New unseal keys.
    Rekey,
    /// A new data key.
    Rotate,
    /// Another content in the place of all.
    Restore,
    /// The end of a mount.
    Disable,
    /// A newer program's format.
    Upgrade,
}

impl Mark {
    const ALL: [Self; 6] =
        [Self::None, Self::Rekey, Self::Rotate, Self::Restore, Self::Disable, Self::Upgrade];

    /// As people read it.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Rekey => "before a rekey",
            Self::Rotate => "before a rotation",
            Self::Restore => "before a restore",
            Self::Disable => "before a mount was disabled",
            Self::Upgrade => "before an upgrade",
        }
    }
}

/// What stands before the writes.
const FRONT: usize = 1 + 32 + 8 + 1;

/// Makes a record while a commit goes on.
#[derive(Default)]
pub struct RecordWriter {
    /// Room for the front, and the writes.
    record: Vec<u8>,
    last: Vec<u8>,
}

impl RecordWriter {
    /// Adds a write.
    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.record.is_empty() {
            self.record.resize(FRONT, 0);
        }
        let shared = key.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        varint::put(&mut self.record, shared as u64);
        varint::put(&mut self.record, (key.len() - shared) as u64);
        self.record.extend(&key[shared..]);
        varint::put(&mut self.record, value.map_or(0, |value| value.len() as u64 + 1));
        self.record.extend(value.unwrap_or_default());
        self.last.truncate(shared);
        self.last.extend(&key[shared..]);
    }

    /// The record of what was added; the next one begins.
    pub fn finish(&mut self, before: Chain, time: Timestamp, mark: Mark) -> Vec<u8> {
        self.finish_first(before, time, mark, None)
    }

    /// The same, of the first one of a history with an origin.
    pub fn finish_first(
        &mut self,
        before: Chain,
        time: Timestamp,
        mark: Mark,
        origin: Option<Origin>,
    ) -> Vec<u8> {
        let mut record = std::mem::take(&mut self.record);
        let format = if origin.is_some() { WITH_ORIGIN } else { PLAIN };
        let front = [&[format][..], &before.0, &time.as_nanos().to_be_bytes(), &[mark as u8]];
        let front = front.concat().into_iter().chain(origin.iter().flat_map(|o| o.place()));
        record.splice(..FRONT.min(record.len()), front);
        self.last.clear();
        record
    }

    /// Forgets what was added.
    pub fn clear(&mut self) {
        self.last.clear();
        self.record.clear();
        // What a huge commit needed is not kept for small ones.
        self.record.shrink_to(64 << 10);
    }
}

/// A record, read; nothing of it is trusted.
pub struct Record<'a> {
    /// What the chain came to before it.
    pub before: Chain,
    /// When its commit was, by the store's clock.
    pub time: Timestamp,
    /// What it comes before.
    pub mark: Mark,
    /// Where its history left another one; only in the first of all.
    pub origin: Option<Origin>,
    writes: &'a [u8],
}

/// One write of it: `None` deletes.
pub type Write<'a> = (Vec<u8>, Option<&'a [u8]>);

/// The form of a record, where only a newer program knows it.
pub fn newer(bytes: &[u8]) -> Option<u8> {
    bytes.first().copied().filter(|form| *form > WITH_ORIGIN)
}

impl<'a> Record<'a> {
    /// Reads the front of a record.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let (&[format], rest) = bytes.split_first_chunk().ok_or(Broken)?;
        let (before, rest) = rest.split_first_chunk().ok_or(Broken)?;
        let (time, rest) = rest.split_first_chunk().ok_or(Broken)?;
        let (&[mark], writes) = rest.split_first_chunk().ok_or(Broken)?;
        let mark = *Mark::ALL.get(usize::from(mark)).ok_or(Broken)?;
        let (origin, writes) = match format {
            PLAIN => (None, writes),
            WITH_ORIGIN => {
                let (place, writes) = writes.split_first_chunk().ok_or(Broken)?;
                (Some(Origin::at(place)), writes)
            }
            _ => return Err(Broken),
        };
        let time = Timestamp::from_nanos(u64::from_be_bytes(*time));
        Ok(Self { before: Chain(*before), time, mark, origin, writes })
    }

    /// Its writes, in their order.
    pub fn writes(&self) -> Writes<'a> {
        Writes { rest: self.writes, last: Vec::new() }
    }
}

/// The writes of a record, one after the other.
pub struct Writes<'a> {
    rest: &'a [u8],
    last: Vec<u8>,
}

impl<'a> Writes<'a> {
    fn read(&mut self) -> Option<Write<'a>> {
        let shared = usize::try_from(varint::take(&mut self.rest)?).ok()?;
        let rest = usize::try_from(varint::take(&mut self.rest)?).ok()?;
        let (rest, after) = self.rest.split_at_checked(rest)?;
        (shared <= self.last.len()).then_some(())?;
        self.last.truncate(shared);
        self.last.extend(rest);
        self.rest = after;
        let value = usize::try_from(varint::take(&mut self.rest)?).ok()?;
        let value = match value.checked_sub(1) {
            None => None,
            Some(length) if length > MAX_VALUE => return None,
            Some(length) => {
                let (value, after) = self.rest.split_at_checked(length)?;
                self.rest = after;
                Some(value)
            }
        };
        Some((self.last.clone(), value))
    }
}

impl<'a> Iterator for Writes<'a> {
    type Item = Result<Write<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let write = self.read().ok_or(Broken);
        if write.is_err() {
            self.rest = &[];
        }
        Some(write)
    }
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record of the journal is damaged")
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut writer = RecordWriter::default();
        writer.put(b"\x01aaa", Some(b"one"));
        writer.put(b"\x01aab", None);
        writer.put(b"\x01aab", Some(b""));
        writer.put(b"\0root", Some(&[7; 300]));
        writer.finish(Chain([3; 32]), Timestamp::from_nanos(5), Mark::Rekey)
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = record();
        let record = Record::read(&bytes).unwrap();
        assert_eq!((record.before, record.mark), (Chain([3; 32]), Mark::Rekey));
        assert_eq!(record.time, Timestamp::from_nanos(5));
        let writes: Vec<_> = record.writes().map(Result::unwrap).collect();
        let expected: Vec<Write<'_>> = vec![
            (b"\x01aaa".to_vec(), Some(b"one")),
            (b"\x01aab".to_vec(), None),
            (b"\x01aab".to_vec(), Some(b"")),
            (b"\0root".to_vec(), Some(&[7; 300])),
        ];
        assert_eq!(writes, expected);
    }

    #[test]
    fn what_is_cut_or_no_record_is_refused_or_shorter() {
        let bytes = record();
        for end in 0..bytes.len() {
            let read = Record::read(&bytes[..end]);
            let writes = read.map(|record| record.writes().collect::<Result<Vec<_>, _>>());
            assert!(writes.is_err() || writes.is_ok_and(|w| w.is_err() || w.unwrap().len() < 4));
        }
        for bad in [&[2][..], &[0xff; 60]] {
            assert!(Record::read(bad).is_err());
        }
    }
}
