//! What was recorded of a history that was left, while it cannot go where it should.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use edgekeep::barrier::journal::Origin;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir;
use edgekeep::barrier::txn::Txn;
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::snapshot::journal::compact::{Job, compact};
use edgekeep::snapshot::journal::export::Owner;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::settings::Settings;
use edgekeep::snapshot::keeper::status::Standing;
use edgekeep::snapshot::keeper::{Desk, Forgetting, Worker, keep_journal};
use edgekeep::snapshot::layout::{SegmentName, SnapshotName};
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::plan::{At, Wish};
use edgekeep::snapshot::rewind::{Source, prepare};
use edgekeep::snapshot::target::{Name, Target};

use crate::place::{Place, Weather};
use crate::site::{Site, filled, serve, served, watch, with};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A server on a copy of the disk, with the same target.
pub struct Copy {
    pub store: Arc<Unsealed>,
    pub worker: Worker,
    pub desk: Arc<Desk>,
    barrier: Arc<Barrier>,
    keeps_journal: bool,
}

impl Copy {
    pub fn of(site: &mut Site) -> Self {
        let place = site.places[0].clone();
        Self::at(site, place)
    }

    /// The same with another target.
    fn at(site: &mut Site, place: Arc<Place>) -> Self {
        let settings = site.settings()[0].clone();
        Self::with(site, &settings, place)
    }

    /// The same with settings of its own.
    pub fn with(site: &mut Site, settings: &Settings, place: Arc<Place>) -> Self {
        site.remember();
        // Two write this history from now on.
        site.model.twins.entry(site.last.0).or_default();
        let entries = site.copy.take().unwrap().entries;
        let storage = Arc::new(filled(&entries));
        let barrier = Arc::new(Barrier::new(storage, site.clock.clone(), site.entropy()));
        let store = barrier.unseal(&shamir::combine(&site.shares).unwrap()).unwrap();
        let means = site.means(&barrier);
        let (worker, desk) = served(&means, settings, place);
        Self { store, worker, desk, barrier, keeps_journal: settings.journal }
    }

    pub fn put(&mut self) {
        let put = |txn: &mut Txn| txn.scope(MountId::SYSTEM).put("copy", &[7; 20]);
        if self.keeps_journal {
            keep_journal(&self.store, true).unwrap();
        }
        self.store.transact(put).unwrap();
        self.worker.round();
    }
}

#[test]
fn what_is_there_of_it_is_not_read_with_each_commit() {
    let mut site = with(2);
    site.places[1].set_weather(Weather { away: true, ..Weather::default() });
    site.put(100);
    serve(&mut site, 10);
    let left = site.last.0;
    site.store().begin_timeline().unwrap();
    serve(&mut site, 10);
    assert!(site.local().iter().any(|(timeline, _)| *timeline == left), "the other has it not");
    let before = site.places[0].reads();
    for _ in 0..10 {
        site.put(100);
        serve(&mut site, 1);
    }
    let again = site.places[0]
        .reads()
        .into_iter()
        .filter(|(name, reads)| before.get(name).is_some_and(|before| reads > before));
    let again: Vec<_> = again.collect();
    assert!(again.len() <= 1, "{again:?}");
}

/// One file of all that is there of a history, as a compaction makes it.
fn fold(site: &Site, copy: &Copy) {
    let timeline = copy.store.status().timeline;
    let mut inner: Vec<_> = site.places[0].segments(timeline).iter().map(|held| held.of).collect();
    inner.sort_unstable_by_key(|of| of.first);
    let key_id = copy.barrier.settings().unwrap().unwrap().root_key.to_string();
    let owner = Owner { store_id: site.folder.store_id().into(), key_id };
    let source = Source { target: &*site.places[0], folder: &site.folder };
    let job = Job { inner, fold: None, left: Vec::new() };
    compact(source, &job, &Lent::of(&copy.store), &owner, &site.spools).unwrap();
}

#[test]
fn it_goes_beside_a_file_of_another_one_that_both_come_of() {
    let mut site = with(1);
    for _ in 0..3 {
        site.put(100);
        serve(&mut site, 1);
    }
    let mut copy = Copy::of(&mut site);
    (0..3).for_each(|_| copy.put());
    for _ in 0..5 {
        site.put(100);
        serve(&mut site, 40);
    }
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
    fold(&site, &copy);
    let timeline = site.last.0;
    assert_eq!(site.places[0].segments(timeline).len(), 1);
    site.adopt();
    serve(&mut site, 5);
    let there = site.places[0].segments(timeline);
    let last = site.places[0].segments(site.last.0)[0].of.origin.unwrap().revision;
    let ends: Vec<u64> = there.into_iter().map(|held| held.of.last).collect();
    assert!(ends.contains(&last), "{ends:?}, and not {last}");
}

#[test]
fn who_left_hides_nobody_else() {
    let mut site = with(1);
    let place = site.places[0].clone();
    // Each sees what the others put only later.
    let forks = [1, 2].map(|seed| Arc::new(place.fork(seed)));
    let [mut gone, mut other] = forks.clone().map(|fork| Copy::at(&mut site, fork));
    (0..10).for_each(|_| gone.put());
    gone.store.begin_timeline().unwrap();
    gone.put();
    site.put(100);
    serve(&mut site, 2);
    place.join(&forks[0]);
    for _ in 0..3 {
        site.put(100);
        serve(&mut site, 2);
    }
    let standing = |site: &Site| site.desks[0].status().standing;
    assert_eq!(standing(&site), Standing::Good, "who has left stops nobody");
    // Another one is where that had been, and has not left.
    (0..6).for_each(|_| other.put());
    place.join(&forks[1]);
    site.put(100);
    serve(&mut site, 2);
    assert_eq!(standing(&site), Standing::Ahead);
}

/// A snapshot is taken, and none of those before it is kept.
pub fn forget_all_before(site: &mut Site) {
    site.desks[0].wish(|wishes| wishes.take = true);
    serve(site, 1);
    let policy = Policy { last: 1, others: 7 * DAY, ..Policy::default() };
    let desk = site.desks[0].clone();
    assert_eq!(desk.forget(Forgetting { policy, dry_run: false }, Duration::ZERO), None);
    serve(site, 1);
}

#[test]
fn what_who_left_had_written_stays_with_its_snapshots() {
    // The journal may have been cut, so that nobody knows of which chain their files are.
    for limit in [1 << 20, 2000] {
        let mut site = with(1);
        site.limit = limit;
        let (place, old) = (site.places[0].clone(), site.last.0);
        let both = site.folder.snapshot(&place.snapshots()[0]).unwrap();
        let fork = Arc::new(place.fork(1));
        let mut gone = Copy::at(&mut site, fork.clone());
        gone.put();
        site.clock.advance(Duration::from_secs(1));
        gone.desk.wish(|wishes| wishes.take = true);
        (0..10).for_each(|_| gone.put());
        gone.store.begin_timeline().unwrap();
        let begun = gone.store.status().timeline;
        (0..3).for_each(|_| gone.put());
        site.put(100);
        serve(&mut site, 2);
        place.set_weather(Weather { away: true, ..Weather::default() });
        for _ in 0..20 {
            site.put(300);
            serve(&mut site, 1);
        }
        assert_eq!(site.store().journal().unwrap().cut, limit == 2000);
        place.set_weather(Weather::default());
        place.join(&fork);
        // They keep but one of each history.
        place.delete(&both).unwrap();
        let is_theirs = |of: &SnapshotName| of.timeline == old && fork.snapshots().contains(of);
        let theirs = || place.snapshots().into_iter().filter(is_theirs).map(|of| of.revision);
        let taken = theirs().next().unwrap();
        serve(&mut site, 60);
        assert_eq!(site.desks[0].status().standing, Standing::Good, "{limit}");
        forget_all_before(&mut site);
        let ends = |place: &Place, timeline: Timeline| -> BTreeSet<(u64, u64)> {
            let segments = place.segments(timeline).into_iter().map(|held| held.of);
            segments.map(|of| (of.last, of.chain)).collect()
        };
        for timeline in [old, begun] {
            let mut lost = ends(&fork, timeline);
            lost.retain(|end| end.0 > taken && !ends(&place, timeline).contains(end));
            assert!(lost.is_empty(), "{limit}: {lost:?} of {timeline}");
        }
        // Later nothing of it is kept.
        for _ in 0..8 {
            watch(&mut site, HOUR);
            site.put(100);
            serve(&mut site, 60);
        }
        site.clock.advance(8 * DAY);
        forget_all_before(&mut site);
        assert_eq!((theirs().next(), place.segments(begun).len()), (None, 0), "{limit}");
    }
}

/// Names that somebody has made up: a history that left the present one long after this, and
/// something of that which goes far.
fn make_names_up(site: &Site) -> [Name; 2] {
    let timeline = site.last.0;
    let (at, (from, to)) = (1 << 40, Default::default());
    let other = Timeline { number: timeline.number + 1, id: 1 };
    let origin = Some(Origin { timeline, revision: at });
    let begins =
        SegmentName { timeline: other, origin, first: at + 1, last: at + 1, from, to, chain: 1 };
    let far = SegmentName { timeline, origin: None, first: at, last: at, from, to, chain: 1 };
    [begins, far].map(|of| {
        let name = site.folder.segment(&of).unwrap();
        site.places[0].put(&name, 4, &mut &b"made"[..]).unwrap();
        name
    })
}

#[test]
fn a_name_alone_says_of_nobody_that_he_has_left() {
    let mut site = with(1);
    make_names_up(&site);
    let fork = Arc::new(site.places[0].fork(1));
    let mut copy = Copy::at(&mut site, fork.clone());
    (0..6).for_each(|_| copy.put());
    for _ in 0..2 {
        site.put(100);
        serve(&mut site, 2);
        site.places[0].join(&fork);
    }
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
}

#[test]
fn what_does_not_verify_is_read_once() {
    let mut site = with(1);
    let names = make_names_up(&site);
    let reads = |site: &Site| {
        let reads = site.places[0].reads();
        names.each_ref().map(|name| reads.get(name).copied().unwrap_or_default())
    };
    site.put(100);
    serve(&mut site, 2);
    let before = reads(&site);
    for _ in 0..5 {
        site.put(100);
        serve(&mut site, 2);
    }
    assert_eq!((site.desks[0].status().standing, reads(&site)), (Standing::Good, before));
}

#[test]
fn what_is_held_back_costs_nothing_while_nothing_changes() {
    let mut site = with(1);
    site.limit = 1 << 20;
    let (at, state) = (site.last, site.state.clone());
    let mut copy = Copy::of(&mut site);
    (0..3).for_each(|_| copy.put());
    (0..100).for_each(|_| site.put(100));
    serve(&mut site, 10);
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
    let source = Source { target: &*site.places[0], folder: &site.folder };
    let wish = Wish { at: At::Revision(at.1), timeline: Some(at.0) };
    let prepared =
        prepare(source, &wish, site.barrier.unsealed().as_ref().map(Lent::of), &site.spools)
            .unwrap();
    prepared.restore(&site.barrier, false).unwrap();
    (site.last, site.state) = ((site.store().status().timeline, at.1), state);
    serve(&mut site, 40);
    let held_back = |site: &Site| site.desks[0].status().held_back;
    assert!(held_back(&site).is_some(), "{:?}", site.desks[0].status());
    let before = site.storage.operations();
    serve(&mut site, 10);
    let took = site.storage.operations() - before;
    assert!(took < 1000 && held_back(&site).is_some(), "{took}");
}

#[test]
fn it_keeps_the_journal_from_going_on_for_no_longer_than_there_is_room() {
    let mut site = with(1);
    site.limit = 8_000;
    let place = site.places[0].clone();
    place.spoil(&site.folder.snapshot(&place.snapshots()[0]).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    let mut copy = Copy::of(&mut site);
    (0..3).for_each(|_| copy.put());
    for _ in 0..20 {
        site.put(2000);
        serve(&mut site, 1);
    }
    assert_eq!(site.desks[0].status().standing, Standing::Ahead);
    assert!(site.store().journal().unwrap().cut);
    site.adopt();
    serve(&mut site, 5);
    let before = site.store().status().revision;
    serve(&mut site, 60);
    let (journal, after) = (site.store().journal().unwrap(), site.store().status().revision);
    assert!(!journal.cut && after < before + 10, "{journal:?}, {before}, {after}");
}
