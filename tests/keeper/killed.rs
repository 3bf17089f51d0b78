//! The built server, killed at any moment while it ships: the target has no gap and nothing twice;
//! and one that ends in peace: it has all.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::folder::held;
use super::support::dice::Dice;
use super::support::store::Store;
use super::support::{Server, TempDir, data, eventually};

const KILLS: u64 = 8;

pub fn the_journal_outlives_kills_without_a_gap() {
    let (home, folder) = (TempDir::new(), TempDir::new());
    let dice = Dice::new(7);
    let (store, mut server) = Store::make(&home.path().join("data"));
    let root = store.root(&server);
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(root.post("sys/mounts/secret", kv).status, 204);
    let target = json!({
        "storage_type": "file",
        "path_prefix": folder.path().to_str().unwrap(),
        "interval": "24h",
        "keep_last": 99,
        "journal": true,
    });
    assert_eq!(root.post("sys/storage/raft/snapshot-auto/config/disk", target).status, 204);
    let behind = |root: &super::support::http::Client| {
        let journal = &data(&root.get("sys/snapshots/targets/disk"))["journal"];
        journal["revision"].as_u64().and_then(|_| journal["behind"].as_u64())
    };
    eventually("the journal has begun", || behind(&root) == Some(0));
    let mut written = BTreeSet::new();
    for kill in 0..KILLS {
        let client = store.root(&server);
        let writer = thread::spawn(move || {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let path = format!("secret/{kill}-{number}");
                match client.ask("POST", &path, Some(&json!({ "a": "b" }))) {
                    Ok(reply) if reply.status == 204 => acknowledged.push(path),
                    _ => break,
                }
            }
            acknowledged
        });
        thread::sleep(Duration::from_millis(300 + dice.below(1500)));
        server.kill();
        written.extend(writer.join().unwrap());
        server = store.start();
        let root = store.root(&server);
        eventually("all is shipped", || behind(&root) == Some(0));
        let there = held(folder.path());
        let reach = there.reach(there.timeline()).unwrap();
        assert!(reach as usize >= written.len(), "{reach} of {}", written.len());
    }
    let there = held(folder.path());
    assert_eq!(there.snapshots.len(), 1, "one base served for all of it");
    let snapshot = store.root(&server).get("sys/storage/raft/snapshot").body;
    let about = edgekeep::snapshot::inspect::inspect(&snapshot[..]).unwrap().meta.about;
    assert_eq!(there.reach(there.timeline()), Some(about.revision), "up to the last transaction");
    println!("{} writes over {KILLS} kills, {} segments", written.len(), there.segments.len());
}

pub fn who_ends_in_peace_ships_what_was_committed_last() {
    let (home, folder) = (TempDir::new(), TempDir::new());
    let place = folder.path().display();
    let target = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n  interval = \
         \"24h\"\n  journal = true\n}}\n"
    );
    let (store, mut server) = Store::configured(&home.path().join("data"), &target);
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(store.root(&server).post("sys/mounts/secret", kv).status, 204);
    for round in 0..3 {
        let root = store.root(&server);
        let journal = || data(&root.get("sys/snapshots/targets/disk"))["journal"].clone();
        eventually("it has looked", || journal()["revision"].is_u64() && journal()["behind"] == 0);
        for number in 0..5 {
            let path = format!("secret/{round}-{number}");
            assert_eq!(root.post(&path, json!({ "a": "b" })).status, 204);
        }
        let number = |what: &str| journal()[what].as_u64().unwrap();
        let committed = number("revision") + number("behind");
        stop(server);
        let there = held(folder.path());
        let reach = there.reach(there.timeline());
        assert!(reach >= Some(committed), "{reach:?} of {committed}");
        server = store.start();
    }
    // Who is stopped before it has looked does so.
    let before = held(folder.path());
    let before = before.reach(before.timeline()).unwrap();
    let root = store.root(&server);
    for number in 0..5 {
        assert_eq!(root.post(&format!("secret/{number}"), json!({ "a": "b" })).status, 204);
    }
    stop(server);
    let there = held(folder.path());
    let reach = there.reach(there.timeline()).unwrap();
    assert!(reach >= before + 5, "{reach} of at least 5 more than {before}");
}

fn stop(server: Server) {
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let (success, said) = server.wait();
    assert!(success, "{said}");
}
