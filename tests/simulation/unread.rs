//! A file that can no longer be read is made good, and takes the target along no more than one
//! that went bad.

use std::sync::Arc;
use std::time::Duration;

use edgekeep::snapshot::keeper::keep_journal;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::status::Standing;
use edgekeep::snapshot::layout::{SegmentName, SnapshotName};
use edgekeep::snapshot::target::{Target as _, TargetError};

use crate::left::Copy;
use crate::place::{Place, Weather};
use crate::site::{Site, serve, with};

#[test]
fn what_cannot_be_read_is_made_good_like_what_went_bad() {
    let mut site = with(2);
    let place = site.places[0].clone();
    let newest = || place.snapshots().into_iter().max_by_key(|of| (of.revision, of.taken)).unwrap();
    let is_well = |site: &Site| {
        let status = site.desks[0].status();
        let journal = status.journal.as_ref().and_then(|journal| journal.behind());
        (status.standing, status.damage, journal) == (Standing::Good, None, Some(0))
    };
    let before: SnapshotName = newest();
    place.spoil(&site.folder.snapshot(&before).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    assert!(newest() != before && is_well(&site), "{:?}", site.desks[0].status());
    assert!(place.snapshots().contains(&before), "it may be read another time");

    // The same of a segment of the journal.
    site.store().rotate().unwrap();
    serve(&mut site, 10);
    let before = newest();
    let segments = place.segments(before.timeline).into_iter().map(|segment| segment.of);
    let last = segments.max_by_key(|of| of.last).unwrap();
    assert!(last.last > before.revision, "the journal leads on");
    place.spoil(&site.folder.segment(&last).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    assert!(newest() != before && is_well(&site), "{:?}", site.desks[0].status());
}

#[test]
fn what_may_be_ahead_and_cannot_be_read_lets_nothing_be_shipped() {
    let mut site = with(2);
    site.remember();
    let copy = site.copy.take().unwrap();
    (0..3).for_each(|_| site.put(100));
    serve(&mut site, 10);
    let place = site.places[0].clone();
    let timeline = site.last.0;
    let newest = place.segments(timeline).into_iter().max_by_key(|s| s.of.last).unwrap().of;
    assert!(newest.last > copy.at.1, "it is ahead of the copy");
    // The disk goes back, and what tells of it is a bad sector.
    place.spoil(&site.folder.segment(&newest).unwrap());
    site.go_back(copy);
    for _ in 0..4 {
        site.put(100);
        serve(&mut site, 40);
    }
    assert_eq!(place.told_of(timeline), newest.last, "nothing is shipped");
    let status = site.desks[0].status();
    assert_eq!(status.standing, Standing::Failing, "{status:?}");
    assert!(status.error.as_ref().is_some_and(|e| e.contains("cannot be read")), "{status:?}");
    // Then it can be, and tells.
    place.heal(&site.folder.segment(&newest).unwrap());
    serve(&mut site, 40);
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
}

#[test]
fn nor_does_what_was_not_recorded_here_for_as_long_as_it_cannot_be() {
    let mut site = with(1);
    let (place, (timeline, from)) = (site.places[0].clone(), site.last);
    let mut copy = Copy::of(&mut site);
    for _ in 0..3 {
        site.clock.advance(Duration::from_secs(2));
        copy.put();
    }
    let theirs = place.segments(timeline).into_iter().map(|held| held.of);
    let theirs: Vec<SegmentName> = theirs.filter(|of| of.last > from).collect();
    assert!(!theirs.is_empty());
    theirs.iter().for_each(|of| place.spoil(&site.folder.segment(of).unwrap()));
    let there = place.told();
    // Here there is no journal meanwhile.
    keep_journal(&site.store(), false).unwrap();
    (0..9).for_each(|_| site.put(100));
    for _ in 0..4 {
        site.put(100);
        serve(&mut site, 60);
        let status = site.desks[0].status();
        assert!(status.error.as_ref().is_some_and(|e| e.contains("cannot be read")), "{status:?}");
        assert_eq!(place.told(), there);
    }
    theirs.iter().for_each(|of| place.heal(&site.folder.segment(of).unwrap()));
    serve(&mut site, 60);
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
}

#[test]
fn many_that_cannot_be_read_after_a_restart_hold_it_up_no_longer_than_one() {
    let mut site = with(1);
    let place = site.places[0].clone();
    for _ in 0..8 {
        site.put(100);
        serve(&mut site, 3);
    }
    let timeline = site.last.0;
    let mut segments = place.segments(timeline);
    segments.sort_unstable_by_key(|segment| segment.of.last);
    let newest = segments.iter().rev().map(|segment| segment.of).take(6).collect::<Vec<_>>();
    assert_eq!(newest.len(), 6);
    newest.iter().for_each(|of| place.spoil(&site.folder.segment(of).unwrap()));
    site.stop();
    site.open();
    site.put(100);
    let last = site.store().status().revision;
    serve(&mut site, 60);
    let status = site.desks[0].status();
    let behind = status.journal.as_ref().and_then(|journal| journal.behind());
    assert_eq!((status.standing, behind), (Standing::Good, Some(0)), "{status:?}");
    assert!(place.told_of(timeline) >= last, "it was shipped");
}

#[test]
fn what_could_not_be_read_is_read_again() {
    let mut site = with(2);
    let place = site.places[0].clone();
    let only = place.snapshots().pop().unwrap();
    place.spoil(&site.folder.snapshot(&only).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    let since = |site: &Site| site.desks[0].status().since.unwrap();
    assert!(since(&site) > only.taken, "a newer one is good, and that one is not relied on");
    place.heal(&site.folder.snapshot(&only).unwrap());
    serve(&mut site, 600);
    assert_eq!(since(&site), only.taken);
}

/// What a place answers for a file that it does not give.
const REFUSALS: [fn(String) -> TargetError; 3] =
    [TargetError::Denied, TargetError::Failed, TargetError::Away];

/// A server with one target, which has so many snapshots there, and is off.
fn off_with(snapshots: usize) -> (Site, Arc<Place>) {
    let mut site = with(1);
    site.keeps(Policy { last: 99, ..Policy::default() });
    site.stop();
    site.open();
    let place = site.places[0].clone();
    while place.snapshots().len() < snapshots {
        site.desks[0].wish(|wishes| wishes.take = true);
        serve(&mut site, 5);
        site.put(100);
        serve(&mut site, 5);
    }
    site.stop();
    (site, place)
}

fn newest(place: &Place) -> SnapshotName {
    place.snapshots().into_iter().max_by_key(|of| (of.revision, of.taken)).unwrap()
}

/// How often something was asked for there.
fn reads(place: &Place) -> u64 {
    place.reads().values().sum()
}

#[test]
fn a_newest_snapshot_that_is_not_given_after_a_restart_holds_up_nothing() {
    for (snapshots, how) in [1, 2, 4].into_iter().flat_map(|n| REFUSALS.map(|how| (n, how))) {
        let (mut site, place) = off_with(snapshots);
        let (before, there) = (newest(&place), place.snapshots());
        place.refuse(&site.folder.snapshot(&before).unwrap(), how);
        site.open();
        site.put(100);
        let last = site.store().status().revision;
        serve(&mut site, 60);
        let status = site.desks[0].status();
        let behind = status.journal.as_ref().and_then(|journal| journal.behind());
        let is = (status.standing, status.damage.clone(), behind);
        assert_eq!(is, (Standing::Good, None, Some(0)), "{snapshots}: {status:?}");
        assert!(place.told_of(site.last.0) >= last, "it was shipped");
        assert!(newest(&place).taken > before.taken, "a new one was taken");
        assert!(there.iter().all(|of| place.snapshots().contains(of)), "nothing of it went");
        assert!(status.unusable.is_some_and(|told| told.contains("cannot be read")));
    }
}

#[test]
fn several_that_are_not_given_are_waited_for_at_once() {
    // Where a server hangs at many it is taken to be away.
    for (how, many) in [(TargetError::Denied as fn(_) -> _, 5), (TargetError::Away, 2)] {
        let (mut site, place) = off_with(5);
        let mut snapshots = place.snapshots();
        snapshots.sort_unstable_by_key(|of| of.revision);
        for of in snapshots.iter().rev().take(many) {
            place.refuse(&site.folder.snapshot(of).unwrap(), how);
        }
        site.open();
        site.put(100);
        serve(&mut site, 60);
        let status = site.desks[0].status();
        assert_eq!((status.standing, status.damage), (Standing::Good, None), "{many}");
        assert!(newest(&place).taken > snapshots[4].taken);
    }
}

#[test]
fn where_nothing_is_given_it_is_the_target_and_nothing_is_put_there() {
    for snapshots in [2, 5] {
        let (mut site, place) = off_with(snapshots);
        for _ in 0..40 {
            site.open();
            site.put(100);
            serve(&mut site, 2);
            site.stop();
        }
        place.set_weather(Weather { closed: true, ..Weather::default() });
        let there = place.told();
        site.open();
        for _ in 0..200 {
            site.put(100);
            let before = reads(&place);
            serve(&mut site, 1);
            assert!(reads(&place) - before <= 21, "few are asked for at one look");
        }
        let status = site.desks[0].status();
        assert_eq!(status.standing, Standing::Failing, "{status:?}");
        assert!(status.error.is_some_and(|told| told.contains("is not given")));
        assert_eq!(place.told(), there);
        place.set_weather(Weather::default());
        serve(&mut site, 60);
        assert_eq!(site.desks[0].status().standing, Standing::Good);
    }
}

#[test]
fn where_no_snapshot_is_given_few_are_put() {
    for restarts in [true, false] {
        let (mut site, place) = off_with(2);
        if !restarts {
            site.open();
            serve(&mut site, 5);
        }
        place.set_weather(Weather { hides: true, ..Weather::default() });
        if restarts {
            site.open();
        } else {
            site.desks[0].verify();
        }
        let before = place.snapshots().len();
        for _ in 0..10 {
            site.put(100);
            serve(&mut site, 60);
        }
        let status = site.desks[0].status();
        assert_eq!(status.standing, Standing::Failing, "{restarts}: {status:?}");
        assert!(place.snapshots().len() <= before + 1, "{restarts}: {}", place.told());
        place.set_weather(Weather::default());
        serve(&mut site, 300);
        assert_eq!(site.desks[0].status().standing, Standing::Good);
    }
}

#[test]
fn where_the_only_file_is_not_given_what_is_put_next_tells_whether_it_is_the_target() {
    let (mut site, place) = off_with(1);
    for segment in place.segments(site.last.0) {
        place.delete(&site.folder.segment(&segment.of).unwrap()).unwrap();
    }
    assert_eq!(place.told().lines().count(), 1, "{}", place.told());
    place.set_weather(Weather { closed: true, ..Weather::default() });
    for start in 0..3 {
        site.open();
        site.put(100);
        let before = place.told();
        serve(&mut site, 300);
        let status = site.desks[0].status();
        assert_eq!(status.standing, Standing::Failing, "{status:?}");
        assert!(status.error.is_some_and(|told| told.contains("is not given")));
        let after = place.told().lines().count();
        let few = if start == 0 { 2..=9 } else { before.lines().count()..=before.lines().count() };
        assert!(few.contains(&after), "{after}");
        site.stop();
    }
    place.set_weather(Weather::default());
    site.open();
    serve(&mut site, 60);
    assert_eq!(site.desks[0].status().standing, Standing::Good);
}

#[test]
fn a_segment_that_is_never_given_holds_up_nothing() {
    for restarts in [false, true] {
        let mut site = with(1);
        let place = site.places[0].clone();
        for _ in 0..4 {
            site.put(100);
            serve(&mut site, 3);
        }
        let timeline = site.last.0;
        let segments = place.segments(timeline).into_iter().map(|segment| segment.of);
        let last = segments.max_by_key(|of| of.last).unwrap();
        place.refuse(&site.folder.segment(&last).unwrap(), TargetError::Away);
        if restarts {
            site.stop();
            site.open();
        } else {
            site.desks[0].verify();
        }
        site.put(100);
        let revision = site.store().status().revision;
        serve(&mut site, 120);
        let status = site.desks[0].status();
        let behind = status.journal.as_ref().and_then(|journal| journal.behind());
        assert_eq!((status.standing, behind), (Standing::Good, Some(0)), "{status:?}");
        assert!(place.told_of(timeline) >= revision, "it was shipped");
    }
}
