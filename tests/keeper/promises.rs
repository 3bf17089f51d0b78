//! What the log says of a target that does not keep its promise.

use std::fs;

use serde_json::json;

use super::snapshots::{configured, target};
use super::support::hung::Hung;
use super::support::store::Store;
use super::support::{Server, TempDir, eventually};

const SETTINGS: &str = "  interval = \"24h\"\n  journal = true\n  journal_max = \"1MiB\"";

/// The lines of the log that have all of these in them.
fn logged(server: &Server, parts: [&str; 2]) -> usize {
    let output = server.output();
    output.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

fn broken(server: &Server) -> usize {
    logged(server, ["[WARN]", "to disk: it does not keep its promise: "])
}

fn kept(server: &Server) -> usize {
    logged(server, ["[INFO]", "to disk: it keeps its promise again"])
}

pub fn a_broken_one_is_told_once_though_the_target_hangs_and_once_when_it_is_kept_again() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let more = configured(&folder, SETTINGS);
    let (store, server) = Store::configured(&home.path().join("data"), &more);
    let root = store.root(&server);
    assert_eq!(root.post("sys/mounts/secret", json!({ "type": "kv" })).status, 204);
    let is_well = || {
        let target = target(&root);
        target["state"] == "good" && target["journal"]["behind"] == 0 && target["late"] == ""
    };
    eventually("it is well", is_well);
    let hung = Hung::over(&folder);
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        let written = root.post(&format!("secret/{number}"), json!({ "a": large }));
        assert_eq!(written.status, 204);
    }
    eventually("it is told", || broken(&server) == 1);
    assert_eq!(logged(&server, ["promise", "the journal came to its limit"]), 1);
    assert_eq!(logged(&server, ["promise", "`edgekeep snapshot status disk`"]), 1);
    // What was told is not told again by who opens the store again.
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    store.unseal(&server);
    hung.end();
    eventually("it is well again", is_well);
    eventually("that is told", || kept(&server) == 1);
    assert_eq!((broken(&server), kept(&server)), (1, 1), "{}", server.output());
}
