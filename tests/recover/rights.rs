//! Who may read in a snapshot, and bring back what it has.

use serde_json::json;

use crate::support::{Server, data};
use crate::{LOAD, allowed, error, keep, list, read, recover, recover_from};

#[test]
fn the_present_policies_hold() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/mine/a", json!({ "data": { "n": 1 } }));
    root.post("secret/data/yours/a", json!({ "data": { "n": 2 } }));
    let wide = "path \"secret/*\" { capabilities = [\"read\", \"list\", \"recover\"] }";
    let bob = allowed(&root, "bob", wide);
    let id = keep(&root);
    assert_eq!(data(&read(&bob, &id, "secret/data/yours/a"))["data"]["n"], 2);
    let narrow = "path \"secret/data/mine/*\" { capabilities = [\"read\"] }
        path \"secret/metadata/mine\" { capabilities = [\"list\"] }";
    root.post("sys/policies/acl/bob", json!({ "policy": narrow }));
    assert_eq!(data(&read(&bob, &id, "secret/data/mine/a"))["data"]["n"], 1);
    assert_eq!(read(&bob, &id, "secret/data/yours/a").status, 403);
    assert_eq!(list(&bob, &id, "secret/metadata/mine").status, 200);
    assert_eq!(list(&bob, &id, "secret/metadata").status, 403);
    for refused in [
        recover(&bob, &id, "secret/data/mine/a"),
        bob.get(&format!("{LOAD}/{id}")),
        bob.list(LOAD),
        bob.delete(&format!("{LOAD}/{id}")),
        bob.upload(LOAD, b"x").unwrap(),
    ] {
        assert_eq!(refused.status, 403);
        assert!(error(&refused).contains("permission denied"));
    }
    assert_eq!(root.get("secret/metadata/mine/a").json()["data"]["current_version"], 1);
}

#[test]
fn recovering_has_a_capability_of_its_own() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    root.post("secret/data/secret", json!({ "data": { "n": 2 } }));
    let id = keep(&root);
    let writes = "path \"secret/data/*\" {
        capabilities = [\"create\", \"update\", \"read\", \"patch\", \"delete\", \"list\", \"sudo\"] }";
    let writer = allowed(&root, "writer", writes);
    assert_eq!(recover(&writer, &id, "secret/data/a").status, 403);
    let recovers = "path \"secret/data/a\" { capabilities = [\"recover\"] }
        path \"secret/data/b\" { capabilities = [\"recover\"] }";
    let bob = allowed(&root, "bob", recovers);
    assert_eq!(recover(&bob, &id, "secret/data/a").status, 200);
    assert_eq!(bob.get("secret/data/a").status, 403);
    assert_eq!(read(&bob, &id, "secret/data/a").status, 403);
    assert_eq!(recover(&bob, &id, "secret/data/secret").status, 403);
    assert_eq!(recover(&bob, &id, "secret/metadata/a").status, 403);
    // Else whoever may recover one path could read all others under it.
    assert_eq!(recover_from(&bob, &id, "secret/data/b", "secret/data/secret").status, 403);
    // Nor is who may not read there told what is there.
    for path in ["nomount/a", "sys/policies/acl/root", "secret/metadata/a"] {
        assert_eq!(recover_from(&bob, &id, "secret/data/b", path).status, 403, "{path}");
    }
    let more = format!("{recovers} path \"secret/data/secret\" {{ capabilities = [\"read\"] }}");
    root.post("sys/policies/acl/bob", json!({ "policy": more }));
    assert_eq!(recover_from(&bob, &id, "secret/data/b", "secret/data/secret").status, 200);

    let asked = json!({ "paths": ["secret/data/a", "secret/data/c"] });
    let told = data(&bob.post("sys/capabilities-self", asked));
    assert_eq!(told["secret/data/a"], json!(["recover"]));
    assert_eq!(told["secret/data/c"], json!(["deny"]));
    let denied = format!("{recovers} path \"secret/data/a\" {{ capabilities = [\"deny\"] }}");
    root.post("sys/policies/acl/bob", json!({ "policy": denied }));
    assert_eq!(recover(&bob, &id, "secret/data/a").status, 403);
}

#[test]
fn a_mount_that_was_made_anew_since_is_another_one() {
    let server = Server::dev();
    let root = server.root();
    let all = "path \"kv/*\" { capabilities = [\"read\", \"list\", \"recover\"] }";
    let bob = allowed(&root, "bob", all);
    let kv = |version: &str| json!({ "type": "kv", "options": { "version": version } });
    root.post("sys/mounts/kv", kv("1"));
    root.post("kv/a", json!({ "n": 1 }));
    let id = keep(&root);

    root.post("sys/remount", json!({ "from": "kv", "to": "moved" }));
    crate::support::eventually("it is moved", || root.get("moved/a").status == 200);
    assert_eq!(data(&read(&root, &id, "moved/a"))["n"], 1, "it is the same mount");
    assert_eq!(read(&root, &id, "kv/a").status, 404, "nothing is there now");
    root.delete("sys/mounts/moved");

    root.post("sys/mounts/kv", kv("1"));
    root.post("kv/b", json!({ "n": 2 }));
    for refused in [read(&bob, &id, "kv/a"), list(&bob, &id, "kv"), recover(&bob, &id, "kv/a")] {
        assert_eq!(refused.status, 400);
        assert!(error(&refused).contains("mounted anew"), "{}", error(&refused));
    }
    assert_eq!(data(&read(&root, &id, "kv/a"))["n"], 1);
    assert_eq!(recover(&root, &id, "kv/a").status, 204);
    assert_eq!(data(&bob.get("kv/a"))["n"], 1);
    assert_eq!(data(&bob.list("kv"))["keys"], json!(["a", "b"]));

    // One of another kind has nothing of it.
    root.delete("sys/mounts/kv");
    root.post("sys/mounts/kv", kv("2"));
    let refused = read(&root, &id, "kv/data/a");
    assert!(error(&refused).contains("of another type now"), "{}", error(&refused));
    root.post("sys/mounts/late", kv("1"));
    let refused = recover(&root, &id, "late/a");
    assert_eq!(refused.status, 400);
    assert!(error(&refused).contains("late/ was not mounted when"), "{}", error(&refused));
}

#[test]
fn sudo_on_another_path_says_nothing_of_the_source() {
    let server = Server::dev();
    let root = server.root();
    let kv = json!({ "type": "kv" });
    for mount in ["sys/mounts/yours", "sys/mounts/mine"] {
        root.post(mount, kv.clone());
    }
    root.post("yours/a", json!({ "n": 1 }));
    let id = keep(&root);
    root.delete("sys/mounts/yours");
    root.post("sys/mounts/yours", kv);

    let own = "path \"mine/*\" { capabilities = [\"recover\", \"sudo\"] }";
    let reads = format!("{own} path \"yours/*\" {{ capabilities = [\"read\"] }}");
    let bob = allowed(&root, "bob", &reads);
    for refused in [read(&bob, &id, "yours/a"), recover_from(&bob, &id, "mine/a", "yours/a")] {
        assert_eq!(refused.status, 400);
        assert!(error(&refused).contains("yours/ was mounted anew"), "{}", error(&refused));
    }
    assert_eq!(root.get("mine/a").status, 404, "nothing of it came");
    // And who has it on the source needs none where it is to lie.
    let both = "path \"mine/*\" { capabilities = [\"recover\"] }
        path \"yours/*\" { capabilities = [\"read\", \"sudo\"] }";
    let ann = allowed(&root, "ann", both);
    assert_eq!(recover_from(&ann, &id, "mine/a", "yours/a").status, 204);
    assert_eq!(data(&root.get("mine/a"))["n"], 1);
}

#[test]
fn it_is_audited_and_wrapped_as_any_other_request() {
    let server = Server::dev();
    let root = server.root();
    let log = server.home.path().join("audit.log");
    let options = json!({ "type": "file", "options": { "file_path": log } });
    assert_eq!(root.post("sys/audit/file", options).status, 204);
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let id = keep(&root);
    read(&root, &id, "secret/data/a");
    recover_from(&root, &id, "secret/data/b", "secret/data/a");
    let wrap = [("X-Vault-Recover-Snapshot-Id", id.as_str()), ("X-Vault-Wrap-TTL", "60")];
    let wrapped = root.ask_with("RECOVER", "secret/data/a", &wrap, None).unwrap().json();
    let token = wrapped["wrap_info"]["token"].as_str().unwrap();
    let inside = server.client().token(token).post("sys/wrapping/unwrap", json!({})).json();
    assert_eq!(inside["data"]["version"], 2, "{inside}");

    let text = std::fs::read_to_string(log).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<serde_json::Value> = entries
        .filter(|e: &serde_json::Value| e["request"]["snapshot_id"] == id.as_str())
        .collect();
    let deeds: Vec<_> = told
        .iter()
        .filter(|entry| entry["type"] == "request")
        .map(|entry| {
            let request = &entry["request"];
            let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            (text("operation"), text("path"), text("recover_source_path"))
        })
        .collect();
    let deed = |operation: &str, path: &str, source: &str| {
        (operation.to_owned(), path.to_owned(), source.to_owned())
    };
    assert_eq!(
        deeds,
        [
            deed("read", "secret/data/a", ""),
            deed("recover", "secret/data/b", "secret/data/a"),
            deed("recover", "secret/data/a", ""),
        ]
    );
}
