//! A snapshot that was asked for and cannot be put is owed, and that is told until it is there.

use std::time::Duration;

use edgekeep::snapshot::keeper::Forgetting;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::status::Standing;

use crate::place::Weather;
use crate::site::Site;

fn serve(site: &mut Site, rounds: u32) {
    for _ in 0..rounds {
        site.clock.advance(Duration::from_secs(2));
        site.serve();
    }
}

#[test]
fn it_is_told_until_it_is_there_and_the_place_rests_meanwhile() {
    let mut site = Site::new(1);
    serve(&mut site, 10);
    let place = site.places[0].clone();
    let count = place.snapshots().len();
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
    assert!(place.snapshots().len() > count || site.settings()[0].policy.last == 1);
}

#[test]
fn who_waits_for_one_is_told_when_nothing_could_be_dropped_before() {
    let mut site = Site::new(1);
    serve(&mut site, 10);
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
