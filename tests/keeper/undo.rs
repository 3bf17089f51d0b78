//! Before what cannot be undone: a mark where there is a journal, else a snapshot beside the store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use edgekeep::snapshot::inspect::inspect;
use serde_json::{Value, json};

use super::folder::held;
use super::snapshots::{target, world};
use super::support::http::Reply;
use super::support::world::World;
use super::support::{TempDir, data, eventually};

/// The one warning of an answer.
fn warning(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.json());
    let warnings = reply.json()["warnings"].clone();
    assert_eq!(warnings.as_array().map(Vec::len), Some(1), "{warnings}");
    warnings[0].as_str().unwrap().to_owned()
}

/// The file that a warning names, as it should be; the last commit in it.
fn kept(reply: &Reply, name: &str) -> (PathBuf, u64) {
    let warning = warning(reply);
    let path = PathBuf::from(warning.split_once(": ").unwrap().1);
    assert!(path.ends_with(name), "{warning}");
    let file = fs::File::open(&path).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let meta = inspect(file).unwrap().meta;
    (path, meta.about.revision)
}

#[test]
fn without_a_journal_the_last_snapshot_of_each_kind_is_kept() {
    let world = World::new(51);
    let root = world.root();
    let secret = json!({ "b": "c" });
    root.post("secret/a", secret.clone());
    let (_, first) = kept(&root.delete("sys/mounts/secret"), "before-disable.snap");
    assert_eq!(root.delete("sys/mounts/none").status, 204, "nothing goes");
    let (_, rotated) = kept(&root.post("sys/rotate", json!({})), "before-rotate.snap");
    assert!(rotated > first);

    // The way back.
    let (path, second) = kept(&root.post("sys/rotate", json!({})), "before-rotate.snap");
    assert!(second > rotated, "the last one of its kind");
    let folder = path.parent().unwrap().to_owned();
    let disabled = fs::read(folder.join("before-disable.snap")).unwrap();
    let restored = root.upload("sys/storage/raft/snapshot", &disabled).unwrap();
    let (_, replaced) = kept(&restored, "before-restore.snap");
    assert_eq!(data(&root.get("secret/a")), secret);

    // What is refused leaves what is kept.
    assert_eq!(root.upload("sys/storage/raft/snapshot", b"no snapshot").unwrap().status, 400);
    let stranger = World::new(52);
    let other = stranger.root().get("sys/storage/raft/snapshot").body;
    assert_eq!(root.upload("sys/storage/raft/snapshot", &other).unwrap().status, 400);
    let left = inspect(fs::File::open(folder.join("before-restore.snap")).unwrap()).unwrap();
    assert_eq!(left.meta.about.revision, replaced);
}

#[test]
fn a_rekey_says_what_is_kept() {
    let world = World::new(53);
    let root = world.root();
    let begun = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let begun = root.post("sys/rekey/init", begun).json();
    let share = json!({ "key": world.unseal_key(), "nonce": begun["nonce"] });
    let done = root.post("sys/rekey/update", share);
    assert_eq!(done.json()["complete"], true);
    kept(&done, "before-rekey.snap");
}

#[test]
fn what_cannot_be_kept_is_told_and_holds_up_nothing() {
    let world = World::new(54);
    let root = world.root();
    let (path, _) = kept(&root.post("sys/rotate", json!({})), "before-rotate.snap");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let told = warning(&root.post("sys/rotate", json!({})));
    assert!(told.starts_with("no snapshot is kept (before a rotation): "), "{told}");
    assert_eq!(root.get("sys/key-status").json()["term"], 3);
}

#[test]
fn a_journal_is_marked_and_no_snapshot_kept() {
    let folder = TempDir::new();
    let world = world(55, folder.path(), "  interval = \"24h\"\n  journal = true");
    let root = world.root();
    eventually("there is a journal", || target(&root)["journal"] != Value::Null);
    let told = warning(&root.post("sys/rotate", json!({})));
    assert!(told.starts_with("the journal is marked (before a rotation)"), "{told}");
}

#[test]
fn the_history_that_a_restore_left_stays_for_a_while() {
    let folder = TempDir::new();
    let world = world(56, folder.path(), "  interval = \"12h\"\n  retain = 1\n  journal = true");
    let root = world.root();
    let shipped = || target(&root)["journal"]["behind"] == 0 && target(&root)["state"] == "good";
    eventually("there is a base", shipped);
    let early = root.get("sys/storage/raft/snapshot").body;
    root.post("secret/late", json!({ "b": "c" }));
    eventually("it is shipped", shipped);
    let left = target(&root)["last_good"]["timeline"].clone();
    let told = warning(&root.upload("sys/storage/raft/snapshot", &early).unwrap());
    let revision = told.split("transaction ").nth(1).unwrap().split(' ').next().unwrap();
    let revision: u64 = revision.parse().unwrap();
    let step = |hours: u64| {
        let before = target(&root)["attempts"].as_u64().unwrap();
        world.advance(Duration::from_secs(hours * 3600));
        eventually("there is another", || target(&root)["attempts"].as_u64().unwrap() > before);
        eventually("it is over", || target(&root)["state"] == "good");
    };
    step(12);
    step(12);
    assert_eq!(root.get("secret/late").status, 404);
    let of_left = || {
        let there = held(folder.path()).snapshots;
        there.iter().filter(|of| of.timeline.to_string() == left.as_str().unwrap()).count()
    };
    assert_eq!(of_left(), 1);

    // It was a mistake.
    let back = json!({ "revision": revision, "timeline": left });
    let back = root.post("sys/snapshots/targets/disk/restore", back);
    assert_eq!(back.status, 200, "{}", back.json());
    assert_eq!(root.get("secret/late").status, 200);
    step(12);
    (0..5).for_each(|_| step(48));
    eventually("in the end it goes", || of_left() == 0);
}
