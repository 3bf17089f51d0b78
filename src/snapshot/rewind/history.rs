//! What changed when: the journal read as a log, from the target and from what is still here.

use std::collections::VecDeque;

use super::fetch::{add_own, is_of};
use super::file::{Getter, Unfit};
use super::listing::{Leg, Listing, Stretch};
use super::plan::next;
use super::segments::{Broken, Segments, Walk};
use super::{Lost, RewindError, Source};
use crate::barrier::Unsealed;
use crate::barrier::journal::record::{Mark, Record};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::SegmentName;
use crate::snapshot::spool::Spools;
use crate::storage::Key;

/// Which part of a history is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Of which history.
    pub timeline: Timeline,
    /// Not before.
    pub since: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// So many commits at most: the last of them.
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
        listing.segments.append(&mut listing.own);
    }
    let (getter, keyring) = (Getter::new(source), keys.keyring());
    loop {
        match read(&getter, &mut segments, &listing, &keyring, part) {
            // What it comes of, and what is passed over, may be other files without that one.
            Err(unfit) => listing.learn(unfit)?,
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
    let mut at = None;
    // What was there before the history left another one is a part of it.
    for stretch in lineage.into_iter().rev() {
        let origin = listing.origin(stretch.timeline).map(|origin| origin.revision);
        let passed = passed(listing, stretch, part).map(|name| name.last.min(stretch.upto));
        at = at.or(origin).max(passed);
        while let Some(name) = after(listing, stretch, at) {
            get(&name, segments)?;
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
    listing.segments.iter().filter(move |name| name.timeline == timeline && name.first <= upto)
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
            if self.events.len() > part.most {
                self.more = true;
                self.events.pop_front();
            }
            Ok(Walk::On)
        });
        walked.map_err(Broken::into_error)
    }
}
