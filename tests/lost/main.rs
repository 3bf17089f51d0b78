//! A machine is lost: another takes its place from a target alone, or had followed it all along.

mod bare;
mod follower;
#[path = "../support/peers/mod.rs"]
mod peers;
mod remote;
mod replaced;
#[allow(dead_code, reason = "each test uses its own part")]
#[path = "../rewind/site.rs"]
mod site;
mod standby;
mod stick;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::layout::{Folder, Kept};
use serde_json::json;
use site::{made_up, made_up_snapshot};
use support::http::Client;
use support::store::Store;
use support::{Server, TempDir, data, eventually, program};

/// A folder as a place, as a configuration has it.
fn place(disk: &Path) -> String {
    fs::create_dir_all(disk).unwrap();
    format!("type = \"file\"\n  path_prefix = \"{}\"", disk.display())
}

/// A target of that name, with `more` about it.
fn target(name: &str, place: &str, more: &str) -> String {
    let usual = "interval = \"24h\"\n  journal = true";
    format!("snapshot \"{name}\" {{\n  {usual}\n  {place}\n{more}\n}}\n")
}

/// A store with these targets.
fn shipping(folder: &Path, targets: &str) -> (Store, Server) {
    let (store, server) = Store::configured(folder, targets);
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(store.root(&server).post("sys/mounts/secret", kv).status, 204);
    (store, server)
}

/// Waits until the target of that name has all that was committed by now.
fn shipped(root: &Client, name: &str) -> u64 {
    let stands = || data(&root.get(&format!("sys/snapshots/targets/{name}")));
    eventually("all is shipped", || {
        stands()["journal"]["behind"] == 0 && stands()["journal"]["revision"].is_u64()
    });
    stands()["journal"]["revision"].as_u64().unwrap()
}

/// Runs the program: its exit code, and what it printed.
fn edgekeep(words: &[&str]) -> (i32, String) {
    let output = Command::new(program()).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

/// Runs `edgekeep restore`.
fn restore(words: &[&str]) -> (i32, String) {
    edgekeep(&[&["restore"], words].concat())
}

/// What a machine writes.
fn write(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = json!({ "a": format!("{value}-{number}") });
        assert_eq!(root.post(&format!("secret/{number}"), secret).status, 204);
    }
    let policy = json!({ "policy": "path \"secret/*\" { capabilities = [\"read\"] }" });
    assert_eq!(root.post("sys/policies/acl/reader", policy).status, 204);
}

/// And that it has it, and nothing else.
fn must_have(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = root.get(&format!("secret/{number}")).json();
        assert_eq!(secret["data"]["a"], format!("{value}-{number}"));
    }
    assert_eq!(root.get("sys/policies/acl/reader").status, 200);
    store.verify(server);
}

/// What lies in a folder, in its order, but the mark of a target.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// Changes a bit of the last segment that a disk has of its only store.
fn damage_the_end(disk: &Path) {
    let journal = disk.join(&names(disk)[0]).join("journal");
    let timeline = journal.join(names(&journal).pop().unwrap());
    let last = timeline.join(names(&timeline).pop().unwrap());
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&last, bytes).unwrap();
}

/// Puts a file beside the only store on a disk under a name that somebody has made up.
fn junk(disk: &Path, kept: &Kept) {
    junk_of(&names(disk)[0], disk, kept);
}

/// The same of the store of that id.
fn junk_of(store: &str, disk: &Path, kept: &Kept) {
    let path = disk.join(Folder::new("", store).unwrap().name(kept).unwrap().as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "junk").unwrap();
}

/// Of a later history, which began at some time and goes on far into a time to come: a snapshot,
/// and a segment.
fn later(begun: Timestamp) -> [Kept; 2] {
    let timeline = Timeline { number: 9, id: 0xaaaa_aaaa_aaaa_aaaa };
    let segment = made_up(timeline, None, (900, 999), (begun, Timestamp::from_secs(4_000_000_000)));
    [made_up_snapshot(timeline, 999, begun), segment]
}

/// A machine with a disk beside it.
struct Home {
    home: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { home: TempDir::new() }
    }

    /// A path in it.
    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Its server ships to the folder `disk`.
    fn shipping(&self, more: &str) -> (Store, Server) {
        shipping(&self.at("data"), &target("disk", &place(&self.at("disk")), more))
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("-{name}={}", path.display())
}
