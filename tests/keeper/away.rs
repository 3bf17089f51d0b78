//! What is told of a target that cannot be reached.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::snapshots::{target, world};
use super::support::world::World;
use super::support::{TempDir, data, eventually};

pub fn one_that_never_had_a_snapshot_is_told_of_within_a_minute() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    let mut world = world(1, &folder, "  interval = \"24h\"");
    let root = world.root();
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    assert_eq!(target(&root)["late"], "");
    world.advance(Duration::from_secs(70));
    let health = || world.client().get("sys/health?snapshots=1").json()["snapshots"].clone();
    eventually("it is told", || {
        let told = health()[0].as_str().unwrap_or_default().to_owned();
        told.contains("target disk: no good snapshot is known there") && told.contains("(away)")
    });
    assert!(target(&root)["late"].as_str().unwrap().contains("mount"));
    fs::create_dir(&folder).unwrap();
    eventually("it has one", || {
        world.advance(Duration::from_secs(2));
        target(&root)["state"] == "good"
    });
    eventually("nothing is told any more", || health() == json!([]));
    // One that had some may be away for half an interval, also after a restart.
    fs::rename(&folder, home.path().join("away")).unwrap();
    world.restart();
    let root = world.root();
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    world.advance(Duration::from_secs(70));
    let before = target(&root)["errors"].clone();
    eventually("it was looked again", || {
        world.advance(Duration::from_secs(2));
        target(&root)["errors"] != before
    });
    assert_eq!(target(&root)["late"], "");
}

pub fn how_far_it_is_behind_is_counted_from_what_it_had() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(2, &folder, "  interval = \"24h\"\n  journal = true");
    let root = world.root();
    for number in 0..40 {
        assert_eq!(root.post(&format!("secret/{number}"), json!({ "a": "b" })).status, 204);
    }
    eventually("all is shipped", || {
        let target = target(&root);
        target["state"] == "good" && target["journal"]["behind"] == 0
    });
    fs::rename(&folder, home.path().join("away")).unwrap();
    assert_eq!(root.post("secret/after", json!({ "a": "b" })).status, 204);
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    for _ in 0..3 {
        let before = target(&root)["errors"].clone();
        eventually("it was looked again", || {
            world.advance(Duration::from_secs(2));
            target(&root)["errors"] != before
        });
        let behind = target(&root)["journal"]["behind"].as_u64().unwrap();
        assert!((1..=5).contains(&behind), "{behind}");
    }
    // After a restart nobody knows what it had.
    world.restart();
    let root = world.root();
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    assert_eq!(target(&root)["journal"]["behind"], Value::Null);
    world.advance(Duration::from_secs(70));
    let health = || world.client().get("sys/health?snapshots=1").json()["snapshots"].clone();
    eventually("it is told for how long", || {
        health()[0].as_str().unwrap_or_default().contains("its journal is 7")
    });
    fs::rename(home.path().join("away"), &folder).unwrap();
    eventually("it has all", || {
        world.advance(Duration::from_secs(2));
        target(&root)["journal"]["behind"] == 0
    });
}

pub fn each_target_that_is_late_is_named() {
    let home = TempDir::new();
    let block = |name: &str| {
        let path = home.path().join(name);
        format!(
            "snapshot \"{name}\" {{\n  type = \"file\"\n  path_prefix = \"{}\"\n  interval = \
             \"24h\"\n}}\n",
            path.display()
        )
    };
    let world = World::configured(3, &(block("one") + &block("two")));
    let root = world.root();
    let state =
        |name: &str| data(&root.get(&format!("sys/snapshots/targets/{name}")))["state"].clone();
    eventually("both are away", || state("one") == "away" && state("two") == "away");
    world.advance(Duration::from_secs(70));
    eventually("both are told of", || {
        let health = world.client().get("sys/health?snapshots=1").json();
        let told = health["degraded"].as_str().unwrap_or_default().to_owned();
        ["one", "two"].iter().all(|name| {
            told.contains(&format!("target {name}: no good snapshot"))
                && told.contains(&format!("`edgekeep snapshot status {name}`"))
        })
    });
}

pub fn one_that_is_late_has_not_caught_up_by_a_restore() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let world = world(3, &folder, "  interval = \"24h\"\n  journal = true");
    let root = world.root();
    assert_eq!(root.post("secret/a", json!({ "a": "b" })).status, 204);
    eventually("all is shipped", || {
        let target = target(&root);
        target["state"] == "good" && target["journal"]["behind"] == 0
    });
    let file = root.get("sys/storage/raft/snapshot").body;
    fs::rename(&folder, home.path().join("away")).unwrap();
    assert_eq!(root.post("secret/a", json!({ "a": "c" })).status, 204);
    world.advance(Duration::from_secs(70));
    eventually("it is told", || {
        world.advance(Duration::from_secs(2));
        target(&root)["state"] == "away" && target(&root)["late"] != ""
    });
    let before = target(&root);
    assert_eq!(root.upload("sys/storage/raft/snapshot", &file).unwrap().status, 200);
    let is_told = |told: &Value| {
        let seconds = |of: &Value| of["journal"]["behind_seconds"].as_u64();
        told["late"] != ""
            && told["journal"]["behind"].is_u64()
            && seconds(told) >= seconds(&before)
    };
    for _ in 0..20 {
        world.advance(Duration::from_secs(1));
        let told = target(&root);
        assert!(is_told(&told), "{told:#}");
    }
    assert_ne!(target(&root)["journal"]["timeline"], before["journal"]["timeline"]);
    fs::rename(home.path().join("away"), &folder).unwrap();
    eventually("it has caught up", || {
        world.advance(Duration::from_secs(2));
        let told = target(&root);
        told["journal"]["behind"] == 0 && told["late"] == ""
    });
}

pub fn a_journal_that_came_to_its_limit_is_told_before_a_snapshot_that_is_late() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let settings = "  interval = \"24h\"\n  journal = true\n  journal_max = \"1MiB\"";
    let world = world(5, &folder, settings);
    let root = world.root();
    eventually("all is shipped", || target(&root)["state"] == "good");
    fs::rename(&folder, home.path().join("away")).unwrap();
    let late = || target(&root)["late"].as_str().unwrap_or_default().to_owned();
    world.advance(Duration::from_secs(3 * 24 * 60 * 60));
    eventually("a snapshot is late", || late().contains("overdue"));
    let large = "x".repeat(400 << 10);
    for number in 0..5 {
        let reply = root.post(&format!("secret/{number}"), json!({ "a": large }));
        assert_eq!(reply.status, 204);
    }
    eventually("the limit is told", || late().contains("the journal came to its limit"));
}
