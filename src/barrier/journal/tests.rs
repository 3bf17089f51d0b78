//! The journal of a store: whole, in step with it, bounded.

use super::live::{scan, timelines};
use super::record::{Mark, Record as Written};
use super::*;
use crate::barrier::restore::Accept;
use crate::barrier::root::Timeline;
use crate::barrier::tests::{House, get, good, open, put};
use crate::barrier::{RESTORED, ROOT, Unsealed};
use crate::storage::{Entry, Storage, Writer};

/// All records of the present timeline, their chain checked from `begin` on.
fn records(store: &Unsealed) -> Vec<(u64, Vec<u8>)> {
    let head = store.journal().unwrap();
    let view = store.journal_view().unwrap();
    let found = scan(&*view, head.timeline, 0, u64::MAX).unwrap();
    let found: Vec<_> = found.map(Result::unwrap).collect();
    let mut chain = None;
    for (revision, record) in &found {
        let read = Written::read(record).unwrap();
        assert!(chain.is_none_or(|chain| chain == read.before), "the chain of {revision}");
        chain = Some(read.before.then(head.timeline, *revision, record));
    }
    assert_eq!(chain.unwrap_or(head.chain), head.chain);
    let revisions: Vec<u64> = found.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(revisions, (head.dropped + 1..=head.revision).collect::<Vec<_>>());
    // Those of histories that were left count, too.
    let all = view.scan(END, None).unwrap().map(|entry| entry.unwrap().1.len() as u64);
    assert_eq!(head.bytes, all.sum::<u64>());
    found
}

/// The entries of a store that no journal is in.
fn plain(house: &House) -> Vec<Entry> {
    house.entries().into_iter().filter(|(key, _)| !is_of_journal(key)).collect()
}

#[test]
fn what_is_recorded_leads_from_one_instant_to_the_next() {
    let (house, store) = open();
    put(&store, "before", b"1");
    assert_eq!(store.journal(), None);
    store.begin_journal().unwrap();
    let mut entries: std::collections::BTreeMap<_, _> = plain(&house).into_iter().collect();
    let begun = store.journal().unwrap();
    for n in 0..20u8 {
        put(&store, &format!("a/{}", n % 7), &[n; 50]);
    }
    store.rotate().unwrap();
    let mark = store.mark_journal(Mark::Rekey).unwrap().unwrap();
    put(&store, "after", b"2");
    let records = records(&store);
    for (revision, record) in &records {
        let read = Written::read(record).unwrap();
        assert_eq!(read.mark, if *revision == mark { Mark::Rekey } else { Mark::None });
        if *revision <= begun.revision {
            continue;
        }
        for write in read.writes() {
            match write.unwrap() {
                (key, Some(value)) => drop(entries.insert(key, value.to_vec())),
                (key, None) => drop(entries.remove(&key)),
            }
        }
    }
    assert_eq!(entries.into_iter().collect::<Vec<_>>(), plain(&house));
    assert!(good(&store));
}

#[test]
fn it_goes_on_after_a_seal_and_ends_when_it_is_told() {
    let (house, store) = open();
    store.begin_journal().unwrap();
    put(&store, "a", b"1");
    let before = records(&store);
    house.barrier.seal();
    let store = house.unseal();
    put(&store, "b", b"1");
    assert_eq!(records(&store)[..before.len()], before);
    store.end_journal().unwrap();
    let ended = store.journal().unwrap();
    assert!(ended.is_ended());
    while store.drop_journal(ended.timeline, u64::MAX).unwrap() {}
    put(&store, "c", b"1");
    assert_eq!(store.journal(), Some(Head { bytes: 0, ..ended }));
    assert_eq!(length(&*house.storage.view().unwrap()).unwrap(), 0);
    // Nor does a history record that leaves this one.
    store.begin_timeline().unwrap();
    assert!(store.journal().unwrap().is_ended() && records(&store).is_empty());
    store.begin_journal().unwrap();
    put(&store, "d", b"1");
    assert_eq!(records(&store).len(), 2);
}

#[test]
fn what_every_target_has_is_dropped_by_the_next_commit() {
    let (house, store) = open();
    store.begin_journal().unwrap();
    (0..10).for_each(|_| put(&store, "a", b"1"));
    let head = store.journal().unwrap();
    store.drop_journal(head.timeline, head.revision - 2).unwrap();
    store.drop_journal(head.timeline, head.revision - 1).unwrap();
    assert_eq!(store.journal().unwrap(), head, "it writes nothing");
    put(&store, "a", b"2");
    assert_eq!(records(&store).len(), 2);
    // More than there is, from who looks ahead.
    store.drop_journal(head.timeline, head.revision + 100).unwrap();
    put(&store, "a", b"3");
    assert_eq!(records(&store).len(), 1);
    house.barrier.seal();
    assert_eq!(records(&house.unseal()).len(), 1);
}

#[test]
fn what_several_targets_have_in_the_same_moment_is_dropped_once() {
    let (_house, store) = open();
    store.begin_journal().unwrap();
    for _ in 0..50 {
        (0..4).for_each(|_| put(&store, "a", b"1"));
        let head = store.journal().unwrap();
        let start = std::sync::Barrier::new(3);
        let drop = || {
            start.wait();
            while store.drop_journal(head.timeline, head.revision).unwrap() {}
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop_in(scope, &drop)));
        put(&store, "a", b"2");
        assert_eq!(records(&store).len(), 1);
    }
}

fn drop_in<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    drop: &'scope (impl Fn() + Sync),
) {
    scope.spawn(drop);
}

#[test]
fn what_waits_to_be_dropped_when_a_journal_begins_anew_is_counted_once() {
    let (_house, store) = open();
    store.set_journal_limit(2000);
    store.begin_journal().unwrap();
    (0..50).for_each(|_| put(&store, "a", &[7; 100]));
    let cut = store.journal().unwrap();
    assert!(cut.cut);
    store.drop_journal(cut.timeline, cut.revision - 1).unwrap();
    // The commit that would drop them begins the journal anew.
    store.begin_journal().unwrap();
    while store.drop_journal(cut.timeline, cut.revision).unwrap() {}
    records(&store);
}

#[test]
fn it_is_cut_at_its_limit_and_begins_anew() {
    let (_house, store) = open();
    store.set_journal_limit(2000);
    store.begin_journal().unwrap();
    (0..50).for_each(|_| put(&store, "a", &[7; 100]));
    let cut = store.journal().unwrap();
    assert!(cut.cut && cut.bytes < 3000);
    assert!(records(&store).len() < 10);
    assert_eq!(store.mark_journal(Mark::Rekey).unwrap(), None);
    // While its records are kept there is no room for more.
    store.begin_journal().unwrap();
    assert!(store.journal().unwrap().cut);
    let view = store.journal_view().unwrap();
    assert!(scan(&*view, cut.timeline, 0, cut.revision).unwrap().count() > 0);
    drop(view);
    store.drop_journal(cut.timeline, cut.revision).unwrap();
    let revision = store.status().revision;
    store.begin_journal().unwrap();
    let anew = store.journal().unwrap();
    assert!(!anew.cut);
    assert_eq!((anew.begun, anew.revision), (revision, revision + 1));
    assert_eq!(records(&store).len(), 1);
}

#[test]
fn a_restore_begins_anew_and_loses_nothing_of_what_was() {
    let (house, store) = open();
    put(&store, "a", b"1");
    store.begin_journal().unwrap();
    let snapshot = plain(&house);
    put(&store, "a", b"2");
    let old = store.journal().unwrap();
    let mut fill = |to: &mut dyn Writer| {
        snapshot.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))?;
        let head = Head::begin(old.timeline, old.begun);
        to.put(HEAD, &head.encode()).map(drop)
    };
    house.barrier.restore(Accept::SameKeys, &mut fill).unwrap();
    let store = house.barrier.unsealed().unwrap();
    assert_eq!(get(&store, "a").unwrap(), b"1");
    let new = store.journal().unwrap();
    assert_eq!(new.timeline, store.status().timeline);
    assert_ne!(new.timeline, old.timeline);
    put(&store, "a", b"3");
    records(&store);
    let view = store.journal_view().unwrap();
    assert_eq!(timelines(&*view).unwrap(), [old.timeline, new.timeline]);
    let kept = scan(&*view, old.timeline, 0, u64::MAX).unwrap().count() as u64;
    assert_eq!(kept, old.kept());
    drop(view);
    store.drop_journal(old.timeline, old.revision).unwrap();
    assert_eq!(timelines(&*store.journal_view().unwrap()).unwrap(), [new.timeline]);
    assert!(good(&store));
    assert!(house.storage.view().unwrap().get(RESTORED).unwrap().is_none());
    assert!(house.storage.view().unwrap().get(ROOT).unwrap().is_some());
}

#[test]
fn keys_tell_whose_record_they_are() {
    let timeline = Timeline { number: 3, id: 0x0123_4567_89ab_cdef };
    assert_eq!(placed(&key(timeline, 77)), Some((timeline, 77)));
    assert!(key(timeline, 77) < key(timeline, 78));
    for other in
        [&b"\x02"[..], b"\x01", &key(timeline, 1)[1..], &[key(timeline, 1), vec![0]].concat()]
    {
        assert_eq!(placed(other), None);
    }
}
