//! A folder that hangs holds up nothing but what goes there.

use std::fs;
use std::path::Path;
use std::thread;

use edgekeep::config;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use super::snapshots::{configured, target};
use super::support::hung::Hung;
use super::support::store::Store;
use super::support::world::World;
use super::support::{TempDir, data, eventually};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config";

/// Two folders: one of a target that is well, and one that may hang.
fn folders(home: &TempDir) -> [std::path::PathBuf; 2] {
    ["well", "hangs"].map(|name| {
        let folder = home.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    })
}

fn file(path: &Path) -> Value {
    json!({ "storage_type": "file", "path_prefix": path, "interval": "24h" })
}

fn put(world: &World, name: &str, sent: Value) -> u16 {
    world.root().post(&format!("{CONFIG}/{name}"), sent).status
}

pub fn it_holds_up_no_other_target_no_request_and_no_unseal() {
    let home = TempDir::new();
    let [well, hangs] = folders(&home);
    let mut world = World::configured(71, &configured(&well, "  interval = \"24h\""));
    let snapshot = world.root().get("sys/storage/raft/snapshot").body;
    let hung = Hung::over(&hangs);
    for name in ["b", "c"] {
        let sent = file(&hangs.join(name));
        hung.holds_up_not("it is set", || assert_eq!(put(&world, name, sent), 204));
    }
    hung.holds_up_not("another one is set, changed and removed", || {
        assert_eq!(put(&world, "other", file(&home.path().join("other"))), 204);
        assert_eq!(put(&world, "other", json!({ "retain": 2 })), 204);
        assert_eq!(world.root().delete(&format!("{CONFIG}/other")).status, 204);
    });
    let asked = |world: &World| {
        let root = world.root();
        assert_eq!(root.list("sys/snapshots/targets").status, 200);
        assert_eq!(root.get("sys/health?snapshots=1").status, 200);
        assert_eq!(root.get("sys/metrics?format=prometheus").status, 200);
        let attempts = || target(&root)["attempts"].as_u64().unwrap();
        let take = root.post("sys/snapshots/targets/disk/take", json!({}));
        let wanted = data(&take)["attempts"].as_u64().unwrap();
        eventually("one is taken", || attempts() >= wanted);
        assert_eq!(target(&root)["last_error"], "");
    };
    hung.holds_up_not("what is asked", || asked(&world));
    hung.holds_up_not("a restart and an unseal", || world.restart());
    hung.holds_up_not("what is asked after that", || asked(&world));
    hung.holds_up_not("a restore into the running server", || {
        let path = "sys/storage/raft/snapshot";
        assert_eq!(world.root().upload(path, &snapshot).unwrap().status, 200);
    });
    hung.holds_up_not("what is asked in the restored one", || {
        for name in ["b", "c"] {
            assert_eq!(put(&world, name, file(&hangs.join(name))), 204);
        }
        asked(&world);
    });
    hung.holds_up_not("it is removed, and the server is sealed", || {
        assert_eq!(world.root().delete(&format!("{CONFIG}/b")).status, 204);
        assert_eq!(world.root().post("sys/seal", json!({})).status, 204);
    });
    hung.holds_up_not("the end", || drop(world));
}

pub fn it_holds_up_no_reading_of_a_configuration() {
    let home = TempDir::new();
    let [well, hangs] = folders(&home);
    let hung = Hung::over(&hangs);
    let path = home.path().join("c.hcl");
    let targets: String = ["a", "b"]
        .map(|name| configured(&hangs.join(name), "  interval = \"24h\"").replace("disk", name))
        .join("\n");
    let text = format!(
        "storage \"redb\" {{\n  path = \"{}\"\n}}\n\
         listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}}\n{targets}",
        well.display()
    );
    fs::write(&path, text).unwrap();
    hung.holds_up_not("reading it", || {
        config::read(&[path], &|_| None).unwrap();
    });
}

pub fn a_file_of_authorities_that_hangs_holds_up_nothing() {
    let home = TempDir::new();
    let [_, hangs] = folders(&home);
    let _hung = Hung::over(&hangs);
    holds_up_nothing(&home, &hangs.join("ca.pem"), |far| far["state"] == "unknown");
}

pub fn a_pipe_in_place_of_a_file_of_authorities_holds_up_nothing() {
    let home = TempDir::new();
    folders(&home);
    let pipe = home.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    holds_up_nothing(&home, &pipe, |far| far["error"].to_string().contains("no file"));
}

/// A target with such a file is set, and comes to be told so; another one is well.
fn holds_up_nothing(home: &TempDir, ca_cert: &Path, is_told: impl Fn(&Value) -> bool) {
    let well = configured(&home.path().join("well"), "  interval = \"24h\"");
    let mut world = World::configured(72, &well);
    let sent = json!({
        "storage_type": "http", "http_url": "https://127.0.0.1:9/far", "interval": "24h",
        "ca_cert": ca_cert,
    });
    assert_eq!(put(&world, "far", sent), 204);
    assert_eq!(world.root().get(&format!("{CONFIG}/far")).status, 200);
    world.restart();
    eventually("another one is well", || target(&world.root())["state"] == "good");
    let far = || data(&world.root().get("sys/snapshots/targets/far"));
    eventually("it is told", || is_told(&far()));
}

pub fn a_request_that_hangs_keeps_no_key_of_a_sealed_server() {
    let home = TempDir::new();
    let [_, hangs] = folders(&home);
    let (store, server) = Store::configured(&home.path().join("data"), "disable_mlock = false\n");
    let root = store.root(&server);
    let mut sent = file(&hangs);
    sent["journal"] = true.into();
    assert_eq!(root.post(&format!("{CONFIG}/b"), sent).status, 204);
    let state = || data(&root.get("sys/snapshots/targets/b"))["state"].clone();
    eventually("it is well", || state() == "good");
    let latest = json!({ "at": "latest" });
    let asks =
        [("GET", "log", None), ("POST", "load", Some(&latest)), ("POST", "restore", Some(&latest))];
    for (method, what, body) in asks {
        thread::scope(|scope| {
            let _hung = Hung::over(&hangs);
            let path = format!("sys/snapshots/targets/b/{what}");
            let (asking, asked) = (&root, path.clone());
            scope.spawn(move || asking.ask(method, &asked, body));
            eventually("a request hangs", || {
                root.get("sys/in-flight-req").json().to_string().contains(&path)
            });
            assert_ne!(server.locked(), 0);
            assert_eq!(root.post("sys/seal", json!({})).status, 204);
            eventually("no key is left", || server.locked() == 0);
        });
        store.unseal(&server);
    }
}
