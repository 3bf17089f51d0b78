//! The door by which a state is loaded, whatever it is made of: a file, or the way to an instant.

use std::fs;
use std::sync::Arc;

use edgekeep::barrier::names::MountId;
use edgekeep::barrier::seal::shamir::{self, Split};
use edgekeep::barrier::txn::{Txn, TxnError};
use edgekeep::barrier::{Barrier, InitError, Unsealed};
use edgekeep::base::clock::{ManualClock, Timestamp};
use edgekeep::base::entropy::{Entropy, SeededEntropy};
use edgekeep::snapshot::SnapshotError;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::loaded::Loader;
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::take::take;
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Entry, StorageError};

use crate::support::TempDir;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Whatever the barrier refused, in its words.
#[derive(Debug)]
struct Refused(#[expect(dead_code, reason = "for the message of a test that fails")] String);

impl From<InitError> for Refused {
    fn from(error: InitError) -> Self {
        Self(error.to_string())
    }
}

impl From<TxnError> for Refused {
    fn from(error: TxnError) -> Self {
        Self(error.to_string())
    }
}

fn store(seed: u64) -> (Barrier, Arc<Unsealed>) {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let barrier = Barrier::new(Arc::new(Memory::new()), Arc::new(ManualClock::at(NOW)), entropy);
    let first = |_: &mut Txn| Ok::<_, Refused>(());
    let (shares, ()) = barrier.initialize(Split::new(1, 1).unwrap(), first).unwrap();
    let unsealed = barrier.unseal(&shamir::combine(&shares).unwrap()).unwrap();
    put(&unsealed, "a", b"then");
    put(&unsealed, "b", &[7; 3000]);
    (barrier, unsealed)
}

fn put(unsealed: &Arc<Unsealed>, path: &str, value: &[u8]) {
    let put = |txn: &mut Txn| txn.scope(MountId::SYSTEM).put(path, value);
    unsealed.transact::<(), TxnError>(put).unwrap();
}

fn get(txn: &mut Txn, path: &str) -> Result<Vec<u8>, TxnError> {
    Ok(txn.scope(MountId::SYSTEM).get(path)?.map(|value| value.to_vec()).unwrap_or_default())
}

fn entries(unsealed: &Unsealed) -> Vec<Entry> {
    let instant = unsealed.instant().unwrap();
    instant.view.scan(&[], None).unwrap().map(Result::unwrap).collect()
}

fn loader(folder: &TempDir, floor: u64) -> Loader {
    Loader {
        spools: Arc::new(Spools::new(folder.path(), floor)),
        clock: Arc::new(ManualClock::at(NOW)),
        entropy: Arc::new(SeededEntropy::new(99)),
    }
}

#[test]
fn a_job_fills_what_is_loaded() {
    let folder = TempDir::new();
    let (barrier, unsealed) = store(1);
    let state = entries(&unsealed);
    put(&unsealed, "a", b"now");
    let loader = loader(&folder, 0);
    let loaded = loader.load(&unsealed, &mut |to| {
        state.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
    });
    let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.past.look(|then| get(then, "a")).unwrap(), b"then");
    assert_eq!(get(&mut unsealed.begin().unwrap(), "a").unwrap(), b"now");
    // What is written there is nowhere.
    let written = |then: &mut Txn| then.scope(MountId::SYSTEM).put("a", b"never");
    loaded.past.look::<(), TxnError>(written).unwrap();
    assert_eq!(loaded.past.look(|then| get(then, "a")).unwrap(), b"then");
    assert!(unsealed.pasts().all().iter().map(|one| &one.id).eq([&loaded.id]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    barrier.seal();
}

#[test]
fn what_is_not_whole_is_not_loaded() {
    let folder = TempDir::new();
    let (_barrier, unsealed) = store(2);
    let state = entries(&unsealed);
    let loader = loader(&folder, 0);
    let left_out = |number: usize| {
        loader.load(&unsealed, &mut |to| {
            let kept = state.iter().enumerate().filter(|(place, _)| *place != number);
            kept.map(|(_, entry)| entry).try_for_each(|(key, value)| to.put(key, value).map(drop))
        })
    };
    for number in 0..state.len() {
        assert!(left_out(number).is_err(), "without entry {number}");
    }
    for number in 0..state.len() {
        let changed = loader.load(&unsealed, &mut |to| {
            for (place, (key, value)) in state.iter().enumerate() {
                let mut value = value.clone();
                if place == number {
                    *value.last_mut().unwrap() ^= 1;
                }
                to.put(key, &value)?;
            }
            Ok(())
        });
        assert!(changed.is_err(), "with entry {number} changed");
    }
    let given_up = loader.load(&unsealed, &mut |to| {
        to.put(b"\x01x", b"y")?;
        Err(StorageError::Aborted("it was enough".into()))
    });
    assert!(given_up.is_err());
    let other = entries(&store(3).1);
    let foreign = loader.load(&unsealed, &mut |to| {
        other.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
    });
    assert!(matches!(foreign, Err(SnapshotError::Unreadable(_))));
    assert!(unsealed.pasts().all().is_empty());
}

#[test]
fn the_disks_last_space_is_not_taken() {
    let folder = TempDir::new();
    let (_barrier, unsealed) = store(4);
    let state = entries(&unsealed);
    let stingy = loader(&folder, u64::MAX / 2);
    let full = stingy.load(&unsealed, &mut |to| {
        state.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
    });
    assert!(matches!(full, Err(SnapshotError::Full)));
    let mut file = Vec::new();
    let spool = Spools::new(folder.path(), 0).open().unwrap();
    let entropy = SeededEntropy::new(5);
    let taken = take(unsealed.instant().unwrap(), spool, NOW, &entropy).unwrap();
    taken.write_to(&mut file).unwrap();
    assert!(matches!(stingy.load_file(&Lent::of(&unsealed), &file[..]), Err(SnapshotError::Full)));
    assert!(unsealed.pasts().all().is_empty());
}

#[test]
fn a_store_that_keeps_a_journal_is_loaded_as_any_other() {
    let folder = TempDir::new();
    let (_barrier, unsealed) = store(6);
    unsealed.begin_journal().unwrap();
    put(&unsealed, "a", b"later");
    let entropy = SeededEntropy::new(7);
    let spool = Spools::new(folder.path(), 0).open().unwrap();
    let mut file = Vec::new();
    let taken = take(unsealed.instant().unwrap(), spool, NOW, &entropy).unwrap();
    taken.write_to(&mut file).unwrap();
    put(&unsealed, "a", b"now");
    let loaded = loader(&folder, 0).load_file(&Lent::of(&unsealed), &file[..]);
    let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.past.look(|then| get(then, "a")).unwrap(), b"later");
    let mut now = unsealed.begin().unwrap();
    let differing = loaded.past.look(|then| then.differing(&now, usize::MAX)).unwrap();
    let paths: Vec<_> = differing.paths.iter().map(|path| path.path.as_str()).collect();
    assert_eq!(paths, ["a"], "the journal is no entry");
    assert_eq!(get(&mut now, "a").unwrap(), b"now");
}
