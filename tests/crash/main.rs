//! Power cuts: a workload is recorded down to each write and sync of its disk, and the disk as a
//! cut at any moment may leave it must open, hold every acknowledged commit, nothing half, and
//! come to what its root record says.

#[path = "../support/dice.rs"]
mod dice;
mod tape;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use dice::Dice;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::root::{EntryHasher, RootRecord, Tally};
use edgekeep::barrier::seal::shamir::{Split, combine};
use edgekeep::barrier::txn::{Scope, TxnError};
use edgekeep::barrier::{Barrier, ROOT, Unsealed};
use edgekeep::base::clock::SystemClock;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::secret::Secret;
use edgekeep::storage::redb::{Options, Redb};
use edgekeep::storage::{Storage, StorageError, Urgency, contract};
use tape::{Event, Failing, Replay, TEARS, Tape, Tear};

type Failure = Box<dyn std::error::Error>;

const THREADS: u64 = 6;
const ROUNDS: u64 = 24;
const MOUNT: MountId = MountId::SYSTEM;

fn options() -> Options {
    Options::new(Arc::new(SystemClock))
}

fn store(tape: &Tape) -> Arc<Redb> {
    Arc::new(Redb::open_site(Arc::new(tape.clone()), options()).unwrap())
}

fn barrier(store: Arc<Redb>) -> Barrier {
    Barrier::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy))
}

fn unseal(barrier: &Barrier, shares: &[Secret]) -> Arc<Unsealed> {
    barrier.unseal(&combine(shares).unwrap()).unwrap()
}

fn number(scope: &mut Scope<'_>, path: &str) -> Result<u64, TxnError> {
    let value = scope.get(path)?;
    Ok(value.map_or(0, |value| u64::from_be_bytes(value[..8].try_into().unwrap())))
}

/// What a writer's commit number `round` does: two entries that must agree, entries that come and
/// go, and a counter that all writers share.
fn commit(store: &Arc<Unsealed>, writer: u64, round: u64, dice: &Dice) -> Result<(), Failure> {
    let spread = dice.below(12);
    let length = dice.below(if dice.one_in(20) { 20_000 } else { 400 }) as usize;
    store.transact(|txn| {
        let mut scope = txn.scope(MOUNT);
        for path in [format!("{writer}/first"), format!("other/{writer}/last")] {
            scope.put(&path, &[&round.to_be_bytes()[..], &vec![7; length]].concat())?;
        }
        let path = format!("{writer}/spread/{spread}");
        match scope.get(&path)? {
            Some(_) => scope.delete(&path)?,
            None => scope.put(&path, &vec![8; length])?,
        }
        let total = number(&mut scope, "total")?;
        scope.put("total", &(total + 1).to_be_bytes())
    })?;
    Ok(())
}

/// Checks a store that was opened after a cut. `acknowledged` are the commits of each writer that
/// it must hold; it may hold one more, that was under way.
fn check(store: Arc<Redb>, shares: &[Secret], acknowledged: &BTreeMap<u64, u64>) {
    recount(&*store, &unseal(&barrier(Arc::clone(&store)), shares));
    let unsealed = unseal(&barrier(store), shares);
    let mut txn = unsealed.begin().unwrap();
    let mut scope = txn.scope(MOUNT);
    let mut sum = 0;
    for writer in 0..THREADS {
        let round = number(&mut scope, &format!("{writer}/first")).unwrap();
        let other = number(&mut scope, &format!("other/{writer}/last")).unwrap();
        assert_eq!(round, other, "half a commit of writer {writer}");
        let least = acknowledged.get(&writer).copied().unwrap_or(0);
        assert!(round == least || round == least + 1, "writer {writer}: {round} after {least}");
        sum += round;
    }
    assert_eq!(number(&mut scope, "total").unwrap(), sum, "commits that no order can give");
}

/// Whether the entries come to what the root record says.
fn recount(store: &dyn Storage, unsealed: &Unsealed) {
    let keyring = unsealed.keyring();
    let hasher = EntryHasher::new(&keyring.fixed().entries);
    let view = store.view().unwrap();
    let mut tally = Tally::default();
    let mut root = None;
    for entry in view.scan(b"", None).unwrap() {
        let (key, value) = entry.unwrap();
        if key == ROOT {
            root = Some(RootRecord::open(&keyring, &value).unwrap());
        } else {
            tally += hasher.tally(&key, &value);
        }
    }
    assert_eq!(root.unwrap().tally, tally, "the root record does not recount");
}

/// A recording of concurrent writers on an initialized store, and the shares that open it.
fn record(seed: u64) -> (Vec<u8>, Vec<Event>, Vec<Secret>) {
    let (image, shares) = initialized();
    let tape = Tape::of(image.clone());
    let unsealed = unseal(&barrier(store(&tape)), &shares);
    std::thread::scope(|scope| {
        for writer in 0..THREADS {
            let (tape, unsealed) = (&tape, &unsealed);
            scope.spawn(move || {
                let dice = Dice::new(seed * THREADS + writer);
                for round in 1..=ROUNDS {
                    commit(unsealed, writer, round, &dice).unwrap();
                    tape.note(writer);
                }
            });
        }
    });
    (image, tape.events(), shares)
}

#[test]
fn a_cut_at_any_moment_loses_and_halves_nothing() {
    let dice = Dice::new(1);
    let (image, events, shares) = record(0);
    let mut replay = Replay::of(Some(image));
    let mut acknowledged = BTreeMap::new();
    let mut cuts = 0;
    for event in &events {
        if let Event::Note(writer) = event {
            *acknowledged.entry(*writer).or_default() += 1;
            continue;
        }
        // Just before a sync the most is at stake: every tear; after each write one by lot.
        let tears = match event {
            Event::Sync { .. } => TEARS.to_vec(),
            _ => vec![TEARS[dice.below(TEARS.len() as u64) as usize]],
        };
        for tear in tears {
            let tape = Tape::of(replay.torn(tear, &dice).unwrap());
            check(store(&tape), &shares, &acknowledged);
            cuts += 1;
            if cuts % 50 == 0 {
                let torn = Replay::of(replay.torn(tear, &dice));
                cuts += cut_again(torn, &shares, &acknowledged, &dice);
            }
        }
        replay.step(event);
    }
    println!("{cuts} cuts in {} events", events.len());
    assert!(cuts > 3000, "only {cuts} cuts");
}

/// Opens what a cut left and cuts again at each moment of the repair.
fn cut_again(
    torn: Replay,
    shares: &[Secret],
    acknowledged: &BTreeMap<u64, u64>,
    dice: &Dice,
) -> u64 {
    let image = torn.torn(Tear::Kept, dice).unwrap();
    let tape = Tape::of(image.clone());
    drop(store(&tape));
    let mut replay = Replay::of(Some(image));
    let mut cuts = 0;
    for event in tape.events() {
        for tear in TEARS {
            check(store(&Tape::of(replay.torn(tear, dice).unwrap())), shares, acknowledged);
            cuts += 1;
        }
        replay.step(&event);
    }
    cuts
}

#[test]
fn a_cut_while_everything_is_replaced_leaves_the_old_or_the_new() {
    let dice = Dice::new(2);
    let new = Tape::default();
    let fill = |store: &Redb, value: u8| {
        store
            .replace(&mut |to| {
                for n in 0..3000u32 {
                    to.put(&n.to_be_bytes(), &[value; 100])?;
                }
                Ok(())
            })
            .unwrap();
    };
    fill(&store(&new), 1);
    let image = new.image().unwrap();
    let tape = Tape::of(image.clone());
    fill(&store(&tape), 2);
    let mut replay = Replay::of(Some(image));
    let mut promoted = false;
    for event in tape.events() {
        replay.step(&event);
        promoted |= matches!(event, Event::Promote { .. });
        let tear = TEARS[dice.below(TEARS.len() as u64) as usize];
        let left = store(&Tape::of(replay.torn(tear, &dice).unwrap()));
        let view = left.view().unwrap();
        let entries: Result<Vec<_>, _> = view.scan(b"", None).unwrap().collect();
        let values: Vec<u8> = entries.unwrap().iter().map(|(_, value)| value[0]).collect();
        assert!(values == vec![if promoted { 2 } else { 1 }; 3000], "{tear:?}");
    }
    assert!(promoted);
}

/// A store of one writer on a disk that may fail.
struct Lone {
    tape: Tape,
    store: Arc<Redb>,
    unsealed: Arc<Unsealed>,
    shares: Vec<Secret>,
    dice: Dice,
    round: u64,
}

impl Lone {
    /// After a few commits on an `image` of a store that `shares` open.
    fn new(image: &[u8], shares: &[Secret]) -> Self {
        let tape = Tape::of(image.to_vec());
        let store = store(&tape);
        let unsealed = unseal(&barrier(Arc::clone(&store)), shares);
        let shares = shares.to_vec();
        let mut lone = Self { tape, store, unsealed, shares, dice: Dice::new(3), round: 0 };
        (0..4).for_each(|_| lone.commit().unwrap());
        lone
    }

    fn commit(&mut self) -> Result<(), Failure> {
        commit(&self.unsealed, 0, self.round + 1, &self.dice)?;
        self.round += 1;
        Ok(())
    }

    /// Exactly what was acknowledged is there, to those who read on and after a cut.
    fn check(&self) {
        let acknowledged = BTreeMap::from([(0, self.round)]);
        let mut txn = self.unsealed.begin().unwrap();
        assert_eq!(number(&mut txn.scope(MOUNT), "0/first").unwrap(), self.round);
        recount(&*self.store, &self.unsealed);
        check(store(&Tape::of(self.tape.image().unwrap())), &self.shares, &acknowledged);
    }
}

fn initialized() -> (Vec<u8>, Vec<Secret>) {
    let tape = Tape::default();
    let (shares, ()) = barrier(store(&tape))
        .initialize(Split::new(1, 1).unwrap(), |_| Ok::<_, Failure>(()))
        .unwrap();
    (tape.image().unwrap(), shares)
}

#[test]
fn a_device_that_fails_once_costs_one_commit_at_most() {
    let (image, shares) = initialized();
    for done in [false, true] {
        for number in 0.. {
            let mut lone = Lone::new(&image, &shares);
            let from = lone.tape.operations();
            let numbers = from + number..from + number + 1;
            let kind = io::ErrorKind::Other;
            lone.tape.fail(Some(Failing { numbers, kind, reads: true, done }));
            let failed = (0..3).filter(|_| lone.commit().is_err()).count();
            assert!(failed <= 1, "operation {number}: {failed} commits failed");
            if lone.tape.operations() < from + number {
                break;
            }
            lone.tape.fail(None);
            lone.check();
            lone.commit().unwrap();
            lone.check();
        }
    }
}

#[test]
fn a_device_that_fails_after_a_commit_does_not_undo_it() {
    let write = |store: &Redb, key: &[u8], length: usize| {
        store.write(Urgency::Ordinary, &mut |to| to.put(key, &vec![7; length]).map(drop))
    };
    let has = |store: &Redb, key: &[u8]| store.view().unwrap().get(key).unwrap().is_some();
    let mut outcomes = [0, 0];
    for (number, done) in (0..).flat_map(|number| [(number, false), (number, true)]) {
        let tape = Tape::default();
        let store = store(&tape);
        write(&store, b"large", 4 << 20).unwrap();
        write(&store, b"large", 1).unwrap();
        // This commit makes the file shorter, once it is durable.
        let from = tape.operations();
        let (numbers, kind) = (from + number..from + number + 1, io::ErrorKind::Other);
        tape.fail(Some(Failing { numbers, kind, reads: true, done }));
        let written = write(&store, b"small", 1).is_ok();
        if tape.operations() <= from + number {
            break;
        }
        tape.fail(None);
        outcomes[usize::from(written)] += 1;
        assert_eq!(has(&store, b"small"), written, "operation {number}");
        let cut = Tape::of(tape.image().unwrap());
        assert_eq!(has(&self::store(&cut), b"small"), written, "operation {number}, and a cut");
        write(&store, b"next", 1).unwrap();
        assert_eq!(has(&store, b"small"), written, "operation {number}, and a commit");
    }
    assert!(outcomes.into_iter().all(|count| count > 0), "{outcomes:?}");
}

#[test]
fn a_device_that_takes_no_more_writes_is_read_on() {
    let (image, shares) = initialized();
    for kind in
        [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::StorageFull, io::ErrorKind::Other]
    {
        for number in 0..40 {
            let mut lone = Lone::new(&image, &shares);
            let from = lone.tape.operations() + number;
            let failing =
                Failing { numbers: from..u64::MAX, kind, reads: false, done: number % 2 == 0 };
            lone.tape.fail(Some(failing));
            while lone.commit().is_ok() {}
            for _ in 0..3 {
                lone.check();
                assert!(lone.commit().is_err());
                lone.store.maintain().unwrap();
            }
            assert!(lone.store.condition().trouble.is_some());
            lone.tape.fail(None);
            lone.store.maintain().unwrap();
            assert_eq!(lone.store.condition().trouble, None);
            lone.check();
            lone.commit().unwrap();
            lone.check();
        }
    }
}

#[test]
fn a_bad_sector_costs_what_lies_on_it_and_nothing_else() {
    let tape = Tape::default();
    let open = || {
        let options = Options { cache_bytes: 64 << 10, ..options() };
        Redb::open_site(Arc::new(tape.clone()), options).unwrap()
    };
    let place = |number: u32| number.to_be_bytes();
    let value = |number: u32| vec![number as u8; 1000];
    let put = |store: &Redb, number: u32| {
        store.write(Urgency::Ordinary, &mut |to| to.put(&place(number), &value(number)).map(drop))
    };
    let store = open();
    store
        .replace(&mut |to| (0..1000).try_for_each(|n| to.put(&place(n), &value(n)).map(drop)))
        .unwrap();
    // Opened anew, so that little of it is in memory.
    drop(store);
    let store = open();
    let image = tape.image().unwrap();
    let leaf = image.windows(1000).rposition(|window| *window == value(500)).unwrap();
    tape.spoil(leaf..leaf + 1);
    let get = |store: &Redb, number: u32| store.view().unwrap().get(&place(number));
    let lost = (0..1000).filter(|number| match get(&store, *number) {
        Ok(found) => {
            assert_eq!(found, Some(value(*number)));
            false
        }
        Err(StorageError::Damaged(what)) => {
            assert!(what.contains("cannot read"), "{what}");
            true
        }
        Err(error) => panic!("{error}"),
    });
    let lost = lost.count();
    assert!((1..20).contains(&lost), "{lost} entries lost");
    assert!(store.condition().trouble.unwrap().contains("replace the disk"));
    put(&store, 1).unwrap();
    put(&store, 2000).unwrap();
    store.maintain().unwrap();
    assert_eq!(get(&store, 2000).unwrap(), Some(value(2000)));
    // A cable that had come loose.
    tape.spoil(0..0);
    store.maintain().unwrap();
    assert_eq!(store.condition().trouble, None);
    (0..1000).for_each(|number| assert_eq!(get(&store, number).unwrap(), Some(value(number))));
}

#[test]
fn a_disk_that_is_no_file_keeps_the_contract() {
    contract::run(&|| Box::new(Redb::open_site(Arc::new(Tape::default()), options()).unwrap()))
        .unwrap();
}
