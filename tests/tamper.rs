//! What someone who holds the file can do to it, and how it is found out: on read, or by `verify`
//! and the scrub. Worked on the raw entries of a store in memory.

use std::sync::Arc;

use edgekeep::barrier::names::MountId;
use edgekeep::barrier::seal::shamir::{Split, combine};
use edgekeep::barrier::txn::TxnError;
use edgekeep::barrier::verify::{Report, With, verify};
use edgekeep::barrier::{Barrier, KEYRING, ROOT, SEAL, Unsealed};
use edgekeep::base::clock::{ManualClock, Timestamp};
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::secret::Secret;
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Entry, Storage, Urgency, Writer};

const MOUNT: MountId = MountId::SYSTEM;

/// What stands in the store: path, part, value.
const CONTENT: &[(&str, Option<u64>, &[u8])] = &[
    ("a", None, b"an entry beside a folder"),
    ("a/b", None, b"1"),
    ("a/c", None, b"of one length"),
    ("a/d", None, b"of one LENGTH"),
    ("deep/er/and/deeper", None, b""),
    ("versions", None, b"metadata"),
    ("versions", Some(1), b"the first"),
    ("versions", Some(2), b"the other"),
];

struct Victim {
    storage: Arc<Memory>,
    shares: Vec<Secret>,
    seed: u64,
}

impl Victim {
    fn new(seed: u64) -> Self {
        let storage = Arc::new(Memory::new());
        let barrier = barrier(&storage, seed);
        let fill = |txn: &mut edgekeep::barrier::txn::Txn| {
            let mut scope = txn.scope(MOUNT);
            for (path, part, value) in CONTENT {
                match part {
                    None => scope.put(path, value)?,
                    Some(part) => scope.put_part(path, *part, value)?,
                }
            }
            Ok::<_, Error>(())
        };
        let (shares, ()) = barrier.initialize(Split::new(3, 2).unwrap(), fill).unwrap();
        Self { storage, shares, seed }
    }

    fn unseal(&self) -> Result<Arc<Unsealed>, Error> {
        let barrier = barrier(&self.storage, self.seed + 1000);
        Ok(barrier.unseal(&combine(&self.shares[..2]).unwrap())?)
    }

    fn entries(&self) -> Vec<Entry> {
        self.storage.view().unwrap().scan(&[], None).unwrap().map(Result::unwrap).collect()
    }

    fn value(&self, key: &[u8]) -> Vec<u8> {
        self.storage.view().unwrap().get(key).unwrap().unwrap()
    }

    /// Works on the file behind the program's back.
    fn raw(&self, mut job: impl FnMut(&mut dyn Writer)) {
        let mut job = |to: &mut dyn Writer| {
            job(to);
            Ok(())
        };
        self.storage.write(Urgency::Ordinary, &mut job).unwrap();
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.raw(|to| drop(to.put(key, value).unwrap()));
    }

    fn verify(&self) -> Result<Report, Error> {
        let view = self.storage.view()?;
        let key = combine(&self.shares[1..]).unwrap();
        Ok(verify(&mut view.scan(&[], None)?, With::UnsealKey(&key))?)
    }

    /// Whether a scrub of the running store finds something, too.
    fn found_by_scrub(&self) -> bool {
        let scrubbed = self.unseal().unwrap().scrub(1, &mut |_| true).unwrap().unwrap();
        !scrubbed.good()
    }
}

type Error = Box<dyn std::error::Error>;

fn barrier(storage: &Arc<Memory>, seed: u64) -> Barrier {
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    Barrier::new(storage.clone(), Arc::new(clock), Arc::new(SeededEntropy::new(seed)))
}

/// Reads everything. Nothing that was tampered with is ever given out: what is read is what was
/// written, or an error.
fn read_all(store: &Arc<Unsealed>) -> Vec<Result<(), TxnError>> {
    let mut txn = store.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    let read = |(path, part, value): &(&str, Option<u64>, &[u8])| {
        let found = match part {
            None => scope.get(path)?,
            Some(part) => scope.get_part(path, *part)?,
        };
        assert!(found.is_none_or(|found| *found == *value), "{path} was read wrong");
        Ok(())
    };
    CONTENT.iter().map(read).collect()
}

fn damaged(store: &Arc<Unsealed>) -> usize {
    let outcomes = read_all(store);
    outcomes.iter().filter(|outcome| matches!(outcome, Err(TxnError::Damaged))).count()
}

fn tree(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().filter(|(key, _)| key[0] != 0).cloned().collect()
}

#[test]
fn an_untouched_store_is_good() {
    let victim = Victim::new(1);
    let report = victim.verify().unwrap();
    assert!(report.good(), "{report:?}");
    let told = "with keyring, seal record and the stamp of its birth";
    assert_eq!(report.found.entries, CONTENT.len() as u64 + 3, "{told}");
    assert!(!victim.found_by_scrub());
    assert_eq!(damaged(&victim.unseal().unwrap()), 0);
}

#[test]
fn every_changed_byte_of_a_value_is_found_on_read() {
    let victim = Victim::new(2);
    let store = victim.unseal().unwrap();
    for (key, value) in tree(&victim.entries()) {
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1 << (at % 8);
            victim.set(&key, &changed);
            assert_eq!(damaged(&store), 1, "byte {at}");
        }
        for cut in [0, 1, value.len() - 1] {
            victim.set(&key, &value[..cut]);
            assert_eq!(damaged(&store), 1, "cut at {cut}");
        }
        let report = victim.verify().unwrap();
        assert_eq!(report.bad.count, 1);
        assert!(report.bad.named[0].path.is_some());
        victim.set(&key, &value);
    }
    assert!(victim.verify().unwrap().good());
}

#[test]
fn every_changed_byte_of_a_record_of_the_system_stops_the_unseal() {
    let victim = Victim::new(3);
    for record in [SEAL, KEYRING, ROOT] {
        let value = victim.value(record);
        for at in 0..value.len() {
            for bit in 0..8 {
                let mut changed = value.clone();
                changed[at] ^= 1 << bit;
                victim.set(record, &changed);
                assert!(victim.unseal().is_err(), "{record:?} byte {at}");
            }
        }
        victim.raw(|to| drop(to.delete(record).unwrap()));
        assert!(victim.unseal().is_err());
        assert!(victim.verify().is_err());
        victim.set(record, &value);
    }
    victim.unseal().unwrap();
}

#[test]
fn every_changed_byte_of_a_key_is_found_by_verify() {
    let victim = Victim::new(4);
    for (key, value) in tree(&victim.entries()) {
        for at in 0..key.len() {
            let mut moved = key.clone();
            moved[at] ^= 0x80 >> (at % 8);
            victim.raw(|to| {
                to.delete(&key).unwrap();
                to.put(&moved, &value).unwrap();
            });
            if let Ok(report) = victim.verify() {
                assert!(!report.good(), "byte {at}");
                assert_eq!(report.bad.count, 1, "byte {at}");
            }
            victim.raw(|to| {
                to.delete(&moved).unwrap();
                to.put(&key, &value).unwrap();
            });
        }
    }
    assert!(victim.verify().unwrap().good());
}

#[test]
fn swapped_and_copied_values_are_found_on_read() {
    let victim = Victim::new(5);
    let store = victim.unseal().unwrap();
    let entries = tree(&victim.entries());
    for (n, (key, value)) in entries.iter().enumerate() {
        for (other_key, other_value) in &entries[n + 1..] {
            victim.raw(|to| {
                to.put(key, other_value).unwrap();
                to.put(other_key, value).unwrap();
            });
            assert_eq!(damaged(&store), 2);
            assert_eq!(victim.verify().unwrap().bad.count, 2);
            victim.set(key, value);
            assert_eq!(damaged(&store), 1, "a copy");
            victim.set(other_key, other_value);
        }
    }
}

#[test]
fn values_of_another_store_do_not_open() {
    let victim = Victim::new(6);
    let other = tree(&Victim::new(7).entries());
    let store = victim.unseal().unwrap();
    for ((key, _), (_, value)) in tree(&victim.entries()).iter().zip(&other) {
        victim.set(key, value);
    }
    assert_eq!(damaged(&store), CONTENT.len());
}

#[test]
fn deleted_and_added_entries_are_found_by_verify_and_the_scrub() {
    let victim = Victim::new(8);
    let before = victim.entries();
    for (key, value) in tree(&before) {
        victim.raw(|to| drop(to.delete(&key).unwrap()));
        let report = victim.verify().unwrap();
        assert!(!report.good() && report.bad.count == 0);
        assert_eq!(report.found.entries + 1, report.record.tally.entries);
        assert!(victim.found_by_scrub());
        victim.set(&key, &value);
    }
    for key in [&b"\0other"[..], b"\0lapse", b"\0stamp", b"\x01", b"\x02", b"\xff\xff"] {
        victim.set(key, b"added");
        let report = victim.verify().unwrap();
        assert!(!report.good());
        assert_eq!(report.bad.named[0].key, key);
        assert!(victim.found_by_scrub());
        victim.raw(|to| drop(to.delete(key).unwrap()));
    }
    assert_eq!(victim.entries(), before);
}

#[test]
fn an_older_value_put_back_is_found_by_verify_and_the_scrub() {
    let victim = Victim::new(9);
    let older = tree(&victim.entries());
    victim.unseal().unwrap().transact(|txn| txn.scope(MOUNT).put("a/b", b"2")).unwrap();
    let newer = tree(&victim.entries());
    let pairs = older.iter().zip(&newer);
    let ((key, old), (_, new)) = pairs.clone().find(|(old, new)| old != new).unwrap();
    victim.set(key, old);
    let report = victim.verify().unwrap();
    assert!(!report.good() && report.bad.count == 0);
    assert_eq!(report.found.entries, report.record.tally.entries);
    assert!(victim.found_by_scrub());
    victim.set(key, new);
    assert!(victim.verify().unwrap().good());
}

#[test]
fn a_record_of_the_system_put_back_is_found() {
    let victim = Victim::new(10);
    let saved: Vec<(&[u8], Vec<u8>)> =
        [SEAL, KEYRING, ROOT].map(|record| (record, victim.value(record))).into();
    let house = barrier(&victim.storage, victim.seed + 1000);
    let store = house.unseal(&combine(&victim.shares[..2]).unwrap()).unwrap();
    store.set_rotation(store.keyring().rotation()).unwrap();
    let (seal, shares) = house.prepare_rekey(&store, Split::new(3, 2).unwrap()).unwrap();
    store.rekey(&seal).unwrap();
    let rekeyed = Victim { storage: victim.storage.clone(), shares, seed: 10 };
    for (record, old) in &saved {
        let new = rekeyed.value(record);
        rekeyed.set(record, old);
        // The old shares open the old seal record: that is found by the count alone.
        let who = if *record == SEAL { &victim } else { &rekeyed };
        assert!(!who.verify().unwrap().good(), "{record:?}");
        assert!(who.found_by_scrub(), "{record:?}");
        rekeyed.set(record, &new);
    }
    store.rotate().unwrap();
    store.transact(|txn| txn.scope(MOUNT).put("a/b", b"1")).unwrap();
    rekeyed.set(KEYRING, &saved[1].1);
    assert!(rekeyed.unseal().is_err(), "the newest term is missing from it");
}

#[test]
fn a_listing_that_meets_a_foreign_name_fails() {
    let victim = Victim::new(11);
    let store = victim.unseal().unwrap();
    let (key, value) = tree(&victim.entries()).remove(0);
    let mut foreign = key.clone();
    foreign[20] ^= 1;
    victim.set(&foreign, &value);
    let listed = store.begin().unwrap().scope(MOUNT).list("");
    assert!(matches!(listed, Err(TxnError::Damaged)), "{listed:?}");
}
