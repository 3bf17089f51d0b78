//! Restored: kept, refused, settled when it is unsealed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use super::*;
use crate::barrier::names::MountId;
use crate::barrier::owed::Owed;
use crate::barrier::seal::shamir::{Split, combine};
use crate::barrier::tests::{House, MOUNT, get, good, open, put};
use crate::barrier::txn::TxnError;
use crate::barrier::{KEYRING, ROOT, verify};
use crate::base::entropy::SeededEntropy;
use crate::base::fault::Fault;
use crate::base::sync::{lock, try_lock, try_read};
use crate::storage::memory::Memory;
use crate::storage::{Entry, Storage, Urgency};

fn fill(entries: &[Entry]) -> impl FnMut(&mut dyn Writer) -> Result<(), StorageError> {
    |to| entries.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
}

#[test]
fn a_restore_keeps_the_present_shares_and_begins_a_new_timeline() {
    let (mut house, store) = open();
    put(&store, "kept", b"then");
    let snapshot = house.entries();
    let then = store.status();
    put(&store, "kept", b"later");
    let (seal, shares) = house.barrier.prepare_rekey(&store, Split::new(1, 1).unwrap()).unwrap();
    store.rekey(&seal).unwrap();
    house.shares = shares;
    house.barrier.restore(Accept::SameKeys, &mut fill(&snapshot)).unwrap();
    assert!(matches!(store.rotate(), Err(TxnError::Gone)), "the old handle is closed");
    let store = house.barrier.unsealed().unwrap();
    assert_eq!(get(&store, "kept").unwrap(), b"then");
    assert_eq!(store.status().timeline.number, then.timeline.number + 1);
    assert_eq!(store.status().revision, then.revision + 1);
    assert!(good(&store));
    put(&store, "after", b"");
    house.barrier.seal();
    assert!(good(&house.unseal()));
}

#[test]
fn a_restore_stops_no_reads_and_keeps_no_commit_waiting() {
    let (house, store) = open();
    put(&store, "kept", b"then");
    let snapshot = house.entries();
    let write = || store.transact(|txn| txn.scope(MOUNT).put("lost", b""));
    let look = || {
        assert_eq!(get(&house.barrier.unsealed().unwrap(), "kept").unwrap(), b"then");
        let refused = write().unwrap_err();
        assert!(matches!(refused, TxnError::Restoring));
        let refused = Fault::from(refused);
        assert!(refused.status == 503 && refused.to_string().contains("being restored"));
        assert_eq!(refused.headers, [("Retry-After", "1".to_owned())]);
    };
    let broken = house.barrier.restore(Accept::SameKeys, &mut |_| {
        look();
        Err(StorageError::Aborted("as it is meant to".into()))
    });
    assert!(broken.is_err());
    assert_eq!(get(&store, "kept").unwrap(), b"then");
    put(&store, "kept", b"then");
    house
        .barrier
        .restore(Accept::SameKeys, &mut |to: &mut dyn Writer| {
            look();
            fill(&snapshot)(to)
        })
        .unwrap();
    assert!(matches!(write(), Err(TxnError::Gone)));
    assert!(get(&house.barrier.unsealed().unwrap(), "lost").is_none());
    put(&house.barrier.unsealed().unwrap(), "kept", b"now");
}

#[test]
fn what_a_restore_has_to_do_is_done_before_anybody_reads_what_it_put() {
    let (house, store) = open();
    put(&store, "kept", b"then");
    let snapshot = house.entries();
    put(&store, "kept", b"later");
    let done = Arc::new(AtomicBool::new(false));
    let (replaced, may) = (Arc::clone(&store), Arc::clone(&done));
    let then = move |opened: &Arc<Unsealed>| {
        let is_this = Arc::ptr_eq(&replaced, opened);
        let looks = [
            replaced.begin().map(drop),
            replaced.journal_view().map(drop),
            replaced.stamps().map(drop),
        ];
        assert!(is_this || looks.iter().all(|it| matches!(it, Err(TxnError::Gone))));
        match may.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(TxnError::NoRoom),
        }
    };
    done.store(true, Ordering::Relaxed);
    house.barrier.when_opened(|_| Ok(false), then).unwrap();
    done.store(false, Ordering::Relaxed);
    let owed = Owed { path: "to/do".to_owned(), value: b"this".to_vec() };
    let failed = house.barrier.restore(Accept::SameKeys, &mut |to: &mut dyn Writer| {
        fill(&snapshot)(to)?;
        store.note_owed(std::slice::from_ref(&owed), to)
    });
    let Err(UnsealError::NotOpened(why)) = failed else { panic!("{failed:?}") };
    assert!(matches!(*why, UnsealError::NotReady(TxnError::NoRoom)));
    assert!(house.barrier.unsealed().is_none(), "it stays sealed until it is done");
    let key = combine(&house.shares).unwrap();
    assert!(house.barrier.unseal(&key).is_err());
    done.store(true, Ordering::Relaxed);
    let opened = house.barrier.unseal(&key).unwrap();
    assert_eq!(get(&opened, "kept").unwrap(), b"then");
    let found = opened.transact(|txn| txn.scope(MountId::SYSTEM).get(&owed.path));
    assert_eq!(&**found.unwrap().unwrap(), &owed.value);
    assert!(good(&opened));
}

#[test]
fn who_comes_while_what_was_put_is_opened_waits_unless_that_has_more_to_do() {
    let (house, store) = open();
    let snapshot = house.entries();
    let (opens, is_opened) = mpsc::channel();
    let (looked, has_looked) = mpsc::channel();
    let then = Mutex::new((opens, has_looked));
    let wait = move |_: &Arc<Unsealed>| {
        let (opens, has_looked) = &*lock(&then);
        opens.send(()).unwrap();
        has_looked.recv().unwrap();
        Ok(())
    };
    let owed = Owed { path: "to/do".to_owned(), value: b"this".to_vec() };
    let is_long = |opened: &Arc<Unsealed>| Ok(get(opened, "to/do").is_some());
    thread::scope(|scope| {
        let barrier = &house.barrier;
        let waits = scope.spawn(move || {
            let waits = is_opened.iter().take(4).map(|()| {
                let waits = try_read(&barrier.unsealed).is_none();
                assert_eq!(waits, try_lock(&barrier.turn).is_none());
                looked.send(()).unwrap();
                waits
            });
            waits.collect::<Vec<_>>()
        });
        // It is open now.
        barrier.when_opened(is_long, wait).unwrap();
        barrier.restore(Accept::SameKeys, &mut fill(&snapshot)).unwrap();
        let with_note = barrier.restore(Accept::SameKeys, &mut |to: &mut dyn Writer| {
            fill(&snapshot)(to)?;
            store.note_owed(std::slice::from_ref(&owed), to)
        });
        with_note.unwrap();
        // In a state of then it is not done yet either.
        barrier.restore(Accept::SameKeys, &mut fill(&house.entries())).unwrap();
        assert_eq!(waits.join().unwrap(), [false, true, false, false]);
    });
}

#[test]
fn who_has_a_store_that_was_sealed_reads_nothing_that_came_after() {
    let (house, store) = open();
    house.barrier.seal();
    let opened = house.unseal();
    opened.rotate().unwrap();
    put(&opened, "a", b"later");
    assert!(matches!(store.begin().map(drop), Err(TxnError::Sealed)));
    assert!(matches!(store.journal_view().map(drop), Err(TxnError::Sealed)));
    assert_eq!(get(&opened, "a").unwrap(), b"later");
}

#[test]
fn what_a_restore_has_to_do_outlives_the_server_and_adds_up() {
    let (house, store) = open();
    let snapshot = house.entries();
    let all = [1, 2, 3].map(|n| Owed { path: format!("to/do/{n}"), value: vec![n; 9] });
    let to = &house.storage;
    let put = to.replace(&mut |to: &mut dyn Writer| {
        fill(&snapshot)(to)?;
        store.note_owed(&all, to)?;
        let seal = to.get(SEAL)?.unwrap();
        to.put(RESTORED, &seal).map(drop)
    });
    put.unwrap();
    house.barrier.seal();
    let mut entries = house.entries().into_iter().map(Ok);
    let key = combine(&house.shares).unwrap();
    let report = verify::verify(&mut entries, verify::With::UnsealKey(&key)).unwrap();
    assert!(report.good(), "notes are no part of it");
    let opened = house.unseal();
    for owed in &all {
        let found = opened.transact(|txn| txn.scope(MountId::SYSTEM).get(&owed.path));
        assert_eq!(&**found.unwrap().unwrap(), &owed.value);
    }
    assert!(good(&opened));
    let left = house.entries().into_iter().find(|(key, _)| is_note(key));
    assert_eq!(left, None);
}

#[test]
fn a_seal_record_that_was_put_back_is_told() {
    let (house, store) = open();
    let old = house.entries().into_iter().find(|(key, _)| key == SEAL).unwrap().1;
    let old_key = combine(&house.shares).unwrap();
    let (seal, shares) = house.barrier.prepare_rekey(&store, Split::new(1, 1).unwrap()).unwrap();
    store.rekey(&seal).unwrap();
    let new = seal.record().encode().to_vec();
    let told = |key: &Key<32>| {
        let mut entries = house.entries().into_iter().map(Ok);
        verify::verify(&mut entries, verify::With::UnsealKey(key)).unwrap()
    };
    assert!(!told(&combine(&shares).unwrap()).seal_replaced);
    house.barrier.seal();
    house
        .storage
        .write(Urgency::Ordinary, &mut |to| {
            to.put(SEAL, &old)?;
            to.put(RESTORED, &new).map(drop)
        })
        .unwrap();
    let report = told(&old_key);
    assert!(report.good() && report.seal_replaced, "by the tallies alone it is a restore");
}

#[test]
fn a_restore_into_a_sealed_or_empty_store_is_settled_when_it_is_unsealed() {
    let source = House::new(20, 1, 1);
    put(&source.unseal(), "x", b"1");
    let snapshot = source.entries();
    let timeline = source.unseal().status().timeline;
    source.barrier.seal();
    source.barrier.restore(Accept::SameKeys, &mut fill(&snapshot)).unwrap();
    assert!(source.barrier.unsealed().is_none());
    let empty = Barrier::new(
        Arc::new(Memory::new()),
        source.clock.clone(),
        Arc::new(SeededEntropy::new(21)),
    );
    empty.restore(Accept::SameKeys, &mut fill(&snapshot)).unwrap();
    for barrier in [&source.barrier, &empty] {
        let store = barrier.unseal(&combine(&source.shares).unwrap()).unwrap();
        assert_eq!(get(&store, "x").unwrap(), b"1");
        assert_eq!(store.status().timeline.number, timeline.number + 1);
        assert!(good(&store));
    }
}

#[test]
fn a_restore_of_other_keys_is_refused_by_name_unless_any_are_accepted() {
    let (house, store) = open();
    let other = House::new(30, 1, 1);
    let snapshot = other.entries();
    let before = house.entries();
    let error = house.barrier.restore(Accept::SameKeys, &mut fill(&snapshot)).unwrap_err();
    let name = other.barrier.settings().unwrap().unwrap().root_key.to_string();
    assert!(error.to_string().contains(&name), "{error}");
    assert_eq!(house.entries(), before);
    put(&store, "still", b"open");
    house.barrier.restore(Accept::AnyKeys, &mut fill(&snapshot)).unwrap();
    assert!(house.barrier.unsealed().is_none());
    assert!(house.barrier.check(&combine(&house.shares).unwrap()).is_err());
    let store = house.barrier.unseal(&combine(&other.shares).unwrap()).unwrap();
    assert_eq!(get(&store, "first").unwrap(), b"1");
    assert!(good(&store));
}

#[test]
fn a_restore_of_a_damaged_snapshot_replaces_nothing() {
    let (house, store) = open();
    put(&store, "x", b"1");
    let good_snapshot = house.entries();
    for record in [KEYRING, ROOT, SEAL] {
        let mut snapshot = good_snapshot.clone();
        let entry = snapshot.iter_mut().find(|(key, _)| key == record).unwrap();
        let last = entry.1.len() - 1;
        if record == SEAL {
            entry.1.truncate(last)
        } else {
            entry.1[last] ^= 1
        }
        assert!(house.barrier.restore(Accept::AnyKeys, &mut fill(&snapshot)).is_err());
        snapshot.retain(|(key, _)| key != record);
        assert!(house.barrier.restore(Accept::AnyKeys, &mut fill(&snapshot)).is_err());
    }
    assert_eq!(house.entries(), good_snapshot);
    put(&house.barrier.unsealed().unwrap(), "goes", b"on");
}
