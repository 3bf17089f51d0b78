//! What a restore has left is watched for as long as it is to stay, and goes then, whatever the
//! target does meanwhile.

use std::time::{Duration, Instant};

use edgekeep::barrier::journal::Origin;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::layout::SegmentName;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::plan::{At, Wish};
use edgekeep::snapshot::rewind::{Source, prepare};
use edgekeep::snapshot::target::{Name, Target};

use crate::left::forget_all_before;
use crate::place::Weather;
use crate::site::{STEP, Site, serve, watch, with};

const HOUR: Duration = Duration::from_secs(3600);
/// So many hours are longer than anything that was left stays in these tests.
const LONG: u64 = 4;
/// So many names somebody makes up.
const THOUSANDS: u64 = 5_000;
/// Far below what it took to look at all of them for each.
const SOON: Duration = Duration::from_secs(15);

/// What a restore has left there.
struct Left {
    timeline: Timeline,
    /// Behind that commit.
    at: u64,
}

impl Left {
    /// A restore goes back behind a snapshot.
    fn by_restore(site: &mut Site) -> Self {
        let ((timeline, at), state) = (site.last, site.state.clone());
        (0..5).for_each(|_| site.put(100));
        site.desks[0].wish(|wishes| wishes.take = true);
        serve(site, 3);
        let source = Source { target: &*site.places[0], folder: &site.folder };
        let wish = Wish { at: At::Revision(at), timeline: Some(timeline) };
        let store = site.barrier.unsealed();
        let prepared = prepare(source, &wish, store.as_ref().map(Lent::of), &site.spools).unwrap();
        drop(store);
        prepared.restore(&site.barrier, false).unwrap();
        (site.last, site.state) = ((site.store().status().timeline, at), state);
        serve(site, 5);
        let left = Self { timeline, at };
        assert!(left.is_there(site));
        left
    }

    fn is_there(&self, site: &Site) -> bool {
        let left = |of: &u64| *of > self.at;
        site.places[0].bases(self.timeline).iter().any(left)
    }

    /// So many hours pass, in each of which something is written and shipped.
    fn is_there_after(&self, site: &mut Site, hours: u64) -> bool {
        for _ in 0..hours {
            watch(site, HOUR);
            site.put(100);
            serve(site, 6);
        }
        self.is_there(site)
    }
}

#[test]
fn it_goes_from_a_stick_that_is_let_go_each_time_that_it_was_used() {
    let mut site = with(1);
    site.are_sticks();
    site.open();
    let left = Left::by_restore(&mut site);
    let rests = site.places[0].rests();
    left.is_there_after(&mut site, 1);
    assert!(site.places[0].rests() > rests, "it was let go");
    assert!(!left.is_there_after(&mut site, LONG));
}

#[test]
fn it_goes_where_the_machine_is_off_by_night() {
    let mut site = with(1);
    site.takes_every(24 * HOUR);
    let left = Left::by_restore(&mut site);
    for _ in 0..2 * LONG {
        // The power goes.
        site.open();
        left.is_there_after(&mut site, 2);
        site.clock.advance(22 * HOUR);
    }
    assert!(!left.is_there(&site));
}

#[test]
fn it_goes_where_the_machine_is_on_for_minutes() {
    let mut site = with(1);
    site.takes_every(24 * HOUR);
    let left = Left::by_restore(&mut site);
    for _ in 0..2 * LONG {
        site.stop();
        site.clock.advance(24 * HOUR);
        site.open();
        watch(&mut site, HOUR / 2 + 4 * STEP);
    }
    assert!(!left.is_there(&site));
}

#[test]
fn nothing_counts_as_watched_while_nobody_can_look() {
    // Its credentials are over, or the server is sealed, or the machine sleeps.
    for why in 0..3 {
        let mut site = with(1);
        let left = Left::by_restore(&mut site);
        match why {
            0 => site.places[0].set_weather(Weather { harm: 1, ..Weather::default() }),
            1 => site.barrier.seal(),
            _ => site.clock.advance(30 * LONG as u32 * HOUR),
        }
        for _ in 0..if why < 2 { 24 * LONG } else { 0 } {
            site.clock.advance(STEP);
            site.round(0);
        }
        match why {
            0 => site.places[0].set_weather(Weather::default()),
            1 => drop(site.barrier.unseal(&shamir::combine(&site.shares).unwrap()).unwrap()),
            _ => {}
        }
        site.put(100);
        serve(&mut site, 6);
        assert!(left.is_there(&site), "{why}");
        assert!(!left.is_there_after(&mut site, LONG), "{why}");
    }
}

#[test]
fn nothing_counts_as_watched_while_nothing_can_be_put() {
    let mut site = with(1);
    let left = Left::by_restore(&mut site);
    for full in [true, false] {
        site.places[0].set_weather(Weather { full, ..Weather::default() });
        for _ in 0..LONG {
            site.put(100);
            if full {
                watch(&mut site, HOUR);
            }
        }
        site.desks[0].wish(|wishes| wishes.take = true);
        serve(&mut site, 60);
        assert!(left.is_there(&site));
    }
    assert!(!left.is_there_after(&mut site, LONG));
}

#[test]
fn who_is_idle_notes_it_no_more_than_every_six_hours_and_not_for_ever() {
    let mut site = with(1);
    site.takes_every(Duration::ZERO);
    site.keeps(Policy { last: 9, others: 20 * HOUR, ..Policy::default() });
    site.open();
    let left = Left::by_restore(&mut site);
    let commits = |site: &mut Site, hours: u32| {
        let before = site.store().status().revision;
        watch(site, hours * HOUR);
        site.store().status().revision - before
    };
    commits(&mut site, 1);
    let noted = commits(&mut site, 18);
    assert!((2..=3).contains(&noted), "{noted}");
    commits(&mut site, 10);
    assert!(left.is_there(&site), "without a snapshot nothing goes");
    assert_eq!(commits(&mut site, 20), 0);
}

/// A name of a history that nobody has written, which left the present one behind that commit.
fn make_up(site: &Site, id: u64, at: u64) -> Name {
    let timeline = site.last.0;
    let other = Timeline { number: timeline.number + 1, id };
    let time = Timestamp::from_secs(1 << 34);
    let origin = Some(Origin { timeline, revision: at });
    let (first, last) = (at + 1, at + 1);
    let of = SegmentName { timeline: other, origin, first, last, from: time, to: time, chain: 1 };
    let name = site.folder.segment(&of).unwrap();
    site.places[0].put(&name, 4, &mut &b"made"[..]).unwrap();
    name
}

#[test]
fn a_history_that_is_but_a_name_keeps_nothing_there() {
    let mut site = with(1);
    let name = make_up(&site, 1, 1 << 40);
    for _ in 0..3 {
        site.put(100);
        forget_all_before(&mut site);
        assert_eq!(site.places[0].snapshots().len(), 1);
    }
    assert_eq!(site.places[0].reads()[&name], 1);
}

#[test]
fn nor_do_thousands_of_such_and_none_holds_anything_up_for_long() {
    let mut site = with(1);
    // All of them are noted, once.
    site.limit = 1 << 24;
    let names: Vec<Name> = (0..THOUSANDS).map(|id| make_up(&site, id, 1 << 40)).collect();
    let begun = Instant::now();
    for _ in 0..2 {
        site.put(100);
        forget_all_before(&mut site);
        assert_eq!(site.places[0].snapshots().len(), 1);
    }
    let (took, reads) = (begun.elapsed(), site.places[0].reads());
    println!("{took:?}");
    assert!(took < SOON, "{took:?}");
    assert!(names.iter().all(|name| reads[name] == 1));
}

#[test]
fn one_that_cannot_be_read_keeps_what_it_may_come_of_and_holds_nothing_else_up() {
    for stick in [false, true] {
        let mut site = with(1);
        let (timeline, at) = site.last;
        // The model knows of none that stays alone, without what leads on from it.
        site.model.beside = Some(timeline);
        let name = make_up(&site, 1, at);
        let before = site.places[0].snapshots().len();
        site.places[0].spoil(&name);
        if stick {
            site.are_sticks();
        }
        site.keeps(Policy { last: 1, others: 20 * HOUR, ..Policy::default() });
        site.open();
        let take = |site: &mut Site| {
            site.put(100);
            site.desks[0].wish(|wishes| wishes.take = true);
            serve(site, 120);
        };
        for _ in 0..3 {
            take(&mut site);
            let journal = site.desks[0].status().journal.and_then(|journal| journal.behind());
            assert_eq!(journal, Some(0), "{stick}: {:?}", site.desks[0].status());
        }
        let bases = site.places[0].bases(timeline);
        assert_eq!(bases.iter().filter(|of| **of <= at).count(), before, "{stick}");
        assert_eq!(bases.len(), before + 1, "{stick}: {bases:?}");
        let reads = site.places[0].reads()[&name];
        assert!(reads < 200, "{stick}: {reads}");
        // Then it can be read, and is nobody's.
        site.places[0].heal(&name);
        serve(&mut site, 600);
        take(&mut site);
        assert_eq!(site.places[0].snapshots().len(), 1, "{stick}: {}", site.places[0].told());
    }
}
