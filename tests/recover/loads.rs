//! Loading and unloading.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::data;
use crate::support::store::Store;
use crate::support::world::World;
use crate::support::{Server, TempDir};
use crate::{LOAD, error, keep, load, read, recover, take};

#[test]
fn it_is_shown_as_vault_shows_it() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.list(LOAD).status, 404, "nothing is loaded");
    let file = take(&root);
    let loaded = data(&root.upload(LOAD, &file).unwrap());
    let id = loaded["snapshot_id"].as_str().unwrap();
    assert_eq!(loaded["status"], "ready");
    assert_eq!(loaded["cluster_id"], root.get("sys/health").json()["cluster_id"]);
    assert_eq!(data(&root.get(&format!("{LOAD}/{id}"))), loaded);
    assert_eq!(data(&root.list(LOAD))["keys"], json!([id]));
    assert_eq!(data(&root.get(&format!("{LOAD}?list=true")))["keys"], json!([id]));
    for force in ["", "?force=true"] {
        let id = load(&root, &file);
        assert_eq!(root.delete(&format!("{LOAD}/{id}{force}")).status, 204);
        assert_eq!(root.get(&format!("{LOAD}/{id}")).status, 404);
        assert_eq!(read(&root, &id, "secret/data/a").status, 400);
        assert_eq!(root.delete(&format!("{LOAD}/{id}")).status, 404);
    }
    assert_eq!(data(&root.list(LOAD))["keys"], json!([id]), "the other one is still there");
}

#[test]
fn an_empty_id_is_not_the_present_store() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let id = keep(&root);
    let header = "X-Vault-Recover-Snapshot-Id";
    let body = json!({ "data": { "n": 2 } });
    let empty = [
        root.ask_with("POST", "secret/data/a", &[(header, "")], Some(&body)).unwrap(),
        root.ask_with("PUT", "secret/data/a?recover_snapshot_id=", &[], Some(&body)).unwrap(),
        root.ask_with("DELETE", "secret/data/a", &[(header, "")], None).unwrap(),
        root.get("secret/data/a?read_snapshot_id="),
        root.list("secret/metadata?read_snapshot_id="),
        recover(&root, "", "secret/data/a"),
    ];
    for reply in empty {
        assert_eq!(reply.status, 400, "{}", reply.json());
        assert!(error(&reply).contains("is empty"), "{}", error(&reply));
    }
    // Nor is a snapshot written to, or deleted from.
    for method in ["DELETE", "PATCH", "GET"] {
        let reply = root.ask_with(method, "secret/data/a", &[(header, &id)], None).unwrap();
        assert_eq!(reply.status, 400, "{method}");
        assert!(error(&reply).contains("is for nothing else"), "{}", error(&reply));
    }
    assert_eq!(data(&root.get("secret/data/a"))["data"]["n"], 1);
}

#[test]
fn several_are_loaded_at_once_and_not_more() {
    let server = Server::dev();
    let root = server.root();
    let ids: Vec<String> = (1..=4)
        .map(|n| {
            root.post("secret/data/a", json!({ "data": { "n": n } }));
            keep(&root)
        })
        .collect();
    for (n, id) in (1..).zip(&ids) {
        assert_eq!(data(&read(&root, id, "secret/data/a"))["data"]["n"], n);
    }
    let refused = root.upload(LOAD, &take(&root)).unwrap();
    assert_eq!(refused.status, 400);
    assert!(
        error(&refused).contains("edgekeep list sys/storage/raft/snapshot-load"),
        "{}",
        error(&refused)
    );
    root.delete(&format!("{LOAD}/{}", ids[1]));
    keep(&root);
    assert_eq!(data(&read(&root, &ids[2], "secret/data/a"))["data"]["n"], 3);
    // Policies change, and hold at once, for what was then as well.
    assert_eq!(data(&recover(&root, &ids[0], "secret/data/a"))["version"], 5);
}

#[test]
fn it_is_gone_after_three_days() {
    let world = World::new(1);
    let root = world.root();
    root.post("secret/a", json!({ "n": 1 }));
    let id = keep(&root);
    let loaded = data(&root.get(&format!("{LOAD}/{id}")));
    let time = |name: &str| loaded[name].as_str().unwrap().to_owned();
    assert_eq!(
        (&time("created_at")[..10], &time("expires_at")[..10]),
        ("2027-01-15", "2027-01-18")
    );
    for _ in 0..71 {
        world.advance(Duration::from_secs(3600));
        assert_eq!(data(&read(&root, &id, "secret/a"))["n"], 1);
    }
    world.advance(Duration::from_secs(3600));
    assert_eq!(read(&root, &id, "secret/a").status, 400);
    assert_eq!(root.get(&format!("{LOAD}/{id}")).status, 404);
    assert_eq!(root.list(LOAD).status, 404);
}

#[test]
fn it_is_gone_when_the_server_is_sealed_or_started_anew() {
    let home = TempDir::new();
    let (store, mut server) = Store::make(&home.path().join("data"));
    let root = store.root(&server);
    let file = take(&root);
    let id = load(&root, &file);
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    assert_eq!(read(&root, &id, "cubbyhole/a").status, 503);
    assert_eq!(root.upload(LOAD, &file).unwrap().status, 503);
    store.unseal(&server);
    assert_eq!(root.list(LOAD).status, 404);
    let id = load(&root, &file);
    server.kill();
    let server = store.start();
    let root = store.root(&server);
    assert_eq!(read(&root, &id, "cubbyhole/a").status, 400);
    load(&root, &file);
    // A restore puts another store in the place of the one that they were loaded beside.
    assert_eq!(root.upload("sys/storage/raft/snapshot", &file).unwrap().status, 200);
    assert_eq!(root.list(LOAD).status, 404);
    let folder = std::fs::read_dir(home.path().join("data")).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("spool")), "{names:?}");
}

#[test]
fn the_time_in_it_stands() {
    let world = World::new(2);
    let root = world.root();
    let kv = json!({ "type": "kv", "options": { "version": "2" } });
    root.post("sys/mounts/v2", kv);
    root.post("v2/metadata/a", json!({ "delete_version_after": "1h" }));
    root.post("v2/data/a", json!({ "data": { "n": 1 } }));
    let id = keep(&root);
    world.advance(Duration::from_secs(2 * 3600));
    // The clock has to stand for a while before anything expires by it.
    for _ in 0..10 {
        world.advance(Duration::from_secs(60));
        root.get("sys/health");
    }
    assert_eq!(root.get("v2/data/a").status, 404, "its time is over");
    assert_eq!(data(&read(&root, &id, "v2/data/a"))["data"]["n"], 1);
    assert_eq!(data(&recover(&root, &id, "v2/data/a"))["version"], 2);
    assert_eq!(data(&root.get("v2/data/a"))["data"]["n"], 1);
}

#[test]
fn only_a_whole_snapshot_of_the_same_keys_is_loaded() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let file = take(&root);
    let other = take(&Server::dev().root());
    let refused = root.upload(LOAD, &other).unwrap();
    assert_eq!(refused.status, 400);
    let text = error(&refused);
    assert!(text.contains("snapshot of other keys") && text.contains("snapshot read"), "{text}");
    let mut changed = file.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for bad in [&changed[..], &file[..file.len() - 1], b"", b"no snapshot"] {
        let refused = root.upload(LOAD, bad).unwrap();
        assert_eq!(refused.status, 400, "{}", error(&refused));
        assert!(error(&refused).contains("damaged or not one"), "{}", error(&refused));
    }
    assert_eq!(root.list(LOAD).status, 404);
    // After a rekey and a rotation the older one is still of the same keys.
    root.post("sys/rotate", json!({}));
    root.post("secret/data/a", json!({ "data": { "n": 2 } }));
    let id = load(&root, &file);
    assert_eq!(data(&read(&root, &id, "secret/data/a"))["data"]["n"], 1);
    let now: Value = data(&root.get("secret/data/a"));
    assert_eq!(now["data"]["n"], 2);
}
