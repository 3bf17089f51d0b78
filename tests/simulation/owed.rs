//! A snapshot that was asked for and cannot be put is owed, and that is told until it is there.

use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::keeper::Forgetting;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::status::Standing;

use crate::place::{Place, Weather};
use crate::site::{serve, with};

/// When the newest one was taken.
fn newest(place: &Place) -> Option<Timestamp> {
    place.snapshots().into_iter().map(|of| of.taken).max()
}

#[test]
fn it_is_told_until_it_is_there_and_the_place_rests_meanwhile() {
    let mut site = with(2);
    let place = site.places[0].clone();
    let before = newest(&place);
    place.set_weather(Weather { full: true, ..Weather::default() });
    site.desks[0].wish(|wishes| wishes.take = true);
    serve(&mut site, 1);
    let rests = place.rests();
    for _ in 0..30 {
        assert_eq!(site.desks[0].status().standing, Standing::Failing);
        serve(&mut site, 1);
    }
    assert!(place.rests() > rests, "it may be pulled");
    place.set_weather(Weather::default());
    serve(&mut site, 500);
    let status = site.desks[0].status();
    assert_eq!((status.standing, status.error), (Standing::Good, None));
    assert!(newest(&place) > before);
}

#[test]
fn it_is_owed_where_the_place_was_away_when_it_was_asked_for() {
    for late in [false, true] {
        let mut site = with(2);
        let place = site.places[0].clone();
        let before = newest(&place);
        place.set_weather(Weather { away: !late, breaks: late, ..Weather::default() });
        site.desks[0].wish(|wishes| wishes.take = true);
        serve(&mut site, 2);
        assert_eq!(site.desks[0].status().standing, Standing::Away);
        place.set_weather(Weather::default());
        serve(&mut site, 40);
        let status = site.desks[0].status();
        assert_eq!((status.standing, status.error), (Standing::Good, None));
        assert!(newest(&place) > before, "late: {late}");
    }
}

#[test]
fn what_is_to_be_dropped_is_not_taken_back_by_who_only_asks() {
    let mut site = with(2);
    for _ in 0..3 {
        site.put(100);
        site.desks[0].wish(|wishes| wishes.take = true);
        serve(&mut site, 2);
    }
    let (place, desk) = (site.places[0].clone(), site.desks[0].clone());
    let held = place.snapshots().len();
    assert!(held > 1);
    // All of them give up before the target's thread comes to it.
    let forgetting = |last, dry_run| {
        let policy = Policy { last, ..Policy::default() };
        desk.forget(Forgetting { policy, dry_run }, Duration::ZERO)
    };
    assert_eq!(forgetting(1, false), None);
    assert_eq!(forgetting(2, true), None);
    assert_eq!(forgetting(1, true), None);
    serve(&mut site, 3);
    assert_eq!(place.snapshots().len(), 1);
    assert!(!desk.wishes().any(), "nobody is there who wants to be told what would go");
}

#[test]
fn who_waits_for_one_is_told_when_nothing_could_be_dropped_before() {
    let mut site = with(2);
    site.put(100);
    site.desks[0].wish(|wishes| wishes.take = true);
    serve(&mut site, 2);
    let place = site.places[0].clone();
    let before = site.desks[0].status().attempts;
    place.set_weather(Weather { stuck: true, ..Weather::default() });
    let policy = Policy { last: 1, ..Policy::default() };
    let forgetting = Forgetting { policy, dry_run: false };
    assert_eq!(site.desks[0].forget(forgetting, Duration::ZERO), None);
    site.desks[0].wish(|wishes| wishes.take = true);
    serve(&mut site, 1);
    let status = site.desks[0].status();
    assert_eq!(status.attempts, before + 1, "{status:?}");
    assert!(status.last.unwrap().error.unwrap().contains("cannot be deleted"));
}
