//! A standby of the built program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::dice::Dice;
use super::support::store::Store;
use super::support::{Server, TempDir, eventually};
use super::{shipped, shipping};

const WRITERS: u64 = 16;
const KILLS: u64 = 5;

/// What a standby tells of itself.
fn follows(server: &Server) -> Value {
    let health = server.client().get("sys/health");
    assert_eq!(health.status, 472, "{}", health.json());
    health.json()["follows"].clone()
}

fn promote(store: &Store) -> String {
    let config = format!("-config={}", store.config().display());
    let output =
        Command::new(env!("CARGO_BIN_EXE_edgekeep")).args(["promote", &config]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The histories that a target has anything of.
fn timelines(disk: &Path) -> Vec<String> {
    let mut there = fs::read_dir(disk).unwrap().map(|entry| entry.unwrap().path());
    let store = there.find(|path| path.is_dir()).unwrap();
    let entries = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name());
    let mut found: Vec<String> =
        entries.filter_map(|name| Some(name.to_str()?.split('.').nth(1)?.to_owned())).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn a_standby_that_is_killed_at_random_has_all_that_was_shipped() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let (store, mut server) = shipping(&home.path().join("data"), &disk);
    let standby = store.moved(&home.path().join("standby")).with(&["-follow=disk"]);
    let mut following = standby.start_sealed();
    let (ended, dice) = (AtomicBool::new(false), Dice::new(5));
    let counts: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (root, ended) = (store.root(&server), &ended);
                scope.spawn(move || {
                    let mut count = 0;
                    while !ended.load(Ordering::Relaxed) {
                        count += 1;
                        let secret = json!({ "count": count });
                        assert_eq!(root.post(&format!("secret/{writer}"), secret).status, 204);
                    }
                    count
                })
            })
            .collect();
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(dice.below(1500)));
            following.kill();
            following = standby.start_sealed();
        }
        ended.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    shipped(&store.root(&server));
    let revision = super::target(&store.root(&server))["journal"]["revision"].clone();
    eventually("the standby has it", || {
        let stands = follows(&following);
        stands["revision"].as_u64() >= revision.as_u64() && stands["behind"] == 0
    });
    for refused in ["sys/unseal", "sys/init", "secret/1"] {
        let reply = following.client().post(refused, json!({}));
        assert_eq!(reply.status, 503, "{}", reply.json());
    }
    assert_eq!(following.client().get("sys/seal-status").json()["sealed"], true);
    server.kill();
    assert_eq!(timelines(&disk).len(), 1);

    assert!(promote(&standby).contains("edgekeep operator unseal"));
    eventually("it is promoted", || following.client().get("sys/health").status == 503);
    standby.unseal(&following);
    let root = standby.root(&following);
    for (writer, count) in counts.iter().enumerate() {
        let secret = root.get(&format!("secret/{writer}")).json();
        assert_eq!(secret["data"]["count"], *count, "of writer {writer}");
    }
    standby.verify(&following);
    // What it ships is of another history.
    assert_eq!(root.post("secret/after", json!({ "a": "b" })).status, 204);
    eventually("it ships", || timelines(&disk).len() == 2);
    following.kill();
    let following = standby.start();
    assert_eq!(standby.root(&following).get("secret/after").status, 200);
    drop(following);
    // One that goes on beside it is told, and follows neither.
    let refused = store.moved(&home.path().join("data")).with(&["-follow=disk"]).refusal();
    assert!(refused.contains("is no standby's"), "{refused}");
}
