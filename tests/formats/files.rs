//! Data files as versions of the program left them, each opened by today's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::support::http::Client;
use super::support::store::Store;
use super::support::{TempDir, data};

/// Where a frozen file is.
pub fn frozen(name: &str) -> String {
    format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder that holds a copy of such a data file, and what opens it.
pub fn store(name: &str, folder: &Path) -> Store {
    let text = fs::read_to_string(frozen(&format!("{name}.txt"))).unwrap();
    let word = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        line.unwrap_or_else(|| panic!("{name}: {word}")).trim()
    };
    fs::create_dir(folder).unwrap();
    let file = folder.join("edgekeep.redb");
    fs::copy(frozen(&format!("{name}.redb")), &file).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    Store::known(folder, word("unseal-key"), word("root-token"))
}

fn must_hold_what_was_put(root: &Client, name: &str) {
    let get = |path: &str| data(&root.get(path));
    assert_eq!(get("kv/before"), json!({ "v": "one" }), "{name}");
    assert_eq!(get("kv/after"), json!({ "v": "two" }), "{name}: after a rotation");
    // It was moved, and had three versions, the second of which was deleted.
    assert_eq!(get("moved/data/b")["data"], json!({ "v": "3" }), "{name}");
    assert_eq!(get("moved/data/b?version=1")["data"], json!({ "v": "1" }), "{name}");
    assert_eq!(root.get("moved/data/b?version=2").status, 404, "{name}");
    assert_eq!(get("moved/metadata/b")["current_version"], 3, "{name}");
    let mounts = get("sys/mounts");
    assert_eq!(mounts["moved/"]["description"], "kept", "{name}");
    assert_eq!(mounts["moved/"]["options"], json!({ "version": "2" }), "{name}");
    assert_eq!(get("sys/auth")["userpass/"]["type"], "userpass", "{name}");
    assert!(get("sys/policies/acl/app")["policy"].as_str().unwrap().contains("kv/*"), "{name}");
    assert_eq!(get("auth/approle/role/r")["token_policies"], json!(["app"]), "{name}");
    assert_eq!(get("identity/entity/name/ent")["metadata"], json!({ "a": "b" }), "{name}");
    assert_eq!(get("sys/quotas/rate-limit/q")["rate"], 1000, "{name}");
}

fn may_log_in(root: &Client, name: &str) {
    let login = |user: &str| {
        let anyone = Client::new(root.address());
        anyone.post(&format!("auth/userpass/login/{user}"), json!({ "password": "pass" }))
    };
    let bob = login("bob");
    assert_eq!(bob.status, 200, "{name}: {}", bob.json());
    let token = bob.json()["auth"]["client_token"].as_str().unwrap().to_owned();
    let his = Client::new(root.address()).token(&token);
    assert_eq!(data(&his.get("kv/before")), json!({ "v": "one" }), "{name}: by his policy");
    assert_eq!(his.get("moved/data/b").status, 403, "{name}");
    // Who was locked out then is not for ever.
    assert_eq!(login("locked").status, 200, "{name}");
    assert_eq!(root.get("sys/locked-users").status, 200, "{name}");
}

#[test]
fn a_data_file_of_each_earlier_form_opens_and_goes_on() {
    for name in ["data-1", "data-2", "data-3"] {
        let home = TempDir::new();
        let store = store(name, &home.path().join("data"));
        let server = store.start();
        let root = store.root(&server);
        must_hold_what_was_put(&root, name);
        may_log_in(&root, name);
        store.verify(&server);
        // Written in today's form, it is read again.
        root.post("kv/today", json!({ "v": "three" }));
        root.post("sys/remount", json!({ "from": "moved", "to": "again" }));
        root.post("sys/remount", json!({ "from": "again", "to": "moved" }));
        drop(server);
        let server = store.start();
        let root = store.root(&server);
        must_hold_what_was_put(&root, name);
        assert_eq!(data(&root.get("kv/today")), json!({ "v": "three" }));
        store.verify(&server);
        let versions: Value = root.list("sys/version-history").json();
        assert!(versions["data"]["keys"].is_array(), "{name}: {versions}");
    }
}
