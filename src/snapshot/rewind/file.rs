//! One file of a target, got and judged: the only place where that is done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read};

use super::segments::Segments;
use super::{Lost, RewindError, Source};
use crate::barrier::SYSTEM;
use crate::barrier::journal::Chain;
use crate::barrier::root::Timeline;
use crate::barrier::stamps::Stamps;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::contents::Entries;
use crate::snapshot::format::{self, meta::Meta};
use crate::snapshot::journal::segment::{End, Entry, Header, Next, SegmentReader};
use crate::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use crate::snapshot::lent::Vouch;
use crate::snapshot::restore::{Received, receive_if};
use crate::snapshot::spool::{Spool, Spools};
use crate::snapshot::target::{Name, TargetError};

/// What a file that does not count tells all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is not what its name says: nothing tells that there ever was such a file.
    Foreign,
    /// It is whole, and another server's: of this history it tells nothing.
    Other,
    /// It begins as what its name says, and is damaged: the history went so far.
    Damaged,
    /// It cannot be read, so that nobody knows.
    Unread,
    /// It was listed, and is not there.
    Gone,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What that leaves of it.
    pub loss: Loss,
    /// In words.
    pub why: Box<str>,
}

impl Flaw {
    /// As it is told of a file in `folder`.
    pub fn of(&self, kept: &Kept, folder: &Folder) -> Lost {
        let name = folder.name(kept).map(|name| name.to_string());
        Lost { name: name.unwrap_or_default(), why: self.why.to_string() }
    }
}

/// Why a file is of no use.
#[derive(Debug)]
pub enum Unfit {
    /// It does not verify.
    Lost(Kept, Flaw),
    /// A segment is of the history up to that commit; behind it another server went on.
    Partly(SegmentName, u64),
    /// This history does not go on from where its name says.
    Apart(Timeline),
    /// The target or the disk fails.
    Failed(RewindError),
}

impl<E: Into<RewindError>> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(_, flaw) => f.write_str(&flaw.why),
            Self::Partly(_, upto) => write!(f, "behind the commit {upto} it is another server's"),
            Self::Apart(timeline) => write!(f, "{timeline} does not go on from there"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unfit {}

impl Unfit {
    /// One that is whole, and is of another server that had a copy of the store.
    pub fn of_other(kept: Kept) -> Self {
        let why = "another server wrote it, on a copy of the store, or this one before its disk \
                   was put back";
        Self::Lost(kept, Flaw { loss: Loss::Other, why: why.into() })
    }

    /// One of which nothing is there but its name.
    pub fn is_of_nothing(&self) -> bool {
        matches!(self, Self::Lost(_, Flaw { loss: Loss::Foreign | Loss::Gone, .. }))
    }

    /// One of the server that asks, where what another one did is meant, or has led to it since.
    pub fn of_this(kept: Kept) -> Self {
        let why = "this server wrote it, on another way than the one that is asked for";
        Self::Lost(kept, Flaw { loss: Loss::Other, why: why.into() })
    }

    /// A segment that is whole, and does not go on from where the way leads.
    pub fn astray(name: SegmentName, why: &str) -> Self {
        Self::Lost(Kept::Segment(name), Flaw { loss: Loss::Damaged, why: why.into() })
    }
}

/// Why a file was not read to its end, and whether it began as what its name says.
#[derive(Debug)]
pub struct Unsound {
    named: bool,
    error: SnapshotError,
}

impl Unsound {
    /// The error alone.
    pub fn into_error(self) -> SnapshotError {
        self.error
    }

    /// Whether the file is at fault, or what is around it.
    fn judge(self, kept: Kept) -> Unfit {
        let loss = match self.error {
            error @ (SnapshotError::Full
            | SnapshotError::Busy
            | SnapshotError::Interrupted
            | SnapshotError::Sealed
            | SnapshotError::Gone
            | SnapshotError::Newer(_)
            | SnapshotError::Storage(_)) => return error.into(),
            // A bad sector of a stick among them: if the target is gone, the next file tells.
            SnapshotError::Io(_) => Loss::Unread,
            SnapshotError::Forged(_) => Loss::Foreign,
            SnapshotError::Broken(_) if !self.named => Loss::Foreign,
            _ => Loss::Damaged,
        };
        Unfit::Lost(kept, Flaw { loss, why: self.error.why().into() })
    }
}

const MISNAMED: &str = "it is not what its name says";

/// Gets the files of a store from a target, and counts what it gets.
pub struct Getter<'a> {
    /// From where.
    pub source: Source<'a>,
    /// So many bytes were got.
    pub got: Cell<u64>,
    /// What the chain comes to in segments that were read and not kept.
    chains: RefCell<BTreeMap<(SegmentName, u64), Option<Chain>>>,
    /// Segments that were read from their first byte to their last, and are whole.
    whole: RefCell<BTreeSet<SegmentName>>,
}

impl<'a> Getter<'a> {
    /// Nothing was got yet.
    pub fn new(source: Source<'a>) -> Self {
        Self { source, got: Cell::new(0), chains: RefCell::default(), whole: RefCell::default() }
    }

    /// What was seen without keys is to be seen with them.
    pub fn forget_unproved(&self) {
        self.chains.borrow_mut().clear();
        self.whole.borrow_mut().clear();
    }

    /// Gets a segment into `to`, unless it is there. It is there only if all of it is sound and
    /// what its name says, and, where there are keys, was made by them.
    pub fn segment(
        &self,
        name: &SegmentName,
        keys: Option<&impl Vouch>,
        to: &mut Segments,
    ) -> Result<(), Unfit> {
        if to.has(name) {
            return Ok(());
        }
        let kept = Kept::Segment(*name);
        let file = self.open(&kept)?;
        let received = to.receive(name, self.source.folder.store_id(), keys.map(any), file);
        received.map_err(|unsound| unsound.judge(kept))
    }

    /// The same, of one that is not needed here.
    pub fn check(&self, name: &SegmentName, keys: Option<&impl Vouch>) -> Result<(), Unfit> {
        if !self.whole.borrow().contains(name) {
            self.read(name, keys, |_| {})?;
        }
        Ok(())
    }

    /// The same, and shows `visit` every entry.
    pub fn read(
        &self,
        name: &SegmentName,
        keys: Option<&impl Vouch>,
        visit: impl FnMut(&Entry),
    ) -> Result<(Header, End), Unfit> {
        let kept = Kept::Segment(*name);
        let file = BufReader::with_capacity(64 << 10, self.open(&kept)?);
        let read = read(file, name, self.source.folder.store_id(), keys.map(any), visit);
        let read = read.map_err(|unsound| unsound.judge(kept))?;
        self.whole.borrow_mut().insert(*name);
        Ok(read)
    }

    /// What a segment says of itself: no more of it is got than that.
    pub fn header(&self, name: &SegmentName) -> Result<Header, Unfit> {
        let kept = Kept::Segment(*name);
        let file = BufReader::new(self.open(&kept)?);
        let reader = begin(file, name, self.source.folder.store_id());
        let reader = reader.map_err(|unsound| unsound.judge(kept))?;
        Ok(reader.header().clone())
    }

    /// What the chain comes to behind a commit in a segment; `None` if that is not kept alone.
    /// Before the first commit its header tells, else all of it is read.
    pub fn chain_at(
        &self,
        name: &SegmentName,
        at: u64,
        keys: Option<&impl Vouch>,
    ) -> Result<Option<Chain>, Unfit> {
        if let Some(told) = self.chains.borrow().get(&(*name, at)) {
            return Ok(*told);
        }
        let mut there = None;
        if at + 1 == name.first {
            there = Some(self.header(name)?.before);
        } else {
            self.read(name, keys, |entry| {
                if entry.revision == at {
                    there = Some(entry.after);
                }
            })?;
        }
        self.chains.borrow_mut().insert((*name, at), there);
        Ok(there)
    }

    /// Gets a snapshot and checks all that needs no keys; then `prove` has the keys.
    pub fn snapshot<T>(
        &self,
        name: &SnapshotName,
        spools: &Spools,
        prove: impl FnOnce(&Received) -> Result<T, SnapshotError>,
    ) -> Result<(Received, T), Unfit> {
        let kept = Kept::Snapshot(name.clone());
        let file = self.open(&kept)?;
        let mut named = false;
        let received = self.receive(file, name, spools.open()?, &mut named);
        let proved = received.and_then(|received| {
            let proof = prove(&received)?;
            Ok((received, proof))
        });
        proved.map_err(|error| Unsound { named, error }.judge(kept))
    }

    fn receive(
        &self,
        file: impl Read,
        name: &SnapshotName,
        spool: Spool,
        named: &mut bool,
    ) -> Result<Received, SnapshotError> {
        let misnamed = || SnapshotError::Broken(MISNAMED.into());
        let received = receive_if(file, spool, |meta| {
            *named = self.is_said(name, meta);
            named.then_some(()).ok_or_else(misnamed)
        })?;
        // What is in it is known at its end.
        *named = received.state() == name.state;
        named.then_some(received).ok_or_else(misnamed)
    }

    /// Whether a snapshot begins as what its name says: its first few bytes are got alone, and no
    /// keys are asked.
    pub fn begins(&self, name: &SnapshotName) -> Result<(), Unfit> {
        let kept = Kept::Snapshot(name.clone());
        let file = self.open(&kept)?;
        let mut named = false;
        let read = format::read(file, |meta, _| -> Result<(), _> {
            named = self.is_said(name, meta);
            Err(SnapshotError::Broken(MISNAMED.into()))
        });
        match read {
            Err(error) if !named => Err(Unsound { named, error }.judge(kept)),
            _ => Ok(()),
        }
    }

    /// Which snapshots were taken of the store by then, as a snapshot tells: its beginning is got.
    pub fn stamps(&self, name: &SnapshotName) -> Result<Stamps, Unfit> {
        let kept = Kept::Snapshot(name.clone());
        let file = self.open(&kept)?;
        let (mut named, mut told) = (false, None);
        let read = format::read(file, |meta, state| -> Result<(), _> {
            named = self.is_said(name, meta);
            if named {
                let mut entries = Entries::new(state)?;
                while let Some(entry) = entries.next()
                    && entry?.0.first() == Some(&SYSTEM)
                {}
                told = Some(entries.records().stamps().clone());
            }
            Err(SnapshotError::Broken(MISNAMED.into()))
        });
        let misnamed = || SnapshotError::Broken(MISNAMED.into());
        let unfit = || Unsound { named, error: read.err().unwrap_or_else(misnamed) }.judge(kept);
        told.ok_or_else(unfit)
    }

    /// Whether a snapshot that is not needed here is what its name says, as far as no keys are
    /// needed for that.
    pub fn whole(&self, name: &SnapshotName) -> Result<(), Unfit> {
        let kept = Kept::Snapshot(name.clone());
        let file = self.open(&kept)?;
        let mut named = false;
        let read = format::read(file, |meta, state| {
            named = self.is_said(name, meta);
            Entries::new(state)?.finish(meta)
        });
        let misnamed = || SnapshotError::Broken(MISNAMED.into());
        let read = read.and_then(|(frame, _)| {
            named &= frame.state == name.state;
            named.then_some(()).ok_or_else(misnamed)
        });
        read.map_err(|error| Unsound { named, error }.judge(kept))
    }

    /// Whether a snapshot says of itself what its name says.
    fn is_said(&self, name: &SnapshotName, Meta { about, .. }: &Meta) -> bool {
        let timeline = name.timeline.to_string();
        let said = (self.source.folder.store_id(), &*timeline, name.revision);
        said == (&*about.store_id, &*about.timeline, about.revision)
            && Timestamp::parse_rfc3339(&about.time) == Some(name.taken)
    }

    fn open(&self, kept: &Kept) -> Result<Coming<'_>, Unfit> {
        let name = self.name(kept)?;
        match self.source.target.get(&name) {
            Ok(from) => {
                let (source, got) = (self.source, &self.got);
                Ok(Coming { source, name, from, at: 0, is_again: false, got })
            }
            Err(error @ TargetError::Away(_)) => Err(error.into()),
            Err(other) => {
                let gone = matches!(other, TargetError::Absent(_));
                let loss = if gone { Loss::Gone } else { Loss::Unread };
                Err(Unfit::Lost(kept.clone(), Flaw { loss, why: other.to_string().into() }))
            }
        }
    }

    /// How a file is called there.
    pub fn name(&self, kept: &Kept) -> Result<Name, RewindError> {
        let none = || SnapshotError::Broken("its name is too long".into());
        Ok(self.source.folder.name(kept).ok_or_else(none)?)
    }
}

/// Reads a segment from its first byte to its last, and shows `visit` every entry: it is whole,
/// what its name says, and, where there are keys, was made by them.
pub fn read(
    from: impl Read,
    name: &SegmentName,
    store_id: &str,
    keys: Option<&dyn Vouch>,
    mut visit: impl FnMut(&Entry),
) -> Result<(Header, End), Unsound> {
    let mut reader = begin(from, name, store_id)?;
    let end = loop {
        match reader.read().map_err(|error| Unsound { named: true, error })? {
            Next::Entry(entry) => visit(&entry),
            Next::End(end) => break end,
        }
    };
    if end.chain.short() != name.chain {
        return Err(foreign(SnapshotError::Broken(MISNAMED.into())));
    }
    let vouched = keys.map_or(Ok(true), |keys| keys.vouches_for(&end));
    if !vouched.map_err(|error| Unsound { named: true, error })? {
        return Err(foreign(SnapshotError::Forged("the keys do not vouch for it".into())));
    }
    Ok((reader.header().clone(), end))
}

fn any(keys: &impl Vouch) -> &dyn Vouch {
    keys
}

/// A segment that begins as what its name says. What the chain comes to is known at its end.
fn begin<R: Read>(
    from: R,
    name: &SegmentName,
    store_id: &str,
) -> Result<SegmentReader<R>, Unsound> {
    let reader = SegmentReader::new(from).map_err(foreign)?;
    let header = reader.header();
    let said = SegmentName { chain: name.chain, ..header.name(header.before) };
    if said != *name || header.store_id != store_id {
        return Err(foreign(SnapshotError::Broken(MISNAMED.into())));
    }
    Ok(reader)
}

fn foreign(error: SnapshotError) -> Unsound {
    Unsound { named: false, error }
}

/// A file on its way. Where its reading breaks off it is got once more, and goes on from there: a
/// connection that ends says nothing of the file.
struct Coming<'a> {
    source: Source<'a>,
    name: Name,
    from: Box<dyn Read + Send>,
    /// So many bytes of it came.
    at: u64,
    is_again: bool,
    /// Counts all that is got.
    got: &'a Cell<u64>,
}

impl Coming<'_> {
    fn get_again(&mut self) -> io::Result<()> {
        self.is_again = true;
        let from = self.source.target.get(&self.name).map_err(io::Error::other)?;
        let mut passed = from.take(self.at);
        self.got.set(self.got.get() + io::copy(&mut passed, &mut io::sink())?);
        self.from = passed.into_inner();
        Ok(())
    }
}

impl Read for Coming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.from.read(buffer) {
            Err(error) if !self.is_again && error.kind() != ErrorKind::Interrupted => {
                // Of two troubles the first one tells more.
                self.get_again().map_err(|_| error)?;
                self.from.read(buffer)?
            }
            read => read?,
        };
        self.at += read as u64;
        self.got.set(self.got.get() + read as u64);
        Ok(read)
    }
}
