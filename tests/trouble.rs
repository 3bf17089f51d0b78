//! What those see who use a server while its disk is in trouble.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};
use serde_json::{Value, json};

use support::harness::{needs, tests};
use support::http::{Client, Reply};
use support::mount::Mount;
use support::store::Store;
use support::volume::does;
use support::{Server, TempDir, data, eventually};

tests! {
    self {
        a_full_disk_refuses_writes_and_serves_on,
        the_journal_that_waits_for_a_target_leaves_room_for_what_is_written,
        a_disk_gone_read_only_is_read_on,
        a_disk_that_can_be_written_again_is_written_again,
        a_file_that_is_removed_takes_no_writes_until_it_is_restored,
        a_file_that_is_replaced_takes_no_writes_and_is_not_written_over,
        what_befell_the_file_is_in_the_log,
        a_start_that_would_do_harm_is_refused_by_name,
        a_file_in_the_place_of_the_folder_is_refused_by_name,
    }
}

/// Secrets of each kind.
const COUNT: u64 = 20;

fn value(number: u64) -> Value {
    json!({ "n": number, "filling": "x".repeat(10_000) })
}

/// Puts secrets into `secret/`, `plain/` and `going/`.
fn fill(root: &Client) {
    for (path, version) in [("secret", "2"), ("plain", "1"), ("going", "1")] {
        let body = json!({ "type": "kv", "options": { "version": version } });
        expect(204, &root.post(&format!("sys/mounts/{path}"), body));
    }
    for number in 0..COUNT {
        let body = json!({ "data": value(number) });
        expect(200, &root.post(&format!("secret/data/{number}"), body));
        expect(204, &root.post(&format!("plain/{number}"), value(number)));
    }
    expect(204, &root.post("going/value", value(0)));
}

fn expect(status: u16, reply: &Reply) {
    assert_eq!(reply.status, status, "{}", reply.json());
}

/// Looks whether the secrets from `first` on are there.
fn assert_holds(root: &Client, first: u64) {
    for number in first..COUNT {
        let secret = root.get(&format!("secret/data/{number}"));
        assert_eq!(data(&secret)["data"], value(number), "{}", secret.json());
        let plain = root.get(&format!("plain/{number}"));
        assert_eq!(data(&plain), value(number), "{}", plain.json());
    }
    assert_eq!(root.get("plain").status, 404);
    assert_eq!(
        data(&root.list("plain"))["keys"].as_array().unwrap().len(),
        (COUNT - first) as usize
    );
}

/// Removes the secrets from `first` on, up to `first + 4`, in each way that there is.
fn remove_four(root: &Client, first: u64) {
    let path = |of: &str, nth: u64| format!("secret/{of}/{}", first + nth);
    let numbers = json!({ "versions": [1] });
    expect(204, &root.delete(&path("data", 0)));
    expect(204, &root.post(&path("delete", 1), numbers.clone()));
    expect(204, &root.post(&path("destroy", 2), numbers));
    expect(204, &root.delete(&path("metadata", 3)));
    for nth in 0..4 {
        assert_eq!(root.get(&path("data", nth)).status, 404);
        expect(204, &root.delete(&format!("plain/{}", first + nth)));
    }
}

/// Every way to write, and what is said to it.
fn assert_all_writes(root: &Client, status: u16, text: &str) {
    let secret = json!({ "data": { "more": 1 } });
    let last = COUNT - 1;
    for (method, path, body) in [
        ("POST", "secret/data/new".to_owned(), secret.clone()),
        ("POST", format!("secret/data/{last}"), secret.clone()),
        ("PATCH", format!("secret/data/{last}"), secret),
        ("POST", format!("secret/undelete/{last}"), json!({ "versions": [1] })),
        ("POST", format!("secret/metadata/{last}"), json!({ "max_versions": 2 })),
        ("POST", "secret/config".to_owned(), json!({ "max_versions": 2 })),
        ("POST", "plain/new".to_owned(), value(0)),
        ("POST", "sys/mounts/new".to_owned(), json!({ "type": "kv" })),
        ("POST", "sys/remount".to_owned(), json!({ "from": "plain", "to": "other" })),
    ] {
        let reply = root.send(method, &path, Some(&body));
        let told = reply.json()["errors"][0].to_string();
        assert!(reply.status == status && told.contains(text), "{path}: {} {told}", reply.status);
        assert_eq!(reply.header("retry-after").is_some(), status == 507, "{path}");
    }
}

fn trouble(server: &Server) -> String {
    let health = server.client().get("sys/health?degradedcode=472").json();
    health["degraded"].as_str().unwrap_or_default().to_owned()
}

fn a_full_disk_refuses_writes_and_serves_on() {
    let full = "the disk is nearly full: writes are refused until space is freed";
    let mount = Mount::new("tmpfs", "none", "size=64m");
    let (store, mut server) = Store::make(&mount.path());
    let mut root = store.root(&server);
    fill(&root);
    assert_eq!(trouble(&server), "");

    mount.fill(8 << 20);
    assert_all_writes(&root, 507, full);
    assert_holds(&root, 0);
    assert!(trouble(&server).contains("free some space"), "{}", trouble(&server));
    assert_eq!(server.client().get("sys/health").status, 200);
    assert_eq!(server.client().get("sys/health?degradedcode=472").status, 472);
    let snapshot = root.get("sys/storage/raft/snapshot");
    expect(507, &snapshot);
    assert_eq!(snapshot.header("retry-after"), Some("30"));
    assert!(snapshot.json()["errors"][0].to_string().contains("no room for the snapshot"));

    let ballast = mount.fill(0);
    remove_four(&root, 0);
    expect(200, &root.delete("sys/mounts/going"));
    assert_eq!(root.get("going/value").status, 404);
    assert_holds(&root, 4);

    // Nor does it matter when the server ends now.
    server.kill();
    server = store.start();
    root = store.root(&server);
    assert_holds(&root, 4);
    assert_all_writes(&root, 507, full);
    remove_four(&root, 4);

    fs::remove_file(ballast).unwrap();
    assert_eq!(trouble(&server), "");
    expect(200, &root.post("secret/data/new", json!({ "data": value(0) })));
    assert_holds(&root, 8);
    store.verify(&server);
}

fn the_journal_that_waits_for_a_target_leaves_room_for_what_is_written() {
    let mount = Mount::new("tmpfs", "none", "size=64m");
    let folder = TempDir::new();
    let (disk, away) = (folder.path().join("disk"), folder.path().join("away"));
    fs::create_dir(&disk).unwrap();
    let place = disk.display();
    let target = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n  interval = \
         \"24h\"\n  journal = true\n}}\n"
    );
    let (store, server) = Store::configured(&mount.path(), &target);
    let root = store.root(&server);
    fill(&root);
    let told = || data(&root.get("sys/snapshots/targets/disk"));
    let good = || told()["state"] == "good" && told()["journal"]["behind"] == 0;
    eventually("the target has all", good);
    fs::rename(&disk, &away).unwrap();
    let large = json!({ "filling": "x".repeat(200_000) });
    for _ in 0..250 {
        expect(204, &root.post("going/large", large.clone()));
    }
    assert_eq!(told()["journal"]["cut"], true);
    fs::rename(&away, &disk).unwrap();
    eventually("the target has all again", good);
    expect(204, &root.post("going/large", large));
    assert_holds(&root, 0);
}

fn a_disk_gone_read_only_is_read_on() {
    let mount = Mount::new("ext4", "{}/disk", "loop,errors=remount-ro");
    let (store, mut server) = Store::make(&mount.path());
    let mut root = store.root(&server);
    fill(&root);
    // What ext4 does to itself after an error of its device.
    let mut abort = Command::new("mount");
    needs("an error of ext4", does(abort.args(["-o", "remount,abort"]).arg(mount.root())));
    // It may be told of an error of the device first.
    assert!(root.post("plain/new", value(0)).status >= 500);
    for _ in 0..2 {
        assert_all_writes(&root, 500, "mount it for writing");
        assert_holds(&root, 0);
        assert!(trouble(&server).contains("mount it for writing"), "{}", trouble(&server));
        // It is now that one is needed.
        store.verify(&server);
        server.kill();
        server = store.start();
        root = store.root(&server);
    }
}

fn a_disk_that_can_be_written_again_is_written_again() {
    let mount = Mount::new("tmpfs", "none", "size=64m");
    let remount = |how: &str| {
        let options = format!("remount,{how}");
        does(Command::new("mount").args(["-o", &options]).arg(mount.root())).unwrap();
    };
    let (store, mut server) = Store::make(&mount.path());
    fill(&store.root(&server));
    server.kill();
    remount("ro");
    let server = store.start();
    let root = store.root(&server);
    assert_all_writes(&root, 500, "mount it for writing");
    assert_holds(&root, 0);
    remount("rw");
    let deadline = Instant::now() + Duration::from_secs(60);
    while root.post("plain/new", value(0)).status != 204 {
        assert!(Instant::now() < deadline, "it does not heal: {}", trouble(&server));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(trouble(&server), "");
}

fn a_file_that_is_removed_takes_no_writes_until_it_is_restored() {
    let scratch = TempDir::new();
    let (store, mut server) = Store::make(&scratch.path().join("data"));
    let root = store.root(&server);
    fill(&root);
    fs::remove_file(store.file()).unwrap();
    assert_all_writes(&root, 500, "was removed under the running server");
    assert_holds(&root, 0);
    assert!(trouble(&server).contains("take a snapshot now"), "{}", trouble(&server));
    assert!(!store.file().exists());

    store.verify(&server);
    let snapshot = root.get("sys/storage/raft/snapshot");
    expect(200, &snapshot);
    expect(200, &root.upload("sys/storage/raft/snapshot", &snapshot.body).unwrap());
    assert_eq!(trouble(&server), "");
    expect(204, &root.post("plain/0", value(0)));
    server.kill();
    let server = store.start();
    assert_holds(&store.root(&server), 0);
    store.verify(&server);
}

fn a_file_that_is_replaced_takes_no_writes_and_is_not_written_over() {
    let scratch = TempDir::new();
    let (store, server) = Store::make(&scratch.path().join("data"));
    let root = store.root(&server);
    fill(&root);
    let aside = scratch.path().join("aside");
    fs::rename(store.file(), &aside).unwrap();
    fs::write(store.file(), "another").unwrap();
    let said = "another file was put in the place of";
    assert_all_writes(&root, 500, said);
    assert_holds(&root, 0);
    assert!(trouble(&server).contains(said), "{}", trouble(&server));
    let snapshot = root.get("sys/storage/raft/snapshot");
    let restored = root.upload("sys/storage/raft/snapshot-force", &snapshot.body).unwrap();
    assert!(restored.status == 500 && restored.json()["errors"][0].to_string().contains(said));
    assert_eq!(fs::read(store.file()).unwrap(), b"another");

    // It was a mistake.
    fs::rename(&aside, store.file()).unwrap();
    assert_eq!(trouble(&server), "");
    expect(204, &root.post("plain/0", value(0)));
    store.verify(&server);
}

fn what_befell_the_file_is_in_the_log() {
    let scratch = TempDir::new();
    let folder = scratch.path().join("data");
    let (store, server) = Store::make(&folder);
    fill(&store.root(&server));
    // Its folder goes away, as a disk does that is unplugged.
    fs::rename(&folder, scratch.path().join("elsewhere")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !server.output().contains("was removed under the running server") {
        assert!(Instant::now() < deadline, "{}", server.output());
        std::thread::sleep(Duration::from_millis(100));
    }
    store.verify(&server);
}

fn a_start_that_would_do_harm_is_refused_by_name() {
    let scratch = TempDir::new();
    let folder = scratch.path().join("data");
    let (store, mut server) = Store::make(&folder);
    fill(&store.root(&server));
    let file = store.file();
    let name = file.display().to_string();
    let refused = |what: &str, expected: &[&str]| {
        let output = store.refusal();
        for text in expected {
            assert!(output.contains(text), "{what}: {text:?} is not in {output}");
        }
        assert!(!output.contains("panicked"), "{what}: {output}");
    };
    refused("a second server", &[&folder.display().to_string(), "stop that one first"]);
    assert_holds(&store.root(&server), 0);
    server.kill();

    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        refused("a file that others can read", &[&format!("run chmod 600 {name}")]);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    let sound = fs::read(&file).unwrap();
    for length in [0, 1, 100, 512, 4096, sound.len() / 2, sound.len() - 1] {
        fs::write(&file, &sound[..length]).unwrap();
        let what = format!("cut to {length} bytes");
        refused(&what, &[&name, "Move the file away and restore the newest snapshot"]);
    }
    for foreign in ["a letter to somebody\n".repeat(1000), "SQLite format 3\0".repeat(4096)] {
        fs::write(&file, &foreign).unwrap();
        refused(&foreign[..15], &[&name, "Move the file away"]);
    }
    fs::remove_file(&file).unwrap();
    let other: TableDefinition<'_, u64, u64> = TableDefinition::new("other");
    let database = Database::create(&file).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(other).unwrap().insert(1, 2).unwrap();
    txn.commit().unwrap();
    drop(database);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    refused("a redb file of others", &[&name, "not of edgekeep", "name another path"]);

    fs::write(&file, &sound).unwrap();
    let server = store.start();
    assert_holds(&store.root(&server), 0);
}

fn a_file_in_the_place_of_the_folder_is_refused_by_name() {
    let scratch = TempDir::new();
    let folder = scratch.path().join("data");
    let (store, mut server) = Store::make(&folder);
    server.kill();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "a file").unwrap();
    let output = store.refusal();
    assert!(output.contains(&folder.display().to_string()), "{output}");
    assert!(output.contains("the path of the storage is a folder"), "{output}");
}
