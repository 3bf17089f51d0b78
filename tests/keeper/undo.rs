//! Before what cannot be undone: a mark where there is a journal, else a snapshot beside the store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edgekeep::api::VERSION;
use edgekeep::barrier::Barrier;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::txn::{Txn, TxnError};
use edgekeep::base::clock::{Clock as _, SystemClock, Timestamp};
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::record::Record;
use edgekeep::snapshot::inspect::inspect;
use edgekeep::storage::redb::{Options, Redb};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::folder::held;
use super::snapshots::{target, world};
use super::support::http::Reply;
use super::support::store::Store;
use super::support::world::World;
use super::support::{TempDir, data, eventually, program};

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
    let (_, told) = warning.split_once(": ").unwrap();
    let command = told.strip_prefix("`edgekeep snapshot restore ");
    let path = command.map_or(Some(told), |rest| rest.strip_suffix("` takes this back"));
    let path = PathBuf::from(path.unwrap());
    assert!(path.ends_with(name), "{warning}");
    let file = fs::File::open(&path).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let meta = inspect(file).unwrap().meta;
    (path, meta.about.revision)
}

pub fn without_a_journal_the_last_snapshot_of_each_kind_is_kept() {
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

pub fn a_rekey_says_what_is_kept() {
    let world = World::new(53);
    let done = rekeyed(&world);
    assert_eq!(done.json()["complete"], true);
    kept(&done, "before-rekey.snap");
}

fn rekeyed(world: &World) -> Reply {
    let root = world.root();
    let begun = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let begun = root.post("sys/rekey/init", begun).json();
    let share = json!({ "key": world.unseal_key(), "nonce": begun["nonce"] });
    root.post("sys/rekey/update", share)
}

/// Who restores into another folder asks no server where its targets are.
pub fn a_rekey_is_not_taken_back_from_a_target_that_no_configuration_has() {
    let (folder, world) = (TempDir::new(), World::new(58));
    let root = world.root();
    let settings = json!({
        "interval": "24h", "storage_type": "local", "journal": true,
        "path_prefix": folder.path().display().to_string(), "local_max_space": 100_000_000,
    });
    assert_eq!(root.post("sys/storage/raft/snapshot-auto/config/disk", settings).status, 204);
    eventually("there is a base", || {
        target(&root)["state"] == "good" && target(&root)["journal"]["behind"] == 0
    });
    kept(&rekeyed(&world), "before-rekey.snap");
}

pub fn what_cannot_be_kept_is_told_and_holds_up_nothing() {
    let world = World::new(54);
    let root = world.root();
    let (path, _) = kept(&root.post("sys/rotate", json!({})), "before-rotate.snap");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let told = warning(&root.post("sys/rotate", json!({})));
    assert!(told.starts_with("no snapshot is kept (before a rotation): "), "{told}");
    assert_eq!(root.get("sys/key-status").json()["term"], 3);
}

pub fn a_journal_is_marked_and_no_snapshot_kept() {
    let folder = TempDir::new();
    let world = world(55, folder.path(), "  interval = \"24h\"\n  journal = true");
    let root = world.root();
    eventually("there is a base", || {
        target(&root)["state"] == "good" && target(&root)["journal"]["behind"] == 0
    });
    let shipped = || target(&root)["state"] == "good" && target(&root)["journal"]["behind"] == 0;
    let told = warning(&root.post("sys/rotate", json!({})));
    let way = "the journal is marked (before a rotation): `edgekeep snapshot restore -target=disk \
               -revision=";
    assert!(told.starts_with(way) && told.ends_with("` takes this back"), "{told}");
    let present = target(&root)["journal"]["timeline"].as_str().unwrap().to_owned();
    assert!(told.contains(&format!(" -timeline={present}`")), "{told}");
    // The way back from a rekey is another.
    eventually("it is shipped", shipped);
    let told = warning(&rekeyed(&world));
    assert!(told.contains("to have the shares of before, restore that into another"), "{told}");
    assert!(told.contains("-into=FOLDER") && !told.contains("takes this back"), "{told}");
}

pub fn where_no_target_leads_back_to_the_mark_a_snapshot_is_kept_too() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    let world = world(57, &disk, "  interval = \"24h\"\n  journal = true");
    let root = world.root();
    root.post("secret/a", json!({ "b": "c" }));
    eventually("it is not there", || target(&root)["journal"] != Value::Null);
    // Nothing was ever there.
    let (path, _) = kept(&root.delete("sys/mounts/secret"), "before-disable.snap");
    assert_eq!(root.get("secret/a").status, 404);
    let disabled = fs::read(path).unwrap();
    kept(&root.upload("sys/storage/raft/snapshot", &disabled).unwrap(), "before-restore.snap");
    assert_eq!(data(&root.get("secret/a")), json!({ "b": "c" }));

    fs::create_dir(&disk).unwrap();
    world.advance(Duration::from_secs(3600));
    let shipped = || target(&root)["state"] == "good" && target(&root)["journal"]["behind"] == 0;
    eventually("there is a base", shipped);
    let told = warning(&root.post("sys/rotate", json!({})));
    assert!(told.starts_with("the journal is marked (before a rotation)"), "{told}");

    // All was there.
    eventually("it is shipped", shipped);
    fs::rename(&disk, home.path().join("away")).unwrap();
    root.post("secret/late", json!({ "b": "c" }));
    eventually("it is away", || target(&root)["state"] != "good");
    kept(&root.upload("sys/storage/raft/snapshot", &disabled).unwrap(), "before-restore.snap");
}

pub fn the_history_that_a_restore_left_stays_for_a_while() {
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
    let revision = told.split("-revision=").nth(1).unwrap().split(' ').next().unwrap();
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
}

pub fn the_history_that_was_left_yields_only_if_that_makes_room() {
    let folder = TempDir::new();
    let more = "  interval = \"12h\"\n  retain = 1\n  local_max_space = \"1MiB\"";
    let world = world(57, folder.path(), more);
    let root = world.root();
    let good = || target(&root)["state"] == "good" && target(&root)["last_good"].is_object();
    eventually("there is a first one", good);
    let left = target(&root)["last_good"]["timeline"].clone();
    let early = root.get("sys/storage/raft/snapshot").body;
    assert_eq!(root.upload("sys/storage/raft/snapshot", &early).unwrap().status, 200);
    world.advance(Duration::from_secs(12 * 3600));
    let present = || target(&root)["last_good"]["timeline"] != left;
    eventually("the new history has one", || good() && present());
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        root.post(&format!("secret/{number}"), json!({ "a": large }));
    }
    world.advance(Duration::from_secs(12 * 3600));
    eventually("there is no room", || {
        target(&root)["error"].as_str().unwrap().contains("local_max_space")
    });
    let there = held(folder.path()).snapshots;
    assert!(there.iter().any(|of| of.timeline.to_string() == left.as_str().unwrap()));
}

pub fn the_history_that_was_left_yields_where_that_makes_room() {
    let folder = TempDir::new();
    // Room for three.
    let more = "  interval = \"12h\"\n  keep_last = 2\n  local_max_space = \"1500000\"";
    let world = world(58, folder.path(), more);
    let root = world.root();
    let good = || target(&root)["state"] == "good" && target(&root)["last_good"].is_object();
    eventually("there is a first one", good);
    root.post("secret/large", json!({ "a": "x".repeat(400 << 10) }));
    let early = root.get("sys/storage/raft/snapshot").body;
    let of = |timeline: &Value| {
        let there = held(folder.path()).snapshots;
        there.iter().filter(|of| of.timeline.to_string() == timeline.as_str().unwrap()).count()
    };
    let is_taken = || {
        let url = || target(&root)["last_good"]["url"].clone();
        let before = url();
        world.advance(Duration::from_secs(12 * 3600));
        eventually("another one is taken", || good() && url() != before);
    };
    (0..3).for_each(|_| is_taken());
    let left = target(&root)["last_good"]["timeline"].clone();
    eventually("two are kept", || of(&left) == 2);
    assert_eq!(root.upload("sys/storage/raft/snapshot", &early).unwrap().status, 200);
    // Where all have room nothing goes, and then what was left does.
    let present = || target(&root)["last_good"]["timeline"] != left;
    eventually("the new history has one", || good() && present());
    assert_eq!(of(&left), 2);
    // One that is due comes beside the one that a restore takes at once.
    for most in [1, 0] {
        is_taken();
        eventually("what was left yields", || {
            world.advance(Duration::from_secs(61));
            of(&left) <= most
        });
    }
}

/// What the store says of the versions that had it, as they write it.
#[derive(Serialize, Deserialize)]
struct Versions(Vec<(String, Timestamp)>);

impl Record for Versions {
    const VERSION: u8 = 1;
}

/// And of a program that had it: its version, and which build of that.
#[derive(Clone, Serialize, Deserialize)]
struct Program(String, Option<[u8; 32]>);

/// Of the last one, and of the one before that.
#[derive(Serialize, Deserialize)]
struct Programs(Program, Option<Program>);

impl Record for Programs {
    const VERSION: u8 = 1;
}

/// As an older version would leave a store that no server has open.
fn is_of_version(name: &str, folder: &Path, store: &Store) {
    says(folder, store, "core/versions", &Versions(vec![(name.to_owned(), SystemClock.wall())]));
    says(folder, store, PROGRAMS, &Programs(Program(name.to_owned(), None), None));
}

const PROGRAMS: &str = "core/programs";

/// Looks into a store that no server has open, or changes it.
fn within<T>(folder: &Path, store: &Store, job: impl Fn(&mut Txn) -> Result<T, TxnError>) -> T {
    let clock = Arc::new(SystemClock);
    let storage = Arc::new(Redb::open(folder, Options::new(clock.clone())).unwrap());
    let barrier = Barrier::new(storage, clock, Arc::new(SystemEntropy));
    barrier.unseal(&store.key()).unwrap().transact(job).unwrap()
}

fn says(folder: &Path, store: &Store, place: &str, record: &impl Record) {
    within(folder, store, |txn| txn.scope(MountId::SYSTEM).write(place, record));
}

pub fn another_build_of_a_version_is_one_too() {
    let home = TempDir::new();
    let folder = home.path().join("data");
    let (store, server) = Store::make(&folder);
    drop(server);
    let kept = folder.join("before-upgrade.snap");
    // Another one has it, and this one again: each time that it changes there is a way back.
    let other = Program(VERSION.to_owned(), Some([1; 32]));
    for time in ["first", "second"] {
        says(&folder, &store, PROGRAMS, &Programs(other.clone(), None));
        drop(store.start());
        fs::remove_file(&kept).unwrap_or_else(|error| panic!("the {time} time: {error}"));
        drop(store.start());
        assert!(!kept.exists(), "it had it already");
    }
    // Who goes back has what was kept before the other one came, and has it anew with the next one.
    let read = |txn: &mut Txn| txn.scope(MountId::SYSTEM).read::<Programs>(PROGRAMS);
    let Programs(this, before) = within(&folder, &store, read).unwrap();
    assert_eq!(before.map(|Program(_, build)| build), Some(other.1));
    says(&folder, &store, PROGRAMS, &Programs(other, Some(this)));
    drop(store.start());
    assert!(!kept.exists(), "it is back");
    let Programs(_, before) = within(&folder, &store, read).unwrap();
    assert!(before.is_none());
    // Where nothing can be kept, it is told what is nearest to that.
    fs::create_dir_all(kept.join("taken")).unwrap();
    says(&folder, &store, PROGRAMS, &Programs(Program(VERSION.to_owned(), None), None));
    let told = store.start().output();
    assert!(told.contains("another build of it has it now: a way back first"), "{told}");
    let not_kept =
        told.lines().find(|line| line.contains("no snapshot is kept (before an upgrade)"));
    assert!(not_kept.is_some_and(|line| line.contains("edgekeep snapshot save FILE")), "{told}");
}

pub fn before_a_version_has_the_store_that_one_before_it_left_there_is_a_way_back() {
    let home = TempDir::new();
    let (folder, disk) = (home.path().join("data"), home.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let (store, server) = Store::make(&folder);
    drop(server);
    let kept = folder.join("before-upgrade.snap");
    drop(store.start());
    assert!(!kept.exists(), "it had it already");
    is_of_version("0.0.9", &folder, &store);
    let server = store.start();
    let meta = inspect(fs::File::open(&kept).unwrap()).unwrap().meta;
    let versions = store.root(&server).list("sys/version-history").json();
    assert_eq!(versions["data"]["keys"], json!(["0.0.9", VERSION]));
    drop(server);
    // The file is as that version left the store.
    let before = home.path().join("before");
    let (into, file) = (format!("-into={}", before.display()), kept.display().to_string());
    let words = ["snapshot", "restore", &into, &file];
    let mut restore = std::process::Command::new(program());
    assert!(restore.args(words).status().unwrap().success());
    fs::remove_file(&kept).unwrap();
    drop(store.start());
    assert!(!kept.exists(), "only the first time");

    // With a journal that is marked.
    let target = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{}\"\n  interval = \"24h\"\n  \
         journal = true\n}}\n",
        disk.display()
    );
    let store = store.moved(&before).having(&target);
    let server = store.start();
    let journal =
        || data(&store.root(&server).get("sys/snapshots/targets/disk"))["journal"].clone();
    eventually("there is a journal", || journal()["behind"] == 0);
    drop(server);
    is_of_version("0.0.8", &before, &store);
    let server = store.start();
    let log = || data(&store.root(&server).get("sys/snapshots/targets/disk/log"));
    let marked = |commit: &Value| commit["mark"] == "before an upgrade";
    assert!(log()["commits"].as_array().unwrap().iter().any(marked), "{}", log());
    assert!(meta.about.revision > 0);
}
