//! The life of a store: initialized, unsealed, written, rotated, rekeyed, sealed, scrubbed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::names::{MAX_SEGMENTS, MountId, NameError};
use super::seal::shamir::combine;
use super::*;
use crate::base::clock::{ManualClock, Timestamp};
use crate::base::entropy::SeededEntropy;
use crate::base::fault::Fault;
use crate::base::timekeeper::STANDING;
use crate::storage::Entry;
use crate::storage::memory::Memory;

pub(super) const MOUNT: MountId = MountId::SYSTEM;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

type Error = Box<dyn std::error::Error>;

pub(super) struct House {
    pub barrier: Barrier,
    pub storage: Arc<Memory>,
    pub clock: Arc<ManualClock>,
    pub shares: Vec<Secret>,
}

impl House {
    pub fn new(seed: u64, shares: u64, threshold: u64) -> Self {
        let storage = Arc::new(Memory::new());
        let clock = Arc::new(ManualClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let barrier = Barrier::new(storage.clone(), clock.clone(), entropy);
        let split = Split::new(shares, threshold).unwrap();
        let first = |txn: &mut Txn| Ok::<_, Error>(txn.scope(MOUNT).put("first", b"1")?);
        let (shares, ()) = barrier.initialize(split, first).unwrap();
        Self { barrier, storage, clock, shares }
    }

    pub fn unseal(&self) -> Arc<Unsealed> {
        self.barrier.unseal(&combine(&self.shares).unwrap()).unwrap()
    }

    pub fn entries(&self) -> Vec<Entry> {
        let view = self.storage.view().unwrap();
        view.scan(&[], None).unwrap().map(Result::unwrap).collect()
    }
}

pub(super) fn open() -> (House, Arc<Unsealed>) {
    let house = House::new(1, 1, 1);
    let store = house.unseal();
    (house, store)
}

pub(super) fn put(store: &Arc<Unsealed>, path: &str, value: &[u8]) {
    let job = |txn: &mut Txn| txn.scope(MOUNT).put(path, value);
    store.transact(job).unwrap();
}

pub(super) fn get(store: &Arc<Unsealed>, path: &str) -> Option<Vec<u8>> {
    let value = store.begin().unwrap().scope(MOUNT).get(path).unwrap();
    value.map(|value| value.to_vec())
}

pub(super) fn good(store: &Unsealed) -> bool {
    store.verify(&*store.committer.begin().unwrap().view).unwrap().good()
}

#[test]
fn a_transaction_reads_its_own_writes_and_others_do_not() {
    let (_house, store) = open();
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    scope.put("a/b", b"1").unwrap();
    scope.put_part("a/b", 7, b"part").unwrap();
    scope.delete("first").unwrap();
    assert_eq!(scope.get("a/b").unwrap().unwrap()[..], *b"1");
    assert_eq!(scope.get("first").unwrap(), None);
    assert_eq!(scope.list("").unwrap(), ["a/"]);
    let mut other = store.begin().unwrap();
    assert_eq!(other.scope(MOUNT).list("").unwrap(), ["first"]);
    txn.commit().unwrap();
    assert_eq!(other.scope(MOUNT).get("a/b").unwrap(), None);
    let mut later = store.begin().unwrap();
    let mut scope = later.scope(MOUNT);
    assert_eq!(scope.under("a").unwrap().get("b").unwrap().unwrap()[..], *b"1");
    assert_eq!(scope.get_part("a/b", 7).unwrap().unwrap()[..], *b"part");
    assert_eq!(scope.get_part("a/b", 8).unwrap(), None);
    assert_eq!(scope.get("a").unwrap(), None);
    assert!(good(&store));
}

#[test]
fn an_entry_and_a_folder_of_one_name_are_two_and_parts_are_neither() {
    let (_house, store) = open();
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    for path in ["a", "a/x", "a/x/y", "b/", "c//d", "only/parts", "z"] {
        scope.put(path, b"").unwrap();
    }
    scope.delete("only/parts").unwrap();
    scope.put_part("only/parts", 1, b"").unwrap();
    for number in [0, 1, 0x0010_0000_0000_0000, u64::MAX] {
        scope.put_part("a", number, b"").unwrap();
        scope.put_part("a/x/y", number, b"").unwrap();
    }
    let lists = |scope: &mut txn::Scope<'_>| {
        assert_eq!(scope.list("").unwrap(), ["a", "a/", "b/", "c/", "first", "only/", "z"]);
        for (folder, names) in [
            ("a", vec!["x", "x/"]),
            ("a/", vec!["x", "x/"]),
            ("a/x", vec!["y"]),
            ("a/x/y", vec![]),
            ("b", vec![""]),
            ("c", vec!["/"]),
            ("c//", vec!["d"]),
            ("only", vec![]),
            ("absent", vec![]),
        ] {
            assert_eq!(scope.list(folder).unwrap(), names, "{folder}");
        }
        assert_eq!(scope.under("a").unwrap().list("").unwrap(), ["x", "x/"]);
    };
    lists(&mut scope);
    txn.commit().unwrap();
    let mut txn = store.begin().unwrap();
    lists(&mut txn.scope(MOUNT));
    let elsewhere = MountId::random(&SeededEntropy::new(9));
    assert!(txn.scope(elsewhere).list("").unwrap().is_empty());
}

/// The same random work on a transaction and on a plain map gives the same listings.
#[test]
fn listings_are_those_of_a_plain_map() {
    let (_house, store) = open();
    let entropy = SeededEntropy::new(11);
    let random = |below: u8| (&entropy as &dyn Entropy).bytes::<1>()[0] % below;
    let path = || {
        let segment = |_| ["a", "b", "c", "dd"][usize::from(random(4))];
        (0..=random(4)).map(segment).collect::<Vec<_>>().join("/")
    };
    let mut model = BTreeMap::from([("first".to_owned(), ())]);
    for round in 0..60 {
        let mut txn = store.begin().unwrap();
        let mut scope = txn.scope(MOUNT);
        for _ in 0..8 {
            let path = path();
            match random(8) {
                0..4 => {
                    scope.put(&path, b"v").unwrap();
                    scope.put_part(&path, random(3).into(), b"p").unwrap();
                    model.insert(path, ());
                }
                4..7 => {
                    scope.delete(&path).unwrap();
                    (0..3).for_each(|part| scope.delete_part(&path, part).unwrap());
                    model.remove(&path);
                }
                _ => {
                    assert!(scope.under(&path).unwrap().delete_some(usize::MAX).unwrap());
                    model.retain(|key, ()| !key.starts_with(&format!("{path}/")));
                }
            }
        }
        for folder in ["".to_owned(), "a".to_owned(), path(), path()] {
            let prefix = if folder.is_empty() { folder.clone() } else { format!("{folder}/") };
            let below = model.keys().filter_map(|key| key.strip_prefix(&prefix));
            let mut expected: Vec<&str> = below.map(first_name).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(scope.list(&folder).unwrap(), expected, "round {round}, {folder}");
            let mut found = all_by_stretches(&mut scope, &folder, 1 + usize::from(random(4)));
            found.sort_unstable();
            let below = model.keys().filter(|key| key.starts_with(&prefix));
            assert_eq!(found, below.cloned().collect::<Vec<_>>(), "round {round}, {folder}");
        }
        txn.commit().unwrap();
    }
    assert!(good(&store));
}

fn all_by_stretches(scope: &mut txn::Scope<'_>, folder: &str, length: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let more = scope.stretch(folder, found.last().map(String::as_str), length).unwrap();
        assert!(more.len() <= length);
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

#[test]
fn what_a_stretch_does_not_list_was_not_read() {
    let (_house, store) = open();
    (0..10).for_each(|n| put(&store, &format!("f/{n}"), b"1"));
    let all = |txn: &mut Txn| txn.scope(MOUNT).stretch("f", None, 10);
    let order = store.transact(all).unwrap();
    for (changed, conflict) in [(2, false), (3, true), (6, true), (7, false)] {
        let mut txn = store.begin().unwrap();
        let mut scope = txn.scope(MOUNT);
        assert_eq!(scope.stretch("f", Some(&order[2]), 4).unwrap(), order[3..7]);
        assert!(scope.stretch("f", None, 0).unwrap().is_empty());
        scope.put("result", b"").unwrap();
        put(&store, &order[changed], b"other");
        assert_eq!(matches!(txn.commit(), Err(TxnError::Conflict)), conflict, "{changed}");
    }
}

fn first_name(path: &str) -> &str {
    path.find('/').map_or(path, |slash| &path[..=slash])
}

#[test]
fn a_wide_folder_with_deep_children_lists() {
    let (_house, store) = open();
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    for wide in 0..50 {
        for deep in 0..40 {
            scope.put(&format!("w{wide:02}/d{deep}/x"), b"").unwrap();
        }
    }
    txn.commit().unwrap();
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    for deep in 0..40 {
        scope.delete(&format!("w07/d{deep}/x")).unwrap();
    }
    let names = scope.list("").unwrap();
    assert_eq!(names.len(), 50);
    assert!(!names.contains(&"w07/".to_owned()));
    assert_eq!(scope.list("w08").unwrap().len(), 40);
}

#[test]
fn what_a_transaction_read_and_another_changed_is_a_conflict() {
    let (_house, store) = open();
    for (read_path, changed, conflict) in [
        ("a", "a", true),
        ("a", "b", false),
        ("list:", "f/g", true),
        ("list:f", "f/new", true),
        ("list:f", "h", false),
    ] {
        let mut txn = store.begin().unwrap();
        let mut scope = txn.scope(MOUNT);
        match read_path.strip_prefix("list:") {
            Some(folder) => drop(scope.list(folder).unwrap()),
            None => drop(scope.get(read_path).unwrap()),
        }
        scope.put("result", b"").unwrap();
        put(&store, changed, b"other");
        let outcome = txn.commit();
        assert_eq!(matches!(outcome, Err(TxnError::Conflict)), conflict, "{read_path} {changed}");
    }
}

#[test]
fn a_transaction_that_always_meets_conflicts_runs_alone_at_last() {
    let (_house, store) = open();
    put(&store, "n", b"0");
    let mut runs = 0;
    let outcome = store.transact(|txn| {
        runs += 1;
        let mut scope = txn.scope(MOUNT);
        let n = scope.get("n")?;
        if runs <= 3 {
            put(&store, "n", format!("{runs}").as_bytes());
        }
        scope.put("copy", &n.unwrap_or_default())?;
        Ok::<_, TxnError>(runs)
    });
    assert_eq!(outcome.unwrap(), 4);
    assert_eq!(get(&store, "copy").unwrap(), b"3");
}

#[test]
fn what_is_to_be_done_after_a_commit_is_done_once_and_only_then() {
    let (_house, store) = open();
    put(&store, "n", b"0");
    let (done, mut runs) = (Arc::new(Mutex::new(Vec::new())), 0);
    let note = |run: usize| {
        let (done, store) = (done.clone(), store.clone());
        move || lock(&done).push((run, get(&store, "n").unwrap()))
    };
    let changed: Result<(), TxnError> = store.transact(|txn| {
        runs += 1;
        txn.after_commit(note(runs));
        txn.scope(MOUNT).get("n")?;
        if runs == 1 {
            put(&store, "n", b"1");
        }
        txn.scope(MOUNT).put("n", b"2")
    });
    changed.unwrap();
    let refused: Result<(), TxnError> = store.transact(|txn| {
        txn.after_commit(note(9));
        Err(TxnError::TooLarge)
    });
    assert!(refused.is_err());
    assert_eq!(*lock(&done), [(2, b"2".to_vec())]);
}

#[test]
fn paths_that_cannot_be_stored_are_the_clients_mistake() {
    let (_house, store) = open();
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    let deep = vec!["a"; MAX_SEGMENTS + 1].join("/");
    let error = scope.put(&deep, b"").unwrap_err();
    assert!(matches!(error, TxnError::Name(NameError::TooManySegments)));
    assert_eq!(Fault::from(error).status, 400);
    assert!(scope.under("a").unwrap().get(&deep[2..]).is_err());
}

#[test]
fn a_value_that_no_snapshot_could_hold_is_the_clients_mistake() {
    let (_house, store) = open();
    let mut txn = store.begin().unwrap();
    let too_long = vec![0; txn::MAX_PLAIN + 1];
    let mut scope = txn.scope(MOUNT);
    for outcome in [scope.put("x", &too_long), scope.put_part("x", 1, &too_long)] {
        assert_eq!(Fault::from(outcome.unwrap_err()).status, 413);
    }
    assert!(!txn.writes());
}

#[test]
fn initializing_is_all_or_nothing_and_happens_once() {
    let storage = Arc::new(Memory::new());
    let clock = Arc::new(ManualClock::at(NOW));
    let barrier = Barrier::new(storage.clone(), clock, Arc::new(SeededEntropy::new(1)));
    let split = Split::new(1, 1).unwrap();
    let fails = |_: &mut Txn| Err::<(), Error>("no".into());
    assert!(barrier.initialize(split, fails).is_err());
    assert_eq!(barrier.settings().unwrap(), None);
    assert!(storage.view().unwrap().scan(&[], None).unwrap().next().is_none());
    let nothing = |_: &mut Txn| Ok::<_, Error>(());
    let key = Key::new([0; 32]);
    assert!(matches!(barrier.unseal(&key), Err(UnsealError::NotInitialized)));
    barrier.initialize(split, nothing).unwrap();
    assert!(barrier.unsealed().is_none());
    assert!(barrier.initialize(split, nothing).is_err());
    assert!(matches!(barrier.unseal(&key), Err(UnsealError::WrongKey)));
}

#[test]
fn sealing_refuses_what_still_runs() {
    let (house, store) = open();
    let mut txn = store.begin().unwrap();
    txn.scope(MOUNT).put("late", b"").unwrap();
    house.barrier.seal();
    assert!(house.barrier.unsealed().is_none());
    assert!(matches!(txn.commit(), Err(TxnError::Sealed)));
    let job = |txn: &mut Txn| txn.scope(MOUNT).put("late", b"");
    assert!(matches!(store.transact(job), Err(TxnError::Sealed)));
    assert!(matches!(store.rotate(), Err(TxnError::Sealed)));
    assert_eq!(get(&house.unseal(), "late"), None);
}

#[test]
fn shares_open_the_store_and_too_few_or_others_do_not() {
    let house = House::new(2, 5, 3);
    let opens = |shares: &[Secret]| house.barrier.unseal(&combine(shares).unwrap()).is_ok();
    assert!(!opens(&house.shares[..2]));
    assert!(!opens(&House::new(3, 5, 3).shares[..3]));
    assert!(opens(&house.shares[2..]));
    assert!(!opens(&house.shares[..2]), "an open store still checks the key");
}

#[test]
fn rotating_adds_a_term_and_old_values_open() {
    let (house, store) = open();
    put(&store, "old", b"1");
    let count = store.status().encryptions;
    put(&store, "old", b"2");
    assert_eq!(store.status().encryptions, count + 2, "the value and the root record");
    house.clock.advance(Duration::from_secs(60));
    store.rotate().unwrap();
    put(&store, "new", b"3");
    assert_eq!((store.status().term, store.status().encryptions), (2, 2));
    assert_eq!(store.keyring().installed(), NOW.plus(Duration::from_secs(60)));
    store.set_rotation(Rotation { enabled: false, ..Rotation::default() }).unwrap();
    house.barrier.seal();
    let store = house.unseal();
    assert_eq!((store.keyring().term(), store.status().term), (2, 2));
    assert!(!store.keyring().rotation().enabled);
    assert_eq!(
        (get(&store, "old").unwrap(), get(&store, "new").unwrap()),
        (vec![b'2'], vec![b'3'])
    );
    assert!(good(&store));
}

#[test]
fn a_term_is_due_by_its_age_or_its_use() {
    let (house, store) = open();
    assert!(!store.rotation_due());
    let rule = |max_operations, hours: u64| Rotation {
        enabled: true,
        max_operations,
        interval: Duration::from_secs(hours * 3600),
    };
    store.set_rotation(rule(u64::MAX, 24)).unwrap();
    house.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert!(!store.rotation_due());
    house.clock.advance(Duration::from_secs(1));
    assert!(store.rotation_due());
    store.rotate().unwrap();
    assert!(!store.rotation_due());
    store.set_rotation(rule(5, 0)).unwrap();
    // Each commit seals the root record, too.
    put(&store, "x", b"");
    assert!(!store.rotation_due());
    put(&store, "x", b"");
    assert!(store.rotation_due());
    store.set_rotation(Rotation { enabled: false, ..rule(5, 1) }).unwrap();
    assert!(!store.rotation_due());
}

#[test]
fn a_clock_that_jumps_ahead_expires_nothing_and_leaves_no_trace_if_it_goes_back() {
    let (house, store) = open();
    let times = |store: &Arc<Unsealed>| {
        put(store, "x", b"");
        let mut txn = store.begin().unwrap();
        let scope = txn.scope(MOUNT);
        (scope.now(), scope.expiry_now(), store.status().latest)
    };
    let day_later = NOW.plus(Duration::from_secs(86_400));
    house.clock.set_wall(day_later);
    assert_eq!(times(&store), (day_later, NOW, NOW));
    house.clock.set_wall(NOW);
    house.barrier.seal();
    let store = house.unseal();
    assert_eq!(times(&store), (NOW, NOW, NOW));
    house.clock.set_wall(day_later);
    assert_eq!(times(&store).1, NOW);
    house.clock.advance(STANDING);
    let stood = day_later.plus(STANDING);
    assert_eq!(times(&store), (stood, stood, stood));
}

#[test]
fn a_store_for_newer_programs_is_not_opened() {
    let (house, store) = open();
    let mut record = store.status();
    record.readable_by = [u16::MAX, 0, 0];
    let sealed = store.keyring().seal_value(ROOT, &record.encode(), &SeededEntropy::new(5));
    house.storage.write(Urgency::Ordinary, &mut |to| to.put(ROOT, &sealed).map(drop)).unwrap();
    house.barrier.seal();
    let error = house.barrier.unseal(&combine(&house.shares).unwrap()).err().unwrap();
    assert_eq!(error.to_string(), "the store needs edgekeep 65535.0.0 or newer: upgrade it");
}

#[test]
fn rekeying_changes_the_shares_and_nothing_else() {
    let (house, store) = open();
    let before = house.entries();
    let key_before = house.barrier.settings().unwrap().unwrap().root_key;
    let (seal, shares) = house.barrier.prepare_rekey(&store, Split::new(3, 2).unwrap()).unwrap();
    let new_key = combine(&shares[1..]).unwrap();
    assert!(house.barrier.check(&new_key).is_err());
    store.rekey(&seal).unwrap();
    assert!(house.barrier.check(&new_key).is_ok());
    assert!(house.barrier.check(&combine(&house.shares).unwrap()).is_err());
    assert_eq!(house.barrier.settings().unwrap().unwrap().root_key, key_before);
    let changed = |(old, new): (&Entry, &Entry)| (old != new).then(|| new.0.clone());
    let changed: Vec<_> = before.iter().zip(&house.entries()).filter_map(changed).collect();
    assert_eq!(changed, [ROOT, SEAL]);
    assert!(good(&store));
}

#[test]
fn a_commit_tells_the_root_record_all_about_it() {
    let (house, store) = open();
    let before = store.status();
    house.clock.advance(Duration::from_secs(5));
    put(&store, "x", b"12345");
    let after = store.status();
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(after.latest, NOW.plus(Duration::from_secs(5)));
    assert_eq!(after.tally.entries, before.tally.entries + 1);
    assert_eq!(after.tally.entries as usize, house.entries().len() - 1);
    let others =
        |(key, value): Entry| if key == ROOT { 0 } else { (key.len() + value.len()) as u64 };
    let bytes: u64 = house.entries().into_iter().map(others).sum();
    assert_eq!(after.tally.key_bytes + after.tally.value_bytes, bytes);
    house.barrier.seal();
    assert_eq!(house.unseal().status(), after);
}

#[test]
fn a_scrub_among_commits_counts_right() {
    let (_house, store) = open();
    let value = |n: usize| vec![n as u8; 3000];
    for n in 0..200 {
        put(&store, &format!("k{n}"), &value(n));
    }
    let mut n = 0;
    let mut slices = 0;
    let scrubbed = store.scrub(1_000_000, &mut |wait| {
        slices += 1;
        assert!(wait < Duration::from_millis(250), "{wait:?}");
        // Changes before, in and behind the slices counted so far.
        for _ in 0..40 {
            n += 37;
            put(&store, &format!("k{}", n % 250), &value(n));
            let gone = format!("k{}", (n * 7) % 250);
            let job = |txn: &mut Txn| txn.scope(MOUNT).delete(&gone);
            store.transact(job).unwrap();
        }
        slices < 1000
    });
    let scrubbed = scrubbed.unwrap().unwrap();
    assert!(slices > 3);
    assert!(scrubbed.good(), "{scrubbed:?}");
    assert!(store.last_scrub().unwrap().good());
    assert!(store.scrub(1, &mut |_| false).unwrap().is_none());
    let broken = catch_unwind(AssertUnwindSafe(|| store.scrub(1, &mut |_| panic!("meant to"))));
    assert!(broken.is_err());
    assert!(store.scrub(1 << 40, &mut |_| true).unwrap().is_some(), "the next one begins");
}

#[test]
fn concurrent_commits_while_scrubs_run_count_right() {
    let (_house, store) = open();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    (0..150).for_each(|n| put(store, &format!("{}/{n}", writer % 2), &[n; 2000]));
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let scrubbed = store.scrub(1 << 40, &mut |_| true).unwrap().unwrap();
                assert!(scrubbed.good(), "{scrubbed:?}");
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(good(&store));
}
