//! Which snapshots go when a newer one has come, and which segments with them: restic's rules, in
//! UTC, over what a target holds.
//!
//! What is newer is told by timeline and revision. The times are only what hours, days, weeks and
//! months are counted by.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::SegmentName;
use crate::snapshot::rewind::listing::{Listing, Stretch};

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
    /// All of each other history, until the present one has one that was taken so long after the
    /// last of the other: a restore may have been a mistake, and the other may be the history of
    /// another machine. What another machine took in the present one stays for as long, and while
    /// a history goes on that left it. Zero counts all histories as one.
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
    fn is_on(&self, way: &[Stretch]) -> bool {
        way.iter().any(|part| part.timeline == self.timeline && self.revision <= part.upto)
    }

    /// Whether this store comes of it, to which the way leads.
    fn is_past(&self, way: &[Stretch]) -> bool {
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
    /// Those that grew while they were watched, and not so long ago that they count as ended.
    pub growing: BTreeSet<Timeline>,
    /// Those that this server has left itself.
    pub left: BTreeSet<Timeline>,
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
/// Another one stays for as long as its times tell, and while it is seen to grow; one that goes on
/// and that this server has not left is another server's, and all that it comes of stays with it,
/// whatever is asked.
pub fn to_drop(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    present: Timeline,
    others: &Others,
    policy: &Policy,
) -> Vec<usize> {
    let Some(last_good) = last_good(snapshots, present) else { return Vec::new() };
    let journal = journal(segments);
    let way = journal.lineage(present);
    let mut order: Vec<usize> = (0..snapshots.len()).collect();
    // None is newer than what leads to now: a history that was left may have a greater number,
    // where the present one went back behind its start.
    order.sort_by_key(|&index| (snapshots[index].is_past(&way), snapshots[index].place()));
    order.reverse();
    let whole = order.iter().copied().filter(|&index| snapshots[index].judged != Judged::Bad);
    // Another history may be another machine's: it takes no place of ours, and none is taken of it.
    let alone = !policy.others.is_zero();
    let from = snapshots[last_good].taken.minus(policy.others);
    let mut going_on = if alone { going_on(snapshots, segments, from) } else { BTreeSet::new() };
    going_on.extend(&others.growing);
    let strange = |timeline: &Timeline| {
        let past = way.iter().any(|part| part.timeline == *timeline);
        !past && !others.left.contains(timeline)
    };
    let strangers: Vec<Vec<Stretch>> =
        going_on.iter().filter(|of| strange(of)).map(|of| journal.lineage(*of)).collect();
    let is_strange = |s: &Snapshot| strangers.iter().any(|way| s.is_on(way));
    let counts = |s: &Snapshot| s.is_past(&way) || !(alone || is_strange(s));
    let counted: Vec<usize> = whole.filter(|&index| counts(&snapshots[index])).collect();
    let mut kept = vec![false; snapshots.len()];
    kept[last_good] = true;
    for (count, bucket) in policy.buckets() {
        let (mut wanted, mut last) = (count, None);
        for (at, &index) in counted.iter().enumerate() {
            let here = bucket(snapshots[index].taken, at);
            // As restic does: while there is less than asked for, the oldest stays for more.
            let oldest = at + 1 == counted.len();
            if wanted > 0 && (last.as_ref() != Some(&here) || oldest) {
                kept[index] = true;
                wanted -= 1;
            }
            last = Some(here);
        }
    }
    if let Some(&newest) = counted.first().filter(|_| !policy.within.is_zero()) {
        let from = snapshots[newest].taken.minus(policy.within);
        for &index in &counted {
            kept[index] |= snapshots[index].taken >= from;
        }
    }
    for (index, snapshot) in snapshots.iter().enumerate() {
        kept[index] |= snapshot.judged != Judged::Bad && is_strange(snapshot);
    }
    if alone {
        // Another machine may have written in the present one, too, before it left that: it is the
        // past of what that goes on with.
        let theirs = |s: &Snapshot| s.timeline == present && s.own == Some(false);
        let comes_of_it = |other: &Timeline| {
            *other != present && journal.lineage(*other).iter().any(|of| of.timeline == present)
        };
        let wanted = snapshots.iter().any(|s| theirs(s) && s.taken > from)
            || going_on.iter().any(comes_of_it);
        for (index, snapshot) in snapshots.iter().enumerate() {
            kept[index] |= match theirs(snapshot) {
                true => snapshot.judged != Judged::Bad && wanted,
                false => snapshot.timeline != present && going_on.contains(&snapshot.timeline),
            };
        }
        // What is there of one may begin with a snapshot of a history before it.
        for timeline in going_on.into_iter().filter(|timeline| *timeline != present) {
            let of_it = segments.iter().filter(|segment| segment.timeline == timeline);
            let start = of_it.map(|segment| segment.first - 1).min();
            let base = start.and_then(|start| base_behind(snapshots, &journal, timeline, start));
            base.into_iter().for_each(|index| kept[index] = true);
        }
    }
    let goes = |&index: &usize| {
        let Snapshot { timeline, revision, judged, .. } = snapshots[index];
        // A newer one that does not verify may be another's that is being looked at.
        let newer = timeline.number > present.number
            || (timeline == present && revision > snapshots[last_good].revision);
        !kept[index] && (judged != Judged::Bad || !newer)
    };
    order.into_iter().rev().filter(goes).collect()
}

/// The histories to which something was added after `from`, as far as one can see.
fn going_on(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    from: Timestamp,
) -> BTreeSet<Timeline> {
    let taken = snapshots.iter().map(|s| (s.timeline, s.taken));
    let all = taken.chain(segments.iter().map(|s| (s.timeline, s.to)));
    all.filter(|(_, time)| *time > from).map(|(timeline, _)| timeline).collect()
}

/// Which segments go with the snapshots that `stay`: those to which none leads any more, be it
/// one of their history or of one that this left.
pub fn segments_to_drop(
    segments: &[SegmentName],
    stay: &[Snapshot],
    present: Timeline,
) -> Vec<usize> {
    let journal = journal(segments);
    let waits = !stay.iter().any(|s| s.timeline == present && s.judged != Judged::Bad);
    let goes = |segment: &SegmentName| {
        let SegmentName { timeline, last, .. } = *segment;
        let leads = base_behind(stay, &journal, timeline, last - 1).is_some();
        !(leads || (waits && timeline == present))
    };
    (0..segments.len()).filter(|&index| goes(&segments[index])).collect()
}

/// The segments, for who asks which history comes of which.
fn journal(segments: &[SegmentName]) -> Listing {
    Listing { segments: segments.to_vec(), ..Listing::default() }
}

/// The newest snapshot on the way to a commit of a history.
fn base_behind(
    snapshots: &[Snapshot],
    journal: &Listing,
    timeline: Timeline,
    upto: u64,
) -> Option<usize> {
    let way = journal.lineage(timeline);
    let leads = |(_, snapshot): &(usize, &Snapshot)| {
        snapshot.judged != Judged::Bad && snapshot.revision <= upto && snapshot.is_on(&way)
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
mod tests {
    use super::*;
    use crate::barrier::journal::Origin;
    use crate::base::entropy::{Entropy, SeededEntropy};
    use crate::snapshot::layout::SnapshotName;

    const PRESENT: Timeline = Timeline { number: 2, id: 7 };
    const OLD: Timeline = Timeline { number: 1, id: 9 };
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    /// A Monday, 2026-11-23T00:00:00Z.
    const MONDAY: u64 = 1_795_392_000;

    fn snapshot(revision: u64, taken: u64) -> Snapshot {
        let (taken, judged) = (Timestamp::from_secs(taken), Judged::Good);
        Snapshot { taken, timeline: PRESENT, revision, own: None, judged }
    }

    fn segment(
        timeline: Timeline,
        origin: Option<Origin>,
        (first, last): (u64, u64),
        to: u64,
    ) -> SegmentName {
        let to = Timestamp::from_secs(to);
        SegmentName { timeline, origin, first, last, from: to, to, chain: last }
    }

    /// Whatever other histories there are this server has left.
    fn ours() -> Others {
        let middle = Timeline { number: 2, id: 1 };
        let other = Timeline { number: 3, id: 1 };
        Others { left: BTreeSet::from([OLD, middle, other]), ..Others::default() }
    }

    fn left(snapshots: &[Snapshot], policy: &Policy) -> Vec<u64> {
        let kept = kept(snapshots, &[], policy);
        kept.iter().map(|snapshot| snapshot.revision).collect()
    }

    fn kept(snapshots: &[Snapshot], segments: &[SegmentName], policy: &Policy) -> Vec<Snapshot> {
        let gone = to_drop(snapshots, segments, PRESENT, &ours(), policy);
        let kept = (0..snapshots.len()).filter(|index| !gone.contains(index));
        kept.map(|index| snapshots[index]).collect()
    }

    #[test]
    fn each_rule_keeps_what_restics_does() {
        // Every six hours for six weeks.
        let all: Vec<_> = (0..168).map(|n| snapshot(n + 1, MONDAY + n * 6 * HOUR)).collect();
        let keep = |change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            left(&all, &policy)
        };
        assert_eq!(keep(|p| p.last = 3), [166, 167, 168]);
        assert_eq!(keep(|p| p.hourly = 2), [167, 168]);
        assert_eq!(keep(|p| p.daily = 3), [160, 164, 168]);
        assert_eq!(keep(|p| p.weekly = 2), [140, 168]);
        // The 156th was the last one of December.
        assert_eq!(keep(|p| p.monthly = 2), [156, 168]);
        assert_eq!(keep(|p| p.within = Duration::from_secs(DAY)), [164, 165, 166, 167, 168]);
        // Fewer than asked for: the oldest stays too.
        assert_eq!(keep(|p| p.weekly = 9), [1, 28, 56, 84, 112, 140, 168]);
    }

    #[test]
    fn what_is_newer_is_told_by_revision_and_not_by_time() {
        let back = [snapshot(1, 9 * DAY), snapshot(2, DAY), snapshot(3, 2 * DAY)];
        assert_eq!(left(&back, &Policy { last: 1, ..Policy::default() }), [3]);
        let old = Snapshot { timeline: OLD, ..snapshot(50, 3 * DAY) };
        let mixed = [old, snapshot(2, DAY), snapshot(3, 2 * DAY)];
        assert_eq!(left(&mixed, &Policy { last: 1, ..Policy::default() }), [3]);
    }

    #[test]
    fn the_last_good_one_stays_whatever_is_asked() {
        let one = Policy { last: 1, ..Policy::default() };
        let bad = |revision| Snapshot { judged: Judged::Bad, ..snapshot(revision, DAY) };
        let unknown = |revision| Snapshot { judged: Judged::Unknown, ..snapshot(revision, DAY) };
        // Nothing goes while none is known to be good.
        assert_eq!(left(&[unknown(1), unknown(2), bad(3)], &one), [1, 2, 3]);
        assert_eq!(left(&[bad(1), snapshot(2, DAY), bad(3)], &one), [2, 3]);
        assert_eq!(left(&[snapshot(1, DAY), unknown(2), unknown(3)], &one), [1, 3]);

        let entropy = SeededEntropy::new(5);
        let entropy: &dyn Entropy = &entropy;
        let dice = |most: u64| u64::from_le_bytes(entropy.bytes()) % most;
        for _ in 0..2000 {
            let all: Vec<Snapshot> = (0..dice(12))
                .map(|_| Snapshot {
                    taken: Timestamp::from_secs(MONDAY + dice(90 * DAY)),
                    timeline: [PRESENT, OLD, Timeline { number: 2, id: 1 }][dice(3) as usize],
                    revision: dice(20),
                    own: [None, None, Some(true), Some(false)][dice(4) as usize],
                    judged: [Judged::Good, Judged::Unknown, Judged::Bad][dice(3) as usize],
                })
                .collect();
            let policy = Policy {
                last: dice(3),
                hourly: dice(3),
                daily: dice(3),
                weekly: dice(3),
                monthly: dice(3),
                within: Duration::from_secs(dice(2) * dice(9 * DAY)),
                others: Duration::from_secs(dice(2) * dice(40 * DAY)),
            };
            let segments: Vec<SegmentName> = (0..dice(4))
                .map(|_| {
                    let last = 1 + dice(19);
                    let to = MONDAY + dice(90 * DAY);
                    segment([PRESENT, OLD][dice(2) as usize], None, (last, last), to)
                })
                .collect();
            let gone = to_drop(&all, &segments, PRESENT, &ours(), &policy);
            let Some(last) = last_good(&all, PRESENT) else {
                assert!(gone.is_empty());
                continue;
            };
            assert!(!gone.contains(&last));
            let kept: Vec<Snapshot> =
                (0..all.len()).filter(|n| !gone.contains(n)).map(|n| all[n]).collect();
            let alone = !policy.others.is_zero();
            let counts = |s: &&Snapshot| !alone || s.own.unwrap_or(s.timeline == PRESENT);
            let ours = kept.iter().filter(|s| s.judged != Judged::Bad).filter(counts).count();
            let whole = all.iter().filter(|s| s.judged != Judged::Bad).filter(counts).count();
            assert!(ours as u64 >= policy.last.min(whole as u64));
            // What was left a short while ago can be gone back to, with all that follows.
            let of_old = |s: &&Snapshot| s.timeline == OLD && s.judged != Judged::Bad;
            let base = all.iter().filter(of_old).map(|s| s.revision).max();
            let ends = segments.iter().filter(|s| s.timeline == OLD).map(|s| s.to);
            let end = ends.chain(all.iter().filter(of_old).map(|s| s.taken)).max();
            let (Some(base), Some(end)) = (base, end) else { continue };
            if !policy.others.is_zero() && end > all[last].taken.minus(policy.others) {
                assert!(kept.iter().filter(of_old).any(|s| s.revision == base));
                for lost in segments_to_drop(&segments, &kept, PRESENT) {
                    assert!(segments[lost].timeline != OLD || segments[lost].last <= base);
                }
            }
        }
    }

    #[test]
    fn another_history_is_left_alone_for_a_while() {
        let old = |revision, days| Snapshot { timeline: OLD, ..snapshot(revision, days * DAY) };
        let policy = Policy { last: 1, others: Duration::from_secs(7 * DAY), ..Policy::default() };
        let after = |days, segments: &[SegmentName]| {
            let all = [old(3, 1), old(5, 2), snapshot(6, 3 * DAY), snapshot(7, days * DAY)];
            let gone = to_drop(&all, segments, PRESENT, &ours(), &policy);
            (0..all.len())
                .filter(|n| !gone.contains(n))
                .map(|n| all[n].revision)
                .collect::<Vec<_>>()
        };
        assert_eq!(after(4, &[]), [3, 5, 7]);
        assert_eq!(after(8, &[]), [3, 5, 7]);
        assert_eq!(after(9, &[]), [7], "it was a week ago");
        let journal = segment(OLD, None, (6, 9), 3 * DAY);
        assert_eq!(after(9, &[journal]), [3, 5, 7], "the journal went on");
    }

    #[test]
    fn another_history_that_is_seen_to_grow_is_left_alone_whatever_its_times() {
        let old = |revision| Snapshot { timeline: OLD, ..snapshot(revision, DAY) };
        let policy = Policy { last: 1, others: Duration::from_secs(7 * DAY), ..Policy::default() };
        let all = [old(5), snapshot(6, 1000 * DAY)];
        let gone = |growing: &[Timeline]| {
            let others = Others { growing: growing.iter().copied().collect(), ..ours() };
            to_drop(&all, &[], PRESENT, &others, &policy)
        };
        assert!(gone(&[OLD]).is_empty());
        assert_eq!(gone(&[]), [0]);
    }

    #[test]
    fn while_another_server_goes_on_all_that_it_comes_of_stays() {
        let [middle, other] = [3, 4].map(|number| Timeline { number, id: 1 });
        let origin = |timeline, revision| Some(Origin { timeline, revision });
        let segments = [
            segment(PRESENT, None, (1, 9), DAY),
            segment(middle, origin(PRESENT, 4), (5, 6), DAY),
            segment(other, origin(middle, 6), (7, 9), 40 * DAY),
        ];
        let of = |timeline, revision| Snapshot { timeline, ..snapshot(revision, DAY) };
        let all = [
            of(PRESENT, 2),
            of(PRESENT, 3),
            of(PRESENT, 5),
            of(middle, 5),
            of(other, 8),
            snapshot(12, 41 * DAY),
        ];
        let week = Duration::from_secs(7 * DAY);
        for others in [week, Duration::ZERO] {
            let policy = Policy { last: 1, others, ..Policy::default() };
            let growing = BTreeSet::from([other]);
            let gone = |left| {
                let others = Others { growing: growing.clone(), left };
                to_drop(&all, &segments, PRESENT, &others, &policy)
            };
            assert_eq!(gone(BTreeSet::new()), [2]);
            // Of what this server has left it needs what leads there, or nothing.
            assert!(gone(BTreeSet::from([other])).len() >= 3);
        }
    }

    #[test]
    fn what_another_one_took_in_the_present_history_is_left_alone_for_a_while() {
        let theirs = Snapshot { own: Some(false), ..snapshot(5, 2 * DAY) };
        let policy = Policy { last: 1, others: Duration::from_secs(7 * DAY), ..Policy::default() };
        let after = |days, segments: &[SegmentName]| {
            let all = [snapshot(3, DAY), theirs, snapshot(7, days * DAY)];
            let kept = kept(&all, segments, &policy);
            kept.iter().map(|snapshot| snapshot.revision).collect::<Vec<_>>()
        };
        assert_eq!(after(4, &[]), [5, 7], "it is none of those that are counted");
        assert_eq!(after(9, &[]), [7], "it was a week ago");
        let origin = Some(Origin { timeline: PRESENT, revision: 6 });
        let other = Timeline { number: 3, id: 1 };
        let on = |days| segment(other, origin, (7, 9), days * DAY);
        assert_eq!(after(9, &[on(3)]), [5, 7], "it goes on");
        assert_eq!(after(11, &[on(3)]), [7]);
    }

    #[test]
    fn segments_go_with_the_base_that_they_follow() {
        let segment = |timeline, last| segment(timeline, None, (last, last), DAY);
        let segments = [
            segment(OLD, 4),
            segment(OLD, 9),
            segment(PRESENT, 10),
            segment(PRESENT, 11),
            segment(Timeline { number: 1, id: 1 }, 3),
        ];
        let old = Snapshot { timeline: OLD, ..snapshot(5, DAY) };
        let bases = [old, snapshot(10, DAY), snapshot(12, DAY)];
        assert_eq!(segments_to_drop(&segments, &bases, PRESENT), [0, 2, 4]);
        // Those of the present wait for a base.
        assert_eq!(segments_to_drop(&segments, &[], PRESENT), [0, 1, 4]);
    }

    #[test]
    fn a_history_needs_those_that_it_left() {
        let origin = Some(Origin { timeline: OLD, revision: 8 });
        let middle = Timeline { number: 2, id: 1 };
        let segments = [
            segment(OLD, None, (1, 6), DAY),
            segment(OLD, None, (7, 9), DAY),
            segment(PRESENT, origin, (9, 10), 9 * DAY),
            segment(middle, origin, (9, 12), 9 * DAY),
        ];
        let old = |revision| Snapshot { timeline: OLD, ..snapshot(revision, 2 * DAY) };
        let all = [old(3), old(7), old(9), snapshot(11, 10 * DAY), snapshot(12, 11 * DAY)];
        let others = Duration::from_secs(7 * DAY);
        let policy = Policy { last: 1, others, ..Policy::default() };
        // What is not of the present one's past goes first.
        // The one in the middle was left lately, and has no snapshot of its own.
        assert_eq!(to_drop(&all, &segments, PRESENT, &ours(), &policy), [2, 0, 3]);
        assert_eq!(segments_to_drop(&segments, &[all[1], all[4]], PRESENT), [0]);
        // It has one, and begins before that.
        let own = [&all[..], &[Snapshot { timeline: middle, ..snapshot(11, 9 * DAY) }]].concat();
        assert_eq!(to_drop(&own, &segments, PRESENT, &ours(), &policy), [2, 0, 3]);
        // Without it nothing needs the old one any more, nor what of the present follows it alone.
        assert_eq!(to_drop(&all, &segments[..3], PRESENT, &ours(), &policy), [2, 0, 1, 3]);
        assert_eq!(segments_to_drop(&segments, &all[4..], PRESENT), [0, 1, 2, 3]);
    }

    #[test]
    fn a_restore_forgets_nothing_of_what_it_went_back_to() {
        let month = 31 * DAY;
        let of_old =
            |revision| Snapshot { timeline: OLD, ..snapshot(revision, MONDAY + revision * month) };
        let origin = Some(Origin { timeline: OLD, revision: 6 });
        let segments = [segment(PRESENT, origin, (7, 9), MONDAY + 7 * month + DAY)];
        let now = [snapshot(8, MONDAY + 7 * month + HOUR), snapshot(9, MONDAY + 8 * month)];
        let all: Vec<Snapshot> = (1..=7).map(of_old).chain(now).collect();
        let keep = |change: fn(&mut Policy)| {
            let mut policy = Policy { others: Duration::from_secs(7 * DAY), ..Policy::default() };
            change(&mut policy);
            let kept = kept(&all, &segments, &policy);
            kept.iter().map(|s| (s.timeline.number, s.revision)).collect::<Vec<_>>()
        };
        let past = [(1, 4), (1, 5), (1, 6), (2, 8), (2, 9)];
        assert_eq!(keep(|p| p.monthly = 5), past, "not the seventh, which it had undone");
        assert_eq!(keep(|p| p.last = 3), past[2..]);
        assert_eq!(keep(|p| p.within = Duration::from_secs(4 * 31 * DAY)), past);
    }

    #[test]
    fn whatever_histories_there_are_what_is_wanted_of_them_stays() {
        let entropy = SeededEntropy::new(6);
        let entropy: &dyn Entropy = &entropy;
        let dice = |most: u64| u64::from_le_bytes(entropy.bytes()) % most;
        let other = Timeline { number: 3, id: 1 };
        let mut left_alone = 0;
        for _ in 0..4000 {
            let of_old = |revision| Origin { timeline: OLD, revision };
            let branch = 2 + dice(8);
            let of_present = Origin { timeline: PRESENT, revision: branch + 1 + dice(6) };
            let left = [of_old(2 + dice(10)), of_present][dice(2) as usize];
            let begins = [(OLD, None), (PRESENT, Some(of_old(branch))), (other, Some(left))];
            let (mut all, mut segments) = (Vec::new(), Vec::new());
            for (timeline, origin) in begins {
                let (mut at, mut time) = match origin {
                    Some(origin) => (origin.revision, MONDAY + origin.revision * DAY),
                    None => (0, MONDAY),
                };
                for _ in 0..dice(10) {
                    let first = at + 1 + dice(8) / 7;
                    (at, time) = (first + dice(3), time + dice(3 * DAY));
                    segments.push(segment(timeline, origin, (first, at), time));
                    if dice(3) == 0 {
                        let judged = [Judged::Good, Judged::Good, Judged::Bad][dice(3) as usize];
                        let taken = Timestamp::from_secs(time);
                        let revision = at - dice(2);
                        all.push(Snapshot { taken, timeline, revision, own: None, judged });
                    }
                }
            }
            let policy = Policy {
                last: dice(3),
                daily: dice(5),
                weekly: dice(3),
                within: Duration::from_secs(dice(2) * dice(9 * DAY)),
                others: Duration::from_secs(1 + dice(9 * DAY)),
                ..Policy::default()
            };
            let Some(last) = last_good(&all, PRESENT) else { continue };
            let stays = kept(&all, &segments, &policy);
            // As if there had been no restore.
            let way = journal(&segments).lineage(PRESENT);
            let past = all.iter().filter(|snapshot| snapshot.is_on(&way));
            let past: Vec<Snapshot> =
                past.map(|snapshot| Snapshot { timeline: PRESENT, ..*snapshot }).collect();
            for snapshot in kept(&past, &[], &policy) {
                let same = |s: &Snapshot| {
                    s.is_on(&way) && (s.revision, s.taken) == (snapshot.revision, snapshot.taken)
                };
                assert!(snapshot.judged == Judged::Bad || stays.iter().any(same));
            }
            // What leads to the end of each history that was left lately, or goes on.
            let gone = segments_to_drop(&segments, &stays, PRESENT);
            let after = (0..segments.len()).filter(|index| !gone.contains(index));
            let after: Vec<SegmentName> = after.map(|index| segments[index]).collect();
            let (before, after) = (listing(&all, &segments), listing(&stays, &after));
            let from = all[last].taken.minus(policy.others);
            for of_it in segments.iter().filter(|of_it| of_it.timeline != PRESENT) {
                let lately = segments.iter().any(|s| s.timeline == of_it.timeline && s.to > from);
                let at = Origin { timeline: of_it.timeline, revision: of_it.last };
                if lately && before.leads_to(at) {
                    left_alone += 1;
                    assert!(after.leads_to(at), "{at:?} of {segments:?} and {all:?}: {stays:?}");
                }
            }
        }
        assert!(left_alone > 1000);
    }

    /// What a way is planned by.
    fn listing(snapshots: &[Snapshot], segments: &[SegmentName]) -> Listing {
        let whole = snapshots.iter().filter(|snapshot| snapshot.judged != Judged::Bad);
        let named = |snapshot: &Snapshot| {
            let Snapshot { taken, timeline, revision, .. } = *snapshot;
            SnapshotName { prefix: "x".into(), taken, timeline, revision, state: 0 }
        };
        Listing { snapshots: whole.map(named).collect(), ..journal(segments) }
    }
}
