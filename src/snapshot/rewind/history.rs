//! What changed when: the journal read as a log, from the target and from what is still here.

use std::collections::VecDeque;

use super::descent::{Clues, Descent};
use super::file::{Getter, Unfit};
use super::listing::{Leg, Listing, Stretch};
use super::own;
use super::plan::{Refusal, next};
use super::segments::{Broken, Segments, Walk};
use super::{Lost, RewindError, Source};
use crate::barrier::journal::lapse::Lapses;
use crate::barrier::journal::record::{Mark, Record};
use crate::barrier::journal::{Head, Origin};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Kept, SegmentName};
use crate::snapshot::lent::Lent;
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
    keys: &Lent,
    spools: &Spools,
) -> Result<History, RewindError> {
    let (mut listing, own) = own::list(source, Some(keys))?;
    listing.must_be_few(source)?;
    let kept = !listing.segments.is_empty();
    let mut segments = Segments::new(spools.open()?);
    let store = keys.get()?;
    let is_own = store.status().timeline == part.timeline;
    let (mut ends, mut lapses) = (Vec::new(), Lapses::default());
    if let Some(own) = own {
        own.add(&mut segments, &mut listing)?;
        ends = store.left()?;
        ends.extend(store.journal());
        // Who names another history than the present one may mean another server's.
        if is_own {
            lapses = store.lapses()?;
        }
    }
    drop(store);
    if !is_own && listing.span(part.timeline).is_none() {
        let refusal = Refusal::NoTimeline(part.timeline, listing.spans());
        return Err(RewindError::Refused(refusal, Vec::new()));
    }
    let mut reading =
        Reading { getter: Getter::new(source), segments, listing, keys, ends, lapses };
    loop {
        match reading.read(part) {
            // What it comes of, and what is passed over, may be other files without that one.
            Err(unfit) => reading.listing.learn_of(unfit, source)?,
            // What came while the target was listed is no gap.
            Ok(history)
                if !history.gaps.is_empty()
                    && reading.listing.has_changed(source).unwrap_or(false) => {}
            Ok(history) => {
                let lost = reading.listing.unusable(source.folder);
                return Ok(History { lost, kept, ..history });
            }
        }
    }
}

/// What it is read from.
struct Reading<'a> {
    getter: Getter<'a>,
    segments: Segments,
    listing: Listing,
    keys: &'a Lent,
    /// Where the journal of the server that asks stood when it was left, and where it stands.
    ends: Vec<Head>,
    /// What it never recorded, where its own history is asked for.
    lapses: Lapses,
}

impl Reading<'_> {
    /// Reads it as far as the files are good.
    fn read(&mut self, part: &Part) -> Result<History, Unfit> {
        let mut history = History::default();
        let lineage = self.listing.lineage(part.timeline);
        // By names alone it is told what a history left, and what ends before the part begins.
        let left = lineage.iter().filter_map(|stretch| self.listing.branching(stretch.timeline));
        let early = lineage.iter().filter_map(|stretch| passed(&self.listing, *stretch, part));
        let early: Vec<SegmentName> = left.chain(early).copied().collect();
        early.iter().try_for_each(|name| self.get(name))?;
        match self.ends.iter().rfind(|end| end.timeline == part.timeline) {
            Some(end) => self.must_be_own(&lineage, part, end)?,
            None => self.clues().must_join(part.timeline)?,
        }
        self.must_be_recorded(&lineage)?;
        let mut at = None;
        let mut last: Option<SegmentName> = None;
        // What was there before the history left another one is a part of it.
        for stretch in lineage.into_iter().rev() {
            let origin = self.listing.origin(stretch.timeline).map(|origin| origin.revision);
            let passed = passed(&self.listing, stretch, part);
            let passed = passed.map(|name| self.listing.last_of(name).min(stretch.upto));
            at = at.or(origin).max(passed);
            // Behind what was written while a clock was ahead there may be more of the part.
            let in_time = segments_of(&self.listing, stretch);
            let in_time = in_time.filter(|name| name.may_hold_until(part.until));
            let in_time = in_time.map(|name| name.first).max();
            while let Some(name) = after(&self.listing, stretch, at) {
                self.get(&name)?;
                if let Some(last) = last {
                    self.must_fit(&last, &name)?;
                }
                last = Some(name);
                let from = at.unwrap_or(name.first - 1);
                if name.first > from + 1 {
                    history.gaps.push((from + 1, name.first - 1));
                }
                let last_of = self.listing.last_of(&name);
                let leg = Leg { segment: name, upto: stretch.upto.min(last_of) };
                history.read(&self.segments, leg, from, part)?;
                // What comes after the part is not asked for.
                let ended = name.to > part.until && in_time.is_none_or(|last| last <= name.first);
                at = Some(if ended { stretch.upto } else { leg.upto });
            }
        }
        Ok(history)
    }

    fn get(&mut self, name: &SegmentName) -> Result<(), Unfit> {
        self.getter.segment(name, Some(self.keys), &mut self.segments)
    }

    fn clues(&self) -> Clues<'_, '_, Lent> {
        let Self { getter, segments, listing, keys, .. } = self;
        Clues { listing, getter, segments, keyring: Some(keys) }
    }

    /// Nothing is of a way that the server that asks never recorded: another one did.
    fn must_be_recorded(&self, lineage: &[Stretch]) -> Result<(), Unfit> {
        for Stretch { timeline, upto } in lineage {
            let of_it = self.listing.segments.iter().filter(|name| name.timeline == *timeline);
            for name in of_it.filter(|name| name.first <= *upto) {
                let end = self.listing.last_of(name).min(*upto);
                if self.lapses.hold(*timeline, end) {
                    return Err(self.clues().other(name, end)?);
                }
            }
        }
        Ok(())
    }

    /// What each history of a way ends with, and what tells of commits that another file tells of,
    /// too, is what the server that asks comes of, as far back as the part goes.
    fn must_be_own(&self, lineage: &[Stretch], part: &Part, head: &Head) -> Result<(), Unfit> {
        let clues = self.clues();
        for stretch in lineage {
            let Stretch { timeline, upto } = *stretch;
            let there =
                self.listing.all().filter(|name| name.timeline == timeline && name.first <= upto);
            let there: Vec<&SegmentName> = there.collect();
            let end_of = |name: &SegmentName| self.listing.last_of(name).min(upto);
            let last = there.iter().map(|name| end_of(name)).max();
            let is_beside = |name: &SegmentName| {
                let mut others = there.iter().filter(|other| **other != name);
                others.any(|other| other.first <= end_of(name) && name.first <= end_of(other))
            };
            let doubted = |name: &&&SegmentName| Some(end_of(name)) == last || is_beside(name);
            for name in there.iter().filter(doubted) {
                let end = end_of(name);
                if !name.may_hold_since(part.since) {
                    continue;
                }
                match clues.descent_of(name, end, head)? {
                    Descent::Refuted => return Err(clues.other(name, end)?),
                    Descent::Apart(at, other) => return Err(clues.other(&other, at)?),
                    // Somebody has gone on there.
                    _ if timeline == head.timeline && end > head.revision && !head.cut => {
                        return Err(match name.first > head.revision {
                            true => Unfit::of_other(Kept::Segment(**name)),
                            false => Unfit::Partly(**name, head.revision),
                        });
                    }
                    Descent::Proven | Descent::Unknown => {}
                }
            }
        }
        Ok(())
    }

    /// A segment does not contradict the one before it: another server wrote one of them, on a copy
    /// of the store, where it does. That of which this server comes is its own.
    fn must_fit(&self, last: &SegmentName, name: &SegmentName) -> Result<(), Unfit> {
        let clues = self.clues();
        let before = clues.chain_at(name, name.first - 1)?;
        let at = self.listing.last_of(last);
        let Some(end) = clues.chain_at(last, at)? else { return Ok(()) };
        let fits = if last.timeline != name.timeline {
            let from = Some(Origin { timeline: last.timeline, revision: at });
            name.origin != from || before == Some(end.branch(name.timeline, at))
        } else if name.first == at + 1 {
            before == Some(end)
        } else {
            clues.chain_at(name, at)?.is_none_or(|same| same == end)
        };
        if fits {
            return Ok(());
        }
        for end in &self.ends {
            if clues.descent_of(last, at, end)? == Descent::Proven {
                return Err(clues.other(name, self.listing.last_of(name))?);
            }
        }
        Err(clues.other(last, at)?)
    }
}

/// The last segment that is passed over: what ends before the part begins, in whole seconds, is not
/// looked at.
fn passed<'a>(listing: &'a Listing, stretch: Stretch, part: &Part) -> Option<&'a SegmentName> {
    let early = |name: &SegmentName| !name.may_hold_since(part.since);
    // What a clock wrote that was ahead may be of it all the same.
    let late = segments_of(listing, stretch).filter(|name| !early(name)).map(|name| name.last);
    let first = late.min().unwrap_or(u64::MAX);
    let before = segments_of(listing, stretch).filter(|name| early(name) && name.last < first);
    before.max_by_key(|name| name.last)
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
    listing.all().filter(move |name| name.timeline == timeline && name.first <= upto)
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
