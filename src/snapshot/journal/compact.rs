//! Compaction: as segments age, many become one, and of old commits not each is kept alone.
//!
//! | how old | a file holds | of it can be restored |
//! |---|---|---|
//! | the hour is over | an hour | every commit |
//! | [`Policy::all`] | a day | the last commit of each hour |
//! | [`Policy::hourly`] | thirty days | the last commit of each day |
//!
//! and each commit before what cannot be undone, or at which another history began. The one file is
//! put and read back before those that it is made of are deleted; what a crash leaves of them is
//! inside of its span, so that whoever plans a way takes it in their place, and is deleted by the
//! next round.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::time::Duration;

use super::akin::akin;
use super::export::Owner;
use super::segment::{Entry, Header, SegmentWriter};
use crate::barrier::ROOT;
use crate::barrier::journal::record::{Mark, Record, RecordWriter};
use crate::barrier::journal::{Chain, Origin};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Kept, SegmentName};
use crate::snapshot::lent::Lent;
use crate::snapshot::rewind::Source;
use crate::snapshot::rewind::file::{Getter, Unfit};
use crate::snapshot::rewind::listing::{Leg, Listing};
use crate::snapshot::rewind::plan::{goes_on_beside, next};
use crate::snapshot::rewind::segments::{Broken, Segments, Walk};
use crate::snapshot::spool::{Spool, Spools};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A file of what is oldest holds so much time.
const LONG: Duration = Duration::from_secs(30 * 24 * 3600);
/// What is folded is written out when it is longer than this, in bytes: one instant more is kept.
const FOLDED: usize = 4 << 20;

/// For how long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Every commit, for so long.
    pub all: Duration,
    /// The last of each hour, for so long; then the last of each day.
    pub hourly: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { all: 7 * DAY, hourly: 30 * DAY }
    }
}

/// Segments in a row that are to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// In their order, without a gap.
    pub inner: Vec<SegmentName>,
    /// The last commit of each such time is kept; each commit where it is `None`.
    pub fold: Option<Duration>,
    /// Commits at which another history left this one: they are kept, too.
    pub left: Vec<u64>,
}

/// What a round is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// To be made.
    pub jobs: Vec<Job>,
    /// What a crash left: segments inside of the first one of each.
    pub left: Vec<(SegmentName, Vec<SegmentName>)>,
}

/// Finds what is to be done, by names. `begun` are commits at which histories began of which
/// nothing may be there yet. What goes on beside the present history is another machine's to
/// compact.
pub fn plan(listing: &Listing, begun: &[Origin], now: Timestamp, policy: Policy) -> Round {
    let mut timelines: Vec<Timeline> = listing.segments.iter().map(|s| s.timeline).collect();
    timelines.sort_unstable();
    timelines.dedup();
    timelines.retain(|timeline| !goes_on_beside(listing, *timeline));
    let mut round = Round::default();
    for timeline in timelines {
        let origins = listing.segments.iter().filter_map(|name| name.origin);
        let origins = origins.chain(begun.iter().copied());
        let left = origins.filter(|origin| origin.timeline == timeline);
        let left: Vec<u64> = left.map(|origin| origin.revision).collect();
        for run in runs(listing, timeline) {
            for outer in &run {
                // What goes on from the end of one, and further than this, needs it.
                let forks = |name: &SegmentName| {
                    let on =
                        |of: &SegmentName| of.timeline == timeline && of.first == name.last + 1;
                    let further = |of: &&SegmentName| on(of) && !outer.spans(of);
                    name.last < outer.last && listing.segments.iter().any(|of| further(&of))
                };
                let within = |name: &&SegmentName| *name != outer && outer.spans(name);
                let inner = listing.segments.iter().filter(within).filter(|name| !forks(name));
                let inner: Vec<_> = inner.copied().collect();
                if !inner.is_empty() {
                    round.left.push((*outer, inner));
                }
            }
            // Another server's files may go on from where one of the run ends.
            let beside = listing.segments.iter().filter(|name| name.timeline == timeline);
            let beside = beside.filter(|name| !run.contains(name)).map(|name| name.first - 1);
            let forks: BTreeSet<u64> = beside.collect();
            let jobs = jobs(&run, now, policy, &forks);
            let left: Vec<u64> = left.iter().chain(&forks).copied().collect();
            round.jobs.extend(jobs.map(|job| Job { left: left.clone(), ..job }));
        }
    }
    round
}

/// The largest segments that lead on one from the other, from each gap to the next.
fn runs(listing: &Listing, timeline: Timeline) -> Vec<Vec<SegmentName>> {
    let own = || listing.segments.iter().filter(move |name| name.timeline == timeline);
    let mut runs = Vec::new();
    let mut at = 0;
    while let Some(first) = own().map(|name| name.first).filter(|first| *first > at).min() {
        let mut run = Vec::new();
        at = first - 1;
        while let Some(name) = next(listing, timeline, at) {
            run.push(*name);
            at = name.last;
        }
        runs.push(run);
    }
    runs
}

fn jobs(
    run: &[SegmentName],
    now: Timestamp,
    policy: Policy,
    forks: &BTreeSet<u64>,
) -> impl Iterator<Item = Job> + use<> {
    let mut jobs: Vec<(Job, Window)> = Vec::new();
    for name in run {
        let window = Window::of(name, now, policy);
        match jobs.last_mut() {
            // Those of a crash may overlap, and lead on all the same.
            Some((job, last))
                if *last == window
                    && job.inner[0].origin == name.origin
                    && !job.inner.last().is_some_and(|before| forks.contains(&before.last)) =>
            {
                job.inner.push(*name);
            }
            _ => {
                let (inner, fold, left) = (vec![*name], window.fold, Vec::new());
                jobs.push((Job { inner, fold, left }, window));
            }
        }
    }
    let worth = |(job, window): &(Job, Window)| window.closed && job.inner.len() > 1;
    jobs.into_iter().filter(worth).map(|(job, _)| job)
}

/// A stretch of time whose segments become one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Window {
    length: Duration,
    number: u64,
    fold: Option<Duration>,
    /// Whether nothing is added to it any more.
    closed: bool,
}

impl Window {
    /// The longest one that is old enough.
    fn of(name: &SegmentName, now: Timestamp, policy: Policy) -> Self {
        let steps =
            [(LONG, policy.hourly, Some(DAY)), (DAY, policy.all, Some(HOUR)), (HOUR, HOUR, None)];
        let windows = steps.map(|(length, age, fold)| {
            let number = name.to.as_secs() / length.as_secs();
            let end = Timestamp::from_secs((number + 1) * length.as_secs());
            let closed = end <= now && (fold.is_none() || now.since(end) >= age);
            Self { length, number, fold, closed }
        });
        let [.., hour] = windows;
        windows.into_iter().find(|window| window.closed).unwrap_or(hour)
    }
}

/// Makes one segment of several, and deletes them when it is there for sure.
pub fn compact(
    source: Source<'_>,
    job: &Job,
    keys: &Lent,
    owner: &Owner,
    spools: &Spools,
) -> Result<SegmentName, Unfit> {
    let getter = Getter::new(source);
    let mut segments = Segments::new(spools.open()?);
    for name in &job.inner {
        getter.segment(name, Some(keys), &mut segments)?;
    }
    let mut spool = spools.open()?;
    let name = merge(job, keys, owner, &segments, &mut spool)?;
    let called = getter.name(&Kept::Segment(name))?;
    source.target.put(&called, spool.length(), &mut spool.reader())?;
    getter.check(&name, Some(keys))?;
    delete(&getter, job.inner.iter().filter(|inner| **inner != name))?;
    Ok(name)
}

/// Deletes what a crash left inside of the span of a segment, once that is seen to be good. What is
/// not of its chain stays.
pub fn clear(
    source: Source<'_>,
    outer: &SegmentName,
    inner: &[SegmentName],
    keys: &Lent,
) -> Result<(), Unfit> {
    let getter = Getter::new(source);
    let akin = akin(&getter, outer, inner, keys)?;
    let mut stay: Vec<SegmentName> =
        inner.iter().filter(|name| !akin.contains(name)).copied().collect();
    // From the last one on: what leads to one that stays is needed.
    for name in &akin {
        if name.last < outer.last && stay.iter().any(|of| of.first == name.last + 1) {
            stay.push(*name);
        }
    }
    delete(&getter, akin.iter().filter(|name| !stay.contains(name)))
}

fn delete<'a>(
    getter: &Getter<'_>,
    all: impl IntoIterator<Item = &'a SegmentName>,
) -> Result<(), Unfit> {
    for name in all {
        getter.source.target.delete(&getter.name(&Kept::Segment(*name))?)?;
    }
    Ok(())
}

fn merge(
    job: &Job,
    keys: &Lent,
    owner: &Owner,
    segments: &Segments,
    spool: &mut Spool,
) -> Result<SegmentName, Unfit> {
    let broken = || SnapshotError::Broken("a compaction of nothing".into());
    let (first, last) = job.inner.first().zip(job.inner.last()).ok_or_else(broken)?;
    let start = segments.start(first)?;
    let (from, to) = (segments.header(first)?.from, segments.header(last)?.to);
    let header = Header {
        store_id: owner.store_id.clone(),
        key_id: owner.key_id.clone(),
        timeline: first.timeline,
        origin: first.origin,
        first: first.first,
        last: last.last,
        before: start.chain,
        from,
        to,
    };
    let to = BufWriter::with_capacity(64 << 10, spool);
    let (writer, every) = (SegmentWriter::new(to, &header)?, job.fold);
    let mut fold = Fold { writer, every, left: &job.left, held: None };
    let legs: Vec<Leg> = job.inner.iter().copied().map(Leg::whole).collect();
    segments
        .walk(start, &legs, |_, entry| {
            fold.entry(entry)?;
            Ok(Walk::On)
        })
        .map_err(|broken| match broken {
            // Another server's, on a copy of the store, may lie among them.
            Broken::Link(name) => {
                Unfit::astray(name, "it does not go on from where the one before it ends")
            }
            other => other.into_error().into(),
        })?;
    fold.flush()?;
    let mut to = fold.writer.finish(&keys.get()?.keyring())?;
    to.flush()?;
    Ok(SegmentName { chain: last.chain, ..header.name(start.chain) })
}

/// Folds entries on their way into a segment.
struct Fold<'a, W> {
    writer: SegmentWriter<W>,
    every: Option<Duration>,
    left: &'a [u64],
    held: Option<Held>,
}

/// Entries that become one.
struct Held {
    /// How many commits they stand for.
    step: u64,
    last: Entry,
    before: Chain,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    time: Timestamp,
}

impl<W: Write> Fold<'_, W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), SnapshotError> {
        let Some(every) = self.every else { return Ok(self.writer.entry(entry)?) };
        let broken = |_| SnapshotError::Broken("a record of its journal is damaged".into());
        let record = Record::read(&entry.record).map_err(broken)?;
        let bucket = |time: Timestamp| time.as_secs() / every.as_secs().max(1);
        let together = |held: &Held| {
            bucket(held.time) == bucket(record.time) && held.bytes + entry.record.len() <= FOLDED
        };
        if !self.held.as_ref().is_some_and(together) {
            self.flush()?;
        }
        let held = self.held.get_or_insert_with(|| Held {
            step: 0,
            last: entry.clone(),
            before: record.before,
            writes: BTreeMap::new(),
            bytes: 0,
            time: record.time,
        });
        for write in record.writes() {
            let (key, value) = write.map_err(broken)?;
            held.bytes += key.len() + value.map_or(0, <[u8]>::len);
            held.writes.insert(key, value.map(<[u8]>::to_vec));
        }
        held.step += entry.step;
        (held.last, held.time) = (entry.clone(), record.time);
        // What cannot be undone comes next: whoever wants to undo it comes back here. And another
        // history begins with what was there at the commit at which it left this one.
        let stays = record.mark != Mark::None || self.left.contains(&entry.revision);
        if stays { self.flush() } else { Ok(()) }
    }

    /// Writes what is held.
    fn flush(&mut self) -> Result<(), SnapshotError> {
        let Some(mut held) = self.held.take() else { return Ok(()) };
        if held.step == held.last.step {
            return Ok(self.writer.entry(&held.last)?);
        }
        let broken = |_| SnapshotError::Broken("a record of its journal is damaged".into());
        let mark = Record::read(&held.last.record).map_err(broken)?.mark;
        let root = held.writes.remove(ROOT);
        let mut record = RecordWriter::default();
        for (key, value) in &held.writes {
            record.put(key, value.as_deref());
        }
        // The root record's is the last of each.
        if let Some(value) = root {
            record.put(ROOT, value.as_deref());
        }
        let record = record.finish(held.before, held.time, mark);
        let Entry { revision, after, .. } = held.last;
        Ok(self.writer.entry(&Entry { revision, step: held.step, after, record })?)
    }
}
