//! What a target has of one store, by its names alone.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::file::{Flaw, Getter, Loss, Unfit};
use super::plan::next;
use super::{Lost, RewindError, Source};
use crate::barrier::journal::Origin;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use crate::snapshot::target::Listed;

/// So often a target is listed anew on one way: on one that changes faster than it can be read
/// there is none.
const LOOKS: u32 = 8;
/// More histories than a store comes to have: whoever can write there can make up names.
const MANY: usize = 256;
/// So many files that do not verify are told of by name.
const TOLD: usize = 20;

/// Snapshots and segments of one store, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those that may be good.
    pub snapshots: Vec<SnapshotName>,
    /// Those that may be good.
    pub segments: Vec<SegmentName>,
    /// What is still here of the journal: it leads on where the target's own do not.
    pub own: Vec<SegmentName>,
    /// Those that did not verify, with what was wrong. They count as absent; but that one was there
    /// which is damaged tells how far the history went.
    pub lost: BTreeMap<Kept, Flaw>,
    /// Those that were looked at and verify.
    pub sound: Vec<Kept>,
    /// Those that begin as what their names say, of which no more was looked at.
    pub begin: BTreeSet<Kept>,
    /// The history of the server that asks, if it has this store.
    pub present: Option<Timeline>,
    /// What time it is to that one.
    pub now: Option<Timestamp>,
    /// Where it has left histories by a restore, and those had left others before.
    pub heads: Vec<(Stretch, Option<Origin>)>,
    /// Segments of which only what is up to a commit is of their history.
    pub partly: BTreeMap<SegmentName, u64>,
    /// Those that do not go on from where their names say.
    pub apart: Vec<Timeline>,
    /// When some began indeed: names tell it in whole seconds.
    pub begun: BTreeMap<Timeline, Timestamp>,
    /// How often the target was listed anew.
    pub looks: u32,
    /// How often anything was learnt of it since it was first listed.
    pub learnt: u64,
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
    /// The first of its instants that can be reached; where none can, the first that is known.
    pub first: Instant,
    /// Whether any can: by a snapshot of it, or from the history that it left.
    pub reached: bool,
    /// The last that is known of it, whether it can be reached or not.
    pub last: Instant,
    /// The earliest time that is known of it.
    pub begun: Timestamp,
    /// When the first commit was that is known of it: later, where its clock was ahead then.
    pub entered: Timestamp,
    /// Whether that is when it began.
    pub exact: bool,
}

/// A part of a way: a history up to the commit at which the next one left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The history.
    pub timeline: Timeline,
    /// The last commit of the way in it.
    pub upto: u64,
}

impl Stretch {
    /// Whether a commit is in it.
    pub fn holds(&self, timeline: Timeline, revision: u64) -> bool {
        self.timeline == timeline && revision <= self.upto
    }
}

/// A segment on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The segment.
    pub segment: SegmentName,
    /// The last commit of the way in it: the next one goes on in another history.
    pub upto: u64,
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

    /// The way to the end of a history. Where that left another one the server that wrote it knows
    /// before any name tells.
    pub fn way_to(&self, end: Stretch, left: Option<Origin>) -> Vec<Stretch> {
        let mut way = self.lineage(end.timeline);
        way[0].upto = end.upto;
        if let Some(left) = left.filter(|_| way.len() == 1) {
            let before = self.lineage(left.timeline).into_iter();
            way.extend(before.map(|of| Stretch { upto: of.upto.min(left.revision), ..of }));
        }
        way
    }

    /// What the server that asks has left by restores, with what that comes of.
    pub fn left(&self) -> Vec<Stretch> {
        self.heads.iter().flat_map(|(end, origin)| self.way_to(*end, *origin)).collect()
    }

    /// From now on it counts as absent.
    pub fn lose(&mut self, kept: Kept, flaw: Flaw) {
        self.begun.remove(&kept.timeline());
        self.remove(&kept);
        self.lost.insert(kept, flaw);
    }

    /// It was never there.
    pub fn remove(&mut self, kept: &Kept) {
        match kept {
            Kept::Snapshot(name) => self.snapshots.retain(|other| other != name),
            Kept::Segment(name) if self.segments.contains(name) => {
                self.segments.retain(|other| other != name);
            }
            Kept::Segment(name) => self.own.retain(|other| other != name),
        }
    }

    /// The same of many that the target has.
    pub fn lose_all(&mut self, lost: impl IntoIterator<Item = (Kept, Flaw)>) {
        let known = self.lost.len();
        self.lost.extend(lost);
        self.learnt += u64::from(self.lost.len() > known);
        let lost = &self.lost;
        self.snapshots.retain(|name| !lost.contains_key(&Kept::Snapshot(name.clone())));
        self.segments.retain(|name| !lost.contains_key(&Kept::Segment(*name)));
    }

    /// What is inside of the files tells more than their names.
    pub fn learn(&mut self, unfit: Unfit) -> Result<(), RewindError> {
        match unfit {
            Unfit::Lost(kept, flaw) => self.lose(kept, flaw),
            Unfit::Partly(name, upto) if upto < self.last_of(&name) => {
                self.partly.insert(name, upto);
            }
            // It counted up to there already, which did not help.
            Unfit::Partly(name, _) => return self.learn(Unfit::of_other(Kept::Segment(name))),
            Unfit::Apart(timeline) => self.apart.push(timeline),
            Unfit::Failed(error) => return Err(error),
        }
        self.learnt += 1;
        Ok(())
    }

    /// The same of what was got from `source`. A file that is gone since the target was listed may
    /// have another in its place, as a compaction leaves it: so the target is listed once more.
    pub fn learn_of(&mut self, unfit: Unfit, source: Source<'_>) -> Result<(), RewindError> {
        if let Unfit::Lost(kept, Flaw { loss: Loss::Gone, .. }) = &unfit
            && self.looks < LOOKS
        {
            self.look_again(source)?;
            if !self.has(kept) {
                self.lost.remove(kept);
                return Ok(());
            }
        }
        let made_up = matches!(&unfit, Unfit::Lost(_, flaw) if flaw.loss == Loss::Foreign);
        self.learn(unfit)?;
        if made_up { self.look_further(source) } else { Ok(()) }
    }

    /// Where one name was made up there may be thousands: as many more are looked at as were found
    /// out by now, those first that claim most. So each is read once, and the way is planned anew
    /// a few times only.
    fn look_further(&mut self, source: Source<'_>) -> Result<(), RewindError> {
        let most = self.lost.len();
        let mut names = self.names();
        names.sort_unstable_by_key(|kept| Reverse((kept.timeline().number, kept.end().revision)));
        names.truncate(most);
        self.look_into(names, source)
    }

    /// Before anything is planned by the names of more histories than there can be: each is to have
    /// a file that begins as what its name says.
    pub fn must_be_few(&mut self, source: Source<'_>) -> Result<(), RewindError> {
        loop {
            let known: BTreeSet<Timeline> = self.begin.iter().map(Kept::timeline).collect();
            let mut doubted: BTreeMap<Timeline, Kept> = BTreeMap::new();
            for kept in self.names() {
                if !known.contains(&kept.timeline()) {
                    doubted.insert(kept.timeline(), kept);
                }
            }
            if doubted.is_empty() || known.len() + doubted.len() <= MANY {
                return Ok(());
            }
            self.look_into(doubted.into_values().collect(), source)?;
        }
    }

    /// What there is on the target of which it is not known how it begins.
    fn names(&self) -> Vec<Kept> {
        let snapshots = self.snapshots.iter().cloned().map(Kept::Snapshot);
        let all = snapshots.chain(self.segments.iter().copied().map(Kept::Segment));
        all.filter(|kept| !self.begin.contains(kept)).collect()
    }

    /// Looks how files begin; what begins as something else counts as absent.
    fn look_into(&mut self, files: Vec<Kept>, source: Source<'_>) -> Result<(), RewindError> {
        let (getter, mut lost) = (Getter::new(source), Vec::new());
        for kept in files {
            let looked = match &kept {
                Kept::Segment(name) => getter.header(name).map(drop),
                Kept::Snapshot(name) => getter.begins(name),
            };
            match looked {
                Err(Unfit::Failed(error)) => return Err(error),
                Err(Unfit::Lost(kept, flaw)) if flaw.loss == Loss::Foreign => {
                    lost.push((kept, flaw));
                }
                // What is wrong with it otherwise is seen when it is needed.
                _ => drop(self.begin.insert(kept)),
            }
        }
        self.lose_all(lost);
        Ok(())
    }

    /// Whether a target that refuses an instant looks another way by now: its folders are listed
    /// one after the other, and what comes into one meanwhile is missed, while what leads on from
    /// it, in another, is seen.
    pub fn has_changed(&mut self, source: Source<'_>) -> Result<bool, RewindError> {
        Ok(self.looks < LOOKS && self.look_again(source)?)
    }

    /// What is there now; what was learnt of it stays. Whether that is anything else than before.
    fn look_again(&mut self, source: Source<'_>) -> Result<bool, RewindError> {
        let there = Self::read(source.folder, &source.target.list(source.folder.path())?);
        let snapshots = mem::replace(&mut self.snapshots, there.snapshots);
        let segments = mem::replace(&mut self.segments, there.segments);
        self.lose_all([]);
        self.looks += 1;
        let changed = snapshots != self.snapshots || segments != self.segments;
        self.learnt += u64::from(changed);
        Ok(changed)
    }

    fn has(&self, kept: &Kept) -> bool {
        match kept {
            Kept::Snapshot(name) => self.snapshots.contains(name),
            Kept::Segment(name) => self.segments.contains(name),
        }
    }

    /// All that did not verify, by their names in `folder`; of very many some.
    pub fn unusable(&self, folder: &Folder) -> Vec<Lost> {
        let lost = self.lost.iter().take(TOLD).map(|(kept, flaw)| flaw.of(kept, folder));
        let more = self.lost.len().saturating_sub(TOLD);
        let more = (more > 0).then(|| Lost {
            name: format!("each of {more} more files there"),
            why: "it does not verify either".into(),
        });
        let apart = self.apart.iter().map(|timeline| Lost {
            name: format!("the start of the timeline {timeline}"),
            why: "it does not go on from where its name says".into(),
        });
        lost.chain(more).chain(apart).collect()
    }

    /// The first of them that whoever has come to that commit of a history may miss.
    pub fn missed(&self, folder: &Folder, at: Origin) -> Option<Lost> {
        let mut past = self.lineage(at.timeline);
        past[0].upto = at.revision;
        let is_past = |kept: &Kept| holds(&past, kept.timeline(), kept.end().revision);
        let (kept, flaw) = self.lost.iter().find(|(kept, _)| !is_past(kept))?;
        Some(flaw.of(kept, folder))
    }

    /// All histories that are known, in their order.
    pub fn spans(&self) -> Vec<Span> {
        let snapshots = self.snapshots.iter().map(|name| name.timeline);
        let segments = self.all().map(|name| name.timeline);
        let mut timelines: Vec<Timeline> = snapshots.chain(segments).collect();
        timelines.sort_unstable();
        timelines.dedup();
        timelines.into_iter().filter_map(|timeline| self.span(timeline)).collect()
    }

    /// One of them.
    pub fn span(&self, timeline: Timeline) -> Option<Span> {
        let bases = self.snapshots.iter().filter(|snapshot| snapshot.timeline == timeline);
        let base = bases.min_by_key(|s| (s.revision, s.taken)).map(Instant::of);
        let segments = self.all().filter(|s| s.timeline == timeline);
        let start = segments.min_by_key(|s| (s.first, s.from));
        let origin = self.origin(timeline);
        let starts = |s: &&SegmentName| origin.is_some_and(|origin| s.first == origin.revision + 1);
        let branch = start.filter(starts).map(Instant::start);
        let linked = branch.filter(|_| origin.is_some_and(|origin| self.leads_to(origin)));
        let first = linked.or(base).or(start.map(Instant::start))?;
        let end = self.end_of_one(timeline);
        let mut last = Instant { revision: 0, time: Timestamp::EPOCH };
        for instant in self.known(timeline).chain([first]) {
            last.revision = last.revision.max(instant.revision);
            // A later time before that end was of a clock that was ahead.
            if end.is_none_or(|end| end.revision <= instant.revision) {
                last.time = last.time.max(instant.time);
            }
        }
        let entered = start.map(Instant::start).into_iter().chain(base);
        let entered = entered.min_by_key(|at| (at.revision, at.time)).unwrap_or(first).time;
        let earliest = self.earliest(timeline).map(SegmentName::earlier_end);
        let begun = earliest.into_iter().chain(base.map(|base| base.time)).min();
        let begun = self.begun.get(&timeline).copied().or(begun).unwrap_or(entered);
        let (reached, exact) = (linked.or(base).is_some(), branch.is_some());
        Some(Span { timeline, first, reached, last, begun, entered, exact })
    }

    /// Where the segments of a history end, if each begins behind the one before: two servers that
    /// wrote it would have begun at one commit.
    fn end_of_one(&self, timeline: Timeline) -> Option<Instant> {
        let mut of_it: Vec<_> = self.all().filter(|name| name.timeline == timeline).collect();
        of_it.sort_unstable_by_key(|name| name.first);
        let is_one = of_it.windows(2).all(|pair| pair[0].last < pair[1].first);
        of_it.last().filter(|_| is_one).map(|name| self.end_of(name))
    }

    /// The segment of a history that has the earliest time: its first one, unless that was written
    /// while the clock was ahead.
    pub fn earliest(&self, timeline: Timeline) -> Option<&SegmentName> {
        let of_it = self.all().filter(|name| name.timeline == timeline);
        of_it.min_by_key(|name| (name.earlier_end(), name.first))
    }

    /// Where a history left another one, as far as it is known.
    pub fn origin(&self, timeline: Timeline) -> Option<Origin> {
        let known = self.branching(timeline)?.origin;
        known.filter(|_| !self.apart.contains(&timeline))
    }

    /// The segment whose name tells that.
    pub fn branching(&self, timeline: Timeline) -> Option<&SegmentName> {
        let tells = |name: &&SegmentName| name.timeline == timeline && name.origin.is_some();
        self.all().filter(tells).min_by_key(|name| name.first)
    }

    /// All that leads to the end of a history: itself, and those before it that were left, from the
    /// newest to the oldest.
    pub fn lineage(&self, timeline: Timeline) -> Vec<Stretch> {
        let mut last = Stretch { timeline, upto: u64::MAX };
        let mut lineage = vec![last];
        while let Some(Origin { timeline, revision }) = self.origin(last.timeline)
            && revision < last.upto
            && timeline.number < last.timeline.number
        {
            last = Stretch { timeline, upto: revision };
            lineage.push(last);
        }
        lineage
    }

    /// The next segment on a way, behind the commit `revision` of a timeline on it.
    pub fn next_leg(&self, way: &[Stretch], timeline: Timeline, revision: u64) -> Option<Leg> {
        let nth = way.iter().position(|stretch| stretch.timeline == timeline)?;
        let stretch = match revision.cmp(&way[nth].upto) {
            Ordering::Less => way[nth],
            Ordering::Equal => *way.get(nth.checked_sub(1)?)?,
            Ordering::Greater => return None,
        };
        let segment = *next(self, stretch.timeline, revision)?;
        Some(Leg { segment, upto: self.last_of(&segment).min(stretch.upto) })
    }

    /// All segments that may be good.
    pub fn all(&self) -> impl Iterator<Item = &SegmentName> {
        self.own.iter().chain(&self.segments)
    }

    /// Segments that are whole, and of no history that is gone: what they tell of the chain counts.
    pub fn aside(&self) -> impl Iterator<Item = &SegmentName> {
        self.lost.iter().filter_map(|(kept, flaw)| match kept {
            Kept::Segment(name) if flaw.loss == Loss::Other => Some(name),
            _ => None,
        })
    }

    /// The segments in which a commit is, of whoever: first those that are still here.
    pub fn holding(&self, timeline: Timeline, revision: u64) -> impl Iterator<Item = &SegmentName> {
        self.all().chain(self.aside()).filter(move |name| {
            name.timeline == timeline && name.first <= revision && revision <= name.last
        })
    }

    /// The last commit of a segment that is of its history.
    pub fn last_of(&self, name: &SegmentName) -> u64 {
        self.partly.get(name).map_or(name.last, |upto| name.last.min(*upto))
    }

    /// That, as far as names tell when it was.
    fn end_of(&self, name: &SegmentName) -> Instant {
        Leg { segment: *name, upto: self.last_of(name) }.end()
    }

    /// Whether names tell a way to that commit of a history.
    pub fn leads_to(&self, at: Origin) -> bool {
        let mut way = self.lineage(at.timeline);
        way[0].upto = at.revision;
        let on_way = |name: &&SnapshotName| is_on(&way, name);
        let base = self.snapshots.iter().filter(on_way).max_by_key(|name| name.revision);
        let Some(base) = base else { return false };
        let (mut timeline, mut revision) = (base.timeline, base.revision);
        while let Some(leg) = self.next_leg(&way, timeline, revision) {
            (timeline, revision) = (leg.segment.timeline, leg.upto);
        }
        (timeline, revision) == (at.timeline, at.revision)
    }

    /// The files from whose names it is known when a history began, what it left, and how far it
    /// goes. What is still here of it nobody has made up.
    pub fn witnesses(&self, timeline: Timeline) -> Vec<Kept> {
        let bases = || self.snapshots.iter().filter(|name| name.timeline == timeline);
        let segments = || self.segments.iter().filter(|name| name.timeline == timeline);
        let of_segment = |name: &SegmentName| Kept::Segment(*name);
        let of_base = |name: &SnapshotName| Kept::Snapshot(name.clone());
        let start = segments().min_by_key(|name| (name.first, name.from));
        let left = self.branching(timeline);
        let base = bases().min_by_key(|name| (name.revision, name.taken));
        let base = base.filter(|base| start.is_none_or(|start| base.taken < start.from));
        let ends = || bases().map(of_base).chain(segments().map(of_segment));
        let far = ends().max_by_key(|kept| kept.end().revision);
        let late = ends().max_by_key(|kept| kept.end().time);
        let early = segments().min_by_key(|name| (name.earlier_end(), name.first));
        let begun = [start, early, left].map(|name| name.map(of_segment));
        let begun = begun.into_iter().chain([base.map(of_base)]);
        let mut witnesses: Vec<Kept> = Vec::new();
        for kept in begun.chain([far, late]).flatten() {
            if !witnesses.contains(&kept) {
                witnesses.push(kept);
            }
        }
        witnesses
    }

    /// Every instant of a history that a name tells of, lost or not; but not those of files that
    /// were never there.
    pub fn known(&self, timeline: Timeline) -> impl Iterator<Item = Instant> {
        let tells = |flaw: &Flaw| !matches!(flaw.loss, Loss::Foreign | Loss::Other);
        let lost = self.lost.iter().filter(move |(_, flaw)| tells(flaw));
        let lost = lost.map(|(kept, _)| (kept.timeline(), kept.end()));
        let snapshots = self.snapshots.iter().map(|name| (name.timeline, Instant::of(name)));
        let segments = self.all().map(|name| (name.timeline, self.end_of(name)));
        let all = snapshots.chain(segments).chain(lost);
        all.filter(move |(of, _)| *of == timeline).map(|(_, instant)| instant)
    }
}

impl Kept {
    /// The history that it is of.
    pub fn timeline(&self) -> Timeline {
        match self {
            Self::Snapshot(name) => name.timeline,
            Self::Segment(name) => name.timeline,
        }
    }

    /// What it is called, if it is a segment.
    pub fn segment(&self) -> Option<SegmentName> {
        match self {
            Self::Segment(name) => Some(*name),
            Self::Snapshot(_) => None,
        }
    }

    /// The last instant in it.
    pub fn end(&self) -> Instant {
        match self {
            Self::Snapshot(name) => Instant::of(name),
            Self::Segment(name) => Instant::end(name),
        }
    }
}

impl Instant {
    /// That of a snapshot.
    pub fn of(snapshot: &SnapshotName) -> Self {
        Self { revision: snapshot.revision, time: snapshot.taken }
    }

    /// The start of a segment.
    pub fn start(segment: &SegmentName) -> Self {
        Self { revision: segment.first, time: segment.from }
    }

    /// The end of a segment.
    pub fn end(segment: &SegmentName) -> Self {
        Self { revision: segment.last, time: segment.to }
    }
}

impl Leg {
    /// All of a segment.
    pub fn whole(segment: SegmentName) -> Self {
        Self { segment, upto: segment.last }
    }

    /// Its end. Where it is left before that, not later than a time that is known.
    pub fn end(&self) -> Instant {
        let Self { segment, upto } = *self;
        let time = if upto == segment.last { segment.to } else { segment.from };
        Instant { revision: upto, time }
    }
}

/// Whether a commit is on a way.
pub fn holds(way: &[Stretch], timeline: Timeline, revision: u64) -> bool {
    way.iter().any(|part| part.holds(timeline, revision))
}

/// Whether a snapshot is.
pub fn is_on(way: &[Stretch], name: &SnapshotName) -> bool {
    holds(way, name.timeline, name.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_aside_and_can_be_read_no_more_tells_nothing_more() {
        let timeline = Timeline { number: 1, id: 1 };
        let (from, to) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let of = SegmentName { timeline, origin: None, first: 2, last: 3, from, to, chain: 7 };
        let segments = vec![of];
        let mut listing = Listing { segments, ..Listing::default() };
        listing.learn(Unfit::of_other(Kept::Segment(of))).unwrap();
        let holding = |listing: &Listing| listing.holding(timeline, 2).count();
        assert_eq!((listing.segments.len(), holding(&listing)), (0, 1));
        let flaw = Flaw { loss: Loss::Gone, why: "it is gone".into() };
        listing.learn(Unfit::Lost(Kept::Segment(of), flaw)).unwrap();
        assert_eq!(holding(&listing), 0);
    }
}
