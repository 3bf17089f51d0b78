//! The journal on a target ages while the server runs.

use std::fs;
use std::time::Duration;

use edgekeep::snapshot::layout::SegmentName;
use serde_json::json;

use super::damage::metrics;
use super::folder::{files, held};
use super::snapshots::{target, world};
use super::support::{TempDir, eventually};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub fn what_is_older_than_a_week_is_kept_by_the_hour() {
    let folder = TempDir::new();
    let settings = "  interval = \"720h\"\n  keep_last = 99\n  journal = true";
    let world = world(50, folder.path(), settings);
    let root = world.root();
    let shipped = || {
        let target = target(&root);
        target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
    };
    for number in 0..6 {
        root.post("secret/a", json!({ "a": number }));
        eventually("it is shipped", shipped);
        world.advance(Duration::from_secs(1));
    }
    let before = held(folder.path());
    assert!(before.segments.len() >= 6);
    for _ in 0..9 {
        world.advance(DAY);
        root.post("secret/b", json!({ "a": "b" }));
        eventually("it is shipped", shipped);
    }
    // Each hour it is looked for what may be compacted.
    eventually("it is compacted, and what it was made of is gone", || {
        world.advance(Duration::from_secs(3601));
        let segments = held(folder.path()).segments;
        let follow = |pair: &[SegmentName]| pair[1].first == pair[0].last + 1;
        segments.len() < before.segments.len() + 9 - 4 && segments.windows(2).all(follow)
    });
    let after = held(folder.path());
    let last = after.reach(after.timeline()).unwrap();
    assert!(last > before.reach(before.timeline()).unwrap(), "it leads to the end as before");
    root.post("secret/c", json!({ "a": "b" }));
    eventually("it goes on", || held(folder.path()).reach(after.timeline()) > Some(last));
}

pub fn a_clock_that_has_just_jumped_makes_nothing_old() {
    let folder = TempDir::new();
    let settings = "  interval = \"9000h\"\n  keep_last = 99\n  journal = true";
    let world = world(62, folder.path(), settings);
    let root = world.root();
    let write = |number: u64| {
        root.post("secret/a", json!({ "a": number }));
        eventually("it is shipped", || {
            let journal = target(&root)["journal"].clone();
            journal["behind"] == 0 && journal["revision"].is_u64()
        });
        world.advance(Duration::from_secs(1));
    };
    (0..6).for_each(write);
    let last = held(folder.path()).segments.iter().map(|name| name.last).max().unwrap();
    // Whether each can be gone back to.
    let are_alone = || {
        (last - 4..=last).all(|revision| {
            let wish = json!({ "revision": revision, "dry_run": true });
            root.post("sys/snapshots/targets/disk/restore", wish).status == 200
        })
    };
    // It is looked for what may be compacted once an hour has passed.
    world.advance(Duration::from_secs(3590));
    world.jump(40 * DAY);
    world.advance(Duration::from_secs(60));
    (6..9).for_each(write);
    assert!(are_alone());
}

pub fn what_another_machine_has_compacted_is_not_missed() {
    let folder = TempDir::new();
    let world = world(61, folder.path(), "  interval = \"720h\"\n  journal = true");
    let root = world.root();
    for number in 0..4 {
        root.post("secret/a", json!({ "a": number }));
        eventually("it is shipped", || {
            let journal = target(&root)["journal"].clone();
            journal["behind"] == 0 && journal["revision"].is_u64()
        });
    }
    // By the names alone it is one that spans it: it has another time.
    let segments: Vec<_> =
        files(folder.path()).into_iter().filter(|(name, _)| name.ends_with(".seg")).collect();
    let (name, path) = &segments[segments.len() - 2];
    let [_seg, chain, _times, span] = name.rsplitn(4, '.').collect::<Vec<_>>()[..] else {
        panic!("{name}")
    };
    fs::rename(path, folder.path().join(format!("{span}.1-1.{chain}.seg"))).unwrap();
    for number in 0..3 {
        world.advance(Duration::from_secs(61));
        root.post("secret/b", json!({ "a": number }));
        eventually("it goes on", || target(&root)["journal"]["behind"] == 0);
    }
    let told = metrics(&root);
    assert!(told.contains("edgekeep_snapshot_target_damages_total{target=\"disk\"} 0"), "{told}");
}

pub fn a_file_that_is_torn_holds_up_nothing() {
    let folder = TempDir::new();
    let world = world(60, folder.path(), "  interval = \"720h\"\n  journal = true");
    let root = world.root();
    let segments = || files(folder.path()).into_iter().filter(|(name, _)| name.ends_with(".seg"));
    let write = || {
        for number in 0..3 {
            root.post("secret/a", json!({ "a": number }));
            eventually("it is shipped", || {
                let journal = &target(&root)["journal"];
                journal["behind"] == 0 && journal["revision"].is_u64()
            });
            world.advance(Duration::from_secs(1));
        }
        segments().count()
    };
    // Of two hours the first comes first.
    let first = write();
    let (_, torn) = segments().next().unwrap();
    let mut bytes = fs::read(&torn).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&torn, bytes).unwrap();
    world.advance(Duration::from_secs(3600));
    let both = write();
    assert!(first > 1 && both > first + 1, "{first} and {both}");
    world.advance(Duration::from_secs(3601));
    eventually("the other hour is compacted", || segments().count() == first + 1);
}
