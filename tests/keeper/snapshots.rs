//! Snapshots come when they are due, are verified, and go when there are enough.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::folder::{held, stores};
use super::support::http::Client;
use super::support::world::World;
use super::support::{TempDir, data, eventually};

const HOUR: Duration = Duration::from_secs(3600);

/// A world with a target called `disk` in `folder`.
pub fn world(seed: u64, folder: &Path, more: &str) -> World {
    World::configured(seed, &configured(folder, more))
}

/// The configuration of that target.
pub fn configured(folder: &Path, more: &str) -> String {
    let path = folder.display();
    format!("snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{path}\"\n{more}\n}}")
}

/// How the target stands.
pub fn target(client: &Client) -> Value {
    data(&client.get("sys/snapshots/targets/disk"))
}

fn count(folder: &Path) -> usize {
    held(folder).snapshots.len()
}

pub fn they_come_by_themselves_and_as_many_stay_as_are_wanted() {
    let folder = TempDir::new();
    let world = world(1, folder.path(), "  interval = \"1h\"\n  retain = 2");
    let root = world.root();
    eventually("there is a first one", || target(&root)["last_good"].is_object());
    assert_eq!(target(&root)["state"], "good");
    let first = held(folder.path()).snapshots[0].revision;
    root.post("secret/a", json!({ "b": "c" }));
    for wanted in [2, 2, 2] {
        let before = target(&root)["attempts"].as_u64().unwrap();
        world.advance(HOUR);
        eventually("there is another", || target(&root)["attempts"].as_u64().unwrap() > before);
        eventually("there are two", || count(folder.path()) == wanted);
    }
    let left = held(folder.path()).snapshots;
    assert!(left[0].revision > first, "the oldest went");
    let status = data(&root.get("sys/storage/raft/snapshot-auto/status/disk"));
    assert_eq!(status["consecutive_errors"], 0);
    assert_eq!(status["last_snapshot_error"], "");
    let url = status["last_snapshot_url"].as_str().unwrap().strip_prefix("file://").unwrap();
    assert!(Path::new(url).is_file());
    assert_eq!(status["snapshot_url"], status["last_snapshot_url"]);
    let ended = status["last_snapshot_end"].clone();
    eventually("the next one is told", || {
        let status = data(&root.get("sys/storage/raft/snapshot-auto/status/disk"));
        status["next_snapshot_start"].as_str() > ended.as_str()
    });
}

pub fn a_target_that_was_away_catches_up_and_shows_in_health() {
    let home = TempDir::new();
    let folder = home.path().join("stick");
    let world = world(2, &folder, "  interval = \"1h\"");
    let root = world.root();
    eventually("it is seen that it is away", || target(&root)["state"] == "away");
    let told = || data(&root.get("sys/storage/raft/snapshot-auto/status/disk"));
    assert!(told()["consecutive_errors"].as_u64() > Some(0), "{}", told());
    assert!(told()["last_snapshot_error"].as_str().unwrap().contains("is not there"), "{}", told());
    world.advance(2 * HOUR);
    eventually("it is late", || target(&root)["late"] != "");
    let health = world.client().get("sys/health?snapshots=1&degradedcode=299");
    assert_eq!(health.status, 299, "{}", health.json());
    assert!(health.json()["snapshots"][0].as_str().unwrap().contains("disk"));
    assert_eq!(world.client().get("sys/health").status, 200);
    fs::create_dir(&folder).unwrap();
    eventually("it has its snapshot", || {
        world.advance(Duration::from_secs(2));
        target(&root)["state"] == "good"
    });
    assert_eq!(count(&folder), 1);
    let health = world.client().get("sys/health?snapshots=1");
    assert_eq!((health.status, health.json()["snapshots"].clone()), (200, json!([])));
    let metrics = world.root().get("sys/metrics?format=prometheus").body;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    assert!(metrics.contains("edgekeep_snapshot_target_good{target=\"disk\"} 1"), "{metrics}");
}

pub fn what_does_not_verify_counts_as_absent_and_the_last_good_one_stays() {
    let folder = TempDir::new();
    let mut world = world(3, folder.path(), "  interval = \"1h\"\n  retain = 1");
    eventually("there is one", || target(&world.root())["last_good"].is_object());
    let good = super::folder::files(folder.path())[0].1.clone();
    let bytes = fs::read(&good).unwrap();
    fs::write(&good, &bytes[..bytes.len() / 2]).unwrap();
    world.advance(Duration::from_secs(1));
    world.restart();
    let root = world.root();
    eventually("another one is taken", || {
        target(&root)["last_good"]["revision"].as_u64().is_some()
    });
    eventually("the torn one is dropped", || super::folder::files(folder.path()).len() == 1);
    assert!(!good.exists());
}

pub fn one_is_taken_when_it_is_asked_for() {
    let folder = TempDir::new();
    let world = world(4, folder.path(), "  interval = \"24h\"\n  keep_last = 9");
    let root = world.root();
    eventually("there is a first one", || target(&root)["last_good"].is_object());
    world.advance(Duration::from_secs(1));
    let answer = data(&root.post("sys/snapshots/targets/disk/take", json!({})));
    let wanted = answer["attempts"].as_u64().unwrap();
    eventually("it was taken", || target(&root)["attempts"].as_u64().unwrap() >= wanted);
    assert_eq!(count(folder.path()), 2);
    let listed = data(&root.get("sys/snapshots/targets/disk/list"));
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 2);
    assert_eq!(root.post("sys/snapshots/targets/none/take", json!({})).status, 404);
    assert_eq!(root.list("sys/snapshots/targets").status, 200);
}

pub fn two_servers_share_a_folder() {
    let folder = TempDir::new();
    let settings = "  interval = \"1h\"\n  journal = true";
    let (one, other) = (world(5, folder.path(), settings), world(6, folder.path(), settings));
    for world in [&one, &other] {
        eventually("both have one", || target(&world.root())["last_good"].is_object());
    }
    assert_eq!(stores(folder.path()).len(), 2);
    let root = one.root();
    let of = |path: &str| {
        data(&root.get(path))["snapshots"].as_array().map_or(0, |snapshots| snapshots.len())
    };
    assert_eq!(of("sys/snapshots/targets/disk/list"), 1);
    assert_eq!(of("sys/snapshots/targets/disk/list?all=true"), 2);
}

pub fn there_is_room_for_as_much_as_is_allowed() {
    let folder = TempDir::new();
    let world = world(7, folder.path(), "  interval = \"1h\"\n  local_max_space = \"1KiB\"");
    let root = world.root();
    eventually("it fails", || target(&root)["failed"].as_u64() > Some(0));
    let error = target(&root)["last_error"].as_str().unwrap().to_owned();
    assert!(error.contains("local_max_space"), "{error}");
    assert_eq!(count(folder.path()), 0);
}
