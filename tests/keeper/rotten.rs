//! A store that is damaged on its own disk: no snapshot of it counts, and none that is good goes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::folder::files;
use super::remedies::{commands, does};
use super::snapshots::{target, world};
use super::support::world::World;
use super::support::{TempDir, data, eventually};

/// A world with a large secret, all of which is on its target.
fn kept(seed: u64, folder: &Path, more: &str) -> World {
    let settings = format!("  interval = \"24h\"\n  retain = 1\n{more}");
    let world = world(seed, folder, &settings);
    let root = world.root();
    eventually("there is a first one", || target(&root)["last_good"].is_object());
    let large: String = (0..40_000).map(|n| format!("{n:x}")).collect();
    assert_eq!(root.post("secret/large", json!({ "a": large })).status, 204);
    take(&world);
    eventually("it is there", || target(&root)["state"] == "good");
    world
}

fn take(world: &World) {
    let attempts = || target(&world.root())["attempts"].as_u64().unwrap();
    let before = attempts();
    assert_eq!(world.root().post("sys/snapshots/targets/disk/take", json!({})).status, 200);
    eventually("it was tried", || attempts() > before);
}

/// The snapshots there.
fn snapshots(folder: &Path) -> Vec<String> {
    let names = files(folder).into_iter().map(|(name, _)| name);
    names.filter(|name| name.ends_with(".snap")).collect()
}

/// A byte of the large secret rots, wherever the store's file has a copy of it.
fn rot(data: &Path, snapshot: &[u8]) {
    let path = data.join("edgekeep.redb");
    let mut store = fs::read(&path).unwrap();
    let piece = &snapshot[snapshot.len() / 2..][..64];
    let copies = store.windows(piece.len()).enumerate().filter(|(_, window)| *window == piece);
    let copies: Vec<usize> = copies.map(|(at, _)| at).collect();
    assert!(!copies.is_empty(), "the secret is in the store as in the snapshot");
    copies.into_iter().for_each(|at| store[at] ^= 1);
    fs::write(&path, store).unwrap();
}

pub fn none_of_a_rotten_store_is_put_and_what_is_there_brings_it_back() {
    for (seed, journal) in [(151, ""), (152, "  journal = true")] {
        let folder = TempDir::new();
        let mut world = kept(seed, folder.path(), journal);
        let good = target(&world.root())["last_good"].clone();
        let there = snapshots(folder.path());
        let [only] = &there[..] else { panic!("{there:?}") };
        let snapshot = fs::read(folder.path().join(only)).unwrap();
        world.while_off(|data| rot(data, &snapshot));
        let root = world.root();
        assert_eq!(root.get("secret/large").status, 500);

        take(&world);
        eventually("it is told", || target(&root)["state"] == "failing");
        assert_eq!(snapshots(folder.path()), there);
        assert_eq!(target(&root)["last_good"], good);
        let told = target(&root)["late"].as_str().unwrap().to_owned();
        assert!(told.contains("the store of this server is damaged"), "{told}");
        assert_eq!(data(&root.get("sys/snapshots/targets/disk"))["error"], told);
        let health = || world.client().get("sys/health?snapshots=1").json();
        let all = health()["degraded"].as_str().unwrap().to_owned();
        assert!(all.contains("target disk: this server's store is damaged"), "{all}");
        eventually("it is counted, too", || {
            health()["degraded"].as_str().unwrap().contains("changed behind the server's back")
        });

        let [remedy] = &commands(&told)[..] else { panic!("{told}") };
        does(&world, remedy);
        assert_eq!(root.get("secret/large").status, 200);
        eventually("all is well", || {
            world.advance(Duration::from_secs(2));
            target(&root)["state"] == "good" && health()["degraded"].is_null()
        });
        assert_eq!(target(&root)["late"], "");
    }
}

pub fn where_none_there_is_good_that_is_told_with_what_is_wrong() {
    let folder = TempDir::new();
    let world = kept(153, folder.path(), "");
    let [only] = &snapshots(folder.path())[..] else { panic!() };
    let path = folder.path().join(only);
    let mut snapshot = fs::read(&path).unwrap();
    let middle = snapshot.len() / 2;
    snapshot[middle] ^= 1;
    fs::write(&path, snapshot).unwrap();
    let restore = || {
        let wish = json!({ "at": "latest", "dry_run": true });
        world.root().post("sys/snapshots/targets/disk/restore", wish)
    };
    let told = restore().json()["errors"].clone();
    let (why, help) = (told[0].as_str().unwrap(), told[1].as_str().unwrap());
    assert!(why.starts_with("no snapshot of this store on the target is good\n"), "{why}");
    assert!(why.contains(&format!("{only} does not count: ")), "{why}");
    let [remedy] = &commands(help)[..] else { panic!("{help}") };
    does(&world, remedy);
    assert_eq!(restore().status, 200);
}
