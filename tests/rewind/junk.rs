//! Files under names that somebody has made up: whoever can write one into a store's folder holds
//! up nothing by it.

use std::fs;
use std::time::Duration;

use edgekeep::barrier::journal::Origin;
use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::layout::{Kept, SegmentName, SnapshotName};
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::rewind::history::{Part, history};
use edgekeep::snapshot::rewind::plan::At;
use edgekeep::snapshot::rewind::{Source, newest};
use edgekeep::snapshot::target::Target;

use crate::site::{Past, Site, made_up, made_up_snapshot, refusal};

const LATER: Timeline = Timeline { number: 9, id: 0xaaaa_aaaa_aaaa_aaaa };
const FAR: u64 = u64::MAX - 1;

/// A store that was put back and wrote on, all of it on the target.
fn site(seed: u64) -> Site {
    let mut site = Site::new(seed);
    let put = |site: &mut Site, value| {
        site.pass(Duration::from_secs(2));
        site.put("a", &[value]);
    };
    (1..=5).for_each(|value| put(&mut site, value));
    site.ship(u64::MAX);
    let past = site.history[3].clone();
    site.pass(Duration::from_secs(2));
    site.rewind(&past);
    (11..=13).for_each(|value| put(&mut site, value));
    site.snapshot();
    put(&mut site, 14);
    site.ship(u64::MAX);
    // With this commit the server lets go of what it has shipped.
    put(&mut site, 15);
    site.ship(u64::MAX);
    site
}

/// Names that may be made up, each with what it is to look like.
fn names(site: &Site) -> Vec<(&'static str, Kept)> {
    let (first, last) = (&site.history[0], site.history.last().unwrap());
    let (old, own) = (first.timeline, last.timeline);
    let origin = Some(Origin { timeline: old, revision: site.history[3].revision });
    let [early, past, late] = [first.time, site.history[7].time, last.time.plus(DAY)];
    let next = last.revision + 1;
    vec![
        ("a later history with a snapshot", made_up_snapshot(LATER, 999, past)),
        ("one of a time to come", made_up_snapshot(LATER, 999, late)),
        ("a later history", made_up(LATER, None, (900, 999), (late, late))),
        ("one that has begun", made_up(LATER, None, (900, 999), (past, late))),
        (
            "one that has left the present one",
            made_up(
                LATER,
                Some(Origin { timeline: own, revision: last.revision }),
                (next, FAR),
                (late, late),
            ),
        ),
        ("the present history, further", made_up(own, origin, (FAR - 9, FAR), (late, late))),
        ("the present history, at once", made_up(own, origin, (next, FAR), (late, late))),
        ("the present history with a snapshot", made_up_snapshot(own, FAR, late)),
        ("the present history, early", made_up_snapshot(own, FAR, early)),
        ("the present history, earlier begun", made_up(own, origin, (5, 6), (early, early))),
        (
            "the present history, of another one",
            made_up(own, Some(Origin { timeline: old, revision: 1 }), (2, 6), (past, past)),
        ),
        ("the old history, going on", made_up(old, None, (900, 999), (late, late))),
        ("the old history with a snapshot", made_up_snapshot(old, 999, late)),
    ]
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The last commit is what there is, whoever asks and however; and it is told what does not count.
fn must_find_the_end(site: &Site, what: &str) {
    let last: &Past = site.history.last().unwrap();
    let bare = site.bare(900);
    for at in [At::Latest, At::Time(last.time), At::Time(last.time.plus(10 * DAY))] {
        for asking in [site, &bare] {
            let prepared = asking.prepare(at, None);
            let prepared = prepared.unwrap_or_else(|error| panic!("{what}, {at:?}: {error}"));
            let found = prepared.found();
            let end = (found.timeline, found.instant.revision);
            assert_eq!(end, (last.timeline, last.revision), "{what}, {at:?}");
        }
    }
    let source = Source { target: &site.target, folder: &site.folder };
    let found = newest(source, None, &bare.spools).unwrap();
    assert_eq!(found.prepared.found().instant.revision, last.revision, "{what}");
    assert_eq!(found.gap, None, "{what}");
}

/// All commits of the present history are told of, and nothing is said to be missing.
fn must_tell_all(site: &Site, what: &str) {
    let present = site.store().status().timeline;
    let source = Source { target: &site.target, folder: &site.folder };
    for since in [0, 8] {
        let since = site.history[since].time;
        let (until, most) = (Timestamp::from_nanos(u64::MAX), 100);
        let part = Part { timeline: present, since, until, most };
        let told = history(source, &part, &Lent::of(&site.store()), &site.spools).unwrap();
        assert_eq!(told.gaps, [], "{what}");
        let first = site.history[0].revision;
        let events = told.events.iter().filter(|event| event.revision >= first);
        let told: Vec<_> = events.map(|event| (event.timeline, event.revision)).collect();
        let past =
            site.history.iter().enumerate().filter(|(nth, past)| {
                past.time >= since && (past.timeline == present || *nth <= 3)
            });
        let past: Vec<_> = past.map(|(_, past)| (past.timeline, past.revision)).collect();
        assert_eq!(told, past, "{what}");
    }
}

#[test]
fn a_name_alone_holds_up_no_restore() {
    let site = site(71);
    must_find_the_end(&site, "nothing made up");
    must_tell_all(&site, "nothing made up");
    for (what, kept) in names(&site) {
        let name = site.junk(&kept);
        must_find_the_end(&site, what);
        must_tell_all(&site, what);
        site.target.delete(&name).unwrap();
    }
}

#[test]
fn nor_do_all_of_them_together() {
    let site = site(72);
    for (_, kept) in names(&site) {
        site.junk(&kept);
    }
    for number in 20..60 {
        let timeline = Timeline { number, id: u64::from(number) };
        let late = site.clock_now().plus(DAY);
        site.junk(&made_up(timeline, None, (900, 999), (late, late)));
        site.junk(&made_up_snapshot(timeline, u64::from(number), late));
    }
    must_find_the_end(&site, "all");
    must_tell_all(&site, "all");
}

#[test]
fn a_copy_of_a_file_under_another_name_is_none() {
    let site = site(73);
    let own = site.store().status().timeline;
    let late = site.clock_now().plus(DAY);
    let listed = site.target.list(site.folder.path()).unwrap();
    for of in [".seg", ".snap"] {
        let copied = listed.iter().rfind(|listed| listed.name.as_str().ends_with(of)).unwrap();
        let bytes = fs::read(site.path(&copied.name)).unwrap();
        for timeline in [own, LATER] {
            let kept = match of {
                ".seg" => made_up(timeline, None, (FAR, FAR), (late, late)),
                _ => made_up_snapshot(timeline, FAR, late),
            };
            let name = site.send(&site.folder.name(&kept).unwrap(), &bytes);
            must_find_the_end(&site, of);
            site.target.delete(&name).unwrap();
        }
    }
}

#[test]
fn a_doubt_that_stays_tells_of_what_does_not_count() {
    let mut site = site(74);
    let fork = site.history.last().unwrap().clone();
    let mut clone = site.cloned(&fork, At::Latest);
    for site in [&mut site, &mut clone] {
        site.pass(Duration::from_secs(10));
        site.put("b", b"both");
        site.ship(u64::MAX);
    }
    let junk = site.junk(&made_up_snapshot(LATER, 999, fork.time));
    let told = refusal(site.bare(51).prepare(At::Latest, None));
    let (doubt, lost) = told.split_once(&format!("\n{junk} does not count: ")).expect(&told);
    assert!(doubt.contains("name one with -timeline"), "{told}");
    assert!(!doubt.contains(&LATER.to_string()) && !lost.contains(&LATER.to_string()), "{told}");
    for own in [&site, &clone] {
        assert!(doubt.contains(&own.store().status().timeline.to_string()), "{told}");
    }
}

/// Far below what it took to plan the way anew for each.
const SOON: Duration = Duration::from_secs(30);
const THOUSANDS: u64 = 10_000;

/// The way to the end of a site in which somebody has put thousands of names, each by its number.
fn must_not_take_long(seed: u64, what: &str, name: impl Fn(&Site, u64) -> Kept) {
    let site = site(seed);
    let last = site.history.last().unwrap();
    for number in 0..THOUSANDS {
        let name = site.folder.name(&name(&site, number)).unwrap();
        fs::create_dir_all(site.path(&name).parent().unwrap()).unwrap();
        fs::write(site.path(&name), if number % 2 == 0 { "junk" } else { "" }).unwrap();
    }
    let begun = std::time::Instant::now();
    for asking in [&site, &site.bare(901)] {
        let prepared = asking.prepare(At::Latest, None).unwrap();
        let found = prepared.found();
        assert_eq!((found.timeline, found.instant.revision), (last.timeline, last.revision));
        assert!(prepared.told()["unusable"].as_array().unwrap().len() <= 21, "{what}");
    }
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    assert!(took < SOON, "{what}: {took:?}");
}

/// A number that looks like any other.
fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

#[test]
fn thousands_of_segments_hold_up_nobody_for_long() {
    must_not_take_long(75, "segments", |site, number| {
        let last = site.history.last().unwrap();
        let first = 1 + mixed(number) % (last.revision + 20);
        let upto = first + mixed(number + 1) % 40;
        let Kept::Segment(name) =
            made_up(last.timeline, None, (first, upto), (last.time, last.time))
        else {
            unreachable!()
        };
        Kept::Segment(SegmentName { chain: number, ..name })
    });
}

#[test]
fn nor_do_thousands_of_snapshots() {
    must_not_take_long(76, "snapshots", |site, number| {
        let last = site.history.last().unwrap();
        let revision = 1 + mixed(number) % (last.revision + 30);
        let Kept::Snapshot(name) = made_up_snapshot(last.timeline, revision, last.time) else {
            unreachable!()
        };
        Kept::Snapshot(SnapshotName { state: number, ..name })
    });
}

#[test]
fn nor_do_thousands_of_histories() {
    must_not_take_long(77, "histories", |site, number| {
        let last = site.history.last().unwrap();
        let timeline = Timeline { number: last.timeline.number + 1, id: number };
        let origin = Some(Origin { timeline: last.timeline, revision: last.revision });
        let next = last.revision + 1;
        made_up(timeline, origin, (next, next + 1), (last.time, last.time))
    });
}
