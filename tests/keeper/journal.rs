//! The journal is on the target within seconds, without a gap and nothing twice.

use std::fs;
use std::path::Path;
use std::time::Duration;

use edgekeep::snapshot::inspect::inspect;
use edgekeep::snapshot::layout::SegmentName;
use serde_json::json;

use super::folder::{held, stores};
use super::snapshots::{target, world};
use super::support::world::World;
use super::support::{TempDir, eventually};

const SETTINGS: &str = "  interval = \"24h\"\n  keep_last = 99\n  journal = true";

/// Writes, and waits until the target has it all.
fn write_and_ship(world: &World, folder: &Path) -> u64 {
    let root = world.root();
    for number in 0..5 {
        assert_eq!(root.post(&format!("secret/{number}"), json!({ "a": "b" })).status, 204);
    }
    shipped(world, folder)
}

/// Waits until the target has all; up to which revision that is.
fn shipped(world: &World, folder: &Path) -> u64 {
    let root = world.root();
    eventually("all is shipped", || {
        let target = target(&root);
        target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
    });
    let there = held(folder);
    let reach = there.reach(there.timeline()).unwrap();
    assert!(reach >= target(&root)["journal"]["revision"].as_u64().unwrap());
    reach
}

pub fn it_is_shipped_and_goes_on_after_a_restart_a_crash_and_an_absence() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(1, &folder, SETTINGS);
    let first = write_and_ship(&world, &folder);
    world.restart();
    let second = write_and_ship(&world, &folder);
    assert!(second >= first + 5);
    world.crash();
    let third = write_and_ship(&world, &folder);
    assert!(third >= second + 5);
    let away = home.path().join("away");
    fs::rename(&folder, &away).unwrap();
    let root = world.root();
    for number in 0..5 {
        root.post(&format!("secret/{number}"), json!({ "a": "c" }));
    }
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    assert!(target(&root)["journal"]["behind"].as_u64().unwrap() >= 5);
    fs::rename(&away, &folder).unwrap();
    eventually("it is back", || {
        world.advance(Duration::from_secs(2));
        target(&root)["state"] == "good"
    });
    assert!(shipped(&world, &folder) >= third + 5);
    // One base served for all of it.
    assert_eq!(held(&folder).snapshots.len(), 1);
}

pub fn a_cut_journal_is_shipped_to_its_end_and_begun_anew() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let settings = format!("{SETTINGS}\n  journal_max = \"1MiB\"");
    let world = world(2, &folder, &settings);
    let first = write_and_ship(&world, &folder);
    let away = home.path().join("away");
    fs::rename(&folder, &away).unwrap();
    let root = world.root();
    let large = "x".repeat(400 << 10);
    for number in 0..5 {
        let reply = root.post(&format!("secret/{number}"), json!({ "a": large }));
        assert_eq!(reply.status, 204);
    }
    eventually("it is cut", || target(&root)["journal"]["cut"] == true);
    fs::rename(&away, &folder).unwrap();
    eventually("it goes on", || {
        world.advance(Duration::from_secs(2));
        let target = target(&root);
        target["state"] == "good" && target["journal"]["cut"] == false
    });
    eventually("it has a new base", || held(&folder).snapshots.len() == 2);
    root.post("secret/after", json!({ "a": "b" }));
    eventually("all is shipped", || target(&root)["journal"]["behind"] == 0);
    let there = held(&folder);
    let base = there.snapshots[1].revision;
    let segments = there.segments.iter().copied();
    let (before, after): (Vec<SegmentName>, Vec<_>) = segments.partition(|of| of.last < base);
    assert!(before.last().unwrap().last >= first + 2, "what was recorded before the cut is there");
    assert!(after.first().unwrap().first <= base + 1);
}

pub fn its_limit_holds_from_the_first_request_on() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(10, &folder, &format!("{SETTINGS}\n  journal_max = \"1MiB\""));
    write_and_ship(&world, &folder);
    fs::rename(&folder, home.path().join("away")).unwrap();
    world.restart();
    let root = world.root();
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        root.post(&format!("secret/{number}"), json!({ "a": large }));
    }
    // Nothing is written after that.
    eventually("it is cut", || target(&root)["journal"]["cut"] == true);
}

pub fn a_server_that_went_back_writes_nothing_over_and_may_go_on_beside() {
    let folder = TempDir::new();
    let mut world = world(3, folder.path(), SETTINGS);
    write_and_ship(&world, folder.path());
    world.remember();
    let far = write_and_ship(&world, folder.path());
    // An old copy of the disk is put back.
    world.go_back();
    let root = world.root();
    eventually("it is seen that the target is ahead", || target(&root)["state"] == "ahead");
    root.post("secret/other", json!({ "a": "b" }));
    let there = held(folder.path());
    assert_eq!(there.reach(there.timeline()), Some(far), "nothing was written over");
    root.post("sys/snapshots/targets/disk/adopt", json!({}));
    eventually("it goes on", || {
        world.advance(Duration::from_secs(2));
        target(&root)["state"] == "good"
    });
    write_and_ship(&world, folder.path());
    let mut both = held(folder.path());
    // What was written until then lies beside what was there.
    let beside = |of: &SegmentName| of.timeline == there.timeline() && !there.segments.contains(of);
    assert_eq!(both.segments.iter().filter(|of| beside(of)).count(), 1);
    both.segments.retain(|of| !beside(of));
    assert_eq!(both.reach(there.timeline()), Some(far));
    assert_eq!(both.timeline().number, there.timeline().number + 1);
}

pub fn what_was_written_before_a_restore_is_shipped_too() {
    let folder = TempDir::new();
    let world = world(4, folder.path(), SETTINGS);
    let root = world.root();
    write_and_ship(&world, folder.path());
    let snapshot = root.get("sys/storage/raft/snapshot").body;
    for number in 0..5 {
        root.post(&format!("secret/{number}"), json!({ "a": "later" }));
    }
    let before = held(folder.path()).timeline();
    let restored = root.upload("sys/storage/raft/snapshot", &snapshot).unwrap();
    assert!(restored.json()["warnings"][0].as_str().unwrap().contains("takes this back"));
    eventually("the new history has a base", || held(folder.path()).timeline() != before);
    write_and_ship(&world, folder.path());
    let there = held(folder.path());
    let restored = inspect(&snapshot[..]).unwrap().meta.about.revision;
    assert!(there.reach(before).unwrap() >= restored + 5, "what the restore took back is there");
}

pub fn a_name_that_tells_of_more_than_there_is_stops_nothing() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(9, &folder, SETTINGS);
    let first = write_and_ship(&world, &folder);
    let there = held(&folder);
    let store = folder.join(&stores(&folder)[0]);
    let (timeline, last) = (there.timeline(), u64::MAX >> 8);
    let garbage = [
        store.join(format!("journal/{timeline}/{:016x}-{last:016x}.1-1.{:016x}.seg", first + 1, 7)),
        store.join(format!("edgekeep-1.{timeline}.{last:016x}.{last:016x}.snap")),
    ];
    for path in &garbage {
        fs::write(path, "garbage").unwrap();
    }
    world.restart();
    let root = world.root();
    root.post("secret/1", json!({ "a": "after" }));
    eventually("it goes on", || {
        let target = target(&root);
        target["state"] == "good" && target["journal"]["behind"] == 0
    });
    garbage.iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(held(&folder).reach(timeline).unwrap() > first);
}

pub fn the_first_snapshot_is_where_the_journal_goes_on() {
    let folder = TempDir::new();
    let world = World::new(10);
    let root = world.root();
    let config = json!({
        "storage_type": "file", "path_prefix": folder.path(), "interval": "24h", "keep_last": 99,
        "journal": true,
    });
    assert_eq!(root.post("sys/storage/raft/snapshot-auto/config/disk", config).status, 204);
    // Who asks for it at once has it at once.
    assert_eq!(root.post("sys/snapshots/targets/disk/take", json!({})).status, 200);
    let mut number = 0;
    eventually("there is one, and more was written since", || {
        number += 1;
        assert_eq!(root.post(&format!("secret/{number}"), json!({ "a": "b" })).status, 204);
        target(&root)["last_good"].is_object()
    });
    eventually("all is shipped", || {
        let target = target(&root);
        target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
    });
    assert_eq!(held(folder.path()).snapshots.len(), 1);
    assert_eq!(target(&root)["journal"]["gap"], serde_json::Value::Null);
}

pub fn who_is_stopped_right_after_a_restore_ships_what_came_since() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(16, &folder, SETTINGS);
    write_and_ship(&world, &folder);
    for round in 2..6 {
        let file = world.root().get("sys/storage/raft/snapshot").body;
        write_and_ship(&world, &folder);
        let restored = world.root().upload("sys/storage/raft/snapshot", &file).unwrap();
        assert_eq!(restored.status, 200);
        assert_eq!(world.root().post("secret/since", json!({ "a": "b" })).status, 204);
        world.while_off(|_| {
            let there = held(&folder).segments;
            let came = there.iter().any(|of| of.timeline.number == round);
            assert!(came, "what was restored goes on there: {there:?}");
        });
    }
}
