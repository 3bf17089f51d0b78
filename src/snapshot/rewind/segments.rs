//! The segments that a restore has fetched, in one spool, and the walk over what is in them.

use std::io::{BufReader, BufWriter, Read, Write};

use super::file::{self, Unsound};
use super::listing::Leg;
use crate::barrier::journal::{Chain, Head, Origin};
use crate::barrier::root::Timeline;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::segment::{Entry, Header, Next, SegmentReader};
use crate::snapshot::layout::SegmentName;
use crate::snapshot::lent::Vouch;
use crate::snapshot::save::Tee;
use crate::snapshot::spool::{Spool, SpoolReader};

/// Whole segments; whether they fit together is found out by a [walk](Self::walk).
pub struct Segments {
    spool: Spool,
    parts: Vec<Part>,
}

struct Part {
    name: SegmentName,
    at: u64,
    length: u64,
    /// Whether it was made here, or by the keys of the store.
    proved: bool,
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Of which history.
    pub timeline: Timeline,
    /// The commit that a snapshot ends with.
    pub revision: u64,
    /// What the chain comes to there.
    pub chain: Chain,
}

/// Whether a walk goes on.
pub enum Walk {
    /// To the next entry.
    On,
    /// It ends here.
    Stop,
}

/// Why a walk ended early.
#[derive(Debug)]
pub enum Broken {
    /// This segment does not go on from where the way leads.
    Link(SegmentName),
    /// This history does not come of the one before, or the commit with which it begins is not kept
    /// alone.
    Apart(Timeline),
    /// Something failed.
    Failed(SnapshotError),
}

impl<E: Into<SnapshotError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Broken {
    /// Where the way was found before.
    pub fn into_error(self) -> SnapshotError {
        match self {
            Self::Link(_) | Self::Apart(_) => {
                SnapshotError::Broken("its journal does not fit together".into())
            }
            Self::Failed(error) => error,
        }
    }
}

impl Start {
    /// Where a journal stands.
    pub fn of(head: &Head) -> Self {
        Self { timeline: head.timeline, revision: head.revision, chain: head.chain }
    }

    /// Whether a journal began there, so that nothing tells what was before.
    pub fn is_begun(&self) -> bool {
        self.chain == Chain::begin(self.timeline, self.revision)
    }

    /// The same place in the history of a segment, which left this one here.
    fn branch(self, to: &SegmentName) -> Result<Self, Broken> {
        let Self { timeline, revision, chain } = self;
        if to.origin != Some(Origin { timeline, revision }) {
            return Err(Broken::Apart(to.timeline));
        }
        Ok(Self { timeline: to.timeline, revision, chain: chain.branch(to.timeline, revision) })
    }
}

impl Segments {
    /// None yet.
    pub fn new(spool: Spool) -> Self {
        Self { spool, parts: Vec::new() }
    }

    /// Whether it is there.
    pub fn has(&self, name: &SegmentName) -> bool {
        self.parts.iter().any(|part| part.name == *name)
    }

    /// Receives a segment. It is there only if all that it holds is sound and what its name says,
    /// and, where there are keys, was made by them.
    pub fn receive(
        &mut self,
        name: &SegmentName,
        store_id: &str,
        keys: Option<&dyn Vouch>,
        stream: impl Read,
    ) -> Result<(), Unsound> {
        let at = self.spool.length();
        let noted = Tee { from: stream, to: &mut self.spool };
        let noted = BufReader::with_capacity(64 << 10, noted);
        file::read(noted, name, store_id, keys, |_| {})?;
        let (length, proved) = (self.spool.length() - at, keys.is_some());
        self.parts.push(Part { name: *name, at, length, proved });
        Ok(())
    }

    /// Forgets those that no keys have proved: there are keys now.
    pub fn forget_unproved(&mut self) {
        self.parts.retain(|part| part.proved);
    }

    /// Adds one that `make` writes.
    pub fn make(
        &mut self,
        name: &SegmentName,
        make: impl FnOnce(&mut dyn Write) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let at = self.spool.length();
        let mut to = BufWriter::with_capacity(64 << 10, &mut self.spool);
        make(&mut to)?;
        to.flush()?;
        drop(to);
        let length = self.spool.length() - at;
        self.parts.push(Part { name: *name, at, length, proved: true });
        Ok(())
    }

    /// Shows `visit` every entry of one of them.
    pub fn each(
        &self,
        name: &SegmentName,
        visit: impl FnMut(Timeline, &Entry) -> Result<Walk, SnapshotError>,
    ) -> Result<(), Broken> {
        self.walk(self.start(name)?, &[Leg::whole(*name)], visit)
    }

    /// What one of them says of itself.
    pub fn header(&self, name: &SegmentName) -> Result<Header, SnapshotError> {
        let missing = || SnapshotError::Broken("a segment was not fetched".into());
        let reader = SegmentReader::new(self.reader(name).ok_or_else(missing)?)?;
        Ok(reader.header().clone())
    }

    /// Where it begins.
    pub fn start(&self, name: &SegmentName) -> Result<Start, SnapshotError> {
        let Header { timeline, first, before, .. } = self.header(name)?;
        Ok(Start { timeline, revision: first - 1, chain: before })
    }

    /// Shows `visit` every entry that leads on from `start`, along `legs`, with its history.
    pub fn walk(
        &self,
        start: Start,
        legs: &[Leg],
        mut visit: impl FnMut(Timeline, &Entry) -> Result<Walk, SnapshotError>,
    ) -> Result<(), Broken> {
        let mut at = start;
        for Leg { segment: name, upto } in legs {
            let link = || Broken::Link(*name);
            let mut reader = SegmentReader::new(self.reader(name).ok_or_else(link)?)?;
            let branches = name.timeline != at.timeline;
            if branches {
                at = at.branch(name)?;
            }
            let (revision, chain) = (name.first - 1, reader.header().before);
            let mut passed = Start { revision, chain, ..at };
            loop {
                // Where a compaction has folded the commit that the way comes from, only the keys
                // can tell that it fits.
                if passed.revision == at.revision && passed.chain != at.chain {
                    return Err(if branches { Broken::Apart(name.timeline) } else { link() });
                }
                let Next::Entry(entry) = reader.read()? else { break };
                if entry.revision > *upto {
                    break;
                }
                passed = Start { revision: entry.revision, chain: entry.after, ..at };
                if entry.revision > at.revision {
                    if let Walk::Stop = visit(at.timeline, &entry)? {
                        return Ok(());
                    }
                    at = passed;
                }
            }
        }
        Ok(())
    }

    fn reader(&self, name: &SegmentName) -> Option<BufReader<SpoolReader<'_>>> {
        let part = self.parts.iter().find(|part| part.name == *name)?;
        let reader = self.spool.part(part.at, part.length);
        Some(BufReader::with_capacity(64 << 10, reader))
    }
}
