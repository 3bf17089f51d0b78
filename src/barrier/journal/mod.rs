//! The journal: what each commit wrote, kept in the same commit until a target has it.
//!
//! A commit's [`Record`](record::Record) stands under a key that ascends with its revision. Each
//! is chained to the one before by a hash that needs no key, so that who has no keys can check
//! that none is missing and none was changed by mishap; that nobody made them up is proved by the
//! keys (the root record, which is the last write of each).
//!
//! The [`Head`] tells where the chain stands. It is in the clear, in each commit and in each
//! snapshot, so that a snapshot tells where in the chain it belongs.

pub mod lapse;
pub mod left;
pub mod live;
pub mod record;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use self::lapse::LAPSE;
use self::left::LEFT;
use self::record::{Mark, RecordWriter};
use super::root::Timeline;
use crate::base::clock::Timestamp;
use crate::base::digest::{Sha256, short};
use crate::base::record::Record;
use crate::storage::commit::Write;
use crate::storage::{Key, StorageError, View};

/// Where the head stands. As what it leads to, it is counted by no root record.
pub const HEAD: &[u8] = b"\0journal";

/// The first byte of the keys of records: behind all that a snapshot holds.
pub const JOURNAL: u8 = 2;

/// Everything in a store that is no journal stands before this key.
pub const END: &[u8] = &[JOURNAL];

/// So many bytes of records are kept at most while no target takes them, unless told otherwise.
pub const DEFAULT_LIMIT: u64 = 64 << 20;

/// Whether the entry at `key` is the journal's: counted by no root record.
pub fn is_of_journal(key: &[u8]) -> bool {
    let is_note = key.starts_with(LAPSE) || key.starts_with(LEFT);
    key == HEAD || is_note || key.first() == Some(&JOURNAL)
}

/// Whether an entry is a note beside the journal, and can be read. There may be many.
pub fn is_beside(key: &[u8], value: &[u8]) -> bool {
    lapse::is_sound(key, value) || left::is_sound(key, value)
}

/// What a chain of records comes to: a hash that needs no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// That of a journal that begins behind `revision`.
    pub fn begin(timeline: Timeline, revision: u64) -> Self {
        Self::of(&[b"edgekeep journal", &place(timeline, revision)])
    }

    /// That of the journal of a history that leaves this one here, behind `revision`: whoever has
    /// both can check that the one comes of the other.
    pub fn branch(self, timeline: Timeline, revision: u64) -> Self {
        Self::of(&[b"edgekeep branch", &self.0, &place(timeline, revision)])
    }

    /// With the record of `revision` at its end.
    pub fn then(self, timeline: Timeline, revision: u64, record: &[u8]) -> Self {
        Self::of(&[&self.0, &place(timeline, revision), record])
    }

    /// Its first eight bytes, by which the name of a segment tells it from another.
    pub fn short(self) -> u64 {
        short(&self.0)
    }

    fn of(pieces: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        pieces.iter().for_each(|piece| hash.update(piece));
        Self(hash.finish())
    }
}

/// Where the record of `revision` stands.
pub fn key(timeline: Timeline, revision: u64) -> Key {
    [END, &place(timeline, revision)].concat()
}

/// Which record stands at `key`; `None` where that is no record's.
pub fn placed(key: &[u8]) -> Option<(Timeline, u64)> {
    let Origin { timeline, revision } = Origin::at(key.strip_prefix(END)?.try_into().ok()?);
    Some((timeline, revision))
}

/// The length of all records that are kept in a store, in bytes.
pub fn length(view: &dyn View) -> Result<u64, StorageError> {
    view.scan(END, None)?.try_fold(0, |sum, entry| Ok(sum + entry?.1.len() as u64))
}

fn place(timeline: Timeline, revision: u64) -> [u8; 20] {
    let mut place = [0; 20];
    place[..4].copy_from_slice(&timeline.number.to_be_bytes());
    place[4..12].copy_from_slice(&timeline.id.to_be_bytes());
    place[12..].copy_from_slice(&revision.to_be_bytes());
    place
}

/// Where a history begins: what was there after that commit of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The history that was left.
    pub timeline: Timeline,
    /// Its last commit that is of the new one, too.
    pub revision: u64,
}

impl Origin {
    /// As it stands in a record.
    pub fn place(&self) -> [u8; 20] {
        place(self.timeline, self.revision)
    }

    /// What stands there.
    pub fn at(place: &[u8; 20]) -> Self {
        let [n0, n1, n2, n3, rest @ ..] = *place;
        let [i0, i1, i2, i3, i4, i5, i6, i7, revision @ ..] = rest;
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let id = u64::from_be_bytes([i0, i1, i2, i3, i4, i5, i6, i7]);
        Self { timeline: Timeline { number, id }, revision: u64::from_be_bytes(revision) }
    }
}

/// Where a store's journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The history that it is of.
    pub timeline: Timeline,
    /// Where that left another one; `None` for the first one, and where no journal leads there.
    pub origin: Option<Origin>,
    /// Behind which revision it begins: a snapshot of this one or a later one is its base.
    pub begun: u64,
    /// The revision of its last record; `begun` while there is none.
    pub revision: u64,
    /// What the chain comes to with that.
    pub chain: Chain,
    /// Records up to this revision are no longer kept here.
    pub dropped: u64,
    /// The length of all records that are kept here, in bytes: those of histories that were left
    /// among them.
    pub bytes: u64,
    /// More is not recorded: the records came to the limit, and no target took them; or the
    /// journal has [ended](Self::is_ended).
    pub cut: bool,
}

impl Record for Head {
    const VERSION: u8 = 1;
}

impl Head {
    /// A journal that begins behind `revision`.
    pub fn begin(timeline: Timeline, revision: u64) -> Self {
        Self {
            timeline,
            origin: None,
            begun: revision,
            revision,
            chain: Chain::begin(timeline, revision),
            dropped: revision,
            bytes: 0,
            cut: false,
        }
    }

    /// That of a history that leaves this one behind `revision`. Where the journal does not lead
    /// up to there, as it was cut, nothing tells whence that came.
    pub fn branch(&self, timeline: Timeline, revision: u64) -> Self {
        let begin = Self::begin(timeline, revision);
        if self.revision != revision {
            return begin;
        }
        let origin = Some(Origin { timeline: self.timeline, revision });
        Self { origin, chain: self.chain.branch(timeline, revision), ..begin }
    }

    /// That of a journal which ends here: of whoever goes on it is known that it recorded no more.
    fn end(self) -> Self {
        Self { begun: self.revision, dropped: self.revision, cut: true, ..self }
    }

    /// Whether it was ended, as no target wants it, or cut before it recorded anything; else it was
    /// cut, where it is.
    pub fn is_ended(&self) -> bool {
        self.cut && self.begun == self.revision
    }

    /// How many records are kept.
    pub fn kept(&self) -> u64 {
        self.revision - self.dropped
    }
}

/// What is to be done with the next commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin anew behind the present revision; what is kept stays.
    Begin,
    /// End; what is kept stays.
    End,
    /// Mark the commit.
    Mark(Mark),
}

/// The journal in the books of a store: shared by who commits and who ships.
pub struct JournalBooks {
    /// As it is in the store; `None` without a journal.
    pub head: Option<Head>,
    /// The length of the records that are kept here while there is none, in bytes.
    pub bytes: u64,
    /// Records are no longer added when they are longer than this together, in bytes.
    pub limit: u64,
    /// What waits for the next commit.
    pub orders: Vec<Order>,
    /// Records that every target has, with the sum of their length: deleted by the next commit.
    pub shipped: VecDeque<(u64, u64)>,
}

impl JournalBooks {
    /// As it stands in a store that is opened, with `bytes` bytes of records where there is none.
    pub fn new(head: Option<Head>, bytes: u64) -> Self {
        let (orders, shipped) = Default::default();
        Self { head, bytes, limit: DEFAULT_LIMIT, orders, shipped }
    }

    /// The head, and the first record that is neither gone nor goes with the next commit.
    fn first_kept(&self) -> Option<(Head, u64)> {
        let queued = self.shipped.back().map_or(0, |&(upto, _)| upto);
        self.head.map(|head| (head, head.dropped.max(queued) + 1))
    }
}

/// Writes the journal's part of each commit.
#[derive(Default)]
pub struct JournalKeeper {
    record: RecordWriter,
    /// What the books will say when the commit is durable.
    next: Option<Head>,
    bytes: u64,
    orders: usize,
    shipped: usize,
}

impl JournalKeeper {
    /// Goes on from what the books say.
    pub fn new(books: &JournalBooks) -> Self {
        Self { next: books.head, bytes: books.bytes, ..Self::default() }
    }

    /// A change on its way.
    pub fn observe(&mut self, key: &[u8], new: Option<&[u8]>) {
        if self.next.is_some_and(|head| !head.cut) {
            self.record.put(key, new);
        }
    }

    /// A record of a history that was left is deleted.
    pub fn deleted(&mut self, record: &[u8]) {
        let bytes = self.next.as_mut().map_or(&mut self.bytes, |head| &mut head.bytes);
        *bytes = bytes.saturating_sub(record.len() as u64);
    }

    fn begin(&mut self, timeline: Timeline, revision: u64) {
        let bytes = self.next.map_or(self.bytes, |head| head.bytes);
        let head = match self.next {
            Some(head) if head.timeline == timeline => {
                Head { origin: head.origin, ..Head::begin(timeline, revision) }
            }
            // A history that is left takes its journal along: the next one begins here.
            Some(head) => head.branch(timeline, revision),
            None => Head::begin(timeline, revision),
        };
        self.next = Some(Head { bytes, ..head });
    }

    /// What was not recorded before a journal that begins behind `revision`.
    fn lapse(&self, timeline: Timeline, revision: u64) -> Option<Write> {
        let before = self.next.filter(|head| head.timeline == timeline);
        let last = before.map_or(0, |head| head.revision);
        (last < revision).then(|| lapse::entry(timeline, last, revision))
    }

    /// What goes into the commit of `revision` beside its changes; `root` is the last of these.
    pub fn seal(&mut self, books: &JournalBooks, at: At, root: (&[u8], &[u8])) -> Vec<Write> {
        let At { timeline, revision, .. } = at;
        let (mut mark, mut entries) = (Mark::None, Vec::new());
        for order in &books.orders {
            match order {
                Order::Begin => {
                    entries.extend(self.lapse(timeline, revision - 1));
                    self.begin(timeline, revision - 1);
                }
                Order::End => {
                    entries.extend(self.next.filter(|head| !head.is_ended()).map(left::entry));
                    self.next = self.next.map(Head::end);
                }
                Order::Mark(with) => mark = *with,
            }
        }
        if let Some(left) = self.next.filter(|head| head.timeline != timeline) {
            entries.push(left::entry(left));
            self.begin(timeline, revision - 1);
            self.next = self.next.map(|head| Head { cut: left.is_ended(), ..head });
        }
        (self.orders, self.shipped) = (books.orders.len(), 0);
        let Some(head) = &mut self.next else {
            self.record.clear();
            return entries;
        };
        let mut dropped = head.dropped;
        for &(upto, bytes) in &books.shipped {
            // Those before a journal that begins anew here stay until what was left is deleted.
            if upto > dropped {
                entries.extend((dropped + 1..=upto).map(|gone| (key(timeline, gone), None)));
                dropped = upto;
                head.bytes = head.bytes.saturating_sub(bytes);
            }
        }
        (head.dropped, self.shipped) = (dropped, books.shipped.len());
        if !head.cut && head.bytes >= books.limit {
            head.cut = true;
        }
        if !head.cut {
            self.record.put(root.0, Some(root.1));
            let first = head.origin.filter(|origin| origin.revision + 1 == revision);
            let record = self.record.finish_first(head.chain, at.time, mark, first);
            head.chain = head.chain.then(timeline, revision, &record);
            head.revision = revision;
            head.bytes += record.len() as u64;
            entries.push((key(timeline, revision), Some(record)));
        }
        self.record.clear();
        // What opens a store has the books say where a history begins, before that is written.
        if books.head != Some(*head) || head.begun + 1 == revision {
            entries.push((HEAD.to_vec(), Some(head.encode().to_vec())));
        }
        entries
    }

    /// The commit is durable.
    pub fn committed(&mut self, books: &mut JournalBooks) {
        (books.head, books.bytes) = (self.next, self.bytes);
        books.orders.drain(..std::mem::take(&mut self.orders));
        books.shipped.drain(..std::mem::take(&mut self.shipped));
    }

    /// It did not happen.
    pub fn abandoned(&mut self, books: &JournalBooks) {
        *self = Self { record: std::mem::take(&mut self.record), ..Self::new(books) };
        self.record.clear();
    }
}

/// Of which commit a record is.
#[derive(Clone, Copy)]
pub struct At {
    /// Its history.
    pub timeline: Timeline,
    /// Its revision.
    pub revision: u64,
    /// When it was.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests;
