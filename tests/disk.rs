//! The store on real files: who may open it, what a full, a read-only and a damaged disk do to it.

mod support;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use edgekeep::base::clock::{Clock, SystemClock};
use edgekeep::base::entropy::{Entropy, SeededEntropy};
use edgekeep::storage::commit::{Changes, Committer, Meters, Reads, Witness, Write};
use edgekeep::storage::redb::{Options, Redb};
use edgekeep::storage::{Storage, StorageError, Urgency, contract};
use support::TempDir;
use support::harness::{needs, tests};
use support::mount::Mount;
use support::volume::does;

tests! {
    self {
        a_file_keeps_the_contract,
        what_was_written_is_there_after_a_restart_and_for_nobody_else,
        a_second_server_is_refused,
        one_that_has_ended_holds_nobody_up_while_another_thread_starts_a_program,
        a_file_that_others_can_read_is_refused,
        a_store_that_is_gone_is_begun_anew_only_where_that_is_meant,
        what_a_crash_left_behind_is_removed,
        a_store_that_came_to_nothing_leaves_its_folder_as_it_was,
        a_repair_after_a_crash_tells_how_far_it_is,
        a_view_that_is_held_too_long_expires_and_the_file_stays_small,
        unused_space_is_given_back_while_readers_read_on,
        writes_go_on_while_the_file_is_compacted_and_none_is_lost,
        how_fast_it_is,
        below_the_floor_only_what_is_essential_passes,
        what_gives_room_back_is_done_below_the_floor_too,
        a_disk_that_fills_in_the_middle_of_a_commit_loses_nothing,
        a_replacement_that_does_not_fit_leaves_the_old,
        a_file_system_gone_read_only_is_read_on,
        a_damaged_file_is_named_and_never_ends_the_program,
    }
}

fn options() -> Options {
    Options { floor_bytes: 0, ..Options::new(Arc::new(SystemClock)) }
}

fn open(folder: &Path) -> Result<Redb, StorageError> {
    open_with(folder, options())
}

fn open_with(folder: &Path, options: Options) -> Result<Redb, StorageError> {
    Redb::open(folder, options)
}

fn put(store: &Redb, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
    store.write(Urgency::Ordinary, &mut |to| to.put(key, value).map(|_| ()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn a_file_keeps_the_contract() {
    let scratch = TempDir::new();
    let count = std::cell::Cell::new(0);
    contract::run(&|| {
        count.set(count.get() + 1);
        Box::new(open(&scratch.path().join(count.get().to_string())).unwrap())
    })
    .unwrap();
}

fn what_was_written_is_there_after_a_restart_and_for_nobody_else() {
    let scratch = TempDir::new();
    let folder = scratch.path().join("made/here");
    let store = open(&folder).unwrap();
    put(&store, b"k", b"v").unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("edgekeep.redb")), 0o600);
    drop(store);
    assert_eq!(open(&folder).unwrap().view().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
}

fn a_second_server_is_refused() {
    let scratch = TempDir::new();
    let store = open(scratch.path()).unwrap();
    store.replace(&mut |to| to.put(b"k", b"v").map(|_| ())).unwrap();
    let refused = open(scratch.path()).err().unwrap();
    assert!(matches!(refused, StorageError::Refused(_)), "{refused:?}");
    assert!(refused.to_string().contains("stop that one first"), "{refused}");
    drop(store);
    open(scratch.path()).unwrap();
}

fn one_that_has_ended_holds_nobody_up_while_another_thread_starts_a_program() {
    let scratch = TempDir::new();
    let over = AtomicBool::new(false);
    let all = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(Command::new("true").status());
            }
        });
        let all = (0..300).try_for_each(|_| open(scratch.path()).map(drop));
        over.store(true, Ordering::Relaxed);
        all
    });
    assert!(all.is_ok(), "{all:?}");
}

fn a_file_that_others_can_read_is_refused() {
    let scratch = TempDir::new();
    drop(open(scratch.path()).unwrap());
    let file = scratch.path().join("edgekeep.redb");
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let refused = open(scratch.path()).err().unwrap().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    open(scratch.path()).unwrap();
}

fn a_store_that_is_gone_is_begun_anew_only_where_that_is_meant() {
    let scratch = TempDir::new();
    let file = scratch.path().join("edgekeep.redb");
    let reserve = scratch.path().join("edgekeep.reserve");
    let refused = || {
        let refused = open(scratch.path()).err().unwrap();
        assert!(matches!(refused, StorageError::Refused(_)), "{refused:?}");
        refused.to_string()
    };
    drop(open(scratch.path()).unwrap());
    fs::rename(&file, scratch.path().join("aside")).unwrap();
    if reserve.exists() {
        assert!(refused().ends_with(&format!("remove {}", reserve.display())));
        assert!(!file.exists());
    }
    // A restore is meant to make one.
    drop(Redb::open_or_fill(scratch.path(), options(), &mut |_| Ok(())).unwrap());
    fs::remove_file(&file).unwrap();
    let _ = fs::remove_file(&reserve);
    drop(open(scratch.path()).unwrap());

    fs::remove_file(&file).unwrap();
    let elsewhere = scratch.path().join("disk/edgekeep.redb");
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(refused().contains("is its disk mounted?"));
    assert!(Redb::open_or_fill(scratch.path(), options(), &mut |_| Ok(())).is_err());
    assert_eq!(fs::read_link(&file).unwrap(), elsewhere);
    fs::create_dir(elsewhere.parent().unwrap()).unwrap();
    fs::rename(scratch.path().join("aside"), &elsewhere).unwrap();
    drop(open(scratch.path()).unwrap());
    assert_eq!(fs::read_link(&file).unwrap(), elsewhere);
}

fn what_a_crash_left_behind_is_removed() {
    let scratch = TempDir::new();
    let left = scratch.path().join("edgekeep.redb.next");
    fs::write(&left, b"half of a restore").unwrap();
    open(scratch.path()).unwrap();
    assert!(!left.exists());
}

fn a_store_that_came_to_nothing_leaves_its_folder_as_it_was() {
    let scratch = TempDir::new();
    let fail = |folder: &Path| {
        let mut puts = 0;
        Redb::open_or_fill(folder, options(), &mut |to| {
            // Over several transactions.
            for number in 0..20 {
                to.put(&key(number), &[1; 1 << 20])?;
                puts += 1;
            }
            Err(StorageError::Full)
        })
        .err()
        .unwrap();
        assert_eq!(puts, 20);
    };
    fail(&scratch.path().join("made/here"));
    fail(scratch.path());
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);

    let store =
        Redb::open_or_fill(scratch.path(), options(), &mut |to| to.put(b"k", b"v").map(|_| ()));
    assert_eq!(store.unwrap().view().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
    let again = Redb::open_or_fill(scratch.path(), options(), &mut |_| Err(StorageError::Full));
    assert_eq!(again.unwrap().view().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
}

fn a_repair_after_a_crash_tells_how_far_it_is() {
    let scratch = TempDir::new();
    let (before, after) = (scratch.path().join("before"), scratch.path().join("after"));
    let store = open(&before).unwrap();
    for number in 0..50 {
        put(&store, &key(number), &[number as u8; 20_000]).unwrap();
    }
    drop(open(&after).unwrap());
    // The file of a running server is what a kill leaves.
    fs::copy(before.join("edgekeep.redb"), after.join("edgekeep.redb")).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let progress = {
        let told = Arc::clone(&told);
        Arc::new(move |repair| {
            told.lock().unwrap().push(repair);
            ControlFlow::Continue(())
        })
    };
    let repaired = open_with(&after, Options { progress, ..options() }).unwrap();
    assert_holds(&repaired, 0..50);
    let told = told.lock().unwrap();
    assert!(told.first().is_some_and(|repair| repair.read == 0 && repair.size > 1_000_000));
}

fn a_view_that_is_held_too_long_expires_and_the_file_stays_small() {
    let scratch = TempDir::new();
    let store = open_with(scratch.path(), Options { growth_bytes: 2 << 20, ..options() }).unwrap();
    put(&store, b"first", b"1").unwrap();
    let held = store.view().unwrap();
    let mut scan = held.scan(b"", None).unwrap();
    assert!(scan.next().unwrap().is_ok());
    for number in 0..600u32 {
        put(&store, b"again", &[number as u8; 20_000]).unwrap();
        let fresh = store.view().unwrap();
        assert_eq!(fresh.get(b"again").unwrap().unwrap()[0], number as u8);
    }
    assert!(matches!(held.get(b"first"), Err(StorageError::Expired)));
    let size = store.condition().file_bytes;
    assert!(size < 6 << 20, "{size} bytes");
    assert_eq!(store.view().unwrap().get(b"first").unwrap(), Some(b"1".to_vec()));
}

fn unused_space_is_given_back_while_readers_read_on() {
    let scratch = TempDir::new();
    let options = Options { compact_bytes: 1 << 20, ..options() };
    let store = open_with(scratch.path(), options).unwrap();
    for number in 0..300 {
        put(&store, &key(number), &[number as u8; 20_000]).unwrap();
    }
    let held = store.view().unwrap();
    for number in 0..280 {
        delete(&store, &key(number)).unwrap();
    }
    let before = store.condition().file_bytes;
    store.maintain().unwrap();
    let after = store.condition().file_bytes;
    assert!(before > 6_000_000 && after < 1_500_000, "from {before} to {after} bytes");
    assert_holds(&store, 280..300);
    assert_eq!(held.scan(b"", None).unwrap().map(Result::unwrap).count(), 300);
    drop(held);
    put(&store, &key(300), &[300u32 as u8; 20_000]).unwrap();
    drop(store);
    assert_holds(&open(scratch.path()).unwrap(), 280..301);
}

fn writes_go_on_while_the_file_is_compacted_and_none_is_lost() {
    let scratch = TempDir::new();
    let options = Options { compact_bytes: 1 << 20, ..options() };
    let store = open_with(scratch.path(), options).unwrap();
    for number in 0..300 {
        put(&store, &key(number), &[number as u8; 20_000]).unwrap();
    }
    for number in 0..250 {
        delete(&store, &key(number)).unwrap();
    }
    let before = store.condition().file_bytes;
    let compacting = AtomicBool::new(true);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut round = 0u32;
            while compacting.load(Ordering::Relaxed) || round < 50 {
                // What was there goes, what was not comes, and some is written over and over.
                let number = 250 + round % 50;
                if round < 50 {
                    delete(&store, &key(number)).unwrap();
                }
                put(&store, &key(1000 + round), &round.to_be_bytes()).unwrap();
                put(&store, b"again", &round.to_be_bytes()).unwrap();
                round += 1;
            }
            round
        });
        store.maintain().unwrap();
        compacting.store(false, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let after = store.condition().file_bytes;
    assert!(after * 2 < before, "from {before} to {after} bytes");
    let holds = |store: &Redb| {
        let view = store.view().unwrap();
        let last = written - 1;
        assert_eq!(view.get(b"again").unwrap(), Some(last.to_be_bytes().to_vec()));
        for round in 0..written {
            let value = view.get(&key(1000 + round)).unwrap();
            assert_eq!(value, Some(round.to_be_bytes().to_vec()));
        }
        assert_eq!(view.scan(b"", None).unwrap().count(), written as usize + 1);
    };
    holds(&store);
    drop(store);
    holds(&open(scratch.path()).unwrap());
}

/// Not a test: `EDGEKEEP_MEASURE=1 cargo test --release --test disk how_fast`.
fn how_fast_it_is() {
    let asked = std::env::var("EDGEKEEP_MEASURE");
    needs("a measurement", asked.map_err(|_| "EDGEKEEP_MEASURE asks for it"));
    let scratch = TempDir::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(open(scratch.path()).unwrap());
    let committer = Committer::new(store, Box::new(Blind), Arc::new(Meters::new(&clock)));
    let seconds = Duration::from_secs(3);
    for threads in [1, 16, 64] {
        let start = Instant::now();
        let counts: Vec<u64> = std::thread::scope(|scope| {
            let committer = &committer;
            let write = move |thread: u64| {
                let mut count = 0;
                while start.elapsed() < seconds {
                    let begin = committer.begin().unwrap();
                    let key = [
                        b"some/prefix/".as_slice(),
                        &((thread << 32) | (count % 64)).to_be_bytes(),
                    ];
                    let mut reads = Reads::default();
                    reads.point(key.concat());
                    let writes = [(key.concat(), Some(vec![1; 200]))].into();
                    let urgency = Urgency::Ordinary;
                    committer.commit(Changes { base: begin.base, reads, writes, urgency }).unwrap();
                    count += 1;
                }
                count
            };
            let threads: Vec<_> =
                (0..threads).map(|thread| scope.spawn(move || write(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let rate = counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64();
        println!("{threads} threads: {rate:.0} durable commits/s");
    }
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < seconds {
        let begin = committer.begin().unwrap();
        begin.view.get(b"some/prefix/").unwrap();
        count += 1;
    }
    println!("{:.0} times begin and get/s", count as f64 / start.elapsed().as_secs_f64());
}

/// Adds nothing to what is committed.
struct Blind;

impl Witness for Blind {
    fn observe(&mut self, _: &[u8], _: Option<&[u8]>, _: Option<&[u8]>) {}

    fn seal(&mut self) -> Result<Vec<Write>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Vec::new())
    }

    fn committed(&mut self) {}

    fn abandoned(&mut self) {}
}

fn delete(store: &Redb, key: &[u8]) -> Result<(), StorageError> {
    store.write(Urgency::Essential, &mut |to| to.delete(key).map(|_| ()))
}

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// Puts numbered values until the disk is full and returns how many were acknowledged.
fn put_until_full(store: &Redb) -> u32 {
    (0..)
        .find(|number| match put(store, &key(*number), &[*number as u8; 20_000]) {
            Ok(()) => false,
            Err(StorageError::Full) => true,
            Err(error) => panic!("{error}"),
        })
        .unwrap()
}

fn assert_holds(store: &Redb, numbers: std::ops::Range<u32>) {
    let view = store.view().unwrap();
    let entries: Vec<_> = view.scan(b"", None).unwrap().map(Result::unwrap).collect();
    let expected: Vec<_> = numbers.map(|n| (key(n).to_vec(), vec![n as u8; 20_000])).collect();
    assert!(entries == expected, "{} entries, not {}", entries.len(), expected.len());
}

fn below_the_floor_only_what_is_essential_passes() {
    let mount = Mount::new("tmpfs", "none", "size=12m");
    let options = Options { floor_bytes: 2 << 20, reserve_bytes: 1 << 20, ..options() };
    let store = open_with(&mount.path(), options).unwrap();
    let reserve = mount.path().join("edgekeep.reserve");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 1 << 20);
    let count = put_until_full(&store);
    assert!(count > 100, "{count}");
    assert!(store.condition().free_bytes.unwrap() < 2 << 20);
    assert!(store.condition().trouble.unwrap().contains("free some space"));
    assert!(reserve.exists(), "what is ordinary must not touch the reserve");
    assert_holds(&store, 0..count);
    // Now somebody else takes all the rest.
    let ballast = mount.fill(0);
    assert!(matches!(put(&store, b"more", b""), Err(StorageError::Full)));
    for number in 0..count / 2 {
        delete(&store, &key(number)).unwrap();
    }
    assert_holds(&store, count / 2..count);
    fs::remove_file(ballast).unwrap();
    store.maintain().unwrap();
    drop(store);
    let store = open(&mount.path()).unwrap();
    assert_holds(&store, count / 2..count);
    put(&store, &key(count), &[count as u8; 20_000]).unwrap();
    assert_holds(&store, count / 2..count + 1);
}

fn what_gives_room_back_is_done_below_the_floor_too() {
    let mount = Mount::new("tmpfs", "none", "size=12m");
    let (floor_bytes, reserve_bytes, compact_bytes) = (4 << 20, 1 << 20, 1 << 20);
    let options = Options { floor_bytes, reserve_bytes, compact_bytes, ..options() };
    let store = open_with(&mount.path(), options).unwrap();
    let count = put_until_full(&store);
    store.maintain().unwrap();
    for number in 5..count {
        delete(&store, &key(number)).unwrap();
    }
    // Nor is it forgotten where there is no room at first.
    let ballast = mount.fill(0);
    store.maintain().unwrap();
    assert!(store.condition().file_bytes > 4 << 20);
    fs::remove_file(ballast).unwrap();
    store.maintain().unwrap();
    assert!(store.condition().file_bytes < 2 << 20, "{}", store.condition().file_bytes);
    put(&store, &key(5), &[5; 20_000]).unwrap();
    assert_holds(&store, 0..6);
}

fn a_disk_that_fills_in_the_middle_of_a_commit_loses_nothing() {
    let mount = Mount::new("tmpfs", "none", "size=12m");
    let options = Options { reserve_bytes: 1 << 20, ..options() };
    let store = open_with(&mount.path(), options).unwrap();
    let ballast = mount.fill(3 << 20);
    let count = put_until_full(&store);
    assert!(count > 20, "{count}");
    assert_holds(&store, 0..count);
    assert!(matches!(put(&store, b"more", &[0; 3 << 20]), Err(StorageError::Full)));
    assert_holds(&store, 0..count);
    for number in 0..10 {
        delete(&store, &key(number)).unwrap();
    }
    assert_holds(&store, 10..count);
    fs::remove_file(ballast).unwrap();
    put(&store, &key(count), &[count as u8; 20_000]).unwrap();
    assert_holds(&store, 10..count + 1);
    store.maintain().unwrap();
    assert!(mount.path().join("edgekeep.reserve").exists(), "made again");
    drop(store);
    assert_holds(&open(&mount.path()).unwrap(), 10..count + 1);
}

fn a_replacement_that_does_not_fit_leaves_the_old() {
    let mount = Mount::new("tmpfs", "none", "size=12m");
    let store = open(&mount.path()).unwrap();
    put(&store, &key(0), &[0; 20_000]).unwrap();
    let outcome = store.replace(&mut |to| {
        for number in 0..1000 {
            to.put(&key(number), &[1; 20_000])?;
        }
        Ok(())
    });
    assert!(matches!(outcome, Err(StorageError::Full)), "{outcome:?}");
    assert_holds(&store, 0..1);
    let left: Vec<_> =
        fs::read_dir(mount.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("next")), "{left:?}");
    put(&store, &key(1), &[1; 20_000]).unwrap();
    assert_holds(&store, 0..2);
}

fn a_file_system_gone_read_only_is_read_on() {
    let mount = Mount::new("ext4", "{}/disk", "loop,errors=remount-ro");
    let store = open(&mount.path()).unwrap();
    let count = 20;
    for number in 0..count {
        put(&store, &key(number), &[number as u8; 20_000]).unwrap();
    }
    let held = store.view().unwrap();
    // What ext4 does to itself after an error of its device.
    let mut abort = Command::new("mount");
    needs("an error of ext4", does(abort.args(["-o", "remount,abort"]).arg(mount.root())));
    let refused = put(&store, b"more", b"").unwrap_err();
    println!("{refused}");
    assert_holds(&store, 0..count);
    drop(held);
    for _ in 0..2 {
        let refused = put(&store, b"more", b"").unwrap_err();
        assert!(matches!(refused, StorageError::ReadOnly(_)), "{refused:?}");
        assert!(store.condition().trouble.is_some());
        store.maintain().unwrap();
        assert_holds(&store, 0..count);
    }
    drop(store);
    // And at a start, though the file was not closed.
    let store = open(&mount.path()).unwrap();
    assert_holds(&store, 0..count);
    assert!(matches!(put(&store, b"more", b""), Err(StorageError::ReadOnly(_))));
}

fn a_damaged_file_is_named_and_never_ends_the_program() {
    quiet_redb();
    let scratch = TempDir::new();
    // Thousands of stores are opened: where that is allowed, not on a real disk.
    let mount = Mount::made("tmpfs", "none", "size=32m");
    let place = mount.as_ref().map_or(scratch.path(), |mount| mount.root());
    let sound = {
        let folder = place.join("sound");
        let store = open(&folder).unwrap();
        for number in 0..100u32 {
            put(&store, &key(number), &[number as u8; 1000]).unwrap();
        }
        drop(store);
        fs::read(folder.join("edgekeep.redb")).unwrap()
    };
    let folder = place.join("damaged");
    drop(open(&folder).unwrap());
    let file = folder.join("edgekeep.redb");
    let mut named = 0;
    let mut look = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        if let Err(error) = look_at(&folder) {
            named += 1;
            match error {
                StorageError::Damaged(text) | StorageError::Refused(text) => {
                    assert!(text.contains("edgekeep.redb"), "{what}: {text}");
                }
                error => panic!("{what}: {error:?}"),
            }
        }
    };
    let dice = SeededEntropy::new(1);
    for _ in 0..3000 {
        let mut bytes = [0; 9];
        dice.fill(&mut bytes);
        let [change, place @ ..] = bytes;
        let place = (u64::from_le_bytes(place) % sound.len() as u64) as usize;
        let mut damaged = sound.clone();
        damaged[place] ^= change.max(1);
        look(&damaged, &format!("byte {place} changed by {change}"));
    }
    // The header, byte by byte.
    for place in 0..512 {
        let mut damaged = sound.clone();
        damaged[place] ^= 1 << (place % 8);
        look(&damaged, &format!("byte {place} of the header"));
    }
    for length in (0..sound.len()).step_by(sound.len() / 300) {
        look(&sound[..length], &format!("cut to {length}"));
    }
    println!("{named} of the changes were noticed by the store itself");
    assert!(named > 100);
}

/// Opens what is there, reads it, and writes to it.
fn look_at(folder: &Path) -> Result<(), StorageError> {
    let store = open(folder)?;
    let view = store.view()?;
    let mut first = Ok(());
    for number in 0..100 {
        first = first.and(view.get(&key(number)).map(|_| ()));
    }
    for entry in view.scan(b"", None)?.take(10_000) {
        entry?;
    }
    drop(view);
    put(&store, b"new", b"value")?;
    put(&store, &key(7), b"value")?;
    delete(&store, &key(50))?;
    first
}

/// Panics of redb on damaged pages are caught, and are not to fill the screen.
fn quiet_redb() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|at| at.file().contains("redb-")) {
            before(info);
        }
    }));
}
