//! Ways through listings that are written down here.

use super::super::file::{Flaw, Loss};
use super::*;
use crate::barrier::journal::Origin;
use crate::snapshot::layout::Kept;

const ONE: Timeline = Timeline { number: 1, id: 7 };
const TWO: Timeline = Timeline { number: 2, id: 8 };
const OTHER: Timeline = Timeline { number: 2, id: 9 };

/// A commit is in the second of its revision.
fn secs(revision: u64) -> Timestamp {
    Timestamp::from_secs(revision)
}

fn snapshot(timeline: Timeline, revision: u64, taken: u64) -> SnapshotName {
    SnapshotName { prefix: "x".into(), taken: secs(taken), timeline, revision, state: 0 }
}

fn segment(timeline: Timeline, first: u64, last: u64) -> SegmentName {
    SegmentName {
        timeline,
        origin: None,
        first,
        last,
        from: secs(first),
        to: secs(last),
        chain: last,
    }
}

fn listing(snapshots: &[u64], segments: &[(u64, u64)]) -> Listing {
    Listing {
        snapshots: snapshots.iter().map(|at| snapshot(ONE, *at, *at)).collect(),
        segments: segments.iter().map(|(first, last)| segment(ONE, *first, *last)).collect(),
        ..Listing::default()
    }
}

fn way(listing: &Listing, at: At) -> Result<(u64, Vec<(u64, u64)>), Refusal> {
    let plan = plan(listing, &Wish { at, timeline: None })?;
    let spans = plan.legs.iter().map(|leg| (leg.segment.first, leg.upto)).collect();
    Ok((plan.base.revision, spans))
}

#[test]
fn the_newest_snapshot_and_the_greatest_steps_lead_there() {
    // What a compaction left lies among what it made.
    let listing = listing(&[1, 40], &[(2, 10), (11, 20), (2, 30), (21, 30), (31, 50), (51, 60)]);
    for (at, expected) in [
        (At::Revision(1), (1, vec![])),
        (At::Revision(5), (1, vec![(2, 30)])),
        (At::Revision(31), (1, vec![(2, 30), (31, 50)])),
        (At::Revision(40), (40, vec![])),
        (At::Revision(41), (40, vec![(31, 50)])),
        (At::Latest, (40, vec![(31, 50), (51, 60)])),
        (At::Time(secs(29)), (1, vec![(2, 30)])),
        // The whole second of the last commit in a segment is its own.
        (At::Time(secs(30)), (1, vec![(2, 30), (31, 50)])),
        (At::Time(secs(1000)), (40, vec![(31, 50), (51, 60)])),
    ] {
        assert_eq!(way(&listing, at), Ok(expected), "{at:?}");
    }
    assert!(matches!(way(&listing, At::Revision(61)), Err(Refusal::Beyond(_))));
    assert!(matches!(way(&listing, At::Revision(0)), Err(Refusal::Before(_))));
    assert!(matches!(way(&listing, At::Time(secs(0))), Err(Refusal::Before(_))));
    assert_eq!(way(&Listing::default(), At::Latest), Err(Refusal::Nothing));
}

#[test]
fn a_gap_is_told_with_both_of_its_ends() {
    let mut listing = listing(&[1, 40], &[(2, 10), (11, 20), (31, 50)]);
    let (before, after) = (Instant { revision: 20, time: secs(20) }, 40);
    let after = Some(Instant { revision: after, time: secs(after) });
    let gap = Err(Refusal::Gap(ONE, Gap { before, after }));
    assert_eq!(way(&listing, At::Revision(25)), gap);
    assert_eq!(way(&listing, At::Revision(35)), gap);
    assert_eq!(way(&listing, At::Latest), Ok((40, vec![(31, 50)])));
    let wish = Wish { at: At::Time(secs(25)), timeline: None };
    assert_eq!(plan(&listing, &wish).unwrap().gap, Some(Gap { before, after }));
    let wish = Wish { at: At::Time(secs(15)), timeline: None };
    assert_eq!(plan(&listing, &wish).unwrap().gap, None);
    // A snapshot that does not verify still tells how far it went.
    let torn = |loss| Flaw { loss, why: "torn".into() };
    listing.lose(Kept::Snapshot(snapshot(ONE, 40, 40)), torn(Loss::Damaged));
    // What was never there tells of nothing.
    listing.lose(Kept::Snapshot(snapshot(ONE, 900, 900)), torn(Loss::Foreign));
    let gap = Err(Refusal::Gap(ONE, Gap { before, after: None }));
    assert_eq!(way(&listing, At::Latest), gap);
    assert_eq!(way(&listing, At::Revision(20)), Ok((1, vec![(2, 10), (11, 20)])));
}

#[test]
fn histories_are_told_apart() {
    // Went back from 50 to 20 at the time 60; a second machine did the same at the time 70.
    let mut listing = listing(&[1], &[(2, 50)]);
    listing.snapshots.push(snapshot(TWO, 21, 60));
    let mut end = segment(TWO, 22, 30);
    (end.from, end.to) = (secs(61), secs(69));
    listing.segments.push(end);
    let of = |listing: &Listing, at| {
        plan(listing, &Wish { at, timeline: None }).map(|plan| plan.base.timeline)
    };
    assert_eq!(of(&listing, At::Latest), Ok(TWO));
    for (time, timeline) in [(40, ONE), (50, ONE), (55, ONE), (60, TWO), (65, TWO), (99, TWO)] {
        assert_eq!(of(&listing, At::Time(secs(time))), Ok(timeline), "{time}");
    }
    let later = |time| {
        let wish = Wish { at: At::Time(secs(time)), timeline: None };
        plan(&listing, &wish).unwrap().later.map(|span| span.timeline)
    };
    assert_eq!([55, 60].map(later), [Some(TWO), None], "when it began is not known");
    assert_eq!(of(&listing, At::Revision(20)), Ok(ONE));
    assert_eq!(of(&listing, At::Revision(40)), Ok(ONE));
    assert!(matches!(of(&listing, At::Revision(25)), Err(Refusal::Ambiguous(_))));
    let named = Wish { at: At::Revision(25), timeline: Some(TWO) };
    assert_eq!(plan(&listing, &named).unwrap().base.timeline, TWO);
    let named = Wish { at: At::Latest, timeline: Some(OTHER) };
    assert!(matches!(plan(&listing, &named), Err(Refusal::NoTimeline(OTHER, _))));
    listing.snapshots.push(snapshot(OTHER, 21, 70));
    assert_eq!(of(&listing, At::Time(secs(65))), Ok(TWO));
    // A clock tells nothing for sure of two that left the same history.
    for at in [At::Latest, At::Time(secs(75))] {
        let Err(Refusal::Ambiguous(spans)) = of(&listing, at) else { panic!("{at:?}") };
        assert_eq!(spans.iter().map(|span| span.timeline).collect::<Vec<_>>(), [TWO, OTHER]);
    }
    // The first one, written on beside those that left it.
    listing.segments.push(SegmentName { to: secs(80), ..segment(ONE, 51, 55) });
    let Err(Refusal::Ambiguous(spans)) = of(&listing, At::Time(secs(62))) else { panic!() };
    assert_eq!(spans.len(), 2);
}

#[test]
fn a_history_takes_the_place_of_what_it_comes_of_alone() {
    const THREE: Timeline = Timeline { number: 3, id: 10 };
    let begun = |timeline, of, at: u64, time| {
        let origin = Some(Origin { timeline: of, revision: at });
        let to = secs(time + 5);
        SegmentName { origin, from: secs(time), to, ..segment(timeline, at + 1, at + 5) }
    };
    let mut listing = listing(&[1], &[(2, 50)]);
    listing.segments.push(begun(TWO, ONE, 20, 60));
    listing.segments.push(begun(OTHER, ONE, 20, 61));
    let latest = Wish { at: At::Latest, timeline: None };
    for (of, found) in [(TWO, OTHER), (OTHER, TWO)] {
        let three = begun(THREE, of, 23, 70);
        listing.segments.push(three);
        let Err(Refusal::Ambiguous(spans)) = plan(&listing, &latest) else { panic!("{of}") };
        assert_eq!(spans.iter().map(|span| span.timeline).collect::<Vec<_>>(), [found, THREE]);
        // Nor does it of one that it was seen not to come of.
        listing.apart.push(THREE);
        listing.snapshots.push(snapshot(THREE, 30, 76));
        let Err(Refusal::Ambiguous(_)) = plan(&listing, &latest) else { panic!("{of}") };
        // Where it is not known of which it comes, times decide.
        listing.segments.pop();
        assert_eq!(plan(&listing, &latest).unwrap().timeline, THREE);
        (listing.apart, listing.snapshots) = (Vec::new(), vec![snapshot(ONE, 1, 1)]);
    }
}

#[test]
fn where_the_own_way_has_left_a_history_nothing_is_missing() {
    const THREE: Timeline = Timeline { number: 3, id: 10 };
    let mut listing = listing(&[1], &[(2, 6), (7, 7), (8, 8)]);
    for (timeline, of, at) in [(TWO, ONE, 6), (THREE, TWO, 60)] {
        let origin = Some(Origin { timeline: of, revision: at });
        let (from, to) = (secs(at + 50), secs(at + 60));
        let begins = segment(timeline, at + 1, at + 54);
        listing.segments.push(SegmentName { origin, from, to, ..begins });
    }
    // What goes on behind it may not have been looked at yet.
    let other = Flaw { loss: Loss::Other, why: "".into() };
    listing.lose(Kept::Segment(segment(ONE, 7, 7)), other);
    let gap = |listing: &Listing| {
        let wish = Wish { at: At::Time(secs(7)), timeline: None };
        plan(listing, &wish).unwrap().gap.is_some()
    };
    assert!(gap(&listing));
    for present in [TWO, THREE] {
        listing.present = Some(present);
        assert!(!gap(&listing), "{present}");
    }
    // But what it wrote there itself is, where a restore left it further on.
    listing.heads.push((Stretch { timeline: ONE, upto: 8 }, None));
    assert!(gap(&listing));
}
