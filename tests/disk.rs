//! The store on real files: who may open it, what a full, a read-only and a damaged disk do to it.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use edgekeep::base::clock::SystemClock;
use edgekeep::storage::redb::{Options, Redb};
use edgekeep::storage::{Storage, StorageError, Urgency, contract};
use support::TempDir;

fn options() -> Options {
    Options { floor_bytes: 0, ..Options::new(Arc::new(SystemClock)) }
}

fn open(folder: &Path) -> Result<Redb, StorageError> {
    Redb::open(folder, options())
}

fn put(store: &Redb, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
    store.write(Urgency::Ordinary, &mut |to| to.put(key, value).map(|_| ()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_keeps_the_contract() {
    let scratch = TempDir::new();
    let count = std::cell::Cell::new(0);
    contract::run(&|| {
        count.set(count.get() + 1);
        Box::new(open(&scratch.path().join(count.get().to_string())).unwrap())
    })
    .unwrap();
}

#[test]
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

#[test]
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

#[test]
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
