//! The library alone: stores in memory, files as bytes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use edgekeep::barrier::names::MountId;
use edgekeep::barrier::seal::shamir::{self, Split};
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::base::clock::{ManualClock, Timestamp};
use edgekeep::base::entropy::{Entropy, SeededEntropy};
use edgekeep::base::fault::Fault;
use edgekeep::base::pages::Key;
use edgekeep::base::secret::Secret;
use edgekeep::snapshot::SnapshotError;
use edgekeep::snapshot::inspect::inspect;
use edgekeep::snapshot::keeper::check;
use edgekeep::snapshot::layout::SnapshotName;
use edgekeep::snapshot::precaution::Precaution;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::restore::receive;
use edgekeep::snapshot::save::save;
use edgekeep::snapshot::spool::{SPOOLS, Spools};
use edgekeep::snapshot::take::{Taken, take};
use edgekeep::snapshot::verify::verify;
use edgekeep::storage::faulty::{Failure, Faulty};
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Storage, StorageError, Urgency};

use crate::altered::without_its_last_entry;
use crate::support::harness::needs_root;
use crate::support::mount::Mount;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("edgekeep-snapshot-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whatever the barrier refused, in its words.
#[derive(Debug)]
struct Refused(#[expect(dead_code, reason = "for the message of a test that fails")] String);

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

struct Store {
    barrier: Barrier,
    storage: Arc<dyn Storage>,
    entropy: Arc<dyn Entropy>,
}

impl Store {
    /// Neither initialized nor anything else.
    fn empty(seed: u64) -> Self {
        Self::over(Arc::new(Memory::new()), seed)
    }

    fn over(storage: Arc<dyn Storage>, seed: u64) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let clock = Arc::new(ManualClock::at(NOW));
        let barrier = Barrier::new(Arc::clone(&storage), clock, Arc::clone(&entropy));
        Self { barrier, storage, entropy }
    }

    /// The same over a store that fails as it is told to.
    fn that_fails(seed: u64) -> (Self, Arc<Faulty>, Key<32>) {
        let faulty = Arc::new(Faulty::new(Box::new(Memory::new())));
        let (store, key) = Self::over(faulty.clone(), seed).filled();
        (store, faulty, key)
    }

    /// Unsealed, with a few entries; and its unseal key.
    fn with_entries(seed: u64) -> (Self, Key<32>) {
        Self::empty(seed).filled()
    }

    fn filled(self) -> (Self, Key<32>) {
        let store = self;
        let first = |_: &mut _| Ok::<_, Refused>(());
        let (shares, ()) = store.barrier.initialize(split(), first).unwrap();
        let key = key_of(&shares);
        store.barrier.unseal(&key).unwrap();
        store.put("secret/a", b"one");
        store.put("secret/b/c", b"two");
        store.put("other", &[7; 3000]);
        (store, key)
    }

    fn put(&self, path: &str, value: &[u8]) {
        let put = |txn: &mut edgekeep::barrier::txn::Txn| -> Result<(), Refused> {
            Ok(txn.scope(MountId::SYSTEM).put(path, value)?)
        };
        self.barrier.unsealed().unwrap().transact(put).unwrap();
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut txn = self.barrier.unsealed().unwrap().begin().unwrap();
        txn.scope(MountId::SYSTEM).get(path).unwrap().map(|value| value.to_vec())
    }

    fn take(&self) -> Taken {
        let folder = Folder::new();
        let instant = self.barrier.unsealed().unwrap().instant().unwrap();
        take(instant, Spools::new(&folder.0, 0).open().unwrap(), NOW, &*self.entropy).unwrap()
    }

    fn snapshot(&self) -> Vec<u8> {
        file_of(&self.take())
    }

    fn restore(&self, file: &[u8], force: bool) -> Result<(), SnapshotError> {
        let folder = Folder::new();
        receive(file, Spools::new(&folder.0, 0).open().unwrap())?.restore(&self.barrier, force)
    }

    /// Damages an entry.
    fn rot(&self) {
        let (damaged, mut value) = self.dump().into_iter().rfind(|(key, _)| key[0] == 1).unwrap();
        *value.last_mut().unwrap() ^= 1;
        let put = |to: &mut dyn edgekeep::storage::Writer| to.put(&damaged, &value).map(drop);
        self.storage.write(Urgency::Ordinary, &mut { put }).unwrap();
    }

    /// All that is stored.
    fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let view = self.storage.view().unwrap();
        view.scan(&[], None).unwrap().map(Result::unwrap).collect()
    }
}

fn split() -> Split {
    Split::new(1, 1).unwrap()
}

fn key_of(shares: &[Secret]) -> Key<32> {
    shamir::combine(shares).unwrap()
}

fn file_of(taken: &Taken) -> Vec<u8> {
    let mut file = Vec::new();
    taken.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, taken.length(), "the length is known beforehand");
    file
}

fn error_of<T>(outcome: Result<T, SnapshotError>) -> String {
    outcome.err().expect("refused").to_string()
}

pub fn what_is_restored_elsewhere_is_what_was_taken() {
    let (store, key) = Store::with_entries(1);
    let record = store.barrier.unsealed().unwrap().status();
    let file = store.snapshot();
    store.put("secret/a", b"later");

    let meta = inspect(&file[..]).unwrap().meta;
    assert_eq!(meta.about.store_id, record.store_id);
    assert_eq!(meta.about.timeline, record.timeline.to_string());
    assert_eq!((meta.about.revision, meta.index), (record.revision, record.revision));
    assert_eq!(meta.about.time, "2023-11-14T22:13:20Z");
    assert_eq!(meta.about.entries, record.tally.entries + 1, "the root record too");

    let elsewhere = Store::empty(2);
    elsewhere.restore(&file, false).unwrap();
    assert!(elsewhere.barrier.unsealed().is_none());
    let unsealed = elsewhere.barrier.unseal(&key).unwrap();
    assert_eq!(elsewhere.get("secret/a").unwrap(), b"one");
    assert_eq!(elsewhere.get("secret/b/c").unwrap(), b"two");
    assert_eq!(elsewhere.get("other").unwrap(), [7; 3000]);
    let restored = unsealed.status();
    assert_eq!(restored.store_id, record.store_id);
    assert_eq!(restored.timeline.number, record.timeline.number + 1, "a new timeline");
    assert!(restored.revision > record.revision);
    assert!(unsealed.verify(&*elsewhere.storage.view().unwrap()).unwrap().good());
}

pub fn the_same_server_goes_back_and_stays_unsealed() {
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let before = store.barrier.unsealed().unwrap().status().timeline;
    store.put("secret/a", b"later");
    store.put("new", b"x");
    store.restore(&file, false).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"one");
    assert_eq!(store.get("new"), None);
    let timeline = store.barrier.unsealed().unwrap().status().timeline;
    assert_eq!(timeline.number, before.number + 1);
    store.put("new", b"y");
    assert_eq!(inspect(&store.snapshot()[..]).unwrap().meta.about.timeline, timeline.to_string());
}

pub fn a_snapshot_from_before_a_rekey_does_not_bring_the_old_shares_back() {
    let (store, old_key) = Store::with_entries(1);
    let file = store.snapshot();
    let unsealed = store.barrier.unsealed().unwrap();
    let (seal, shares) = store.barrier.prepare_rekey(&unsealed, split()).unwrap();
    unsealed.rekey(&seal).unwrap();
    let new_key = key_of(&shares);
    for sealed in [false, true] {
        if sealed {
            store.barrier.seal();
        }
        store.restore(&file, false).unwrap();
        assert!(store.barrier.check(&old_key).is_err(), "sealed: {sealed}");
        let unsealed = store.barrier.unseal(&new_key).unwrap();
        assert!(unsealed.verify(&*store.storage.view().unwrap()).unwrap().good());
    }
}

pub fn a_snapshot_taken_in_an_earlier_term_is_restored() {
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    store.barrier.unsealed().unwrap().rotate().unwrap();
    store.put("secret/a", b"later");
    let later = store.snapshot();
    store.restore(&file, false).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"one");
    store.restore(&later, false).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"later");
}

pub fn other_keys_are_refused_by_name_and_forced_in_sealed() {
    let (theirs, their_key) = Store::with_entries(1);
    let (store, our_key) = Store::with_entries(2);
    let file = theirs.snapshot();
    let before = store.dump();
    for sealed in [false, true] {
        if sealed {
            store.barrier.seal();
        }
        let error = error_of(store.restore(&file, false));
        assert!(error.starts_with("snapshot of other keys: "), "{error}");
        let ids = [theirs.barrier.settings(), store.barrier.settings()];
        for id in ids.map(|settings| settings.unwrap().unwrap().root_key.to_string()) {
            assert!(error.contains(&id), "{error}");
        }
        assert_eq!(store.dump(), before, "nothing was replaced");
    }
    store.barrier.unseal(&our_key).unwrap();
    store.restore(&file, true).unwrap();
    assert!(store.barrier.unsealed().is_none(), "it seals itself");
    assert!(store.barrier.check(&our_key).is_err());
    store.barrier.unseal(&their_key).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"one");
}

pub fn every_changed_byte_is_found() {
    let file = Store::with_entries(1).0.snapshot();
    inspect(&file[..]).unwrap();
    for at in 0..file.len() {
        for change in [0x01, 0x08, 0x20, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[at] ^= change;
            assert!(inspect(&changed[..]).is_err(), "byte {at} changed by {change:#x}");
        }
    }
}

pub fn every_cut_and_every_addition_is_found() {
    let file = Store::with_entries(1).0.snapshot();
    for length in 0..file.len() {
        let error = error_of(inspect(&file[..length]));
        assert!(error.contains("cut short"), "{length}: {error}");
    }
    let error = error_of(inspect(&[&file[..], b"\0"].concat()[..]));
    assert!(error.contains("something follows its end"), "{error}");
}

pub fn a_changed_file_replaces_nothing_even_when_forced() {
    let (store, _) = Store::with_entries(1);
    let mut file = store.snapshot();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    let before = store.dump();
    assert!(store.restore(&file, true).is_err());
    assert_eq!(store.dump(), before);
}

/// A store whose device fails at any one operation of a restore is the old one or the new one.
pub fn a_restore_that_fails_anywhere_replaces_all_or_nothing() {
    let file = Store::with_entries(1).0.snapshot();
    let (mut failed, mut at) = (0, 0);
    loop {
        let (store, faulty, key) = Store::that_fails(1);
        store.put("secret/a", b"later");
        let before = store.dump();
        let next = faulty.operations() + at;
        faulty.fail(next..next + 1, Failure::Io);
        let outcome = store.restore(&file, false);
        let done = faulty.operations() <= next;
        faulty.fail(0..0, Failure::Io);
        let replaced = store.dump() != before;
        match &outcome {
            Ok(()) => assert!(replaced, "operation {at}"),
            Err(_) => failed += 1,
        }
        let unsealed = store.barrier.unseal(&key).unwrap();
        let expected = if replaced { b"one".to_vec() } else { b"later".to_vec() };
        assert_eq!(store.get("secret/a").unwrap(), expected, "operation {at}");
        assert!(unsealed.verify(&*store.storage.view().unwrap()).unwrap().good());
        store.put("secret/a", b"on it goes");
        if done {
            break;
        }
        at += 1;
    }
    assert!(failed > 10, "{failed} of {at} operations failed");
}

/// What was put does not open, or not wholly: it is told that the store is another one now.
pub fn a_restore_that_does_not_open_what_it_put_says_that_it_is_done() {
    let (store, key) = Store::with_entries(1);
    let file = store.snapshot();
    store.put("secret/a", b"later");
    let may = Arc::new(AtomicBool::new(true));
    let then = Arc::clone(&may);
    let opened = move |_: &Arc<Unsealed>| match then.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err(StorageError::Full.into()),
    };
    store.barrier.when_opened(|_| Ok(false), opened).unwrap();
    may.store(false, Ordering::Relaxed);
    let fault = Fault::from(store.restore(&file, false).unwrap_err());
    assert_eq!(fault.status, 500, "{fault}");
    for told in ["the restore is done", "stays sealed", "free some space"] {
        assert!(fault.to_string().contains(told), "{fault}");
    }
    assert!(store.barrier.unsealed().is_none());
    may.store(true, Ordering::Relaxed);
    store.barrier.unseal(&key).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"one");
}

/// Decompresses with the program that an operator would use.
fn pipe(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

pub fn other_programs_open_it() {
    let file = Store::with_entries(1).0.snapshot();
    let listing = String::from_utf8(pipe("tar", &["tzf", "-"], &file)).unwrap();
    let members = ["meta.json", "state.bin", "SHA256SUMS", "SHA256SUMS.sealed"];
    assert_eq!(listing.lines().collect::<Vec<_>>(), members, "Vault's order");
    let folder = Folder::new();
    let path = folder.0.to_str().unwrap();
    pipe("tar", &["xzf", "-", "-C", path], &file);
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(path)
        .status();
    assert!(check.unwrap().success());
    let meta: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.0.join("meta.json")).unwrap()).unwrap();
    assert_eq!(meta["Size"], fs::metadata(folder.0.join("state.bin")).unwrap().len());
    assert_eq!(meta["Version"], 1);
}

pub fn decompressed_it_is_read_and_compressed_again_it_says_what_to_do() {
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let tar = pipe("gunzip", &["-c"], &file);
    store.put("secret/a", b"later");
    store.restore(&tar, false).unwrap();
    assert_eq!(store.get("secret/a").unwrap(), b"one");
    let error = error_of(inspect(&pipe("gzip", &["-9", "-c"], &tar)[..]));
    assert!(error.contains("decompress it with gunzip"), "{error}");
}

/// Vault's inspect reads state.bin as messages behind their lengths, with the fields 1 to 3; it
/// steps over fields that it does not know.
pub fn the_state_is_protobuf_without_the_fields_of_vault() {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for place in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            number |= u64::from(first & 0x7f) << place;
            if first & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let tar = pipe("gunzip", &["-c"], &Store::with_entries(1).0.snapshot());
    let folder = Folder::new();
    pipe("tar", &["xf", "-", "-C", folder.0.to_str().unwrap()], &tar);
    let state = fs::read(folder.0.join("state.bin")).unwrap();
    let mut rest = &state[..];
    let mut messages = 0;
    while !rest.is_empty() {
        let length = varint(&mut rest);
        let (mut message, after) = rest.split_at(length as usize);
        rest = after;
        messages += 1;
        while !message.is_empty() {
            let tag = varint(&mut message);
            assert!(tag >> 3 > 3);
            let number = varint(&mut message);
            match tag & 7 {
                0 => {}
                2 => message = &message[number as usize..],
                other => panic!("wire type {other}"),
            }
        }
    }
    let entries = inspect(&tar[..]).unwrap().meta.about.entries;
    assert_eq!(messages, entries + 2, "a begin and an end around the entries");
}

pub fn verify_opens_every_entry() {
    let (store, key) = Store::with_entries(1);
    let file = store.snapshot();
    let verified = verify(&file[..], &key).unwrap();
    assert_eq!(verified.findings(), [""; 0]);
    let (_, other_key) = Store::with_entries(2);
    assert!(error_of(verify(&file[..], &other_key)).contains("unseal keys"));
}

pub fn verify_names_what_was_bad_in_the_store() {
    let (store, key) = Store::with_entries(1);
    store.rot();
    let file = store.snapshot();
    let findings = verify(&file[..], &key).unwrap().findings();
    assert!(findings.iter().any(|line| line.starts_with("does not open: ")), "{findings:?}");
    assert!(findings.iter().any(|line| line.contains("do not add up")), "{findings:?}");
    let before = store.dump();
    for force in [false, true] {
        let error = error_of(store.restore(&file, force));
        assert!(error.contains("do not add up"), "{error}");
        assert_eq!(store.dump(), before, "nothing was replaced");
    }
}

pub fn what_a_damaged_store_gave_is_not_good_when_it_is_read_back() {
    let (store, _) = Store::with_entries(1);
    let read_back = || {
        let (taken, keys) = (store.take(), store.barrier.unsealed().unwrap());
        let (revision, timeline) = (taken.meta().about.revision, keys.status().timeline);
        let (prefix, state) = ("vault-snapshot".into(), taken.state());
        let name = SnapshotName { prefix, taken: NOW, timeline, revision, state };
        check::snapshot(&file_of(&taken)[..], &name, || Ok(Arc::clone(&keys)))
    };
    read_back().unwrap();
    store.rot();
    let error = error_of(read_back());
    assert!(error.contains("the store was damaged when it was taken"), "{error}");
}

pub fn an_altered_snapshot_of_the_same_keys_is_refused_even_when_forced() {
    let (store, key) = Store::with_entries(1);
    let altered = without_its_last_entry(&store.snapshot());
    inspect(&altered[..]).unwrap();
    let before = store.dump();
    for force in [false, true] {
        let error = error_of(store.restore(&altered, force));
        assert!(error.contains("was changed after it was taken"), "{error}");
        assert_eq!(store.dump(), before, "nothing was replaced");
    }
    // Nobody can tell where its keys are not: it is told once they are.
    let (other, _) = Store::with_entries(2);
    assert!(!other.barrier.unsealed().unwrap().take_unproven());
    other.restore(&altered, true).unwrap();
    let unsealed = other.barrier.unseal(&key).unwrap();
    assert!(unsealed.take_unproven() && !unsealed.take_unproven());
    assert!(!unsealed.scrub(u64::MAX, &mut |_| true).unwrap().unwrap().good());
}

pub fn a_spool_leaves_the_disk_its_last_space() {
    let (store, _) = Store::with_entries(1);
    let folder = Folder::new();
    let file = store.snapshot();
    let stingy = || Spools::new(&folder.0, u64::MAX / 2).open().unwrap();
    assert!(matches!(receive(&file[..], stingy()).err(), Some(SnapshotError::Full)));
    let instant = store.barrier.unsealed().unwrap().instant().unwrap();
    let taken = take(instant, stingy(), NOW, &*store.entropy);
    assert!(matches!(taken.err(), Some(SnapshotError::Full)));
    let _spool = Spools::new(&folder.0, 0).open().unwrap();
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "a spool has no name");

    let spools = Spools::new(&folder.0, 0);
    let all: Vec<_> = (0..SPOOLS).map(|_| spools.open().unwrap()).collect();
    assert!(matches!(spools.open().err(), Some(SnapshotError::Busy)));
    drop(all);
    spools.open().unwrap();
}

pub fn one_that_is_kept_beside_the_store_says_that_it_has_no_room() {
    let mount = Mount::new("tmpfs", "none", "size=8m");
    let (store, _) = Store::with_entries(1);
    store.put("large", &[7; 5 << 20]);
    let (folder, entropy) = (mount.root().to_owned(), Arc::clone(&store.entropy));
    let torn = mount.root().join(".before-restore.snap.partial");
    fs::write(&torn, "what a power cut left").unwrap();
    let precaution = Precaution::new(folder, Spools::new(mount.root(), 0), entropy);
    let keep = || precaution.keep(&store.barrier.unsealed().unwrap(), "before.snap");
    assert!(!torn.exists());
    let told = "the disk has no room for the snapshot: free some space";
    assert_eq!(error_of(keep()), told);
    mount.fill(1 << 20);
    assert_eq!(error_of(keep()), told);
}

/// Gives what it has and then fails.
struct Breaking<'a>(&'a [u8]);

impl Read for Breaking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

pub fn a_save_writes_through_no_link() {
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let folder = Folder::new();
    let (name, victim) = (folder.0.join("s.snap"), folder.0.join("victim"));
    let partial = folder.0.join(".s.snap.partial");
    fs::write(&victim, b"dear").unwrap();
    let links = [std::os::unix::fs::symlink, |from: &Path, to: &Path| fs::hard_link(from, to)];
    for link in links {
        link(&victim, &partial).unwrap();
        let error = error_of(save(&file[..], &name));
        assert!(error.contains("is a link"), "{error}");
        assert_eq!(fs::read(&victim).unwrap(), b"dear");
        fs::remove_file(&partial).unwrap();
    }
    save(&file[..], &name).unwrap();
}

pub fn a_save_puts_the_file_where_a_link_leads() {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let folder = Folder::new();
    let at = |name: &str| folder.0.join(name);
    fs::create_dir(at("stick")).unwrap();
    symlink("stick/s.snap", at("link")).unwrap();
    symlink(at("link"), at("stick/other")).unwrap();
    let is_link = |name: &str| at(name).symlink_metadata().unwrap().is_symlink();
    // Once it is not there yet, and once it is.
    for name in ["link", "stick/other"] {
        save(&file[..], &at(name)).unwrap();
        assert!(is_link(name) && is_link("link"), "{name}");
        assert!(!is_link("stick/s.snap"));
        assert_eq!(fs::read(at("stick/s.snap")).unwrap(), file);
        assert_eq!(names(&at("stick")), ["other", "s.snap"]);
    }

    symlink(at("absent/s.snap"), at("lost")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let open = fs::File::create(at("open")).unwrap();
    let (pipe, _writer) = io::pipe().unwrap();
    let descriptor = |fd: i32| PathBuf::from(format!("/proc/self/fd/{fd}"));
    symlink(descriptor(pipe.as_raw_fd()), at("pipe")).unwrap();
    for (name, wanted) in [
        (at("lost"), "there is no folder"),
        (at("loop"), "symbolic links"),
        (descriptor(open.as_raw_fd()), "leads to an open file"),
        (at("pipe"), "leads to an open file"),
    ] {
        let error = error_of(save(&file[..], &name));
        assert!(error.contains(wanted), "{error}");
        assert!(name.symlink_metadata().unwrap().is_symlink());
    }
    assert_eq!(open.metadata().unwrap().len(), 0);
    assert!(!at("absent").exists());
}

pub fn a_save_follows_no_link_that_another_user_has_put_where_all_may() {
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
    needs_root("to give a link to somebody");
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let folder = Folder::new();
    let link = folder.0.join("link");
    symlink("s.snap", &link).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o1777)).unwrap();
    lchown(&link, Some(65_534), None).unwrap();
    let error = error_of(save(&file[..], &link));
    assert!(error.contains("is a link of another user"), "{error}");
    chown(&folder.0, Some(65_534), None).unwrap();
    save(&file[..], &link).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn a_saved_file_is_complete_or_absent() {
    let (store, _) = Store::with_entries(1);
    let file = store.snapshot();
    let folder = Folder::new();
    let name = folder.0.join("s.snap");
    for broken in [0, 1, file.len() / 2, file.len() - 1] {
        assert!(save(Breaking(&file[..broken]), &name).is_err());
        assert!(save(&file[..broken], &name).is_err());
        assert!(names(&folder.0).is_empty());
    }
    save(&file[..], &name).unwrap();
    assert_eq!(fs::read(&name).unwrap(), file);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);

    // What was left of a save that was killed is no obstacle, and what stood there stays until
    // there is something better.
    fs::write(folder.0.join(".s.snap.partial"), b"rest").unwrap();
    assert!(save(Breaking(&file[..100]), &name).is_err());
    assert_eq!(fs::read(&name).unwrap(), file);
    store.put("more", b"x");
    let newer = store.snapshot();
    save(&newer[..], &name).unwrap();
    assert_eq!(fs::read(&name).unwrap(), newer);
    assert_eq!(names(&folder.0), ["s.snap"]);

    fs::create_dir(folder.0.join("sub")).unwrap();
    assert!(save(&file[..], &folder.0.join("sub")).is_err());
    assert!(save(&file[..], &folder.0.join("absent/s.snap")).is_err());
    assert_eq!(names(&folder.0), ["s.snap", "sub"]);
}
