//! A snapshot that cannot be put keeps nothing else back.

use std::time::Duration;

use serde_json::json;

use super::folder::held;
use super::snapshots::{target, world};
use super::support::{TempDir, eventually};

const HOUR: Duration = Duration::from_secs(3600);

pub fn the_journal_goes_on_and_room_can_be_made_while_no_snapshot_fits() {
    let folder = TempDir::new();
    let settings =
        "  interval = \"1h\"\n  retain = 7\n  local_max_space = \"1MiB\"\n  journal = true";
    let world = world(70, folder.path(), settings);
    let root = world.root();
    let count = || held(folder.path()).snapshots.len();
    let shipped = || {
        let journal = target(&root)["journal"].clone();
        journal["behind"] == 0 && journal["revision"].is_u64()
    };
    eventually("there is one", || count() == 1);
    world.advance(HOUR);
    eventually("there are two", || count() == 2 && target(&root)["state"] == "good");
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        root.post(&format!("secret/{number}"), json!({ "a": large }));
    }
    eventually("it is shipped", shipped);
    world.advance(HOUR);
    let refused = || target(&root)["error"].as_str().unwrap().contains("local_max_space");
    eventually("the next one has no room", || refused() && target(&root)["state"] == "failing");
    // No time passes: what is committed goes there all the same.
    root.post("secret/a", json!({ "b": "c" }));
    eventually("it is shipped while no snapshot fits", shipped);
    assert!(refused() && target(&root)["state"] == "failing", "it is told all the while");
    let forgotten = root.post("sys/snapshots/targets/disk/forget", json!({ "keep_last": 1 }));
    assert_eq!(forgotten.status, 200, "{}", forgotten.json());
    assert_eq!(count(), 1);
    for number in 0..4 {
        root.delete(&format!("secret/{number}"));
    }
    eventually("the next one fits", || {
        world.advance(Duration::from_secs(2));
        count() == 2 && target(&root)["state"] == "good"
    });
    assert_eq!(target(&root)["error"], "");
}
