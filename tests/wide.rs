//! What a word of 32 bits does not hold: a file and a place in it, a date. `cross/test` runs this
//! on such machines.

mod support;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use edgekeep::barrier::names::TREE;
use redb::{Database, StorageBackend, TableDefinition};
use rustix::fs::{SeekFrom, seek};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::http::Client;
use support::store::Store;
use support::{Server, TempDir, data, free_address, program};

/// Fifty years.
const LATE: &str = "438000h";

/// A string that every date in so many years is after.
const NOT_BEFORE: &str = "2070";

#[test]
fn dates_after_2038_are_kept_and_go_on() {
    let folder = TempDir::new();
    let more = "max_lease_ttl = \"876000h\"\n";
    let (store, mut server) = Store::configured(&folder.path().join("data"), more);
    let root = store.root(&server);
    let mount = json!({ "type": "kv", "options": { "version": "2" } });
    assert_eq!(root.post("sys/mounts/late", mount).status, 204);
    assert_eq!(root.post("late/config", json!({ "delete_version_after": LATE })).status, 204);
    assert_eq!(root.post("late/data/a", json!({ "data": { "a": 1 } })).status, 200);
    let token = root.post("auth/token/create", json!({ "ttl": LATE, "policies": ["default"] }));
    let token = token.json()["auth"]["client_token"].as_str().unwrap().to_owned();

    let look = |root: &Client| {
        let found = data(&root.post("auth/token/lookup", json!({ "token": token })));
        is_late(&found["expire_time"]);
        assert!(found["ttl"].as_i64().unwrap() > 437_000 * 3600, "{found}");
        let found = data(&root.get("late/data/a"));
        assert_eq!(found["data"]["a"], 1);
        is_late(&found["metadata"]["deletion_time"]);
    };
    look(&root);
    server.kill();
    let server = store.start();
    let root = store.root(&server);
    look(&root);
    let longer = json!({ "token": token, "increment": "600000h" });
    assert_eq!(root.post("auth/token/renew", longer).status, 200);
    look(&root);
}

/// By the machine's clock, which `cross/test --in-2040` turns.
#[test]
fn tls_is_spoken_at_any_time() {
    let folder = TempDir::new();
    let (data, secured) = (folder.path().join("data"), free_address());
    let listener = format!("listener \"tcp\" {{\n  address = \"{secured}\"\n}}\n");
    let (_store, _server) = Store::configured(&data, &listener);
    let said = Command::new(program())
        .arg("status")
        .env("VAULT_ADDR", format!("https://{secured}"))
        .env("VAULT_CACERT", data.join("tls/ca.pem"))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn a_file_may_be_from_after_2038() {
    let folder = TempDir::new();
    let (store, mut server) = Store::make(&folder.path().join("data"));
    server.kill();
    let file = File::options().write(true).open(store.file()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(2_840_140_800)).unwrap();
    let config = format!("-config={}", store.config().display());
    let said = Command::new(program()).args(["operator", "diagnose", &config]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("later, 2060-01-01T00:00:00Z"), "{said}");
}

fn is_late(date: &Value) {
    assert!(date.as_str().unwrap() > NOT_BEFORE, "{date}");
}

/// Bytes of what lies before anything that the server writes.
const BALLAST: u64 = 3 << 30;

/// Bytes of an entry that takes a page of [`PAGE`].
const LONG: usize = 33 << 20;
const PAGE: u64 = 64 << 20;

const ENTRIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("entries");

#[test]
#[ignore = "takes a minute, and is for machines of 32 bits"]
fn a_store_of_three_gigabytes_is_written_and_read() {
    let folder = TempDir::new();
    let (store, server) = Store::make(&folder.path().join("data"));
    let root = store.root(&server);
    let mount = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(root.post("sys/mounts/wide", mount).status, 204);
    end(server);
    let ballast = load(&store);
    let before = behind(&store);

    let server = store.start();
    let root = store.root(&server);
    let long = "x".repeat(10_000);
    for number in 0..100 {
        let body = json!({ "number": number, "x": long });
        assert_eq!(root.post(&format!("wide/{number}"), body).status, 204);
    }
    end(server);
    assert!(behind(&store) > before + (1 << 20), "the ballast is too short");

    let server = store.start();
    let root = store.root(&server);
    for number in 0..100 {
        assert_eq!(
            data(&root.get(&format!("wide/{number}"))),
            json!({ "number": number, "x": long })
        );
    }
    end(server);
    unload(&store, ballast);
    let server = store.start();
    store.verify(&server);
}

fn end(server: Server) {
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let (success, output) = server.wait();
    assert!(success, "{output}");
}

/// Bytes behind the ballast that are no hole.
fn behind(store: &Store) -> u64 {
    let file = File::open(store.file()).unwrap();
    let (mut at, mut bytes) = (BALLAST, 0);
    while let Ok(from) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(from)).unwrap();
        bytes += at - from;
    }
    bytes
}

fn open(store: &Store) -> Database {
    Database::builder().create_with_backend(Sparse::open(&store.file())).unwrap()
}

/// Fills the file with entries that nobody looks for: how many.
fn load(store: &Store) -> u64 {
    let database = open(store);
    // The pages of a size lie side by side: what is free before them is a half, a quarter...
    let whole = std::iter::repeat_n(LONG, (BALLAST / PAGE) as usize);
    let lengths = whole.chain((1..12).map(|halves| LONG >> halves));
    let mut count = 0;
    for length in lengths {
        let txn = database.begin_write().unwrap();
        let mut entries = txn.open_table(ENTRIES).unwrap();
        entries.insert_reserve(key(count).as_slice(), length).unwrap().as_mut().fill(0);
        drop(entries);
        txn.commit().unwrap();
        count += 1;
    }
    count
}

fn unload(store: &Store, count: u64) {
    let txn = open(store).begin_write().unwrap();
    let mut entries = txn.open_table(ENTRIES).unwrap();
    for number in 0..count {
        assert!(entries.remove(key(number).as_slice()).unwrap().is_some());
    }
    drop(entries);
    txn.commit().unwrap();
}

/// Among the entries of a mount that there is not: none of them is read to open the store.
fn key(number: u64) -> Vec<u8> {
    [&[TREE][..], &[0xff; 8], &number.to_be_bytes()].concat()
}

/// A file in which long zeros are holes.
#[derive(Debug)]
struct Sparse(File);

impl Sparse {
    fn open(path: &Path) -> Self {
        Self(File::options().read(true).write(true).open(path).unwrap())
    }
}

impl StorageBackend for Sparse {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = offset;
        for piece in bytes.chunks(1 << 20) {
            // The file has just grown by it.
            if piece.len() < 1 << 20 || piece.iter().any(|byte| *byte != 0) {
                self.0.write_all_at(piece, at)?;
            }
            at += piece.len() as u64;
        }
        Ok(())
    }
}
