//! Targets that are set through the API, as Vault Enterprise's are.

use serde_json::json;

use super::support::world::World;
use super::support::{TempDir, data, eventually};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config";

#[test]
fn a_target_is_set_read_listed_and_removed() {
    let folder = TempDir::new();
    let path = folder.path().to_str().unwrap();
    let mut world = World::new(1);
    let root = world.root();
    assert_eq!(root.list(CONFIG).status, 404);
    let at = |name: &str| format!("{CONFIG}/{name}");
    let sent = json!({
        "interval": "24h",
        "retain": 7,
        "path_prefix": path,
        "storage_type": "local",
        "local_max_space": 10_000_000,
    });
    assert_eq!(root.post(&at("config1"), sent).status, 204);
    let wanted = json!({
        "file_prefix": "vault-snapshot",
        "interval": 86400,
        "local_max_space": 10_000_000,
        "path_prefix": path,
        "retain": 7,
        "storage_type": "local",
    });
    assert_eq!(data(&root.get(&at("config1"))), wanted);
    assert_eq!(data(&root.list(CONFIG)), json!({ "keys": ["config1"] }));
    let status = "sys/storage/raft/snapshot-auto/status/config1";
    eventually("it is served", || {
        data(&root.get(status))["last_snapshot_url"].as_str().is_some_and(|url| !url.is_empty())
    });
    // What is not sent stays, and it is there after a restart.
    assert_eq!(root.post(&at("config1"), json!({ "retain": 3 })).status, 204);
    world.restart();
    let root = world.root();
    let mut changed = wanted;
    changed["retain"] = 3.into();
    assert_eq!(data(&root.get(&at("config1"))), changed);
    assert_eq!(root.delete(&at("config1")).status, 204);
    assert_eq!(root.get(&at("config1")).status, 404);
    eventually("it is served no more", || root.get(status).status == 404);
    assert!(!super::folder::held(folder.path()).snapshots.is_empty(), "what it holds stays");
}

#[test]
fn a_field_of_another_kind_of_place_is_not_taken_silently() {
    let world = World::new(3);
    let root = world.root();
    let sent = json!({
        "storage_type": "file", "path_prefix": "/nowhere", "interval": 60,
        "aws_s3_bucket": "b", "http_url": "https://a/", "tls_skip_verify": true,
    });
    let set = root.post(&format!("{CONFIG}/one"), sent);
    assert_eq!(set.status, 200, "{}", set.json());
    let warnings = json!([
        "aws_s3_bucket is ignored: storage_type file has none (it is of aws-s3, s3)",
        "http_url is ignored: storage_type file has none (it is of http)",
        "tls_skip_verify is ignored: storage_type file has none (it is of aws-s3, s3, http)",
    ]);
    assert_eq!(set.json()["warnings"], warnings);
    let kept = data(&root.get(&format!("{CONFIG}/one")));
    assert!(kept.get("aws_s3_bucket").is_none() && kept["path_prefix"] == "/nowhere", "{kept}");
    let again = root.post(&format!("{CONFIG}/one"), json!({ "retain": 2 }));
    assert_eq!(again.status, 204, "{}", again.json());
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let world = World::configured(
        2,
        "snapshot \"fixed\" {\n  type = \"file\"\n  path_prefix = \"/nowhere\"\n  interval = 60\n}",
    );
    let root = world.root();
    let good = json!({ "interval": 60, "path_prefix": "/nowhere", "storage_type": "file" });
    let with = |name: &str, value: serde_json::Value| {
        let mut sent = good.clone();
        sent[name] = value;
        sent
    };
    let mut remote = with("path_prefix", "a/../b".into());
    remote["storage_type"] = "http".into();
    remote["http_url"] = "https://a/".into();
    let cases = [
        (json!({}), "storage_type is required"),
        (with("storage_type", "azure-blob".into()), "azure-blob is not supported"),
        (with("storage_type", "google-gcs".into()), "google-gcs is not supported"),
        (with("storage_type", "tape".into()), "must be one of"),
        (with("storage_type", "local".into()), "local_max_space is required"),
        (with("path_prefix", "".into()), "path_prefix is required"),
        (with("path_prefix", "here".into()), "whole path"),
        (with("path_prefix", "/mnt/../etc".into()), "without .."),
        (with("path_prefix", "/mnt/a\0b".into()), "NUL"),
        (with("path_prefix", "/proc/self/cwd".into()), "/proc"),
        (with("path_prefix", "/sys".into()), "/sys"),
        (with("path_prefix", "/dev/shm/x".into()), "/dev"),
        (with("path_prefix", world.data().to_str().unwrap().into()), "folder of the store"),
        (
            with("path_prefix", world.data().join("x").to_str().unwrap().into()),
            "folder of the store",
        ),
        (with("file_prefix", "..".into()), "file_prefix"),
        (remote, "neither begin nor end with a dot"),
        (with("interval", 0.into()), "above zero"),
        (with("interval", "soon".into()), "invalid duration"),
        (with("retain", 0.into()), "at least 1"),
        (with("retain", (-1).into()), "below zero"),
        (with("autoload_enabled", true.into()), "autoload_enabled is not supported"),
        (with("file_prefix", "a/b".into()), "file_prefix"),
    ];
    for (sent, wanted) in cases {
        let reply = root.post(&format!("{CONFIG}/x"), sent.clone());
        let error = reply.json()["errors"][0].as_str().unwrap().to_owned();
        assert_eq!(reply.status, 400, "{sent}");
        assert!(error.contains(wanted), "{sent}: {error}");
    }
    assert_eq!(data(&root.list(CONFIG)), json!({ "keys": ["fixed"] }));
    assert_eq!(root.post(&format!("{CONFIG}/fixed"), good).status, 400);
    assert_eq!(root.delete(&format!("{CONFIG}/fixed")).status, 400);
    assert_eq!(data(&root.get(&format!("{CONFIG}/fixed")))["interval"], 60);
    assert_eq!(world.client().get(CONFIG).status, 403);
}

#[test]
fn a_target_is_known_as_soon_as_the_store_is_open() {
    let folder = TempDir::new();
    let mut world = super::snapshots::world(3, folder.path(), "  interval = \"24h\"");
    let root = world.root();
    let inner = folder.path().join("set");
    let sent = json!({ "storage_type": "file", "path_prefix": inner, "interval": "24h" });
    assert_eq!(root.post(&format!("{CONFIG}/set"), sent).status, 204);
    for _ in 0..3 {
        world.restart();
        let root = world.root();
        assert_eq!(root.get("sys/snapshots/targets/set").status, 200);
        assert_eq!(data(&root.list("sys/snapshots/targets"))["keys"], json!(["disk", "set"]));
    }
}

#[test]
fn a_field_that_is_misspelt_destroys_nothing() {
    let folder = TempDir::new();
    let world = super::snapshots::world(4, folder.path(), "  interval = \"24h\"\n  keep_last = 9");
    let root = world.root();
    let count = || super::folder::held(folder.path()).snapshots.len();
    eventually("there is one", || count() == 1);
    world.advance(std::time::Duration::from_secs(1));
    root.post("secret/a", json!({ "a": "b" }));
    root.post("sys/snapshots/targets/disk/take", json!({}));
    eventually("there are two", || count() == 2);
    let path = "sys/snapshots/targets/disk/";
    let restore = json!({ "at": "latest", "dryrun": true });
    let forget = json!({ "keep_last": 1, "dry-run": true });
    for (endpoint, sent, field) in [("restore", restore, "dryrun"), ("forget", forget, "dry-run")] {
        let reply = root.post(&format!("{path}{endpoint}"), sent);
        let error = reply.json()["errors"][0].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && error.contains(field), "{error}");
        assert!(error.contains("dry_run"), "{error}");
    }
    assert_eq!(count(), 2);
    for (limit, status) in [("0", 400), ("x", 400), ("100001", 400), ("1", 200)] {
        assert_eq!(root.get(&format!("{path}log?limit={limit}")).status, status, "{limit}");
    }
}
