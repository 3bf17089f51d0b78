//! What restic's rules keep, and what of other histories stays.

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

/// These may still grow, and of them those are another server's.
fn others(growing: &[Timeline], strange: &[Timeline]) -> Others {
    let all = |some: &[Timeline]| some.iter().copied().collect();
    Others { growing: all(growing), strange: all(strange) }
}

fn left(snapshots: &[Snapshot], policy: &Policy) -> Vec<u64> {
    let kept = kept(snapshots, &[], &Others::default(), policy);
    kept.iter().map(|snapshot| snapshot.revision).collect()
}

fn kept(
    snapshots: &[Snapshot],
    segments: &[SegmentName],
    others: &Others,
    policy: &Policy,
) -> Vec<Snapshot> {
    let gone = to_drop(snapshots, segments, PRESENT, others, policy);
    let kept = (0..snapshots.len()).filter(|index| !gone.contains(index));
    kept.map(|index| snapshots[index]).collect()
}

/// Which segments go where all of those snapshots stay for the sake of this server.
fn led_by_none(segments: &[SegmentName], stay: &[Snapshot]) -> Vec<usize> {
    let (snapshots, ours) = (stay.to_vec(), stay.to_vec());
    let stay = Staying { snapshots, ours, strange: BTreeSet::new() };
    segments_to_drop(segments, &[], &stay, PRESENT)
}

/// Which segments go with those that a policy keeps.
fn lost(
    segments: &[SegmentName],
    kept: &[Snapshot],
    others: &Others,
    policy: &Policy,
) -> Vec<usize> {
    let ours = super::ours(kept, segments, PRESENT, others, policy);
    let stay = Staying {
        snapshots: kept.to_vec(),
        ours: ours.into_iter().map(|index| kept[index]).collect(),
        strange: others.strange.clone(),
    };
    segments_to_drop(segments, &[], &stay, PRESENT)
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
        let whose = dice(4);
        let growing = if whose > 0 { vec![OLD] } else { vec![] };
        let strange = if whose > 2 { vec![OLD] } else { vec![] };
        let others = others(&growing, &strange);
        let gone = to_drop(&all, &segments, PRESENT, &others, &policy);
        let Some(last) = last_good(&all, PRESENT) else {
            assert!(gone.is_empty());
            continue;
        };
        assert!(!gone.contains(&last));
        let kept: Vec<Snapshot> =
            (0..all.len()).filter(|n| !gone.contains(n)).map(|n| all[n]).collect();
        let alone = !policy.others.is_zero();
        let counts = |s: &&Snapshot| {
            let past = s.own.unwrap_or(s.timeline == PRESENT);
            past || !(alone || (s.timeline == OLD && !strange.is_empty()))
        };
        let ours = kept.iter().filter(|s| s.judged != Judged::Bad).filter(counts).count();
        let whole = all.iter().filter(|s| s.judged != Judged::Bad).filter(counts).count();
        assert!(ours as u64 >= policy.last.min(whole as u64));
        // What may still grow can be gone back to, with all that follows; another server's always.
        let of_old = |s: &&Snapshot| s.timeline == OLD && s.judged != Judged::Bad;
        let base = all.iter().filter(of_old).map(|s| s.revision).max();
        if let Some(base) = base.filter(|_| if alone { whose > 0 } else { whose > 2 }) {
            assert!(kept.iter().filter(of_old).any(|s| s.revision == base));
            for gone in lost(&segments, &kept, &others, &policy) {
                assert!(segments[gone].timeline != OLD || segments[gone].last <= base);
            }
        }
    }
}

#[test]
fn another_history_that_may_grow_is_left_alone_whatever_its_times() {
    let old = |revision| Snapshot { timeline: OLD, ..snapshot(revision, DAY) };
    let week = Duration::from_secs(7 * DAY);
    let gone = |days, others: &Others, span| {
        let all = [old(3), old(5), snapshot(6, 3 * DAY), snapshot(7, days * DAY)];
        to_drop(&all, &[], PRESENT, others, &Policy { last: 1, others: span, ..Policy::default() })
    };
    for days in [4, 1000] {
        assert_eq!(gone(days, &others(&[OLD], &[]), week), [2]);
        assert_eq!(gone(days, &others(&[], &[]), week), [0, 1, 2]);
        // What this server has left itself yields, and what is another one's does not.
        assert_eq!(gone(days, &others(&[OLD], &[]), Duration::ZERO), [0, 1, 2]);
        assert_eq!(gone(days, &others(&[OLD], &[OLD]), Duration::ZERO), [2]);
    }
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
    for span in [week, Duration::ZERO] {
        let policy = Policy { last: 1, others: span, ..Policy::default() };
        let gone = |strange: &[Timeline]| {
            to_drop(&all, &segments, PRESENT, &others(&[other], strange), &policy)
        };
        assert_eq!(gone(&[other]), [2]);
        // Of what this server has left it needs what leads there, or nothing.
        assert!(gone(&[]).len() >= 3);
    }
}

#[test]
fn what_stays_for_another_server_alone_leads_to_nothing_but_that() {
    let other = Timeline { number: 3, id: 1 };
    let origin = Some(Origin { timeline: PRESENT, revision: 4 });
    let segments = [
        segment(PRESENT, None, (1, 3), DAY),
        segment(PRESENT, None, (4, 6), DAY),
        segment(PRESENT, None, (7, 9), 2 * DAY),
        segment(PRESENT, None, (10, 14), 3 * DAY),
        segment(other, origin, (5, 20), 3 * DAY),
    ];
    let all = [2, 7, 11].map(|revision| snapshot(revision, revision * DAY));
    let policy = Policy { last: 1, others: Duration::from_secs(7 * DAY), ..Policy::default() };
    let after = |others: &Others| {
        let kept = kept(&all, &segments, others, &policy);
        let revisions: Vec<u64> = kept.iter().map(|snapshot| snapshot.revision).collect();
        (revisions, lost(&segments, &kept, others, &policy))
    };
    assert_eq!(after(&others(&[other], &[other])), (vec![2, 11], vec![2]));
    assert_eq!(after(&Others::default()), (vec![11], vec![0, 1, 2, 4]));
}

#[test]
fn of_a_stranger_without_a_journal_all_stays_that_it_may_come_of() {
    let other = Timeline { number: 4, id: 1 };
    let [middle, later] = [3, 5].map(|number| Timeline { number, id: 2 });
    let of = |timeline, own| Snapshot { timeline, own, ..snapshot(5, DAY) };
    let all = [
        of(OLD, Some(true)),
        of(OLD, Some(false)),
        of(middle, Some(false)),
        of(later, Some(false)),
        of(other, Some(false)),
        snapshot(7, 2 * DAY),
    ];
    for span in [Duration::from_secs(7 * DAY), Duration::ZERO] {
        let policy = Policy { last: 1, others: span, ..Policy::default() };
        let gone = to_drop(&all, &[], PRESENT, &others(&[other], &[other]), &policy);
        assert_eq!(BTreeSet::from_iter(gone), BTreeSet::from([0, 3]));
    }
}

#[test]
fn what_another_one_took_in_the_present_history_is_left_alone_for_a_while() {
    let theirs = Snapshot { own: Some(false), ..snapshot(5, 2 * DAY) };
    let policy = Policy { last: 1, others: Duration::from_secs(7 * DAY), ..Policy::default() };
    let other = Timeline { number: 3, id: 1 };
    let after = |days, strange: &[Timeline]| {
        let ours = Snapshot { own: Some(true), ..snapshot(3, DAY) };
        let all = [ours, theirs, snapshot(7, days * DAY)];
        let kept = kept(&all, &[], &others(&[other], strange), &policy);
        kept.iter().map(|snapshot| snapshot.revision).collect::<Vec<_>>()
    };
    assert_eq!(after(4, &[]), [5, 7], "it is none of those that are counted");
    assert_eq!(after(9, &[]), [7], "it was a week ago");
    assert_eq!(after(9, &[other]), [5, 7], "it goes on");
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
    assert_eq!(led_by_none(&segments, &bases), [0, 2, 4]);
    // Those of the present wait for a base.
    assert_eq!(led_by_none(&segments, &[]), [0, 1, 4]);
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
    let week = Duration::from_secs(7 * DAY);
    let policy = Policy { last: 1, others: week, ..Policy::default() };
    // What is not of the present one's past goes first.
    // The one in the middle was left lately, and has no snapshot of its own.
    let grows = others(&[middle], &[]);
    assert_eq!(to_drop(&all, &segments, PRESENT, &grows, &policy), [2, 0, 3]);
    assert_eq!(led_by_none(&segments, &[all[1], all[4]]), [0]);
    // It has one, and begins before that.
    let own = [&all[..], &[Snapshot { timeline: middle, ..snapshot(11, 9 * DAY) }]].concat();
    assert_eq!(to_drop(&own, &segments, PRESENT, &grows, &policy), [2, 0, 3]);
    // Without it nothing needs the old one any more, nor what of the present follows it alone.
    let none = Others::default();
    assert_eq!(to_drop(&all, &segments[..3], PRESENT, &none, &policy), [2, 0, 1, 3]);
    assert_eq!(led_by_none(&segments, &all[4..]), [0, 1, 2, 3]);
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
        let kept = kept(&all, &segments, &Others::default(), &policy);
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
    let (mut left_alone, mut of_others) = (0, 0);
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
                    let revision = (at - dice(2)).max(origin.map_or(0, |at| at.revision + 1));
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
        if last_good(&all, PRESENT).is_none() {
            continue;
        }
        // Each may still grow, and be of this server or of another one; what this one has taken it
        // may know by the stamps.
        let way = Way::to(PRESENT, &journal(&segments));
        for snapshot in &mut all {
            snapshot.own = (dice(2) == 0).then(|| snapshot.is_on(&way));
        }
        let whose = [OLD, other].map(|history| (history, dice(4)));
        let some = |least| {
            let some = whose.iter().filter(move |(_, whose)| *whose >= least);
            some.map(|(history, _)| *history).collect::<Vec<_>>()
        };
        let (growing, strange) = (some(1), some(3));
        let stays = kept(&all, &segments, &others(&growing, &strange), &policy);
        // As if there had been no restore.
        let past = all.iter().filter(|snapshot| snapshot.is_past(&way));
        let past: Vec<Snapshot> =
            past.map(|snapshot| Snapshot { timeline: PRESENT, ..*snapshot }).collect();
        for snapshot in kept(&past, &[], &Others::default(), &policy) {
            let same = |s: &Snapshot| {
                s.is_past(&way) && (s.revision, s.taken) == (snapshot.revision, snapshot.taken)
            };
            assert!(snapshot.judged == Judged::Bad || stays.iter().any(same));
        }
        // All that another server comes of, also where there is no room.
        let crowded = Policy { others: Duration::ZERO, ..policy };
        for policy in [policy, crowded] {
            let stays = kept(&all, &segments, &others(&growing, &strange), &policy);
            for history in &strange {
                let way = Way::to(*history, &journal(&segments));
                let needs = |s: &&Snapshot| s.judged != Judged::Bad && s.is_on(&way);
                assert!(all.iter().filter(needs).all(|s| stays.contains(s)));
                of_others += 1;
            }
        }
        // What leads to the end of each history that may grow.
        let gone = lost(&segments, &stays, &others(&growing, &strange), &policy);
        let after = (0..segments.len()).filter(|index| !gone.contains(index));
        let after: Vec<SegmentName> = after.map(|index| segments[index]).collect();
        let (before, after) = (listing(&all, &segments), listing(&stays, &after));
        for of_it in segments.iter().filter(|of_it| of_it.timeline != PRESENT) {
            let grows = growing.contains(&of_it.timeline);
            let at = Origin { timeline: of_it.timeline, revision: of_it.last };
            if grows && before.leads_to(at) {
                left_alone += 1;
                assert!(after.leads_to(at), "{at:?} of {segments:?} and {all:?}: {stays:?}");
            }
        }
    }
    assert!(left_alone > 1000 && of_others > 1000, "{left_alone} {of_others}");
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
