//! Which snapshots go when a newer one has come, and which segments with them: restic's rules, in
//! UTC, over what a target holds.
//!
//! What is newer is told by timeline and revision. The times are only what hours, days, weeks and
//! months are counted by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::SegmentName;
use crate::snapshot::rewind::listing::{Listing, Stretch, holds};

/// How many snapshots are kept, as restic's `forget` counts them; none of a kind is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The newest ones.
    pub last: u64,
    /// The newest one of each of so many hours that have any.
    pub hourly: u64,
    /// The same of days.
    pub daily: u64,
    /// Of weeks, which begin on Monday.
    pub weekly: u64,
    /// Of months.
    pub monthly: u64,
    /// All that were taken so long before the newest one, or later.
    pub within: Duration,
    /// All of each other history, until it was watched for so long and did not grow: a restore may
    /// have been a mistake, and the other may be the history of another machine. What another
    /// machine took in the present one stays until so long after it, and while another machine's
    /// history may grow. Zero counts all histories as one that are not another machine's.
    pub others: Duration,
}

/// A snapshot on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken.
    pub taken: Timestamp,
    /// The history that it is of.
    pub timeline: Timeline,
    /// The last commit in it.
    pub revision: u64,
    /// Whether this store comes of it; where that is not known, its history and number tell.
    pub own: Option<bool>,
    /// What is known of it.
    pub judged: Judged,
}

/// Whether a snapshot is what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It was read back and is whole.
    Good,
    /// It was when it was put; nobody has looked since.
    Unknown,
    /// It could not be read, and may be another time: nothing relies on it, and it goes no sooner
    /// than one that is whole.
    Unread,
    /// It does not verify: it counts as absent.
    Bad,
}

impl Snapshot {
    /// Whether what a way leads to comes of it, by its number.
    fn is_on(&self, way: &Way) -> bool {
        way.holds(self.timeline, self.revision)
    }

    /// Whether this store comes of it, to which the way leads.
    fn is_past(&self, way: &Way) -> bool {
        self.own.unwrap_or_else(|| self.is_on(way))
    }

    /// By what it is newer than others of its kind.
    fn place(&self) -> (u32, u64, u64, Timestamp) {
        let Self { timeline, revision, taken, .. } = *self;
        (timeline.number, timeline.id, revision, taken)
    }
}

/// The other histories of a target, as this server sees them.
#[derive(Default)]
pub struct Others {
    /// Those that were not watched for so long, without growing, that they count as ended.
    pub growing: BTreeSet<Timeline>,
    /// Those of them that go further than this server has written in them.
    pub strange: BTreeSet<Timeline>,
}

/// What stays, and why.
pub struct Staying {
    /// All snapshots.
    pub snapshots: Vec<Snapshot>,
    /// Those of them that stay for the sake of this server.
    pub ours: Vec<Snapshot>,
    /// The histories of other servers, for whose sake the rest does.
    pub strange: BTreeSet<Timeline>,
}

/// The newest one of the present history that is good.
pub fn last_good(snapshots: &[Snapshot], present: Timeline) -> Option<usize> {
    let good = |(_, s): &(usize, &Snapshot)| {
        s.timeline == present && s.own != Some(false) && s.judged == Judged::Good
    };
    let of_present = snapshots.iter().enumerate().filter(good);
    of_present.max_by_key(|(_, s)| (s.revision, s.taken)).map(|(index, _)| index)
}

/// Which snapshots go. The last good one of the present history never does, and nothing does while
/// there is none. What that history comes of is its own past: a restore forgets nothing of it.
/// Another one stays while it may grow, whatever any times tell; all that another server's comes of
/// stays with it, whatever is asked.
pub fn to_drop(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    present: Timeline,
    others: &Others,
    policy: &Policy,
) -> Vec<usize> {
    let Some(last_good) = last_good(snapshots, present) else { return Vec::new() };
    let journal = journal(segments);
    let mut needed = ours(snapshots, segments, present, others, policy);
    for history in &others.strange {
        needed.extend(needed_by(*history, true, snapshots, &journal));
    }
    if !policy.others.is_zero() {
        // Another machine may have written in the present one, too, before it left that: it may be
        // the past of what that goes on with.
        let theirs = |s: &Snapshot| s.timeline == present && s.own == Some(false);
        let from = snapshots[last_good].taken.minus(policy.others);
        let wanted =
            snapshots.iter().any(|s| theirs(s) && s.taken > from) || !others.strange.is_empty();
        let stays = |s: &Snapshot| wanted && theirs(s) && s.judged != Judged::Bad;
        needed.extend((0..snapshots.len()).filter(|&index| stays(&snapshots[index])));
    }
    let goes = |index: &usize| {
        let Snapshot { timeline, revision, judged, .. } = snapshots[*index];
        // A newer one that does not verify may be another's that is being looked at.
        let newer = timeline.number > present.number
            || (timeline == present && revision > snapshots[last_good].revision);
        !needed.contains(index) && (judged != Judged::Bad || !newer)
    };
    let way = Way::to(present, &journal);
    newest_first(snapshots, &way).into_iter().rev().filter(goes).collect()
}

/// All, the newest one first. None is newer than what leads to now: a history that was left may
/// have a greater number, where the present one went back behind its start.
fn newest_first(snapshots: &[Snapshot], present: &Way) -> Vec<usize> {
    let mut order: Vec<usize> = (0..snapshots.len()).collect();
    order.sort_by_key(|&index| (snapshots[index].is_past(present), snapshots[index].place()));
    order.reverse();
    order
}

/// The snapshots that stay for the sake of this server: by its rules, with the last good one, and
/// what leads to what it has left. All do while there is no good one.
pub fn ours(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    present: Timeline,
    others: &Others,
    policy: &Policy,
) -> BTreeSet<usize> {
    let Some(last_good) = last_good(snapshots, present) else {
        return (0..snapshots.len()).collect();
    };
    let journal = journal(segments);
    let way = Way::to(present, &journal);
    let strangers: Vec<Way> =
        others.strange.iter().map(|history| Way::to(*history, &journal)).collect();
    // Another history may be another machine's: it takes no place of ours, and none is taken of it.
    let is_strange = |s: &Snapshot| strangers.iter().any(|way| way.needs(s));
    let counts = |index: &usize| {
        let snapshot = &snapshots[*index];
        let ours = snapshot.is_past(&way) || (policy.others.is_zero() && !is_strange(snapshot));
        ours && snapshot.judged != Judged::Bad
    };
    let counted: Vec<usize> = newest_first(snapshots, &way).into_iter().filter(counts).collect();
    let taken: Vec<Timestamp> = counted.iter().map(|&index| snapshots[index].taken).collect();
    let kept = policy.kept(&taken).into_iter().map(|at| counted[at]);
    let left = others.growing.difference(&others.strange).filter(|_| !policy.others.is_zero());
    let left = left.flat_map(|history| needed_by(*history, false, snapshots, &journal));
    kept.chain([last_good]).chain(left).collect()
}

/// The snapshots of other servers: what these go on with comes of them, and what is here does not.
pub fn theirs(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    present: Timeline,
    others: &Others,
) -> BTreeSet<usize> {
    let journal = journal(segments);
    let way = Way::to(present, &journal);
    let theirs =
        others.strange.iter().flat_map(|history| needed_by(*history, true, snapshots, &journal));
    theirs.filter(|&index| !snapshots[index].is_past(&way)).collect()
}

/// The snapshots that a history needs which may still grow: its own, and what leads to its start.
/// Of one that is another server's all that it comes of.
fn needed_by(
    history: Timeline,
    is_strange: bool,
    snapshots: &[Snapshot],
    journal: &Listing,
) -> Vec<usize> {
    let way = Way::to(history, journal);
    let needs = |s: &Snapshot| {
        s.timeline == history || (is_strange && s.judged != Judged::Bad && way.needs(s))
    };
    let own = (0..snapshots.len()).filter(|&index| needs(&snapshots[index]));
    // What is there of one may begin with a snapshot of a history before it.
    let of_it = journal.segments.iter().filter(|segment| segment.timeline == history);
    let start = of_it.map(|segment| segment.first - 1).min();
    let base = start.and_then(|start| base_behind(snapshots, &way, start));
    own.chain(base).collect()
}

/// Which segments go with the snapshots that `stay`: those to which none leads any more, be it
/// one of their history or of one that this left. One that stays for the sake of another server
/// alone leads to what that comes of. What lies `aside` is another server's.
pub fn segments_to_drop(
    segments: &[SegmentName],
    aside: &[SegmentName],
    stay: &Staying,
    present: Timeline,
) -> Vec<usize> {
    let all = [segments, aside].concat();
    let journal = journal(&all);
    let way = Way::to(present, &journal);
    let ways: Vec<Way> = stay.strange.iter().map(|history| Way::to(*history, &journal)).collect();
    let histories: BTreeSet<Timeline> = all.iter().map(|of| of.timeline).collect();
    let to_each = histories.into_iter().map(|history| (history, Way::to(history, &journal)));
    let to_each: BTreeMap<Timeline, Way> = to_each.collect();
    let waits = !stay.snapshots.iter().any(|s| s.timeline == present && s.judged != Judged::Bad);
    let goes = |index: &usize| {
        let SegmentName { timeline, first, last, .. } = all[*index];
        let base = |from: &[Snapshot]| base_behind(from, to_each.get(&timeline)?, last - 1);
        let leads = |from: &[Snapshot]| base(from).is_some();
        let is_past = || way.holds(timeline, first);
        let is_theirs = || {
            *index >= segments.len()
                || ways.iter().any(|other| {
                    other.holds(timeline, first) || (other.may_hold(timeline) && !is_past())
                })
        };
        !(leads(&stay.ours)
            || (is_theirs() && leads(&stay.snapshots))
            || (waits && timeline == present))
    };
    (0..all.len()).filter(goes).collect()
}

/// What leads to the end of a history.
struct Way {
    /// Itself, and those before it that were left.
    parts: Vec<Stretch>,
    /// The first of them. No segment tells what it comes of: any with a smaller number, it may be.
    first: Timeline,
}

impl Way {
    fn to(history: Timeline, journal: &Listing) -> Self {
        let parts = journal.lineage(history);
        let first = parts.last().map_or(history, |part| part.timeline);
        Self { parts, first }
    }

    /// Whether a commit is on it.
    fn holds(&self, timeline: Timeline, revision: u64) -> bool {
        holds(&self.parts, timeline, revision)
    }

    /// Whether a history may be a part of it, for all that is known.
    fn may_hold(&self, timeline: Timeline) -> bool {
        timeline.number < self.first.number
    }

    /// Whether another server may come of a snapshot to whose history it leads. What is past here,
    /// as the store knows, goes by the rules of this server, unless the way tells.
    fn needs(&self, snapshot: &Snapshot) -> bool {
        self.holds(snapshot.timeline, snapshot.revision)
            || (snapshot.own != Some(true) && self.may_hold(snapshot.timeline))
    }
}

/// The segments, for who asks which history comes of which.
fn journal(segments: &[SegmentName]) -> Listing {
    Listing { segments: segments.to_vec(), ..Listing::default() }
}

/// The newest snapshot on a way behind a commit of the history to which it leads.
fn base_behind(snapshots: &[Snapshot], way: &Way, upto: u64) -> Option<usize> {
    let leads = |(_, snapshot): &(usize, &Snapshot)| {
        snapshot.judged != Judged::Bad && snapshot.revision <= upto && snapshot.is_on(way)
    };
    let bases = snapshots.iter().enumerate().filter(leads);
    bases.max_by_key(|(_, snapshot)| snapshot.place()).map(|(index, _)| index)
}

type Bucket = fn(Timestamp, usize) -> String;

impl Policy {
    /// Whether it keeps anything by itself.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Which of those that were taken then stay by restic's rules; the newest one is the first.
    fn kept(&self, taken: &[Timestamp]) -> BTreeSet<usize> {
        let mut kept = BTreeSet::new();
        for (count, bucket) in self.buckets() {
            let (mut wanted, mut last) = (count, None);
            for (at, time) in taken.iter().enumerate() {
                let here = bucket(*time, at);
                // As restic does: while there is less than asked for, the oldest stays for more.
                let oldest = at + 1 == taken.len();
                if wanted > 0 && (last.as_ref() != Some(&here) || oldest) {
                    kept.insert(at);
                    wanted -= 1;
                }
                last = Some(here);
            }
        }
        if let Some(newest) = taken.first().filter(|_| !self.within.is_zero()) {
            let from = newest.minus(self.within);
            kept.extend((0..taken.len()).filter(|&at| taken[at] >= from));
        }
        kept
    }

    fn buckets(&self) -> [(u64, Bucket); 5] {
        // 1970 began on a Thursday.
        let week = |time: Timestamp, _| ((time.as_secs() / 86_400 + 3) / 7).to_string();
        [
            (self.last, |_, at| at.to_string()),
            (self.hourly, |time, _| prefix(time, 13)),
            (self.daily, |time, _| prefix(time, 10)),
            (self.weekly, week),
            (self.monthly, |time, _| prefix(time, 7)),
        ]
    }
}

/// The first letters of a time as it is written: the same for all of one hour, day or month.
fn prefix(time: Timestamp, length: usize) -> String {
    time.rfc3339().get(..length).map(str::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests;
