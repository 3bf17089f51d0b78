//! Instants of a target: loaded beside the store, compared, read without a server; and whether
//! what is there is good.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::world::World;
use crate::support::{ROOT, TempDir, data, eventually, program};
use crate::{LOAD, allowed, error, read, recover, recover_from};

const TARGET: &str = "sys/snapshots/targets/disk";
const FROM_TARGET: &str = "sys/snapshots/targets/disk/load";

/// A world whose snapshots and journal go to `folder`, with kv version 2 at `v2/`.
fn world(seed: u64, folder: &Path) -> World {
    let path = folder.display();
    let block = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{path}\"\n  interval = \
         \"24h\"\n  journal = true\n  keep_last = 99\n}}"
    );
    let world = World::configured(seed, &block);
    let kv = json!({ "type": "kv", "options": { "version": "2" } });
    assert_eq!(world.root().post("sys/mounts/v2", kv).status, 204);
    eventually("there is a base", || target(&world.root())["last_good"].is_object());
    world
}

fn target(client: &Client) -> Value {
    data(&client.get(TARGET))
}

/// Writes a value at both, and lets time pass; when that was.
fn put(world: &World, n: u64) -> String {
    assert_eq!(world.root().post("secret/a", json!({ "n": n })).status, 204);
    assert_eq!(world.root().post("v2/data/a", json!({ "data": { "n": n } })).status, 200);
    let time = world.now();
    world.advance(Duration::from_secs(10));
    time
}

fn all_is_there(world: &World) {
    eventually("all of it is there", || target(&world.root())["journal"]["behind"] == 0);
}

/// Loads an instant; what is told of it.
fn load(client: &Client, body: Value) -> Value {
    let reply = client.post(FROM_TARGET, body.clone());
    assert_eq!(reply.status, 200, "{body}: {}", reply.json());
    data(&reply)
}

fn id(loaded: &Value) -> String {
    loaded["snapshot_id"].as_str().unwrap().to_owned()
}

fn edgekeep(world: &World, args: &[&str]) -> Command {
    let address = format!("http://{}", world.client().address());
    let mut command = Command::new(program());
    command.env_clear().env("VAULT_ADDR", address).env("VAULT_TOKEN", ROOT);
    command.env("VAULT_MAX_RETRIES", "0").args(args);
    command
}

/// What it prints that does what it should.
fn run(world: &World, args: &[&str]) -> String {
    let output = edgekeep(world, args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.is_empty(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// With what it exits that does not, and what it says.
fn fail(world: &World, args: &[&str]) -> (i32, String) {
    let output = edgekeep(world, args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn any_instant_of_a_target_is_loaded() {
    let folder = TempDir::new();
    let world = world(51, folder.path());
    let root = world.root();
    let times: Vec<String> = (1..=3).map(|n| put(&world, n)).collect();
    all_is_there(&world);
    let second = load(&root, json!({ "at": times[1] }));
    assert_eq!((&second["status"], &second["exact"]), (&json!("ready"), &json!(true)), "{second}");
    assert_eq!(second["unusable"], json!([]));
    assert_eq!(data(&read(&root, &id(&second), "secret/a"))["n"], 2);
    assert_eq!(data(&read(&root, &id(&second), "v2/data/a"))["data"]["n"], 2);
    let revision = second["revision"].as_u64().unwrap();
    let before = load(&root, json!({ "revision": revision - 1, "timeline": second["timeline"] }));
    assert_eq!(before["revision"], revision - 1);
    assert_eq!(data(&read(&root, &id(&before), "secret/a"))["n"], 2);
    assert_eq!(data(&read(&root, &id(&before), "v2/data/a"))["data"]["n"], 1);
    let last = load(&root, json!({ "at": "latest" }));
    assert_eq!(data(&read(&root, &id(&last), "v2/data/a"))["data"]["n"], 3);

    // What is loaded is listed with the instant that it is of.
    let listed = data(&root.list(LOAD));
    assert_eq!(listed["keys"], json!([id(&second), id(&before), id(&last)]));
    for one in [&second, &before, &last] {
        let told = &listed["key_info"][id(one)];
        for field in ["revision", "timeline", "taken_at", "expires_at"] {
            assert_eq!(told[field], one[field], "{field}");
        }
    }
    let diff = data(&root.get(&format!("{LOAD}/{}/diff?with={}", id(&before), id(&last))));
    let changed: Vec<_> = diff["changes"].as_array().unwrap().iter().map(|c| &c["path"]).collect();
    assert_eq!(changed, ["secret/a", "v2/a"]);

    assert_eq!(data(&recover(&root, &id(&second), "v2/data/a"))["version"], 4);
    assert_eq!(data(&root.get("v2/data/a"))["data"]["n"], 2);
    assert_eq!(recover_from(&root, &id(&second), "secret/b", "secret/a").status, 204);
    assert_eq!(data(&root.get("secret/b"))["n"], 2);
    assert_eq!(root.delete(&format!("{LOAD}/{}", id(&second))).status, 204);

    // A history that was left by a restore is named.
    let back = data(&root.post(&format!("{TARGET}/restore"), json!({ "at": times[0] })));
    eventually("the new history has a base", || {
        target(&root)["last_good"]["timeline"] == back["new_timeline"]
    });
    let left = load(&root, json!({ "at": "latest", "timeline": back["timeline"] }));
    assert_eq!(left["timeline"], back["timeline"]);
    assert_eq!(data(&read(&root, &id(&left), "secret/a"))["n"], 3);
    let here = load(&root, json!({ "at": "latest", "timeline": back["new_timeline"] }));
    assert_eq!(data(&read(&root, &id(&here), "secret/a"))["n"], 1);
}

#[test]
fn what_cannot_be_loaded_is_refused_and_leaves_nothing() {
    let folder = TempDir::new();
    let world = world(52, folder.path());
    let root = world.root();
    put(&world, 1);
    all_is_there(&world);
    for (body, why) in [
        (json!({}), "at or revision is required"),
        (json!({ "at": "yesterday" }), "at must be a time"),
        (json!({ "at": "latest", "revision": 3 }), "not both"),
        (json!({ "revision": -3 }), "must not be negative"),
        (json!({ "at": "2001-01-01T00:00:00Z" }), "before the first snapshot"),
        (json!({ "revision": 1_000_000 }), "nothing so late is known"),
        (json!({ "at": "latest", "timeline": "x" }), "that is no timeline"),
        (
            json!({ "at": "latest", "timeline": "9-0011223344556677" }),
            "that it has with -timeline=TIMELINE (where the instant is one word: NAME@INSTANT@TIMELINE):",
        ),
    ] {
        let refused = root.post(FROM_TARGET, body.clone());
        assert_eq!(refused.status, 400, "{body}");
        assert!(error(&refused).contains(why), "{body}: {}", error(&refused));
    }
    let latest = json!({ "at": "latest" });
    assert_eq!(root.post("sys/snapshots/targets/none/load", latest.clone()).status, 404);
    assert_eq!(world.client().post(FROM_TARGET, latest.clone()).status, 403);
    let bob = allowed(&root, "bob", "path \"sys/storage/*\" { capabilities = [\"update\"] }");
    assert_eq!(bob.post(FROM_TARGET, latest.clone()).status, 403);
    assert_eq!(root.list(LOAD).status, 404, "nothing was loaded");
    let policy = format!("path \"{FROM_TARGET}\" {{ capabilities = [\"update\"] }}");
    load(&allowed(&root, "ann", &policy), latest.clone());
    (0..3).for_each(|_| drop(load(&root, latest.clone())));
    let refused = root.post(FROM_TARGET, latest.clone());
    assert_eq!(refused.status, 400);
    assert!(error(&refused).contains("4 snapshots are loaded"), "{}", error(&refused));
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    assert_eq!(root.post(FROM_TARGET, latest).status, 503);
}

#[test]
fn the_command_line_names_instants() {
    let folder = TempDir::new();
    let world = world(53, folder.path());
    let times: Vec<String> = (1..=3).map(|n| put(&world, n)).collect();
    all_is_there(&world);
    let at = format!("-at={}", times[1]);
    let loaded = run(&world, &["snapshot", "load", "-target=disk", "-format=json", &at]);
    let loaded: Value = serde_json::from_str(&loaded).unwrap();
    let revision = loaded["data"]["revision"].to_string();
    let id = id(&loaded["data"]);
    let same = run(&world, &["snapshot", "diff", &id, &format!("disk@{revision}")]);
    assert_eq!(same, "Nothing was added, changed or deleted.\n");
    run(&world, &["snapshot", "unload", &id]);

    let sides = [format!("disk@{}", times[0]), format!("disk@{}", times[2])];
    let changed = run(&world, &["snapshot", "diff", "-values", &sides[0], &sides[1]]);
    assert!(changed.contains("- n    1") && changed.contains("+ n    3"), "{changed}");
    let back = run(&world, &["snapshot", "diff", "-format=json", "now", &sides[1]]);
    assert_eq!(back, "[]\n");
    let one = format!("-snapshot-id={}@{}", sides[0], text(&loaded["data"]["timeline"]));
    let version = run(&world, &["recover", &one, "-field=version", "v2/data/a"]);
    assert_eq!(version, "4");
    assert_eq!(data(&world.root().get("v2/data/a"))["data"]["n"], 1);
    // Who looks only needs no more words.
    assert_eq!(run(&world, &["read", &one, "-field=n", "secret/a"]), "1");
    assert_eq!(run(&world, &["kv", "get", &one, "-field=n", "v2/a"]), "1");
    assert_eq!(run(&world, &["kv", "get", &one, "-field=n", "-mount=secret", "a"]), "1");
    for list in [&["list", &one, "secret"][..], &["kv", "list", &one, "v2"]] {
        assert_eq!(run(&world, list), "Keys\n----\na\n", "{list:?}");
    }
    let (exit, said) = fail(&world, &["kv", "get", &one, "v2/none"]);
    assert!(exit == 2 && said.contains("No value found at v2/data/none"), "{said}");
    let (exit, said) = fail(&world, &["read", "-snapshot-id=disk@1000000", "secret/a"]);
    assert!(exit == 2 && said.contains("nothing so late is known"), "{said}");
    let (exit, said) = fail(&world, &["recover", &one, "v2/data/none"]);
    assert!(exit == 2 && said.contains("the snapshot has nothing there"), "{said}");
    let (exit, said) = fail(&world, &["recover", &one, "v2/a"]);
    assert!(exit == 2 && said.contains("the value is at v2/data/a"), "{said}");
    assert!(!said.contains("as it was"), "{said}");
    let (exit, said) = fail(&world, &["recover", &one, "sys/mounts/v2"]);
    let as_it_was = format!("as it was: `edgekeep read {one} sys/mounts/v2`");
    assert!(exit == 2 && said.contains(&as_it_was), "{said}");
    assert!(run(&world, &["read", &one, "sys/mounts/v2"]).contains("accessor"));
    let (exit, said) = fail(&world, &["snapshot", "diff", &sides[0], "disk@1000000"]);
    assert!(exit == 2 && said.contains("nothing so late is known"), "{said}");
    // Whatever was loaded for a command alone is loaded no more, nor after what went wrong.
    assert_eq!(world.root().list(LOAD).status, 404);

    let here = format!("{}@latest", folder.path().display());
    let (exit, said) = fail(&world, &["snapshot", "diff", &here, "now"]);
    assert!(exit == 1 && said.contains("now is of a server, which cannot get"), "{said}");
    let (exit, said) = fail(&world, &["snapshot", "load", &here]);
    assert!(exit == 1 && said.contains("a server knows its targets by name"), "{said}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn an_instant_is_read_and_compared_without_a_server() {
    let folder = TempDir::new();
    let world = world(54, folder.path());
    let times: Vec<String> = (1..=3).map(|n| put(&world, n)).collect();
    world.root().delete("v2/data/a");
    all_is_there(&world);
    let (place, key) = (folder.path().display().to_string(), world.unseal_key());
    let read = |args: &[&str]| run(&world, &[&["snapshot", "read"], args, &[&key]].concat());
    let at = format!("-at={}", times[1]);
    assert_eq!(read(&["-field=n", &at, &place, "secret/a"]), "2");
    let named = format!("{place}@{}", times[0]);
    assert_eq!(read(&["-field=n", &named, "secret/a"]), "1");
    assert_eq!(read(&["-field=n", &place, "secret/a"]), "3", "the last one without");
    let config = folder.path().join("server.hcl");
    let block = format!(
        "snapshot \"usb\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n  \
                         interval = \"24h\"\n}}"
    );
    let rest = "storage \"inmem\" {}\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\n";
    fs::write(&config, format!("{rest}{block}\n")).unwrap();
    let config = format!("-config={}", config.display());
    assert_eq!(read(&[&config, "-field=n", &at, "usb", "v2/a"]), "2");
    assert_eq!(read(&[&config, "-field=n", "-version=1", "usb@latest", "v2/a"]), "1");

    let versions = read(&["-all-versions", "-format=json", &place, "v2/a"]);
    let versions: Vec<Value> = serde_json::from_str(&versions).unwrap();
    let values: Vec<&Value> = versions.iter().map(|one| &one["data"]["n"]).collect();
    assert_eq!(values, [&json!(1), &json!(2), &Value::Null]);
    assert_ne!(versions[2]["metadata"]["deletion_time"], "");
    let versions = read(&["-all-versions", &at, &place, "v2/a"]);
    assert!(
        versions.contains("Data of Version 2") && !versions.contains("Version 3"),
        "{versions}"
    );

    let last = format!("{place}@latest");
    let changed = run(&world, &["snapshot", "diff", "-values", &named, &last, &key]);
    assert!(changed.contains("- n    1") && changed.contains("+ n    3"), "{changed}");
    let by_name = ["usb@latest".to_owned(), format!("usb@{}", times[2])];
    let changed = run(&world, &["snapshot", "diff", &config, &by_name[0], &by_name[1], &key]);
    assert!(changed.contains("v2/a") && !changed.contains("secret/a"), "{changed}");

    for (args, exit, why) in [
        (&[&at, &named, "secret/a"][..], 1, "name the instant once"),
        (&["-revision=1000000", &place, "secret/a"], 2, "nothing so late is known"),
        (&["now", "secret/a"], 1, "now is of a server"),
        (&["usb@latest", "secret/a"], 1, "wants the -config that declares it"),
        (&["usb@yesterday", "secret/a"], 1, "is no instant"),
        (&["-all-versions", &place, "secret/a"], 2, "it has no versions"),
        (&["-all-versions", &place, "v2/none"], 2, "No value found"),
    ] {
        let (mine, said) = fail(&world, &[&["snapshot", "read"], args, &[&key]].concat());
        assert!(mine == exit && said.contains(why), "{args:?}: {mine} {said}");
    }
}

#[test]
fn a_folder_hides_no_target_of_its_name() {
    let (folder, here) = (TempDir::new(), TempDir::new());
    let world = world(56, folder.path());
    put(&world, 1);
    all_is_there(&world);
    for name in ["disk", "usb", "disk@latest"] {
        fs::create_dir(here.path().join(name)).unwrap();
    }
    let config = here.path().join("server.hcl");
    let place = folder.path().display();
    let rest = "storage \"inmem\" {}\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\n";
    let block = format!(
        "snapshot \"usb\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n  interval = \
         \"24h\"\n}}"
    );
    fs::write(&config, format!("{rest}{block}\n")).unwrap();
    let config = format!("-config={}", config.display());
    let said = |args: &[&str]| {
        let mut command = edgekeep(&world, args);
        let output = command.current_dir(here.path()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    let key = world.unseal_key();
    for (args, wanted) in [
        (&["snapshot", "verify", "disk"][..], "Success! Verified "),
        (&["snapshot", "load", "disk@latest"], "snapshot_id"),
        (&["snapshot", "diff", "disk@latest", "now"], "Nothing was added"),
        (&["kv", "get", "-snapshot-id=disk@latest", "-field=n", "v2/a"], "1"),
        (&["snapshot", "read", "-field=n", &config, "usb", "v2/a", &key], "1"),
        (&["snapshot", "read", "-field=n", &config, "-at=latest", "usb", "v2/a", &key], "1"),
        (&["snapshot", "read", "-field=n", &config, "usb@latest", "v2/a", &key], "1"),
    ] {
        let (exit, said) = said(args);
        assert!(exit == 0 && said.contains(wanted), "{args:?}: {exit} {said}");
    }
    // Where a folder can only be meant, that is said, or it is taken.
    let remedy = "named with the instant that is meant, as disk@latest";
    for (args, wanted) in [
        (&["snapshot", "load", "disk"][..], remedy),
        (&["snapshot", "diff", "disk", "now"], remedy),
        (&["snapshot", "verify", "./disk"], "./disk is a folder"),
        (&["snapshot", "verify", "-without-keys", "disk"], "disk is a folder"),
        (&["snapshot", "inspect", "disk"], "disk is a folder"),
        (&["snapshot", "restore", "disk"], "disk is a folder"),
        (&["snapshot", "verify", "usb"], "There is no file usb, and no target"),
        (&["snapshot", "read", "usb", "v2/a", &key], "There is no snapshot of any store"),
    ] {
        let (exit, said) = said(args);
        assert!(exit != 0 && said.contains(wanted), "{args:?}: {exit} {said}");
    }
}

/// The snapshots in a folder.
fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let stores = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inner = stores.filter_map(|path| fs::read_dir(path).ok()).flatten();
    let inner = inner.map(|entry| entry.unwrap().path());
    inner.filter(|path| path.extension().is_some_and(|end| end == "snap")).collect()
}

#[test]
fn what_a_target_holds_is_verified_to_an_end() {
    let folder = TempDir::new();
    let world = world(55, folder.path());
    let root = world.root();
    assert_eq!(target(&root)["verification"], Value::Null);
    let asked = data(&root.post(&format!("{TARGET}/verify"), json!({})));
    assert_eq!(asked, json!({ "verifications": 1 }));
    eventually("it was verified", || target(&root)["verifications"] == 1);
    let told = target(&root)["verification"].clone();
    assert_eq!((&told["good"], &told["error"]), (&target(&root)["last_good"], &json!("")));
    let said = run(&world, &["snapshot", "verify", "disk"]);
    let name = text(&told["good"]["url"]).to_owned();
    assert!(said.starts_with(&format!("Success! Verified {name}: revision ")), "{said}");
    assert_eq!(target(&root)["verifications"], 2);

    let path = name.trim_start_matches("file://");
    let newest = snapshots(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, &bytes).unwrap();
    let (exit, said) = fail(&world, &["snapshot", "verify", "disk"]);
    assert!(exit == 2 && said.starts_with(&format!("Not good: {path}: ")), "{exit} {said}");
    let json = edgekeep(&world, &["snapshot", "verify", "-format=json", "disk"]).output().unwrap();
    let told: Value = serde_json::from_slice(&json.stdout).unwrap();
    // By now another one may have been put there, in the place of what was bad.
    assert_eq!(json.status.success(), told["good"].is_object(), "{told}");
    assert_eq!(told["error"] == "", told["good"].is_object(), "{told}");
    eventually("a new one is good", || {
        edgekeep(&world, &["snapshot", "verify", "disk"]).status().unwrap().success()
    });

    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    let (exit, said) = fail(&world, &["snapshot", "verify", "disk"]);
    fs::rename(&away, folder.path()).unwrap();
    assert!(exit == 2 && said.starts_with("Not good: "), "{exit} {said}");
    let (exit, said) = fail(&world, &["snapshot", "verify", "none"]);
    assert!(exit == 2 && said.contains("no file none, and no target"), "{exit} {said}");
}
