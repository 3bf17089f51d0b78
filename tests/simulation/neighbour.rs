//! Two servers on copies of one store, beside each other in a history of its own each, for long.

use std::time::Duration;

use edgekeep::barrier::root::Timeline;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::settings::Settings;
use edgekeep::snapshot::keeper::status::Standing;

use crate::left::Copy;
use crate::place::Weather;
use crate::site::{STEP, Site, serve, with};

const HOUR: Duration = Duration::from_secs(3600);
/// So many hours are longer than anything of who has gone stays in these tests.
const LONG: u32 = 9;

/// A server that keeps little, and one on a copy of it that keeps all and has begun a history of
/// its own. Neither has looked since.
fn beside(journal: bool) -> (Site, Copy) {
    let mut site = with(1);
    site.keeps(Policy { last: 2, others: 6 * HOUR, ..Policy::default() });
    site.open();
    serve(&mut site, 10);
    let policy = Policy { last: 1000, ..site.settings()[0].policy };
    let settings = Settings { policy, journal, ..site.settings()[0].clone() };
    let place = site.places[0].clone();
    let mut copy = Copy::with(&mut site, &settings, place);
    copy.store.begin_timeline().unwrap();
    copy.put();
    (site, copy)
}

/// Both go on for so long. An hour has a snapshot of each.
fn pass(site: &mut Site, copy: &mut Copy, hours: u32) {
    for _ in 0..hours {
        site.put(100);
        copy.put();
        for _ in 0..HOUR.as_secs() / STEP.as_secs() {
            site.clock.advance(STEP);
            site.serve();
            copy.worker.round();
        }
    }
}

fn bases(site: &Site, timeline: Timeline) -> usize {
    site.places[0].bases(timeline).len()
}

#[test]
fn what_both_come_of_stays_and_what_each_wrote_since_goes_by_its_own_rules() {
    let (mut site, mut copy) = beside(true);
    let (timeline, parted) = site.last;
    pass(&mut site, &mut copy, LONG);
    let before = site.last.1;
    let kept = |site: &Site| {
        let segments = site.places[0].segments(timeline).into_iter().map(|held| held.of);
        segments.filter(|of| parted < of.first && of.first <= before).count()
    };
    assert!(kept(&site) > 0);
    pass(&mut site, &mut copy, 2 * LONG);
    assert_eq!(kept(&site), 0, "{}", site.places[0].told());
    let both = site.places[0].bases(timeline).into_iter().filter(|of| *of <= parted).count();
    assert!(both > 0, "the other one comes of them");
    let others = copy.store.status().timeline;
    let reach = site.places[0].reach(others, site.store().time().now());
    assert!(reach.kept.len() as u64 > copy.store.status().revision - parted - 9);
}

#[test]
fn of_one_without_a_journal_each_history_stays_that_it_may_come_of() {
    let (mut site, mut copy) = beside(false);
    let first = copy.store.status().timeline;
    pass(&mut site, &mut copy, 2);
    let before = bases(&site, first);
    assert!(before >= 2);
    copy.store.begin_timeline().unwrap();
    pass(&mut site, &mut copy, 2 * LONG);
    assert_eq!(bases(&site, first), before, "{}", site.places[0].told());
    // It goes on no more.
    for _ in 0..LONG * 12 {
        site.clock.advance(STEP);
        site.serve();
    }
    assert_eq!(bases(&site, first), 0, "{}", site.places[0].told());
}

#[test]
fn while_nobody_can_write_nobody_counts_as_gone() {
    let (mut site, mut copy) = beside(true);
    pass(&mut site, &mut copy, 2);
    let others = copy.store.status().timeline;
    let before = bases(&site, others);
    // There is no room, or both machines sleep.
    for full in [true, false] {
        site.places[0].set_weather(Weather { full, ..Weather::default() });
        if full {
            pass(&mut site, &mut copy, 2 * LONG);
        } else {
            site.clock.advance(30 * LONG * HOUR);
        }
        site.places[0].set_weather(Weather::default());
        site.desks[0].wish(|wishes| wishes.take = true);
        site.put(100);
        serve(&mut site, 60);
        assert!(bases(&site, others) >= before, "full: {full}");
        pass(&mut site, &mut copy, 1);
    }
}

#[test]
fn of_one_that_cannot_be_read_all_stays_that_it_comes_of() {
    let (mut site, mut copy) = beside(true);
    let (timeline, parted) = site.last;
    pass(&mut site, &mut copy, 2);
    let others = copy.store.status().timeline;
    let place = site.places[0].clone();
    for held in place.segments(others) {
        place.spoil(&site.folder.segment(&held.of).unwrap());
    }
    for of in place.snapshots().into_iter().filter(|of| of.timeline == others) {
        place.spoil(&site.folder.snapshot(&of).unwrap());
    }
    let both = |site: &Site| {
        let bases = site.places[0].bases(timeline).into_iter();
        bases.filter(|of| *of <= parted).count()
    };
    let (before, of_theirs) = (both(&site), bases(&site, others));
    // The server is started anew, and nothing that it has read is known.
    site.open();
    for _ in 0..4 {
        site.put(100);
        for _ in 0..HOUR.as_secs() / STEP.as_secs() {
            site.clock.advance(STEP);
            site.serve();
        }
    }
    let status = site.desks[0].status();
    assert_eq!(status.standing, Standing::Good, "{status:?}");
    assert_eq!((both(&site), bases(&site, others)), (before, of_theirs), "{}", place.told());
    assert!(before > 0);
}
