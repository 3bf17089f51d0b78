//! Under which names snapshots and journal lie on a target.
//!
//! ```text
//! PATH_PREFIX/STORE_ID/FILE_PREFIX-NANOSECONDS.TIMELINE.REVISION.snap
//! PATH_PREFIX/STORE_ID/journal/TIMELINE/FIRST-LAST.SECONDS.seg
//! ```
//!
//! Revisions have 16 hexadecimal digits, so that names are in the order of the history. Each store
//! has a folder of its own, so that several servers share a target. What orders is timeline and
//! revision; times (of the clock of then: when it was taken, when the last commit was) are for
//! people, and to find an instant by.

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName {
    /// The first part of its name: Vault's `file_prefix`.
    pub prefix: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// The history that it is of.
    pub timeline: Timeline,
    /// The last commit in it.
    pub revision: u64,
}

/// What a name says of a segment of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentName {
    /// The history that it is of.
    pub timeline: Timeline,
    /// The first commit in it.
    pub first: u64,
    /// The last commit in it.
    pub last: u64,
    /// When that was, in whole seconds.
    pub to: Timestamp,
}

/// What lies in a store's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let SnapshotName { prefix, taken, timeline, revision } = of;
        let nanos = taken.as_nanos();
        let path = &self.path;
        Name::parse(format!("{path}/{prefix}-{nanos}.{timeline}.{revision:016x}{SNAPSHOT}"))
    }

    /// The name of a segment; `None` only where the folder's own is almost too long.
    pub fn segment(&self, of: &SegmentName) -> Option<Name> {
        let SegmentName { timeline, first, last, to } = of;
        let (path, to) = (&self.path, to.as_secs());
        Name::parse(format!("{path}/{JOURNAL}/{timeline}/{first:016x}-{last:016x}.{to}{SEGMENT}"))
    }

    /// What an object is by its name; `None` for what is none of this store's.
    pub fn read(&self, name: &Name) -> Option<Kept> {
        let below = name.as_str().strip_prefix(&self.path)?.strip_prefix('/')?;
        match below.split('/').collect::<Vec<_>>()[..] {
            [base] => read_snapshot(base).map(Kept::Snapshot),
            [JOURNAL, timeline, base] => read_segment(timeline, base).map(Kept::Segment),
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
    let (rest, revision) = base.strip_suffix(SNAPSHOT)?.rsplit_once('.')?;
    let (rest, timeline) = rest.rsplit_once('.')?;
    let (prefix, taken) = rest.rsplit_once('-')?;
    Some(SnapshotName {
        prefix: prefix.into(),
        taken: Timestamp::from_nanos(taken.parse().ok()?),
        timeline: timeline.parse().ok()?,
        revision: u64::from_str_radix(revision, 16).ok()?,
    })
}

fn read_segment(timeline: &str, base: &str) -> Option<SegmentName> {
    let (span, to) = base.strip_suffix(SEGMENT)?.split_once('.')?;
    let (first, last) = span.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let to = Timestamp::from_secs(to.parse().ok()?);
    let (first, last) = (hex(first)?, hex(last)?);
    Some(SegmentName { timeline: timeline.parse().ok()?, first, last, to })
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
        };
        let to = Timestamp::from_secs(1_764_404_823);
        let segment = SegmentName { timeline: TIMELINE, first: 1, last: u64::MAX, to };
        for (prefix, path) in [("", "id"), ("/a/b/", "a/b/id"), ("a", "a/id")] {
            let folder = Folder::new(prefix, "id").unwrap();
            assert_eq!(folder.path(), path);
            for kept in [Kept::Snapshot(snapshot.clone()), Kept::Segment(segment)] {
                let name = folder.name(&kept).unwrap();
                assert_eq!(folder.read(&name), Some(kept), "{name}");
                assert_eq!(Folder::of(prefix, &name), Some(folder.clone()));
                assert_eq!(Folder::new(prefix, "other").unwrap().read(&name), None);
            }
        }
        let folder = Folder::new("", "id").unwrap();
        assert_eq!(
            folder.snapshot(&snapshot).unwrap().as_str(),
            "id/vault-snapshot-1764404823000000001.12-0011223344556677.000000000000002a.snap"
        );
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        let folder = Folder::new("a", "id").unwrap();
        for other in [
            "a/id/readme.txt",
            "a/id/x-1.12-0011223344556677.2a.snap",
            "a/id/x-01.12-0011223344556677.000000000000002a.snap",
            "a/id/deep/x-1.12-0011223344556677.000000000000002a.snap",
            "a/id2/x-1.12-0011223344556677.000000000000002a.snap",
            "a/id/journal/12-11223344556677/0000000000000001-0000000000000002.5.seg",
        ] {
            assert_eq!(folder.read(&Name::parse(other).unwrap()), None, "{other}");
        }
        assert_eq!(Folder::new("a b", "id"), None);
    }
}
