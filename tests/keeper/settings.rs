//! Targets that are set through the API, as Vault Enterprise's are.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::base::clock::SystemClock;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::pages::Key;
use edgekeep::snapshot::keeper::settings::{Fields, Given, field};
use edgekeep::snapshot::keeper::stored;
use edgekeep::storage::redb::{Options, Redb};
use serde_json::{Value, json};

use super::support::world::World;
use super::support::{TempDir, data, eventually};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config";

pub fn a_target_is_set_read_listed_and_removed() {
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

pub fn a_field_of_another_kind_of_place_is_not_taken_silently() {
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

pub fn what_cannot_be_is_refused_with_a_reason() {
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

pub fn what_the_api_brings_names_no_place_of_the_server() {
    let hidden = TempDir::new();
    let secret = hidden.path().join("password");
    std::fs::write(&secret, "s3cret").unwrap();
    let file = format!("file://{}", secret.display());
    let fixed = format!(
        "snapshot \"fixed\" {{\n  type = \"http\"\n  http_url = \"https://f.invalid/\"\n  \
         interval = 60\n  http_username = \"u\"\n  http_password = \"{file}\"\n}}"
    );
    let world = World::configured(5, &fixed);
    let root = world.root();
    assert_eq!(data(&root.get(&format!("{CONFIG}/fixed")))["http_password"], json!(file));
    let http = json!({
        "storage_type": "http", "interval": 60, "http_url": "https://a.invalid/",
        "http_username": "u",
    });
    let s3 = json!({ "storage_type": "s3", "interval": 60, "aws_s3_bucket": "bucket" });
    let given = [
        (&http, "http_password"),
        (&s3, "aws_access_key_id"),
        (&s3, "aws_secret_access_key"),
        (&s3, "aws_session_token"),
    ];
    for (good, field) in given {
        for place in [file.as_str(), "env://PATH", "systemd://key", "file://x", "env://"] {
            let mut sent = good.clone();
            sent[field] = place.into();
            let reply = root.post(&format!("{CONFIG}/x"), sent);
            assert_eq!(reply.status, 400, "{field} {place}");
            let error = reply.json()["errors"][0].as_str().unwrap().to_owned();
            assert!(error.starts_with(&format!("{field}: ")), "{error}");
            assert!(error.contains("declare the target in the configuration file"), "{error}");
            assert!(error.contains("or give the value itself"), "{error}");
        }
    }
    let mut sent = http;
    sent["include"] = json!(["/etc/hostname"]);
    let reply = root.post(&format!("{CONFIG}/x"), sent);
    let error = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
    assert!(reply.status == 400 && error.contains("configuration file"), "{error}");
    assert_eq!(data(&root.list(CONFIG)), json!({ "keys": ["fixed"] }));
}

pub fn kept_credentials_go_nowhere_else() {
    let world = World::new(6);
    let root = world.root();
    let set = |name: &str, sent: &Value| {
        let reply = root.post(&format!("{CONFIG}/{name}"), sent.clone());
        let error = reply.json()["errors"][0].as_str().map(str::to_owned);
        (reply.status, error.unwrap_or_default())
    };
    let http = json!({
        "storage_type": "http", "interval": 60, "http_url": "https://a.invalid/",
        "http_username": "u", "http_password": "s3cret",
    });
    let s3 = json!({
        "storage_type": "aws-s3", "interval": 60, "aws_s3_bucket": "bucket",
        "aws_access_key_id": "i", "aws_secret_access_key": "s",
    });
    assert_eq!((set("http", &http).0, set("s3", &s3).0), (204, 204));
    let moves = [
        ("http", "http_url", json!("https://b.invalid/"), "http_password"),
        ("http", "http_allow_plain", json!(true), "http_password"),
        ("http", "ca_cert", json!("/nowhere/ca.pem"), "http_password"),
        ("http", "tls_skip_verify", json!(true), "http_password"),
        ("s3", "aws_s3_endpoint", json!("h.invalid"), "aws_access_key_id, aws_secret_access_key"),
        ("s3", "aws_s3_bucket", json!("other"), "aws_access_key_id, aws_secret_access_key"),
        ("s3", "aws_s3_region", json!("eu"), "aws_access_key_id, aws_secret_access_key"),
        ("s3", "aws_s3_disable_tls", json!(true), "aws_access_key_id, aws_secret_access_key"),
    ];
    for (name, field, value, anew) in moves {
        let (status, error) = set(name, &json!({ field: value }));
        assert_eq!(status, 400, "{field}");
        assert!(error.starts_with(&format!("{field} is another")), "{error}");
        assert!(error.contains(&format!("give {anew} anew")), "{error}");
        assert_ne!(data(&root.get(&format!("{CONFIG}/{name}")))[field], value);
    }
    // One of several is not enough.
    let half = json!({ "aws_s3_bucket": "other", "aws_secret_access_key": "s" });
    assert!(set("s3", &half).1.contains("give aws_access_key_id anew"));
    // What stays as it is moves nothing, and what is given anew, or as none, goes along.
    let same = json!({
        "http_url": "https://a.invalid/", "http_allow_plain": false, "ca_cert": "", "retain": 2,
        "path_prefix": "deep",
    });
    assert_eq!(set("http", &same), (204, String::new()));
    let anew = json!({ "http_url": "https://b.invalid/", "http_password": "other" });
    assert_eq!(set("http", &anew), (204, String::new()));
    let none = json!({ "http_url": "https://c.invalid/", "http_password": "" });
    assert_eq!(set("http", &none), (204, String::new()));
    let free = json!({ "http_url": "https://d.invalid/" });
    assert_eq!(set("http", &free), (204, String::new()));
    let kind = json!({ "storage_type": "s3", "interval": 60, "aws_s3_bucket": "third" });
    assert_eq!(set("s3", &kind), (204, String::new()), "of another word nothing is kept");
}

pub fn a_target_is_known_as_soon_as_the_store_is_open() {
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

pub fn a_field_that_nobody_knows_is_told() {
    let world = World::new(5);
    let path = format!("{CONFIG}/one");
    let sent = json!({
        "storage_type": "file", "path_prefix": "/nowhere", "interval": 60,
        "retian": 5, "keep_dayly": 30,
    });
    let set = world.root().post(&path, sent);
    assert_eq!(set.status, 200, "{}", set.json());
    let ignored = "Endpoint ignored these unrecognized parameters: [keep_dayly retian]";
    assert_eq!(set.json()["warnings"], json!([ignored]));
    let kept = data(&world.root().get(&path));
    assert!(kept["retain"] == 1 && kept.get("keep_dayly").is_none(), "{kept}");
    let again = world.root().post(&path, json!({ "keep_daily": 30 }));
    assert_eq!(again.status, 204, "{}", again.json());
}

pub fn a_field_that_is_misspelt_destroys_nothing() {
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

/// What is in a store that no server has.
fn opened(data: &Path, unseal_key: &str) -> Arc<Unsealed> {
    let clock = Arc::new(SystemClock);
    let storage = Redb::open(data, Options::new(clock.clone())).unwrap();
    let barrier = Barrier::new(Arc::new(storage), clock, Arc::new(SystemEntropy));
    let key = Key::from_bytes(&STANDARD.decode(unseal_key).unwrap()).unwrap();
    barrier.unseal(&key).unwrap()
}

pub fn what_a_version_before_took_from_the_api_is_shown_and_told_with_what_helps() {
    let mut world = World::new(7);
    let root = world.root();
    assert_eq!(root.post("secret/a", json!({ "b": "c" })).status, 204);
    let mut fields = Fields::default();
    let text = |text: &str| Given::Text(text.into());
    fields.set(field::STORAGE_TYPE, text("http"));
    fields.set(field::INTERVAL, Given::Seconds(3600));
    fields.set(field::HTTP_URL, text("https://a.invalid/"));
    fields.set(field::HTTP_USERNAME, text("u"));
    fields.set(field::HTTP_PASSWORD, text("env://PATH"));
    fields.set(field::JOURNAL, Given::Flag(true));
    let key = world.unseal_key();
    // A version before put it into the store.
    world.while_off(|data| {
        let unsealed = opened(data, &key);
        unsealed.transact(|txn| stored::write(txn, "old", &fields)).unwrap();
        unsealed.begin_journal().unwrap();
    });
    let root = world.root();
    let config = root.get(&format!("{CONFIG}/old"));
    assert_eq!(config.status, 200, "{}", config.json());
    let wanted = json!({
        "storage_type": "http", "interval": 3600, "http_url": "https://a.invalid/",
        "http_username": "u", "http_password": "env://PATH", "journal": true,
    });
    assert_eq!(data(&config), wanted);
    let warning = config.json()["warnings"][0].as_str().unwrap().to_owned();
    let help = format!("`edgekeep write {CONFIG}/old http_password=-`");
    assert!(warning.starts_with("it is not served: http_password: env:// "), "{warning}");
    assert!(warning.contains(&help) && warning.contains("no journal is kept"), "{warning}");
    let status = data(&root.get("sys/snapshots/targets/old"));
    assert_eq!((&status["state"], &status["type"]), (&json!("unserved"), &json!("http")));
    assert!(status["error"].as_str().unwrap().contains(&help), "{status}");
    let listed = data(&root.list("sys/snapshots/targets"));
    assert_eq!(listed["key_info"]["old"]["error"], status["error"]);
    let vaults = data(&root.get("sys/storage/raft/snapshot-auto/status/old"));
    assert_eq!(vaults["last_snapshot_error"], status["error"]);
    let health = world.client().get("sys/health?snapshots=1").json()["snapshots"].to_string();
    assert!(health.contains("target old") && !health.contains("env://"), "{health}");
    for (method, path) in [("POST", "take"), ("GET", "list"), ("GET", "log")] {
        let path = format!("sys/snapshots/targets/old/{path}");
        let reply = root.send(method, &path, Some(&json!({})));
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.json()["errors"].to_string().contains("is not served: http_password"));
    }
    // No journal is kept for what nobody may give it.
    let folder = TempDir::new();
    let disk = json!({ "storage_type": "file", "path_prefix": folder.path(), "interval": 3600 });
    assert_eq!(root.post(&format!("{CONFIG}/disk"), disk).status, 204);
    eventually("nothing is left of it", || {
        let log = root.get("sys/snapshots/targets/disk/log");
        log.status == 200 && data(&log)["commits"] == json!([])
    });
    // What the command does that is told.
    let status = || data(&root.get("sys/snapshots/targets/old"));
    let given = json!({ "http_password": "s3cret" });
    assert_eq!(root.post(&format!("{CONFIG}/old"), given).status, 204);
    eventually("it is served", || status()["state"] != "unserved");
    let mut shown = wanted;
    shown.as_object_mut().unwrap().remove("http_password");
    shown["file_prefix"] = "vault-snapshot".into();
    shown["retain"] = 1.into();
    assert_eq!(data(&root.get(&format!("{CONFIG}/old"))), shown);
}

pub fn several_that_are_set_at_once_keep_nobody_from_writing() {
    let folder = TempDir::new();
    let world = World::new(8);
    // The one that wants a journal may be written by a transaction that has all for itself.
    let set = |round: u64, nth: u64| {
        let path = folder.path().join(format!("{round}-{nth}"));
        std::fs::create_dir(&path).unwrap();
        let config = json!({
            "storage_type": "file", "path_prefix": path, "interval": "24h", "journal": nth == 0,
        });
        let name = format!("{CONFIG}/{nth}");
        assert_eq!(world.root().post(&name, config).status, 204);
    };
    for round in 0..5 {
        std::thread::scope(|scope| {
            (0..8).for_each(|nth| drop(scope.spawn(move || set(round, nth))));
        });
        assert_eq!(world.root().post("secret/a", json!({ "b": "c" })).status, 204);
        for nth in 0..8 {
            assert_eq!(world.root().delete(&format!("{CONFIG}/{nth}")).status, 204);
        }
    }
}
