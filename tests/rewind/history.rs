//! What changed when, and what a restore would bring back.

use std::time::Duration;

use edgekeep::barrier::journal::record::Mark;
use edgekeep::barrier::names::MountId;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::{Returning, is_in};
use edgekeep::snapshot::rewind::Source;
use edgekeep::snapshot::rewind::history::{Event, History, Part, history};
use edgekeep::snapshot::rewind::plan::At;

use crate::site::Site;

const ALWAYS: Timestamp = Timestamp::from_nanos(u64::MAX);

fn log(site: &Site, since: Timestamp, until: Timestamp, most: usize) -> History {
    let timeline = site.store().status().timeline;
    let part = Part { timeline, since, until, most };
    let source = Source { target: &site.target, folder: &site.folder };
    let mut told = history(source, &part, &Lent::of(&site.store()), &site.spools).unwrap();
    told.events.retain(|event| event.revision >= site.history[0].revision);
    told
}

/// The paths that it changed.
fn paths(site: &Site, event: &Event) -> Vec<(String, bool)> {
    let store = site.store();
    let writes = event.writes.iter();
    let named = writes.filter_map(|(key, gone)| Some((store.open_name(key)?.path, *gone)));
    named.collect()
}

fn revisions(history: &History) -> Vec<u64> {
    history.events.iter().map(|event| event.revision).collect()
}

#[test]
fn the_log_tells_each_commit_with_its_paths() {
    let mut site = Site::new(11);
    let mut segments = Vec::new();
    for n in 0..9u8 {
        site.pass(Duration::from_secs(10));
        if n == 5 {
            site.delete("a/1")
        } else {
            site.put(&format!("a/{}", n % 3), &[n])
        }
        // The last three are only here.
        if n < 6 && n % 2 == 1 {
            segments.extend(site.ship(u64::MAX));
        }
    }
    site.store().mark_journal(Mark::Rekey).unwrap();
    let past = &site.history;
    let all = log(&site, Timestamp::EPOCH, ALWAYS, 100);
    assert_eq!(all.events.len(), past.len() + 1);
    assert!(!all.more && all.gaps.is_empty() && all.lost.is_empty());
    for (event, past) in all.events.iter().zip(past) {
        assert_eq!((event.revision, event.time), (past.revision, past.time));
    }
    assert_eq!(paths(&site, &all.events[6]), [("a/1".to_owned(), true)]);
    assert_eq!(paths(&site, &all.events[8]), [("a/1".to_owned(), false)]);
    assert_eq!(all.events.back().unwrap().mark, Mark::Rekey);

    let some = log(&site, past[3].time, past[7].time, 100);
    assert_eq!(revisions(&some), past[3..=7].iter().map(|p| p.revision).collect::<Vec<_>>());
    let last = log(&site, past[3].time, past[7].time, 2);
    assert!(last.more);
    assert_eq!(revisions(&last), past[6..=7].iter().map(|p| p.revision).collect::<Vec<_>>());

    site.damage(&segments[1], 100);
    let holed = log(&site, Timestamp::EPOCH, ALWAYS, 100);
    assert_eq!(holed.gaps, [(past[3].revision, past[4].revision)]);
    assert_eq!(holed.lost.len(), 1);
    assert_eq!(holed.events.len(), past.len() - 1);
}

#[test]
fn of_commits_that_changed_very_much_the_last_are_told() {
    let mut site = Site::new(14);
    let paths = |n: usize| -> Vec<String> {
        (0..8_000).map(|number| format!("{n}/{number}/{}", "x".repeat(900))).collect()
    };
    (0..3).for_each(|n| site.put_all(&paths(n)));
    let told = log(&site, Timestamp::EPOCH, ALWAYS, 100);
    assert!(told.more);
    let last = site.history.len() - 2..;
    assert_eq!(revisions(&told), site.history[last].iter().map(|p| p.revision).collect::<Vec<_>>());
    assert!(told.events[0].writes.len() >= 8_000, "of each all is told");
}

#[test]
fn what_was_not_shipped_yet_is_led_to_too() {
    let mut site = Site::new(12);
    site.pass(Duration::from_secs(1));
    site.put("a", b"1");
    site.ship(u64::MAX);
    site.pass(Duration::from_secs(1));
    site.put("a", b"2");
    site.put("b", b"2");
    let past = site.history[site.history.len() - 2].clone();
    site.pass(Duration::from_secs(1));
    site.put("a", b"3");
    site.rewind(&past);
    site.must_be(&past.state, "back by what is only here");
}

#[test]
fn it_is_known_what_would_come_back() {
    let mut site = Site::new(13);
    for path in ["t/a", "t/b", "t/c", "u/a"] {
        site.put(path, b"1");
    }
    site.snapshot();
    site.put("t/d", b"1");
    site.delete("t/c");
    let past = site.history.last().unwrap().clone();
    for path in ["t/a", "t/d", "u/a"] {
        site.delete(path);
    }
    site.put("t/e", b"1");
    site.ship(u64::MAX);
    let prepared = site.prepare(At::Revision(past.revision), None).unwrap();
    let store = site.store();
    let within = store.below(MountId::SYSTEM, "t").unwrap();
    let now = site.storage.view().unwrap();
    let is_gone = |key: &[u8]| Ok(is_in(key, &within) && now.get(key)?.is_none());
    let back = Returning::of(&prepared, &is_gone).unwrap();
    let mut back: Vec<_> = back.iter().map(|key| store.open_name(key).unwrap().path).collect();
    back.sort();
    assert_eq!(back, ["t/a", "t/d"]);
}
