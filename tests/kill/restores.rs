//! A restore into a running server, killed in the middle: afterwards the store is the old one or
//! the new one, whole, and nothing in between.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::Client;
use crate::support::store::Store;
use crate::support::{Server, TempDir, eventually};

const KILLS: u32 = 30;
const SECRETS: usize = 60;
const SNAPSHOT: &str = "sys/storage/raft/snapshot";

fn write(root: &Client, value: &str) {
    for number in 0..SECRETS {
        let secret = json!({ "a": format!("{value}{}", "x".repeat(20_000)) });
        assert_eq!(root.post(&format!("secret/{number}"), secret).status, 204);
    }
}

/// The one that all secrets hold.
fn value(store: &Store, server: &Server) -> String {
    let root = store.root(server);
    let read = |number: usize| {
        let secret = root.get(&format!("secret/{number}")).json();
        secret["data"]["a"].as_str().unwrap_or_default().trim_end_matches('x').to_owned()
    };
    let first = read(0);
    for number in 1..SECRETS {
        assert_eq!(read(number), first, "of secret/{number}");
    }
    store.verify(server);
    first
}

#[test]
fn a_store_that_is_being_replaced_is_the_old_or_the_new_one() {
    let folder = TempDir::new();
    let data = folder.path().join("data");
    let (store, mut server) = Store::make(&data);
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(store.root(&server).post("sys/mounts/secret", kv).status, 204);
    write(&store.root(&server), "new");
    let snapshot = store.root(&server).get(SNAPSHOT).body;
    let begun = Instant::now();
    let whole = store.root(&server).upload(SNAPSHOT, &snapshot).unwrap();
    assert!(whole.status < 300, "{}", whole.json());
    let whole = begun.elapsed();
    write(&store.root(&server), "old");
    let (mut old, mut new) = (0, 0);
    for kill in 0..KILLS {
        let root = store.root(&server);
        let answered = thread::scope(|scope| {
            let restoring = scope.spawn(|| root.upload(SNAPSHOT, &snapshot));
            // The last ones are answered before, on a machine that is not much slower now.
            thread::sleep(whole * kill * 5 / (KILLS * 4) + Duration::from_millis(1));
            server.kill();
            restoring.join().unwrap().is_ok_and(|reply| reply.status < 300)
        });
        server = store.start();
        match &*value(&store, &server) {
            "new" => {
                new += 1;
                write(&store.root(&server), "old");
            }
            "old" => {
                old += 1;
                assert!(!answered, "it was answered, and is not there");
            }
            other => panic!("the store holds {other:?}"),
        }
        assert!(!data.join("edgekeep.redb.next").exists());
        let spools = fs::read_dir(&data).unwrap().flatten();
        let left = spools.filter(|entry| entry.file_name().to_string_lossy().starts_with(".spool"));
        assert_eq!(left.count(), 0);
    }
    println!("{old} times the old store, {new} times the new one");
    assert!(old > 0, "each was done before it was killed");
}

/// So many tokens were revoked since a snapshot was taken.
const TOKENS: usize = 300;
/// So often a restore that revokes them is killed.
const KILLED: u64 = 6;

fn make_token(root: &Client) -> String {
    let made = root.post("auth/token/create", json!({ "policies": ["default"] })).json();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn is_alive(server: &Server, token: &str) -> bool {
    let reply = server.client().token(token).ask("GET", "auth/token/lookup-self", None);
    reply.is_ok_and(|reply| reply.status == 200)
}

/// Tokens that were revoked since a snapshot was taken, and that snapshot.
fn revoked(root: &Client) -> (Vec<String>, Vec<u8>) {
    let tokens: Vec<String> = (0..TOKENS).map(|_| make_token(root)).collect();
    let snapshot = root.get(SNAPSHOT).body;
    for token in &tokens {
        let revoked = root.post("auth/token/revoke", json!({ "token": token }));
        assert_eq!(revoked.status, 204);
    }
    (tokens, snapshot)
}

fn inode(file: &Path) -> Option<u64> {
    fs::metadata(file).ok().map(|metadata| metadata.ino())
}

#[test]
fn what_a_restore_revokes_lives_at_no_moment_of_it_nor_after_a_kill() {
    let folder = TempDir::new();
    let (store, mut server) = Store::make(&folder.path().join("data"));
    let root = store.root(&server);
    let (tokens, snapshot) = revoked(&root);
    let asked = format!("{SNAPSHOT}?revoke_tokens=true");
    let (done, last) = (AtomicBool::new(false), tokens.last().unwrap());
    let seen = thread::scope(|scope| {
        let hammering = scope.spawn(|| {
            let asks = std::iter::from_fn(|| {
                (!done.load(Ordering::Relaxed)).then(|| is_alive(&server, last))
            });
            asks.filter(|alive| *alive).count()
        });
        let restored = root.upload(&asked, &snapshot).unwrap();
        done.store(true, Ordering::Relaxed);
        assert_eq!(restored.json()["data"]["revoked_tokens"], TOKENS, "{}", restored.json());
        hammering.join().unwrap()
    });
    assert_eq!(seen, 0, "it was let in while the restore went on");

    let mut cut_off = 0;
    for kill in 0..KILLED {
        let (root, before) = (store.root(&server), inode(&store.file()));
        cut_off += thread::scope(|scope| {
            let restoring = scope.spawn(|| root.upload(&asked, &snapshot));
            while inode(&store.file()) == before {
                thread::yield_now();
            }
            thread::sleep(Duration::from_millis(kill * 10));
            server.kill();
            u32::from(restoring.join().unwrap().is_err())
        });
        server = store.start();
        let alive = tokens.iter().filter(|token| is_alive(&server, token)).count();
        assert_eq!(alive, 0, "after kill {kill}");
        store.verify(&server);
    }
    assert!(cut_off > 0, "each was done before it was killed");
}

#[test]
fn health_says_that_a_store_is_being_opened_and_who_seals_it_then_is_refused() {
    let folder = TempDir::new();
    let (store, mut server) = Store::make(&folder.path().join("data"));
    let root = store.root(&server);
    let (_, snapshot) = revoked(&root);
    let asked = format!("{SNAPSHOT}?revoke_tokens=true");
    let serves = |server: &Server| {
        let health = server.client().get("sys/health");
        let told = health.json()["degraded"].clone();
        let is_told = told.as_str().is_some_and(|told| told.contains("store is being opened"));
        assert_eq!(is_told, health.status == 503, "{told}");
        assert!(!told.to_string().contains("another file"), "{told}");
        !is_told
    };
    thread::scope(|scope| {
        let restoring = scope.spawn(|| root.upload(&asked, &snapshot));
        eventually("it is told while tokens are revoked", || !serves(&server));
        assert!(!restoring.is_finished());
        server.kill();
        restoring.join().unwrap().unwrap_err();
    });
    server = store.start_sealed();
    let root = store.root(&server);
    thread::scope(|scope| {
        let opening = scope.spawn(|| store.unseal(&server));
        let mut refused = root.post("sys/seal", json!({}));
        eventually("it is not said that what is being opened is sealed", || {
            refused = root.post("sys/seal", json!({}));
            refused.status != 204
        });
        assert!(refused.json().to_string().contains("is being opened"), "{refused:?}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        opening.join().unwrap();
    });
    assert!(serves(&server));
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
}
