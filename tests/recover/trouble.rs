//! Beside other writers, and when the power fails in the middle.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::store::Store;
use crate::support::{Server, TempDir, data};
use crate::{keep, read, recover};

#[test]
fn it_is_one_write_among_others() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 0 } }));
    let id = keep(&root);
    let stop = AtomicBool::new(false);
    let (written, recovered) = thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (root, stop) = (server.root(), &stop);
                scope.spawn(move || {
                    let mut made = BTreeMap::new();
                    for n in 1.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let value = json!({ "data": { "n": n, "by": writer } });
                        let reply = root.post("secret/data/a", value.clone());
                        let version = data(&reply)["version"].as_u64().unwrap();
                        made.insert(version, value["data"].clone());
                    }
                    made
                })
            })
            .collect();
        let recovered: BTreeMap<u64, Value> = (0..20)
            .map(|_| {
                let version = data(&recover(&root, &id, "secret/data/a"))["version"].as_u64();
                assert_eq!(data(&read(&root, &id, "secret/data/a"))["data"]["n"], 0);
                (version.unwrap(), json!({ "n": 0 }))
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        (written, recovered)
    });
    // Each got a number of its own, and has it still.
    let count = written.iter().map(BTreeMap::len).sum::<usize>() + recovered.len();
    let all: BTreeMap<u64, Value> = written.into_iter().flatten().chain(recovered).collect();
    assert_eq!(all.len(), count);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), (2..count as u64 + 2).collect::<Vec<_>>());
    for (version, value) in all.iter().rev().take(10) {
        let kept = data(&root.get(&format!("secret/data/a?version={version}")));
        assert_eq!(kept["data"], *value, "version {version}");
    }
}

#[test]
fn a_secret_is_brought_back_whole_or_not_at_all() {
    let home = TempDir::new();
    let (store, mut server) = Store::make(&home.path().join("data"));
    let root = store.root(&server);
    root.post("sys/mounts/kv", json!({ "type": "kv", "options": { "version": "2" } }));
    for n in 1..=8 {
        root.post("kv/data/a", json!({ "data": { "n": n } }));
    }
    let whole = data(&root.get("kv/metadata/a"));
    let file = crate::take(&root);
    for round in 0..6 {
        let root = store.root(&server);
        let id = crate::load(&root, &file);
        root.delete("kv/metadata/a");
        root.post("kv/data/a", json!({ "data": { "other": true } }));
        thread::scope(|scope| {
            let root = root.clone();
            scope.spawn(move || {
                let header = [("X-Vault-Recover-Snapshot-Id", id.as_str())];
                let other = json!({ "data": { "other": true } });
                while root.ask_with("RECOVER", "kv/metadata/a", &header, None).is_ok() {
                    let _ = root.ask("DELETE", "kv/metadata/a", None);
                    let _ = root.ask("POST", "kv/data/a", Some(&other));
                }
            });
            thread::sleep(Duration::from_millis(40 + 17 * round));
            server.kill();
        });
        server = store.start();
        let root = store.root(&server);
        let metadata = root.get("kv/metadata/a");
        if metadata.status == 404 {
            continue;
        }
        let versions = data(&metadata)["versions"].as_object().unwrap().clone();
        if versions.len() == 1 {
            assert_eq!(data(&root.get("kv/data/a"))["data"]["other"], true);
            continue;
        }
        assert_eq!(data(&metadata), whole);
        for n in versions.keys() {
            let kept = data(&root.get(&format!("kv/data/a?version={n}")));
            assert_eq!(kept["data"]["n"].to_string(), *n);
        }
    }
}
