//! What a newer program wrote: each format is refused by its name, with what is to be done, and
//! nothing is changed.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use edgekeep::barrier::envelope::{self, NO_TERM};
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::owed::OWED;
use edgekeep::barrier::seal::SealRecord;
use edgekeep::barrier::txn::TxnError;
use edgekeep::barrier::{Barrier, KEYRING, RESTORED, ROOT, SEAL, Unsealed};
use edgekeep::base::clock::{Clock as _, SystemClock};
use edgekeep::base::digest::sha256;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::pages::Key;
use edgekeep::base::record::Record as _;
use edgekeep::snapshot::format::read;
use edgekeep::snapshot::journal::segment::{Entry, Next, SegmentReader, SegmentWriter};
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::take::take;
use edgekeep::snapshot::verify::verify;
use edgekeep::storage::redb::{Options, Redb};
use edgekeep::storage::{Storage as _, Urgency};
use serde_json::json;

use super::files::store;
use super::support::archive::archive;
use super::support::http::Reply;
use super::support::store::Store;
use super::support::{TempDir, eventually, program};

const UPGRADE: &str = "only a newer edgekeep knows: upgrade it";

/// A store that no server has, and what is done behind the program's back.
struct Closed {
    home: TempDir,
    store: Store,
}

impl Closed {
    fn new() -> Self {
        let home = TempDir::new();
        let store = store("data-3", &home.path().join("data"));
        Self { home, store }
    }

    fn storage(&self) -> Arc<Redb> {
        let folder = self.home.path().join("data");
        Arc::new(Redb::open(&folder, Options::new(Arc::new(SystemClock))).unwrap())
    }

    fn put(&self, key: &[u8], value: &[u8]) {
        let storage = self.storage();
        storage.write(Urgency::Ordinary, &mut |to| to.put(key, value).map(drop)).unwrap();
    }

    /// Has a record of the system begin with this byte: its version, or that of its envelope.
    fn begin(&self, key: &[u8], version: u8) {
        let mut value = self.storage().view().unwrap().get(key).unwrap().unwrap();
        value[0] = version;
        self.put(key, &value);
    }

    fn unsealed<T>(&self, work: impl FnOnce(&Arc<Unsealed>) -> T) -> T {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let barrier = Barrier::new(self.storage(), clock, entropy);
        work(&barrier.unseal(&self.store.key()).unwrap())
    }

    /// What unsealing it comes to.
    fn unsealing(&self) -> Reply {
        let server = self.store.start_sealed();
        server.client().post("sys/unseal", json!({ "key": self.store.unseal_key() }))
    }
}

#[track_caller]
fn must_say(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

fn run(words: &[&str]) -> (Option<i32>, String) {
    let home = TempDir::new();
    let ran = Command::new(program()).args(words).env("HOME", home.path()).output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_newer_file_format() {
    let closed = Closed::new();
    let file = fs::OpenOptions::new().write(true).open(closed.store.file()).unwrap();
    // redb has its version at the beginning of both commit slots.
    for slot in [64, 192] {
        file.write_all_at(&[4], slot).unwrap();
    }
    let before = fs::read(closed.store.file()).unwrap();
    must_say(&closed.store.refusal(), &["edgekeep.redb", "a file format that only", "upgrade it"]);
    let config = format!("-config={}", closed.store.config().display());
    let (code, text) = run(&["operator", "diagnose", &config]);
    assert_eq!(code, Some(1), "{text}");
    must_say(&text.split_whitespace().collect::<Vec<_>>().join(" "), &["upgrade it"]);
    assert!(fs::read(closed.store.file()).unwrap() == before, "the file was changed");
}

#[test]
fn a_newer_seal_record() {
    let closed = Closed::new();
    closed.begin(SEAL, 2);
    must_say(&closed.store.refusal(), &["seal record is of version 2", UPGRADE]);
}

#[test]
fn a_newer_envelope_of_the_keyring_or_the_root_record() {
    for (key, name) in [(KEYRING, "keyring"), (ROOT, "root record")] {
        let closed = Closed::new();
        closed.begin(key, 2);
        let reply = closed.unsealing();
        assert_eq!(reply.status, 500, "{}", reply.json());
        must_say(&reply.json().to_string(), &[&format!("{name} is of version 2"), UPGRADE]);
    }
}

#[test]
fn a_newer_root_record_and_one_for_newer_programs() {
    let change = |change: &dyn Fn(&Unsealed) -> Vec<u8>| {
        let closed = Closed::new();
        let sealed = closed
            .unsealed(|store| store.keyring().seal_value(ROOT, &change(store), &SystemEntropy));
        closed.put(ROOT, &sealed);
        let reply = closed.unsealing();
        assert_eq!(reply.status, 500, "{}", reply.json());
        reply.json().to_string()
    };
    let newer = change(&|store| {
        let mut record = store.status().encode().to_vec();
        record[0] = 2;
        record
    });
    must_say(&newer, &["root record is of version 2", UPGRADE]);
    let demanding = change(&|store| {
        let mut record = store.status();
        record.readable_by = [9, 0, 0];
        record.encode().to_vec()
    });
    must_say(&demanding, &["the store needs edgekeep 9.0.0 or newer: upgrade it"]);
}

/// What a store has many of: the stamp of a snapshot, a lapse of the journal, where one was left.
const MANY: [(&[u8], &str); 3] = [
    (b"\0stamp\0\0\0\0\0\0\0\x07", "stamp of a snapshot"),
    (b"\0lapse\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02", "lapse of the journal"),
    (b"\0left\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02", "note of where a journal was left"),
];

#[test]
fn a_newer_one_of_many_records_of_the_system() {
    for (key, name) in MANY {
        let closed = Closed::new();
        closed.put(key, &[2, 0]);
        let reply = closed.unsealing();
        assert_eq!(reply.status, 500, "{}", reply.json());
        must_say(&reply.json().to_string(), &[&format!("{name} is of version 2"), UPGRADE]);
    }
}

#[test]
fn a_newer_one_of_many_records_in_a_snapshot() {
    let home = TempDir::new();
    for (key, name) in MANY {
        let closed = Closed::new();
        let storage = closed.storage();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let barrier = Barrier::new(storage.clone(), clock, entropy);
        let store = barrier.unseal(&closed.store.key()).unwrap();
        storage.write(Urgency::Ordinary, &mut |to| to.put(key, &[2, 0]).map(drop)).unwrap();
        let spool = Spools::new(home.path(), 0).open().unwrap();
        let now = SystemClock.wall();
        let taken = take(store.instant().unwrap(), spool, now, &SystemEntropy).unwrap();
        let file = home.path().join("newer.snap");
        taken.write_to(&mut fs::File::create(&file).unwrap()).unwrap();
        let error = verify(fs::File::open(&file).unwrap(), &closed.store.key()).unwrap_err();
        must_say(&error.to_string(), &["of version 2", UPGRADE]);
        let file = file.display().to_string();
        let into = format!("-into={}", home.path().join("into").display());
        for words in [&["snapshot", "inspect", &file][..], &["snapshot", "restore", &into, &file]] {
            let (code, text) = run(words);
            assert_eq!(code, Some(2), "{name}: {words:?}: {text}");
            must_say(&text, &["of version 2", UPGRADE]);
        }
    }
}

#[test]
fn a_newer_note_of_what_a_restore_has_to_do() {
    let place = [OWED, &[0; 4]].concat();
    let note = |write: &dyn Fn(&Key<32>) -> Vec<u8>| {
        let closed = Closed::new();
        let seal = closed.storage().view().unwrap().get(SEAL).unwrap().unwrap();
        let root_key = SealRecord::decode(&seal).unwrap().open(&closed.store.key()).unwrap();
        closed.put(RESTORED, &seal);
        closed.put(&place, &write(&root_key));
        let reply = closed.unsealing();
        assert_eq!(reply.status, 500, "{}", reply.json());
        let name = "note of what a restore has yet to do is of version 2";
        must_say(&reply.json().to_string(), &[name, UPGRADE]);
    };
    note(&|root_key| envelope::seal(root_key, NO_TERM, &place, &[2, 0], &SystemEntropy));
    note(&|_| vec![2, 0]);
}

/// What the programs keep for themselves.
fn with_record(path: &str) -> Closed {
    let closed = Closed::new();
    closed.unsealed(|store| {
        let write = store.transact(|txn| {
            txn.scope(MountId::SYSTEM).put(path, &[99])?;
            Ok::<_, TxnError>(())
        });
        write.unwrap();
    });
    closed
}

#[test]
fn a_newer_note_of_what_a_restore_brought_back() {
    for path in ["core/returned/one", "token/returned/one-0"] {
        let reply = with_record(path).unsealing();
        assert_eq!(reply.status, 500, "{}", reply.json());
        let says = ["of version 99, newer than this edgekeep knows: upgrade it"];
        must_say(&reply.json().to_string(), &says);
    }
}

#[test]
fn a_newer_record_of_what_was_watched_on_a_target() {
    let Closed { home, store } = with_record("core/snapshot-watched/box");
    let place = home.path().join("target");
    fs::create_dir(&place).unwrap();
    let server = store.having(&target(&place)).start();
    eventually("the log tells it", || server.output().contains("of version 99"));
    must_say(&server.output(), &["snapshots to box", "newer than this edgekeep knows: upgrade it"]);
}

#[test]
fn a_newer_record_of_a_target() {
    let closed = with_record("core/snapshot-auto/box");
    let server = closed.store.start();
    let root = closed.store.root(&server);
    let reply = root.get("sys/storage/raft/snapshot-auto/config/box");
    assert_eq!(reply.status, 500, "{}", reply.json());
    eventually("the log tells it", || server.output().contains("of version 99"));
    must_say(&server.output(), &["a record of version 99, newer than this edgekeep knows"]);
}

/// The frozen snapshot as a newer program might write it.
fn newer_snapshot() -> Vec<u8> {
    let closed = Closed::new();
    let server = closed.store.start();
    let file = closed.store.root(&server).get("sys/storage/raft/snapshot").body;
    let (mut frame, state) = read(&file[..], |_, from| {
        let mut state = Vec::new();
        std::io::copy(from, &mut state)?;
        Ok(state)
    })
    .unwrap();
    frame.meta.about.format = 2;
    frame.meta.about.readable_by = "9.0.0".into();
    archive(&frame.meta, &state, &frame.sealed)
}

#[test]
fn a_newer_snapshot() {
    let (home, says) =
        (TempDir::new(), "the snapshot needs edgekeep 9.0.0 or later: upgrade it first");
    let file = home.path().join("newer.snap");
    let newer = newer_snapshot();
    fs::write(&file, &newer).unwrap();
    let (file, into) = (file.display().to_string(), home.path().join("into"));
    let into_words = format!("-into={}", into.display());
    for words in [&["snapshot", "inspect", &file][..], &["snapshot", "restore", &into_words, &file]]
    {
        let (code, text) = run(words);
        assert_eq!(code, Some(2), "{words:?}: {text}");
        must_say(&text, &[says]);
    }
    assert!(!into.exists(), "nothing is made of it");
    let closed = Closed::new();
    let server = closed.store.start();
    let root = closed.store.root(&server);
    let reply = root.upload("sys/storage/raft/snapshot", &newer).unwrap();
    assert_eq!(reply.status, 400, "{}", reply.json());
    must_say(&reply.json().to_string(), &[says]);
    let reply = root.upload("sys/storage/raft/snapshot-load", &newer).unwrap();
    assert_eq!(reply.status, 400, "{}", reply.json());
    must_say(&reply.json().to_string(), &[says]);
}

/// The configuration of a target in that folder.
fn target(place: &Path) -> String {
    format!(
        "snapshot \"box\" {{\n  type = \"file\"\n  path_prefix = \"{}\"\n  interval = \"24h\"\n  \
         journal = true\n}}\n",
        place.display()
    )
}

/// A target whose segments were written by a newer program; what restoring it comes to.
fn restored(change: impl Fn(&Path)) -> (Option<i32>, String) {
    let home = TempDir::new();
    let place = home.path().join("target");
    fs::create_dir(&place).unwrap();
    let (store, server) = Store::configured(&home.path().join("data"), &target(&place));
    let root = store.root(&server);
    eventually("a snapshot is there", || newest(&place, ".snap").is_some());
    root.post("sys/mounts/kv", json!({ "type": "kv" }));
    eventually("a segment goes on from it", || newest(&place, ".seg") > newest(&place, ".snap"));
    drop(server);
    files(&place, ".seg").iter().for_each(|segment| change(segment));
    let (from, into) = (
        format!("-target={}", place.display()),
        format!("-into={}", home.path().join("into").display()),
    );
    let came = run(&["restore", &from, &into]);
    assert!(!home.path().join("into").exists(), "nothing is made: {}", came.1);
    came
}

/// The files there whose names end in this.
fn files(place: &Path, end: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![place.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match () {
                () if path.is_dir() => folders.push(path),
                () if path.display().to_string().ends_with(end) => found.push(path),
                () => {}
            }
        }
    }
    found
}

/// The highest revision that names of files there tell: of 16 digits, before a piece of what is in
/// the file, of as many.
fn newest(place: &Path, end: &str) -> Option<u64> {
    let revision = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let words = name.split(['.', '-']).filter(|word| word.len() == 16);
        words.filter_map(|word| u64::from_str_radix(word, 16).ok()).nth_back(1)
    };
    files(place, end).into_iter().filter_map(revision).max()
}

#[test]
fn a_newer_segment_of_the_journal() {
    let (code, text) = restored(|segment| {
        let mut file = fs::read(segment).unwrap();
        file[16] = 2;
        let end = file.len() - 64;
        let hash = sha256(&file[..end]);
        file[end..][..32].copy_from_slice(&hash);
        fs::write(segment, file).unwrap();
    });
    assert_eq!(code, Some(2), "{text}");
    must_say(&text, &["a segment of the journal is of version 2", UPGRADE]);
}

#[test]
fn a_newer_record_in_a_segment() {
    let closed = Closed::new();
    let keyring = closed.unsealed(|store| store.keyring());
    let (code, text) = restored(|path| {
        let bytes = fs::read(path).unwrap();
        let mut reader = SegmentReader::new(&bytes[..]).unwrap();
        let header = reader.header().clone();
        let mut writer = SegmentWriter::new(Vec::new(), &header).unwrap();
        while let Next::Entry(Entry { revision, step, after, mut record }) = reader.read().unwrap()
        {
            record[0] = 3;
            writer.entry(&Entry { revision, step, after, record }).unwrap();
        }
        fs::write(path, writer.finish(&keyring).unwrap()).unwrap();
    });
    assert_eq!(code, Some(2), "{text}");
    must_say(&text, &["a record of the journal is of version 3", UPGRADE]);
}
