//! What a target has of one store, by its names alone.

use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use crate::snapshot::target::Listed;

/// Snapshots and segments of one store, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those that may be good.
    pub snapshots: Vec<SnapshotName>,
    /// Those that may be good.
    pub segments: Vec<SegmentName>,
    /// What is still here of the journal: it leads on where the target's own do not.
    pub own: Vec<SegmentName>,
    /// Those that did not verify, with what was wrong. They count as absent, but that they were
    /// there tells how far the history went.
    pub lost: Vec<(Kept, String)>,
}

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The last commit.
    pub revision: u64,
    /// A time at which it was the last one, by the clock of then.
    pub time: Timestamp,
}

/// A history, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which.
    pub timeline: Timeline,
    /// Its first snapshot.
    pub first: Instant,
    /// The last that is known of it, whether it can be reached or not.
    pub last: Instant,
}

impl Listing {
    /// Those of the store of `folder`; whatever else is listed is not looked at.
    pub fn read(folder: &Folder, listed: &[Listed]) -> Self {
        let mut listing = Self::default();
        for kept in listed.iter().filter_map(|listed| folder.read(&listed.name)) {
            match kept {
                Kept::Snapshot(name) => listing.snapshots.push(name),
                Kept::Segment(name) => listing.segments.push(name),
            }
        }
        listing
    }

    /// From now on it counts as absent.
    pub fn lose(&mut self, kept: Kept, why: String) {
        match &kept {
            Kept::Snapshot(name) => self.snapshots.retain(|other| other != name),
            Kept::Segment(name) if self.segments.contains(name) => {
                self.segments.retain(|other| other != name);
            }
            Kept::Segment(name) => self.own.retain(|other| other != name),
        }
        self.lost.push((kept, why));
    }

    /// The histories that can be reached at all: those with a snapshot. In their order.
    pub fn spans(&self) -> Vec<Span> {
        let mut timelines: Vec<Timeline> = self.snapshots.iter().map(|s| s.timeline).collect();
        timelines.sort_unstable();
        timelines.dedup();
        timelines.into_iter().filter_map(|timeline| self.span(timeline)).collect()
    }

    /// One of them.
    pub fn span(&self, timeline: Timeline) -> Option<Span> {
        let own = |snapshot: &&SnapshotName| snapshot.timeline == timeline;
        let first = self.snapshots.iter().filter(own).min_by_key(|s| (s.revision, s.taken))?;
        let first = Instant::of(first);
        let mut last = first;
        for instant in self.known(timeline) {
            last.revision = last.revision.max(instant.revision);
            last.time = last.time.max(instant.time);
        }
        Some(Span { timeline, first, last })
    }

    /// Every instant of a history that a name tells of, lost or not.
    fn known(&self, timeline: Timeline) -> impl Iterator<Item = Instant> {
        let lost = self.lost.iter().map(|(kept, _)| match kept {
            Kept::Snapshot(name) => (name.timeline, Instant::of(name)),
            Kept::Segment(name) => (name.timeline, Instant::end(name)),
        });
        let snapshots = self.snapshots.iter().map(|name| (name.timeline, Instant::of(name)));
        let segments =
            self.segments.iter().chain(&self.own).map(|name| (name.timeline, Instant::end(name)));
        let all = snapshots.chain(segments).chain(lost);
        all.filter(move |(of, _)| *of == timeline).map(|(_, instant)| instant)
    }
}

impl Instant {
    /// That of a snapshot.
    pub fn of(snapshot: &SnapshotName) -> Self {
        Self { revision: snapshot.revision, time: snapshot.taken }
    }

    /// The end of a segment.
    pub fn end(segment: &SegmentName) -> Self {
        Self { revision: segment.last, time: segment.to }
    }
}
