//! A folder is the place that it was only with its mark in it: a disk is mounted over a folder that
//! is there without the disk, too.

use std::fs;
use std::path::Path;
use std::time::Duration;

use edgekeep::snapshot::target::folder::MARK;
use serde_json::json;

use super::folder::held;
use super::snapshots::{target, world};
use super::support::TempDir;
use super::support::eventually;
use super::support::world::World;

const SETTINGS: &str = "  interval = \"24h\"\n  keep_last = 99\n  journal = true";

fn is_well(world: &World) {
    let root = world.root();
    eventually("it is well and has all", || {
        world.advance(Duration::from_secs(2));
        let target = target(&root);
        let journal = &target["journal"];
        target["state"] == "good" && journal["behind"] == 0 && journal["revision"].is_u64()
    });
}

/// Waits until the server says that it is another place, in which there is nothing then.
fn is_another(world: &World, folder: &Path) {
    let root = world.root();
    root.post("secret/meanwhile", json!({ "a": "b" }));
    eventually("it is away", || {
        world.advance(Duration::from_secs(2));
        let target = target(&root);
        target["state"] == "away" && target["error"].as_str().unwrap().contains(MARK)
    });
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "something was written there");
}

pub fn where_its_disk_is_not_mounted_nothing_is_written_until_that_is_adopted() {
    let home = TempDir::new();
    let (folder, disk) = (home.path().join("mounted"), home.path().join("disk"));
    fs::create_dir(&folder).unwrap();
    let mut world = world(20, &folder, SETTINGS);
    is_well(&world);
    assert!(folder.join(MARK).is_file());
    fs::rename(&folder, &disk).unwrap();
    fs::create_dir(&folder).unwrap();
    is_another(&world, &folder);
    world.restart();
    is_another(&world, &folder);
    world.advance(Duration::from_secs(120));
    eventually("health tells of it", || {
        let health = world.client().get("sys/health?snapshots=1&degradedcode=299");
        let told = health.json()["snapshots"][0].as_str().unwrap_or_default().to_owned();
        health.status == 299 && told.contains("(away)")
    });
    let metrics = world.root().get("sys/metrics?format=prometheus").body;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    assert!(metrics.contains("edgekeep_snapshot_target_good{target=\"disk\"} 0"), "{metrics}");

    fs::remove_dir(&folder).unwrap();
    fs::rename(&disk, &folder).unwrap();
    is_well(&world);
    let there = held(&folder);
    assert_eq!(there.snapshots.len(), 1, "one base served for all of it");
    there.reach(there.timeline()).unwrap();

    fs::rename(&folder, &disk).unwrap();
    fs::create_dir(&folder).unwrap();
    is_another(&world, &folder);
    let root = world.root();
    assert_eq!(root.post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    is_well(&world);
    assert_eq!(held(&folder).timeline(), there.timeline(), "no history was left");

    // Also before the server has seen it.
    fs::remove_dir_all(&disk).unwrap();
    fs::rename(&folder, &disk).unwrap();
    fs::create_dir(&folder).unwrap();
    assert_eq!(root.post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    eventually("it is marked", || folder.join(MARK).is_file());
    is_well(&world);
    world.restart();
    is_well(&world);
}

pub fn a_target_that_is_removed_and_set_again_takes_any_folder() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let world = World::new(21);
    let root = world.root();
    let config = "sys/storage/raft/snapshot-auto/config/disk";
    let sent = json!({ "storage_type": "file", "path_prefix": folder, "interval": "24h" });
    assert_eq!(root.post(config, sent.clone()).status, 204);
    eventually("there is one", || target(&root)["last_good"].is_object());
    assert_eq!(root.delete(config).status, 204);
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    assert_eq!(root.post(config, sent).status, 204);
    eventually("there is another", || target(&root)["last_good"].is_object());
    assert_eq!(held(&folder).snapshots.len(), 1);
}
