//! Under which names snapshots and journal lie on a target.
//!
//! ```text
//! PATH_PREFIX/STORE_ID/FILE_PREFIX-NANOSECONDS.TIMELINE.REVISION.STATE.snap
//! PATH_PREFIX/STORE_ID/journal/TIMELINE[.ORIGIN.REVISION]/FIRST-LAST.SECONDS-SECONDS.CHAIN.seg
//! ```
//!
//! Revisions have 16 hexadecimal digits, so that names are in the order of the history. ORIGIN is
//! the timeline that this one left, at that revision, so that names alone tell a way through both.
//! The seconds are those of the first and of the last commit in the segment. Each store
//! has a folder of its own, so that several servers share a target. What orders is timeline and
//! revision; times (of the clock of then: when it was taken, when the last commit was) are for
//! people, and to find an instant by.
//!
//! STATE begins the SHA-256 of a snapshot's `state.bin`, CHAIN what the chain comes to with a
//! segment, 8 bytes of each. So whatever somebody else puts there, be it a server with a copy of
//! this store in the same second, has another name: nothing is replaced by other bytes.

use crate::barrier::journal::Origin;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::target::Name;

const SNAPSHOT: &str = ".snap";
const SEGMENT: &str = ".seg";
const JOURNAL: &str = "journal";

/// The folder of one store on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Without a `/` at its end.
    path: String,
    store_id: String,
}

/// What a name says of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// The first part of its name: Vault's `file_prefix`.
    pub prefix: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// The history that it is of.
    pub timeline: Timeline,
    /// The last commit in it.
    pub revision: u64,
    /// The first eight bytes of the SHA-256 of its entries (`state.bin`).
    pub state: u64,
}

/// What a name says of a segment of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentName {
    /// The history that it is of.
    pub timeline: Timeline,
    /// Where that left another one, as far as it is known.
    pub origin: Option<Origin>,
    /// The first commit in it.
    pub first: u64,
    /// The last commit in it.
    pub last: u64,
    /// When the first one was, in whole seconds.
    pub from: Timestamp,
    /// When the last one was, in whole seconds.
    pub to: Timestamp,
    /// The first eight bytes of what the chain comes to with it.
    pub chain: u64,
}

impl SegmentName {
    /// Itself, if there can be such a segment: some commits in a row, of a history with a greater
    /// number than the one that it left before them, so that a way back through histories ends.
    pub fn sound(self) -> Option<Self> {
        let Self { timeline, origin, first, last, .. } = self;
        let begins =
            |origin: Origin| origin.timeline.number < timeline.number && origin.revision < first;
        let commits = 1 <= first && first <= last && last < u64::MAX;
        (commits && origin.is_none_or(begins)).then_some(self)
    }

    /// Whether a commit of that time or of before may be in it. Where a clock was put right in its
    /// midst it ends before it begins, and may hold any.
    pub fn may_hold_until(&self, time: Timestamp) -> bool {
        self.to < self.from || self.from.as_secs() <= time.as_secs()
    }

    /// The earlier of both times.
    pub fn earlier_end(&self) -> Timestamp {
        self.from.min(self.to)
    }

    /// Whether it may hold commits of that time or a later one.
    pub fn may_hold_since(&self, time: Timestamp) -> bool {
        self.to < self.from || time.as_secs() <= self.to.as_secs()
    }

    /// Whether all commits of another one are in it.
    pub fn spans(&self, other: &Self) -> bool {
        self.timeline == other.timeline && self.first <= other.first && other.last <= self.last
    }
}

/// What lies in a store's folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// A snapshot.
    Snapshot(SnapshotName),
    /// A segment.
    Segment(SegmentName),
}

impl Folder {
    /// The folder of the store with this UUID below `path_prefix`; `None` where the two make no
    /// name.
    pub fn new(path_prefix: &str, store_id: &str) -> Option<Self> {
        let prefix = path_prefix.trim_matches('/');
        let path = if prefix.is_empty() { store_id.into() } else { format!("{prefix}/{store_id}") };
        Name::parse(path.clone())?;
        (!store_id.contains('/')).then(|| Self { path, store_id: store_id.into() })
    }

    /// Every store's folder that an object in a listing of everything below `path_prefix` lies in.
    pub fn of(path_prefix: &str, name: &Name) -> Option<Self> {
        let prefix = path_prefix.trim_matches('/');
        let below = name.as_str().strip_prefix(prefix)?.trim_start_matches('/');
        let (store_id, _) = below.split_once('/')?;
        let folder = Self::new(path_prefix, store_id)?;
        folder.read(name).is_some().then_some(folder)
    }

    /// The folder's own name, to be listed.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The store.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// The name of a snapshot; `None` where its prefix fits into none.
    pub fn snapshot(&self, of: &SnapshotName) -> Option<Name> {
        let SnapshotName { prefix, taken, timeline, revision, state } = of;
        let (path, nanos) = (&self.path, taken.as_nanos());
        let base = format!("{prefix}-{nanos}.{timeline}.{revision:016x}.{state:016x}{SNAPSHOT}");
        Name::parse(format!("{path}/{base}"))
    }

    /// The name of a segment; `None` only where the folder's own is almost too long.
    pub fn segment(&self, of: &SegmentName) -> Option<Name> {
        let SegmentName { timeline, origin, first, last, from, to, chain } = of;
        let (path, from, to) = (&self.path, from.as_secs(), to.as_secs());
        let origin =
            origin.map(|Origin { timeline, revision }| format!(".{timeline}.{revision:016x}"));
        let of = format!("{timeline}{}", origin.unwrap_or_default());
        let base = format!("{first:016x}-{last:016x}.{from}-{to}.{chain:016x}{SEGMENT}");
        Name::parse(format!("{path}/{JOURNAL}/{of}/{base}"))
    }

    /// What an object is by its name; `None` for what is none of this store's.
    pub fn read(&self, name: &Name) -> Option<Kept> {
        let below = name.as_str().strip_prefix(&self.path)?.strip_prefix('/')?;
        match below.split('/').collect::<Vec<_>>()[..] {
            [base] => read_snapshot(base).map(Kept::Snapshot),
            [JOURNAL, of, base] => read_segment(of, base).map(Kept::Segment),
            _ => None,
        }
        .filter(|kept| self.name(kept).as_ref() == Some(name))
    }

    /// The name of either.
    pub fn name(&self, kept: &Kept) -> Option<Name> {
        match kept {
            Kept::Snapshot(of) => self.snapshot(of),
            Kept::Segment(of) => self.segment(of),
        }
    }
}

fn read_snapshot(base: &str) -> Option<SnapshotName> {
    let (rest, state) = base.strip_suffix(SNAPSHOT)?.rsplit_once('.')?;
    let (rest, revision) = rest.rsplit_once('.')?;
    let (rest, timeline) = rest.rsplit_once('.')?;
    let (prefix, taken) = rest.rsplit_once('-')?;
    Some(SnapshotName {
        prefix: prefix.into(),
        taken: Timestamp::from_nanos(taken.parse().ok()?),
        timeline: timeline.parse().ok()?,
        // There is always a next one.
        revision: hex(revision).filter(|last| *last < u64::MAX)?,
        state: hex(state)?,
    })
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

fn read_segment(of: &str, base: &str) -> Option<SegmentName> {
    let (timeline, origin) = match of.split_once('.') {
        None => (of, None),
        Some((timeline, origin)) => {
            let (left, revision) = origin.split_once('.')?;
            (timeline, Some(Origin { timeline: left.parse().ok()?, revision: hex(revision)? }))
        }
    };
    let timeline: Timeline = timeline.parse().ok()?;
    let (span, times) = base.strip_suffix(SEGMENT)?.split_once('.')?;
    let (first, last) = span.split_once('-')?;
    let (first, last) = (hex(first)?, hex(last)?);
    let seconds = |text: &str| Some(Timestamp::from_secs(text.parse().ok()?));
    let (times, chain) = times.split_once('.')?;
    let (from, to) = times.split_once('-')?;
    let (from, to, chain) = (seconds(from)?, seconds(to)?, hex(chain)?);
    SegmentName { timeline, origin, first, last, from, to, chain }.sound()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: Timeline = Timeline { number: 12, id: 0x0011_2233_4455_6677 };

    #[test]
    fn a_name_tells_what_it_was_made_of() {
        let snapshot = SnapshotName {
            prefix: "vault-snapshot".into(),
            taken: Timestamp::from_nanos(1_764_404_823_000_000_001),
            timeline: TIMELINE,
            revision: 42,
            state: 0xabc,
        };
        let (from, to) = (Timestamp::from_secs(5), Timestamp::from_secs(1_764_404_823));
        let (timeline, last) = (TIMELINE, u64::MAX - 1);
        let chain = u64::MAX;
        let segment = SegmentName { timeline, origin: None, first: 7, last, from, to, chain };
        let origin = Some(Origin { timeline: Timeline { number: 11, id: 1 }, revision: 6 });
        let branch = SegmentName { origin, ..segment };
        for (prefix, path) in [("", "id"), ("/a/b/", "a/b/id"), ("a", "a/id")] {
            let folder = Folder::new(prefix, "id").unwrap();
            assert_eq!(folder.path(), path);
            let segments = [segment, branch].map(Kept::Segment);
            for kept in segments.into_iter().chain([Kept::Snapshot(snapshot.clone())]) {
                let name = folder.name(&kept).unwrap();
                assert_eq!(folder.read(&name), Some(kept), "{name}");
                assert_eq!(Folder::of(prefix, &name), Some(folder.clone()));
                assert_eq!(Folder::new(prefix, "other").unwrap().read(&name), None);
            }
        }
        let folder = Folder::new("", "id").unwrap();
        assert_eq!(
            folder.snapshot(&snapshot).unwrap().as_str(),
            "id/vault-snapshot-1764404823000000001.12-0011223344556677.000000000000002a.\
             0000000000000abc.snap"
        );
        assert_eq!(
            folder.segment(&SegmentName { last: 7, ..branch }).unwrap().as_str(),
            "id/journal/12-0011223344556677.11-0000000000000001.0000000000000006/\
             0000000000000007-0000000000000007.5-1764404823.ffffffffffffffff.seg"
        );
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        let folder = Folder::new("a", "id").unwrap();
        for other in [
            "a/id/readme.txt",
            "a/id/x-1.12-0011223344556677.2a.00000000000000aa.snap",
            "a/id/x-01.12-0011223344556677.000000000000002a.00000000000000aa.snap",
            "a/id/deep/x-1.12-0011223344556677.000000000000002a.00000000000000aa.snap",
            "a/id2/x-1.12-0011223344556677.000000000000002a.00000000000000aa.snap",
            "a/id/journal/12-11223344556677/0000000000000001-0000000000000002.5-5.00000000000000aa.seg",
            "a/id/journal/12-0011223344556677/0000000000000001-0000000000000002.5.00000000000000aa.seg",
            "a/id/x-1.12-0011223344556677.000000000000002a.snap",
            "a/id/x-1.12-0011223344556677.000000000000002a.aa.snap",
            "a/id/journal/12-0011223344556677/0000000000000001-0000000000000002.5-5.seg",
            "a/id/journal/12-0011223344556677/0000000000000001-0000000000000002.5-5.aa.seg",
            "a/id/x-1.12-0011223344556677.ffffffffffffffff.00000000000000aa.snap",
            "a/id/journal/12-0011223344556677/0000000000000000-0000000000000002.5-5.00000000000000aa.seg",
            "a/id/journal/12-0011223344556677/0000000000000003-0000000000000002.5-5.00000000000000aa.seg",
            "a/id/journal/12-0011223344556677/0000000000000001-ffffffffffffffff.5-5.00000000000000aa.seg",
            "a/id/journal/12-0011223344556677.12-0000000000000001.0000000000000000/\
             0000000000000001-0000000000000002.5-5.00000000000000aa.seg",
            "a/id/journal/12-0011223344556677.11-0000000000000001.0000000000000001/\
             0000000000000001-0000000000000002.5-5.00000000000000aa.seg",
        ] {
            assert_eq!(folder.read(&Name::parse(other).unwrap()), None, "{other}");
        }
        assert_eq!(Folder::new("a b", "id"), None);
    }
}
