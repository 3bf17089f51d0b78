//! What changed when: the journal read as a log, from the target and from what is still here.

use std::collections::VecDeque;

use super::fetch::{add_own, is_of};
use super::file::{Getter, Unfit};
use super::join::{chain_at, must_join};
use super::listing::{Leg, Listing, Stretch};
use super::plan::next;
use super::segments::{Broken, Segments, Walk};
use super::{Lost, RewindError, Source};
use crate::barrier::Unsealed;
use crate::barrier::journal::Origin;
use crate::barrier::journal::record::{Mark, Record};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Kept, SegmentName};
use crate::snapshot::spool::Spools;
use crate::storage::Key;

/// About so many bytes of it are held: a commit may have changed very much.
const HELD: usize = 16 << 20;
/// What a commit takes beside its keys, and a key beside its bytes, until all is told.
const EACH: (usize, usize) = (256, 64);

/// Which part of a history is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Of which history.
    pub timeline: Timeline,
    /// Not before.
    pub since: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// So many commits at most: the last of them. Fewer, where they changed very much.
    pub most: usize,
}

/// A commit, or what a compaction has made of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its history: the one that was asked for, or one that this comes of.
    pub timeline: Timeline,
    /// The commit.
    pub revision: u64,
    /// How many commits it stands for.
    pub step: u64,
    /// When it was.
    pub time: Timestamp,
    /// What it comes before.
    pub mark: Mark,
    /// What it wrote, by physical keys, each with whether it was deleted.
    pub writes: Vec<(Key, bool)>,
}

impl Event {
    /// About so many bytes.
    fn weight(&self) -> usize {
        EACH.0 + self.writes.iter().map(|(key, _)| EACH.1 + key.len()).sum::<usize>()
    }
}

/// A part of a history.
#[derive(Debug, Default)]
pub struct History {
    /// The commits, in their order.
    pub events: VecDeque<Event>,
    /// Whether there were more than asked for, before these.
    pub more: bool,
    /// Commits of which there is no record: the first and the last of each stretch.
    pub gaps: Vec<(u64, u64)>,
    /// Files that did not verify.
    pub lost: Vec<Lost>,
    /// What the commits take.
    held: usize,
    /// Whether the target holds any of the store's journal.
    pub kept: bool,
}

/// Reads a part of the history of the store whose keys these are.
pub fn history(
    source: Source<'_>,
    part: &Part,
    keys: &Unsealed,
    spools: &Spools,
) -> Result<History, RewindError> {
    let listed = source.target.list(source.folder.path())?;
    let mut listing = Listing::read(source.folder, &listed);
    let kept = !listing.segments.is_empty();
    let mut segments = Segments::new(spools.open()?);
    if is_of(source, keys) {
        add_own(keys, &mut segments, &mut listing)?;
    }
    let (getter, keyring) = (Getter::new(source), keys.keyring());
    loop {
        match read(&getter, &mut segments, &listing, &keyring, part) {
            // What it comes of, and what is passed over, may be other files without that one.
            Err(unfit) => listing.learn_of(unfit, source)?,
            Ok(history) => {
                let lost = listing.unusable(source.folder);
                return Ok(History { lost, kept, ..history });
            }
        }
    }
}

/// Reads it as far as the files are good.
fn read(
    getter: &Getter<'_>,
    segments: &mut Segments,
    listing: &Listing,
    keyring: &Keyring,
    part: &Part,
) -> Result<History, Unfit> {
    let get = |name: &SegmentName, segments: &mut Segments| match segments.has(name) {
        true => Ok(()),
        false => getter.segment(name, Some(keyring), segments),
    };
    let mut history = History::default();
    let lineage = listing.lineage(part.timeline);
    // By names alone it is told what a history left, and what ends before the part begins.
    let left = lineage.iter().filter_map(|stretch| listing.branching(stretch.timeline));
    let early = lineage.iter().filter_map(|stretch| passed(listing, *stretch, part));
    left.chain(early).try_for_each(|name| get(name, segments))?;
    must_join(listing, part.timeline, getter, segments, Some(keyring))?;
    let mut at = None;
    let mut last: Option<SegmentName> = None;
    // What was there before the history left another one is a part of it.
    for stretch in lineage.into_iter().rev() {
        let origin = listing.origin(stretch.timeline).map(|origin| origin.revision);
        let passed = passed(listing, stretch, part).map(|name| name.last.min(stretch.upto));
        at = at.or(origin).max(passed);
        while let Some(name) = after(listing, stretch, at) {
            get(&name, segments)?;
            if let Some(last) = last
                && !fit(&last, &name, segments)?
            {
                return Err(Unfit::of_other(Kept::Segment(last)));
            }
            last = Some(name);
            let from = at.unwrap_or(name.first - 1);
            if name.first > from + 1 {
                history.gaps.push((from + 1, name.first - 1));
            }
            history.read(segments, Leg { segment: name, upto: stretch.upto }, from, part)?;
            // What comes after the part is not asked for.
            let ended = name.to > part.until;
            at = Some(if ended { stretch.upto } else { name.last.min(stretch.upto) });
        }
    }
    Ok(history)
}

/// Whether a segment does not contradict the one before it: another server wrote that, on a copy of
/// the store, where it does.
fn fit(last: &SegmentName, name: &SegmentName, segments: &Segments) -> Result<bool, Unfit> {
    let before = segments.header(name)?.before;
    let Some(end) = chain_at(last, last.last, segments)? else { return Ok(true) };
    Ok(if last.timeline != name.timeline {
        let from = Some(Origin { timeline: last.timeline, revision: last.last });
        name.origin != from || before == end.branch(name.timeline, last.last)
    } else if name.first == last.last + 1 {
        before == end
    } else {
        chain_at(name, last.last, segments)?.is_none_or(|same| same == end)
    })
}

/// The last segment that is passed over: what ends before the part begins, in whole seconds, is not
/// looked at.
fn passed<'a>(listing: &'a Listing, stretch: Stretch, part: &Part) -> Option<&'a SegmentName> {
    let early = |name: &&SegmentName| name.to.as_secs() < part.since.as_secs();
    segments_of(listing, stretch).filter(early).max_by_key(|name| name.last)
}

/// The next segment behind a commit.
fn after(listing: &Listing, stretch: Stretch, at: Option<u64>) -> Option<SegmentName> {
    if let Some(at) = at {
        if at >= stretch.upto {
            return None;
        }
        if let Some(name) = next(listing, stretch.timeline, at) {
            return Some(*name);
        }
    }
    let behind = |name: &&SegmentName| at.is_none_or(|at| name.first > at);
    segments_of(listing, stretch).filter(behind).min_by_key(|name| name.first).copied()
}

fn segments_of(listing: &Listing, stretch: Stretch) -> impl Iterator<Item = &SegmentName> {
    let Stretch { timeline, upto } = stretch;
    let all = listing.segments.iter().chain(&listing.own);
    all.filter(move |name| name.timeline == timeline && name.first <= upto)
}

impl History {
    fn read(
        &mut self,
        segments: &Segments,
        leg: Leg,
        behind: u64,
        part: &Part,
    ) -> Result<(), SnapshotError> {
        let walked = segments.each(&leg.segment, |timeline, entry| {
            if entry.revision <= behind || entry.revision > leg.upto {
                return Ok(Walk::On);
            }
            let broken = |_| SnapshotError::Broken("a record of its journal is damaged".into());
            let record = Record::read(&entry.record).map_err(broken)?;
            if record.time < part.since || record.time > part.until {
                return Ok(Walk::On);
            }
            let writes = record.writes().map(|write| write.map(|(key, new)| (key, new.is_none())));
            self.events.push_back(Event {
                timeline,
                revision: entry.revision,
                step: entry.step,
                time: record.time,
                mark: record.mark,
                writes: writes.collect::<Result<_, _>>().map_err(broken)?,
            });
            self.held += self.events.back().map_or(0, Event::weight);
            while self.events.len() > part.most || (self.held > HELD && self.events.len() > 1) {
                self.held -= self.events.pop_front().map_or(0, |event| event.weight());
                self.more = true;
            }
            Ok(Walk::On)
        });
        walked.map_err(Broken::into_error)
    }
}
