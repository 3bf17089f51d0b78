//! What lies on a target and is gone, or went bad, is told and made good at once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use serde_json::json;

use super::folder::{files, held};
use super::snapshots::{target, world};
use super::support::http::Client;
use super::support::{TempDir, data, eventually};

pub fn metrics(root: &Client) -> String {
    String::from_utf8_lossy(&root.get("sys/metrics?format=prometheus").body).into_owned()
}

pub fn one_that_was_emptied_has_a_base_again_at_once() {
    let folder = TempDir::new();
    let settings = "  interval = \"24h\"\n  keep_last = 99\n  journal = true";
    let world = world(30, folder.path(), settings);
    let root = world.root();
    let shipped = || {
        let target = target(&root);
        target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
    };
    root.post("secret/a", json!({ "a": "b" }));
    eventually("all is shipped", shipped);
    let before = held(folder.path());
    let since = target(&root)["history_since"].clone();
    assert_eq!(since, target(&root)["last_good"]["time"]);
    world.advance(Duration::from_secs(2));
    files(folder.path()).into_iter().for_each(|(_, path)| fs::remove_file(path).unwrap());
    // No time passes: it is seen when the next commit goes there.
    root.post("secret/b", json!({ "a": "b" }));
    eventually("it has a base", || !held(folder.path()).snapshots.is_empty());
    root.post("secret/c", json!({ "a": "b" }));
    eventually("all is shipped", shipped);
    let after = held(folder.path());
    assert!(after.snapshots[0].revision > before.snapshots[0].revision);
    after.reach(after.timeline()).unwrap();
    assert_eq!(target(&root)["damage"], "");
    // That it was emptied is seen for as long as that matters.
    assert_ne!(target(&root)["history_since"], since);
    assert_eq!(target(&root)["history_since"], target(&root)["last_good"]["time"]);
    let told = metrics(&root);
    assert!(told.contains("edgekeep_snapshot_target_damages_total{target=\"disk\"} 1"), "{told}");
}

pub fn one_that_went_bad_is_told_until_a_good_one_stands() {
    let folder = TempDir::new();
    let settings = "  interval = \"24h\"\n  local_max_space = \"1MiB\"\n  verify_after = \"1h\"";
    let world = world(31, folder.path(), settings);
    let root = world.root();
    eventually("there is one", || target(&root)["last_good"].is_object());
    // The next one has no room.
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        root.post(&format!("secret/{number}"), json!({ "a": large }));
    }
    let (_, path) = files(folder.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    world.advance(Duration::from_secs(3601));
    eventually("it is told", || {
        target(&root)["damage"].as_str().unwrap().contains("went bad")
            && target(&root)["state"] == "failing"
    });
    let health = world.client().get("sys/health?snapshots=1&degradedcode=299");
    let told = health.json()["snapshots"][0].as_str().unwrap_or_default().to_owned();
    assert_eq!(health.status, 299);
    assert!(told.contains("went bad"), "{told}");
    let late = target(&root)["late"].as_str().unwrap().to_owned();
    assert!(late.contains("went bad") && late.contains("local_max_space"), "{late}");
    let told = metrics(&root);
    assert!(told.contains("edgekeep_snapshot_target_damaged{target=\"disk\"} 1"), "{told}");
    for number in 0..4 {
        root.delete(&format!("secret/{number}"));
    }
    eventually("a good one stands", || {
        world.advance(Duration::from_secs(2));
        target(&root)["damage"] == "" && target(&root)["state"] == "good"
    });
    assert_eq!(data(&root.get("sys/snapshots/targets/disk"))["error"], "");
    assert_eq!(world.client().get("sys/health?snapshots=1").status, 200);
    let told = metrics(&root);
    assert!(told.contains("edgekeep_snapshot_target_damaged{target=\"disk\"} 0"), "{told}");
}

/// A journal of three segments behind one base, of which the middle one is told.
fn three_segments(seed: u64, folder: &TempDir) -> (super::support::world::World, PathBuf) {
    let settings = "  interval = \"24h\"\n  keep_last = 99\n  journal = true";
    let world = world(seed, folder.path(), settings);
    let root = world.root();
    for name in ["a", "b", "c"] {
        root.post(&format!("secret/{name}"), json!({ "a": "b" }));
        eventually("all is shipped", || {
            let target = target(&root);
            target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
        });
    }
    let files = files(folder.path()).into_iter().map(|(_, path)| path);
    let segments: Vec<PathBuf> = files.filter(|path| path.extension().unwrap() == "seg").collect();
    let middle = segments[segments.len() / 2].clone();
    assert_ne!(Some(&middle), segments.last());
    (world, middle)
}

/// What is behind the middle segment can be reached again, by a snapshot that was taken at once.
fn is_made_good(root: &Client, folder: &TempDir, present: u64) {
    eventually("there is a new base", || {
        let target = target(root);
        let good = target["last_good"]["revision"].as_u64();
        good.is_some_and(|good| good >= present) && target["damage"] == ""
    });
    let snapshots = files(folder.path()).into_iter().filter(|(name, _)| name.ends_with(".snap"));
    assert_eq!(snapshots.count(), 2);
    let told = metrics(root);
    assert!(told.contains("edgekeep_snapshot_target_damages_total{target=\"disk\"} 1"), "{told}");
}

pub fn a_segment_that_was_changed_is_found_when_it_is_read_back() {
    let folder = TempDir::new();
    let (world, middle) = three_segments(32, &folder);
    let root = world.root();
    let present = target(&root)["journal"]["revision"].as_u64().unwrap();
    let mut bytes = fs::read(&middle).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&middle, bytes).unwrap();
    root.post("sys/snapshots/targets/disk/verify", json!({}));
    is_made_good(&root, &folder, present);
}

pub fn a_segment_that_was_cut_is_found_at_the_next_look() {
    let folder = TempDir::new();
    let (world, middle) = three_segments(33, &folder);
    let root = world.root();
    let present = target(&root)["journal"]["revision"].as_u64().unwrap();
    let bytes = fs::read(&middle).unwrap();
    fs::write(&middle, &bytes[..bytes.len() / 2]).unwrap();
    root.post("secret/d", json!({ "a": "b" }));
    is_made_good(&root, &folder, present);
}

pub fn a_made_up_name_accuses_no_file_of_ones_own() {
    let folder = TempDir::new();
    let (world, middle) = three_segments(34, &folder);
    let root = world.root();
    let name = middle.file_name().unwrap().to_str().unwrap();
    let (first, rest) = name.split_once('-').unwrap();
    let (start, _) = rest.rsplit_once('.').and_then(|(rest, _)| rest.rsplit_once('.')).unwrap();
    let first = u64::from_str_radix(first, 16).unwrap() - 1;
    // It ends where ours does, by another chain, and begins before it.
    let made_up = middle.with_file_name(format!("{first:016x}-{start}.{:016x}.seg", 0xcccc));
    fs::write(made_up, "garbage").unwrap();
    for number in 0..3 {
        root.post(&format!("secret/{number}"), json!({ "a": "b" }));
        eventually("it is shipped all the same", || {
            let target = target(&root);
            target["journal"]["behind"] == 0 && target["state"] == "good"
        });
    }
    eventually("it is told of", || {
        target(&root)["unusable"]
            .as_str()
            .unwrap()
            .starts_with("1 of the files there do not verify")
    });
}

pub fn what_rotted_since_it_was_put_takes_no_good_one_along() {
    let folder = TempDir::new();
    let world = world(36, folder.path(), "  interval = \"24h\"\n  keep_last = 99");
    let root = world.root();
    eventually("there is one", || target(&root)["last_good"].is_object());
    for wanted in 2..=4 {
        world.advance(Duration::from_secs(1));
        root.post("sys/snapshots/targets/disk/take", json!({}));
        eventually("there is another", || held(folder.path()).snapshots.len() == wanted);
    }
    eventually("it rests", || target(&root)["state"] == "good");
    let files = files(folder.path());
    let (rotten, good) = (&files[3].1, &files[2].1);
    let mut bytes = fs::read(rotten).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(rotten, bytes).unwrap();
    let forget =
        |wish| data(&root.post("sys/snapshots/targets/disk/forget", wish))["snapshots"].clone();
    let names: Vec<&String> = files[..2].iter().map(|(name, _)| name).collect();
    assert_eq!(forget(json!({ "keep_last": 1 })), json!(names));
    assert!(good.exists());
    eventually("a good one is taken in the place of what is bad", || {
        target(&root)["damage"] == "" && held(folder.path()).snapshots.len() == 2
    });
    assert!(good.exists() && !rotten.exists());
    eventually("nothing of it is told any more", || target(&root)["unusable"] == "");
    let told = metrics(&root);
    assert!(told.contains("edgekeep_snapshot_target_damages_total{target=\"disk\"} 1"), "{told}");
}

/// As somebody who may read no more than the modes of files say.
fn unprivileged(test: impl FnOnce() + Send + 'static) {
    // Its threads come of this one.
    let alone = std::thread::spawn(|| {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets).unwrap();
        test();
    });
    alone.join().unwrap();
}

pub fn a_newest_snapshot_that_it_may_not_read_after_a_restart_holds_up_nothing() {
    unprivileged(|| {
        let folder = TempDir::new();
        let (mut world, _) = three_segments(37, &folder);
        let newest = || {
            let of_all = files(folder.path()).into_iter().map(|(_, path)| path);
            of_all.filter(|path| path.extension().unwrap() == "snap").max().unwrap()
        };
        let before = newest();
        world.while_off(|_| fs::set_permissions(&before, Permissions::from_mode(0o000)).unwrap());
        let root = world.root();
        root.post("secret/d", json!({ "a": "b" }));
        eventually("all is shipped, and a new one is good", || {
            world.advance(Duration::from_secs(5));
            let target = target(&root);
            target["state"] == "good" && target["damage"] == "" && target["journal"]["behind"] == 0
        });
        let there = newest();
        assert!(there != before && before.exists());
        let good = target(&root)["last_good"]["url"].as_str().unwrap().to_owned();
        assert!(good.ends_with(&there.display().to_string()), "{good}");
        let told = target(&root)["unusable"].as_str().unwrap().to_owned();
        assert_eq!(told, format!("1 of the files there cannot be read, as {}", before.display()));
    });
}

pub fn what_the_server_may_not_read_is_told() {
    unprivileged(|| {
        let folder = TempDir::new();
        let (world, middle) = three_segments(35, &folder);
        let root = world.root();
        let told = || target(&root)["unusable"].as_str().unwrap().to_owned();
        assert_eq!(told(), "");
        let mode = |mode| fs::set_permissions(&middle, Permissions::from_mode(mode)).unwrap();
        mode(0);
        eventually("it is told", || {
            world.advance(Duration::from_secs(61));
            told() == format!("1 of the files there cannot be read, as {}", middle.display())
        });
        let listed = root.list("sys/snapshots/targets").json()["data"]["key_info"].clone();
        assert_eq!(listed["disk"]["unusable"], told());
        assert_eq!(target(&root)["state"], "good", "nothing of it was needed");
        mode(0o600);
        eventually("it is told no more", || {
            world.advance(Duration::from_secs(61));
            told().is_empty()
        });
    });
}
