//! Histories that left others: what was written in them before they had a snapshot of their own.

use std::fs;
use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::history::{History, Part, history};
use edgekeep::snapshot::rewind::plan::{At, Refusal};
use edgekeep::snapshot::rewind::{End, RewindError, Source};
use edgekeep::snapshot::target::Target;

use crate::site::{Past, Site, refusal};

const ALWAYS: Timestamp = Timestamp::from_nanos(u64::MAX);

/// A commit each second.
fn put(site: &mut Site, value: u8) {
    site.pass(Duration::from_secs(1));
    site.put("a", &[value]);
}

/// A store that was put back, and wrote on: without a snapshot since.
fn branched(seed: u64) -> Site {
    let mut site = Site::new(seed);
    (1..=5).for_each(|value| put(&mut site, value));
    site.ship(2000);
    let past = site.history[3].clone();
    site.pass(Duration::from_secs(1));
    site.rewind(&past);
    (11..=13).for_each(|value| put(&mut site, value));
    site
}

/// What the present history tells of that time.
fn log(site: &Site, since: Timestamp, until: Timestamp) -> History {
    let source = Source { target: &site.target, folder: &site.folder };
    let part = Part { timeline: site.store().status().timeline, since, until, most: 100 };
    let mut told = history(source, &part, &Lent::of(&site.store()), &site.spools).unwrap();
    told.events.retain(|event| event.revision >= site.history[0].revision);
    told
}

/// Each instant is brought back on a bare machine: by its revision, and by its time.
fn must_all_come_back(site: &Site) {
    for (nth, past) in site.history.iter().enumerate() {
        let Past { timeline, revision, time, .. } = *past;
        let is_last = site.history.get(nth + 1).is_none_or(|next| next.time > time);
        let by_time = is_last.then_some((At::Time(time), None));
        for (at, named) in [(At::Revision(revision), Some(timeline))].into_iter().chain(by_time) {
            let what = format!("{revision} of {timeline}, {at:?}");
            let mut bare = site.bare(900 + nth as u64);
            let prepared =
                bare.prepare(at, named).unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = prepared.found();
            assert_eq!((found.timeline, found.instant.revision), (timeline, revision), "{what}");
            assert!(found.end.is_none(), "{what}");
            prepared.restore(&bare.barrier, false).unwrap();
            bare.shares.clone_from(&past.shares);
            bare.unseal();
            bare.must_be(&past.state, &what);
        }
    }
}

#[test]
fn what_was_written_before_the_first_snapshot_can_be_gone_back_to() {
    let mut site = branched(41);
    site.ship(2000);
    must_all_come_back(&site);
    put(&mut site, 14);
    site.snapshot();
    put(&mut site, 15);
    site.ship(2000);
    must_all_come_back(&site);
    // The state at which it left the other one is of that one.
    let left = site.history[3].clone();
    let present = site.store().status().timeline;
    let found = site.prepare(At::Revision(left.revision), Some(present)).unwrap().found();
    assert_eq!((found.timeline, found.instant.revision), (left.timeline, left.revision));
}

#[test]
fn the_log_of_a_history_tells_of_those_that_it_comes_of() {
    let mut site = branched(50);
    site.ship(2000);
    let told = log(&site, Timestamp::EPOCH, ALWAYS);
    assert_eq!(told.gaps, []);
    let told: Vec<_> = told.events.iter().map(|event| (event.timeline, event.revision)).collect();
    let present = site.store().status().timeline;
    let past = site.history.iter().map(|past| (past.timeline, past.revision));
    let (left, own): (Vec<_>, Vec<_>) = past.partition(|(of, _)| *of != present);
    assert_eq!(told, [&left[..4], &own].concat());
}

#[test]
fn what_the_log_is_not_asked_for_is_no_gap_in_it() {
    let mut site = branched(51);
    site.ship(1);
    // With this commit the server lets go of what it has shipped.
    put(&mut site, 14);
    for (nth, since) in site.history.iter().enumerate().skip(6) {
        let told = log(&site, since.time, ALWAYS);
        let told = (told.events.iter().map(|event| event.revision).collect(), told.gaps);
        let past: Vec<u64> = site.history[nth..].iter().map(|past| past.revision).collect();
        assert_eq!(told, (past, vec![]));
    }
}

#[test]
fn what_a_history_comes_of_may_lack_its_end() {
    let mut site = Site::new(52);
    (1..=4).for_each(|value| put(&mut site, value));
    let sent = site.ship(1);
    // With this commit the server lets go of what it has shipped.
    put(&mut site, 5);
    let (before, past) = (site.history[1].clone(), site.history[3].clone());
    site.pass(Duration::from_secs(1));
    site.rewind(&past);
    put(&mut site, 11);
    put(&mut site, 12);
    site.ship(1);
    for gone in &sent[3..] {
        site.target.delete(gone).unwrap();
    }
    let gap = (before.revision + 1, past.revision);
    assert_eq!(log(&site, Timestamp::EPOCH, ALWAYS).gaps, [gap]);
    assert_eq!(log(&site, Timestamp::EPOCH, before.time).gaps, [gap], "it may be of that time");
    let [begun, last] = [6, 8].map(|nth| site.history[nth].time);
    assert_eq!(log(&site, begun, ALWAYS).gaps, [gap]);
    assert_eq!(log(&site, last, ALWAYS).gaps, []);
}

#[test]
fn what_was_left_is_had_where_a_file_behind_it_is_missing() {
    let mut site = Site::new(53);
    let first = site.history[0].clone();
    (1..=2).for_each(|value| put(&mut site, value));
    // What is restored later does not know of this one.
    site.pass(Duration::from_secs(1));
    site.snapshot();
    (3..=5).for_each(|value| put(&mut site, value));
    let sent = site.ship(1);
    let left = site.history.clone();
    // Another machine takes its place, and goes back in its turn.
    site.pass(Duration::from_secs(1));
    let mut site = site.cloned(left.last().unwrap(), At::Latest);
    put(&mut site, 11);
    site.ship(1);
    site.pass(Duration::from_secs(1));
    site.rewind(&first);
    site.pass(Duration::from_secs(1));
    site.snapshot();
    site.ship(u64::MAX);
    // With the last commit of the first history there is nothing that leads on from there.
    site.target.delete(sent.last().unwrap()).unwrap();
    for past in &left[1..left.len() - 2] {
        let found = site.prepare(At::Time(past.time), None).unwrap();
        let had = (found.found().instant.revision, found.is_own_past());
        assert_eq!(had, (past.revision, false));
    }
    let found = site.prepare(At::Time(left.last().unwrap().time), None).unwrap().found();
    assert_eq!(found.end, Some(End::Unknown));
}

#[test]
fn a_chain_of_histories_is_gone_along() {
    let mut site = branched(42);
    site.ship(2000);
    // The second one is left before a snapshot of it was there.
    let past = site.history[site.history.len() - 2].clone();
    site.pass(Duration::from_secs(1));
    site.rewind(&past);
    (21..=23).for_each(|value| put(&mut site, value));
    site.ship(2000);
    must_all_come_back(&site);
}

#[test]
fn a_history_begins_in_the_middle_of_a_second() {
    let mut site = Site::new(43);
    put(&mut site, 1);
    put(&mut site, 2);
    site.pass(Duration::from_millis(100));
    site.put("a", &[3]);
    let left = site.history.last().unwrap().clone();
    site.ship(u64::MAX);
    let past = site.history[1].clone();
    site.pass(Duration::from_millis(300));
    site.rewind(&past);
    put(&mut site, 11);
    site.ship(u64::MAX);
    let before = left.time.plus(Duration::from_millis(200));
    let found = site.bare(901).prepare(At::Time(before), None).unwrap().found();
    assert_eq!((found.timeline, found.instant.revision), (left.timeline, left.revision));
    assert_eq!(found.end, Some(End::Unknown), "nothing later is known of it");
    must_all_come_back(&site);
}

#[test]
fn a_compaction_keeps_the_commit_at_which_another_history_began() {
    let mut site = branched(44);
    site.ship(1);
    let two = site.history.split_off(5);
    site.pass(Duration::from_secs(90 * 24 * 3600));
    site.put("b", &[1]);
    site.ship(u64::MAX);
    assert!(site.compact(Policy::default()) > 0);
    let left = site.history[3].clone();
    let found = site.bare(901).prepare(At::Revision(left.revision), Some(left.timeline));
    assert_eq!(found.unwrap().found().instant.revision, left.revision);
    let last = &two.last().unwrap();
    let found = site.bare(902).prepare(At::Revision(last.revision), Some(last.timeline)).unwrap();
    assert_eq!(found.found().instant.revision, last.revision);
}

#[test]
fn a_time_between_two_histories_is_refused() {
    let mut site = branched(45);
    // Its journal is lost: only a snapshot tells of it.
    site.snapshot();
    let (last, first) = (site.history[5].clone(), site.history.last().unwrap().clone());
    let at = last.time.plus(Duration::from_millis(1500));
    let bare = site.bare(901);
    let Err(RewindError::Refused(Refusal::Between(one, other), _)) =
        bare.prepare(At::Time(at), None)
    else {
        panic!("it is not known what was there then")
    };
    assert_eq!((one.0, one.1.revision), (last.timeline, last.revision));
    assert_eq!((other.timeline, other.first.revision), (first.timeline, first.revision));
    assert!(refusal(bare.prepare(At::Time(at), None)).contains("-timeline"));
    let named = bare.prepare(At::Time(at), Some(last.timeline)).unwrap().found();
    assert_eq!((named.instant.revision, named.end), (last.revision, Some(End::Unknown)));
    // To the nanosecond it is meant, and before it nothing is in doubt.
    for nth in [4, 5] {
        let past = &site.history[nth];
        let found = bare.prepare(At::Time(past.time), None).unwrap().found();
        assert_eq!((found.instant.revision, found.end), (past.revision, None));
    }
}

#[test]
fn what_is_offered_between_two_histories_can_be_had() {
    let mut site = branched(53);
    let sent = site.ship(1);
    // What is behind its first commit tells of the other one, and nothing leads there.
    site.target.delete(&sent[0]).unwrap();
    let at = At::Time(site.history[5].time.plus(Duration::from_millis(1500)));
    let bare = site.bare(901);
    let Err(RewindError::Refused(refusal, _)) = bare.prepare(at, None) else {
        panic!("it is not known what was there then")
    };
    assert!(matches!(refusal, Refusal::Between(..)), "{refusal}");
    let offers = refusal.offers();
    assert_eq!(offers, [(site.history[5].timeline, site.history[5].revision)]);
    for (timeline, revision) in offers {
        bare.prepare(At::Revision(revision), Some(timeline)).unwrap();
    }
    assert!(refusal.to_string().contains("nothing leads there"), "{refusal}");
}

#[test]
fn the_end_of_what_is_known_is_told() {
    let mut site = Site::new(46);
    put(&mut site, 1);
    site.ship(u64::MAX);
    put(&mut site, 2);
    let late = site.clock_now().plus(Duration::from_secs(3600));
    let found = site.bare(901).prepare(At::Time(late), None).unwrap().found();
    assert_eq!((found.instant.revision, found.end), (site.history[1].revision, Some(End::Unknown)));
    // The server itself knows that nothing was there since.
    let found = site.prepare(At::Time(late), None).unwrap().found();
    assert_eq!((found.instant.revision, found.end), (site.history[2].revision, None));
}

#[test]
fn the_latest_of_a_server_is_its_own() {
    let mut site = branched(47);
    site.ship(u64::MAX);
    site.snapshot();
    let past = site.history[2].clone();
    site.pass(Duration::from_secs(1));
    site.rewind(&past);
    put(&mut site, 31);
    site.ship(u64::MAX);
    site.snapshot();
    let own = site.history.last().unwrap().clone();
    for at in [At::Latest, At::Time(site.clock_now().plus(Duration::from_secs(60)))] {
        let found = site.prepare(at, None).unwrap().found();
        assert_eq!((found.timeline, found.instant.revision), (own.timeline, own.revision));
        // By its number it is known elsewhere, too, that it took the place of the other one.
        let found = site.bare(901).prepare(at, None).unwrap().found();
        assert_eq!((found.timeline, found.instant.revision), (own.timeline, own.revision));
    }
    // As it was before that history began.
    let before = site.history[8].clone();
    let found = site.prepare(At::Time(before.time), None).unwrap().found();
    assert_eq!((found.timeline, found.instant.revision), (before.timeline, before.revision));
}

#[test]
fn a_history_that_does_not_come_of_what_is_there_is_not_put_together_with_it() {
    let mut site = branched(48);
    let sent = site.ship(u64::MAX);
    let last = site.history.last().unwrap().clone();
    // Its name tells of another origin.
    let origin = site.path(&sent[0]).parent().unwrap().to_path_buf();
    let left = site.history[3].revision;
    let [told, wrong] = [left, left - 1].map(|revision| format!(".{revision:016x}"));
    let moved = origin.display().to_string().replace(&told, &wrong);
    assert_ne!(moved, origin.display().to_string(), "the name tells the origin");
    fs::rename(&origin, &moved).unwrap();
    let refused = refusal(site.bare(901).prepare(At::Revision(last.revision), Some(last.timeline)));
    assert!(refused.contains("no snapshot on the target leads to"), "{refused}");
    fs::rename(&moved, &origin).unwrap();
    // What leads to it is gone.
    let parent = origin.parent().unwrap().join(site.history[0].timeline.to_string());
    fs::rename(&parent, parent.with_extension("gone")).unwrap();
    let refused = site.bare(902).prepare(At::Revision(last.revision), Some(last.timeline));
    assert!(matches!(refused, Err(RewindError::Refused(Refusal::NoTimeline(..), _))));
    let refused = refusal(site.bare(903).prepare(At::Time(Timestamp::from_nanos(u64::MAX)), None));
    assert!(refused.contains("no snapshot on the target leads to"), "{refused}");
}

/// A store without a journal; its target has a first snapshot.
fn without_journal(seed: u64) -> Site {
    let mut site = Site::new(seed);
    site.store().end_journal().unwrap();
    site.note();
    site.store().drop_journal(site.history[0].timeline, u64::MAX).unwrap();
    site.note();
    site
}

#[test]
fn where_a_snapshot_is_older_than_what_is_known_its_number_tells() {
    let mut site = without_journal(55);
    site.snapshot();
    let (first, old) = (site.history[0].clone(), site.history.last().unwrap().clone());
    for _ in 0..1100 {
        site.store().stamp().unwrap();
    }
    for past in [first, old] {
        let prepared = site.prepare(At::Revision(past.revision), None).unwrap();
        assert!(prepared.is_own_past());
    }
}

#[test]
fn a_restore_is_undone_with_a_snapshot_from_behind_it() {
    let mut site = without_journal(54);
    site.snapshot();
    let past = site.history.last().unwrap().clone();
    put(&mut site, 2);
    site.pass(Duration::from_secs(1));
    site.snapshot();
    let mistaken = site.history.last().unwrap().clone();
    site.pass(Duration::from_secs(5));
    site.rewind(&past);
    put(&mut site, 3);
    site.snapshot();
    // It is of the history that was left, behind where that was: nothing else is given for it.
    let named = mistaken.timeline.to_string();
    for at in [
        At::Revision(mistaken.revision),
        At::Time(mistaken.time),
        At::Time(mistaken.time.plus(Duration::from_secs(2))),
    ] {
        let text = refusal(site.prepare(at, None));
        assert!(text.contains("-timeline") && text.contains(&named), "{at:?}: {text}");
        let prepared = site.prepare(at, Some(mistaken.timeline)).unwrap();
        assert_eq!(prepared.found().instant.revision, mistaken.revision, "{at:?}");
        assert!(!prepared.is_own_past());
    }
    let soon = past.time.plus(Duration::from_millis(500));
    let prepared = site.prepare(At::Time(soon), None).unwrap();
    assert_eq!(prepared.found().instant.revision, past.revision);
    assert!(prepared.is_own_past());
}
