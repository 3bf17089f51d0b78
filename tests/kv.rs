//! What kv promises beyond the recorded answers: every digit, one winner, nothing left behind, an
//! upgrade that loses nothing.

mod support;

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::{Server, data};

fn patch(server: &Server, path: &str, body: &Value) -> Reply {
    server.root().send("PATCH", path, Some(body))
}

/// Sends text as it is, so that its numbers are just these.
fn post_text(server: &Server, path: &str, body: &str) -> u16 {
    let headers = [("X-Vault-Token", support::ROOT)];
    let target = format!("/v1/{path}");
    server.client().try_send("POST", &target, &headers, Some(body.as_bytes())).unwrap().status
}

fn write(client: &Client, path: &str, value: Value) {
    let reply = client.post(&format!("secret/data/{path}"), json!({ "data": value }));
    assert_eq!(reply.status, 200, "{path}: {}", reply.json());
}

#[test]
fn numbers_keep_all_their_digits() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.post("sys/mounts/one", json!({ "type": "kv" })).status, 204);
    let numbers = r#"{"big":123456789012345678901234567890,"near":9007199254740993,"zeros":0.10}"#;
    post_text(&server, "one/n", numbers);
    post_text(&server, "cubbyhole/n", numbers);
    post_text(&server, "secret/data/n", &format!(r#"{{"data":{numbers}}}"#));
    assert_eq!(patch(&server, "secret/data/n", &json!({ "data": { "new": 1 } })).status, 200);
    for path in ["one/n", "cubbyhole/n", "secret/data/n", "secret/data/n?version=1"] {
        let body = String::from_utf8(root.get(path).body).unwrap();
        for number in ["123456789012345678901234567890", "9007199254740993", "0.10"] {
            assert!(body.contains(number), "{path}: {number} in {body}");
        }
    }
}

#[test]
fn an_object_of_an_odd_name_stays_an_object() {
    // What serde_json calls a number that is too long for a word.
    let odd = r#"{"$serde_json::private::Number":"5"}"#;
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.post("sys/mounts/flat", json!({ "type": "kv" })).status, 204);
    assert_eq!(post_text(&server, "secret/data/a", &format!(r#"{{"data":{{"odd":{odd}}}}}"#)), 200);
    assert_eq!(post_text(&server, "flat/a", &format!(r#"{{"odd":{odd}}}"#)), 204);
    let patch = format!(r#"{{"data":{{"more":[{odd}]}}}}"#);
    let merge = ("Content-Type", "application/merge-patch+json");
    let headers = [("X-Vault-Token", support::ROOT), merge];
    let target = "/v1/secret/data/a";
    let patched = root.try_send("PATCH", target, &headers, Some(patch.as_bytes())).unwrap();
    assert_eq!(patched.status, 200);
    for (path, text) in [
        ("flat/a", format!(r#"{{"odd":{odd}}}"#)),
        ("secret/data/a", format!(r#"{{"more":[{odd}],"odd":{odd}}}"#)),
    ] {
        let body = String::from_utf8(root.get(path).body).unwrap();
        assert!(body.contains(&text), "{body}");
    }
}

#[test]
fn of_several_that_check_and_set_one_wins() {
    const WRITERS: usize = 8;
    const ROUNDS: u64 = 10;
    let server = Server::dev();
    let start = Barrier::new(WRITERS);
    let won: usize = thread::scope(|threads| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, start) = (server.root(), &start);
                threads.spawn(move || {
                    (0..ROUNDS)
                        .filter(|round| {
                            start.wait();
                            let body = json!({"data": {"of": writer}, "options": {"cas": round}});
                            client.post("secret/data/race", body).status == 200
                        })
                        .count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(won as u64, ROUNDS);
    let metadata = data(&server.root().get("secret/metadata/race"));
    assert_eq!(metadata["current_version"], ROUNDS);
}

#[test]
fn writes_at_the_same_time_all_count() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 20;
    let server = Server::dev();
    thread::scope(|threads| {
        for writer in 0..WRITERS {
            let client = server.root();
            threads.spawn(move || {
                for round in 0..EACH {
                    write(&client, "counted", json!({ "by": writer, "round": round }));
                }
            });
        }
    });
    let metadata = data(&server.root().get("secret/metadata/counted"));
    assert_eq!(metadata["current_version"], WRITERS * EACH);
    assert_eq!(metadata["oldest_version"], WRITERS * EACH - 9);
}

#[test]
fn what_was_removed_does_not_come_back() {
    let server = Server::dev();
    let root = server.root();
    for n in 1..=3 {
        write(&root, "a", json!({ "n": n }));
    }
    write(&root, "a/b", json!({ "below": true }));
    assert_eq!(root.delete("secret/metadata/a").status, 204);
    assert_eq!(root.get("secret/data/a/b").status, 200, "a secret below stays");
    write(&root, "a", json!({ "n": "anew" }));
    assert_eq!(root.get("secret/data/a?version=2").status, 404);
    assert_eq!(root.get("secret/data/a?version=3").status, 404);
    assert_eq!(data(&root.get("secret/data/a"))["metadata"]["version"], 1);
}

#[test]
fn the_configuration_is_in_no_listing_and_no_secret_reaches_it() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.post("secret/config", json!({ "max_versions": 3 })).status, 204);
    assert_eq!(root.list("secret/metadata").status, 404);
    write(&root, "config", json!({ "a": 1 }));
    assert_eq!(data(&root.list("secret/metadata"))["keys"], json!(["config"]));
    for path in ["", "config%2F"] {
        assert_eq!(root.get(&format!("secret/data/{path}")).status, 404, "{path:?}");
        assert_eq!(root.get(&format!("secret/metadata/{path}")).status, 404, "{path:?}");
        assert_eq!(root.delete(&format!("secret/metadata/{path}")).status, 204, "{path:?}");
        let body = json!({ "data": { "a": 1 } });
        assert_eq!(root.post(&format!("secret/data/{path}"), body).status, 400, "{path:?}");
    }
    assert_eq!(data(&root.get("secret/config"))["max_versions"], 3);
    assert_eq!(root.get("secret/data/config").status, 200);
}

#[test]
fn what_crashed_the_recorded_server_is_refused() {
    let server = Server::dev();
    let root = server.root();
    write(&root, "k", json!({ "a": 1 }));
    let refused = |reply: Reply| {
        assert_eq!(reply.status, 400, "{}", reply.json());
        assert!(!reply.json()["errors"][0].as_str().unwrap().is_empty());
    };
    refused(patch(&server, "secret/data/k", &json!({ "data": null })));
    refused(patch(&server, "secret/metadata/k", &json!({ "custom_metadata": { "n": 1 } })));
    refused(root.post("cubbyhole", json!({ "a": 1 })));
    for wrong in [json!(-1), json!(10_001), json!(4_294_967_296_u64)] {
        refused(root.post("secret/config", json!({ "max_versions": wrong })));
        refused(root.post("secret/metadata/k", json!({ "max_versions": wrong })));
    }
    assert_eq!(root.get("secret/data/k/").status, 404);
    assert_eq!(data(&root.get("secret/metadata/k"))["current_version"], 1);
}

/// A mount of version 1 with a value at `v1/d/NAME` for each name, upgraded.
fn upgraded(names: &[&str]) -> Server {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.post("sys/mounts/v1", json!({ "type": "kv" })).status, 204);
    for name in names {
        assert_eq!(root.post(&format!("v1/d/{name}"), json!({ "of": name })).status, 204);
    }
    let options = json!({ "options": { "version": "2" } });
    assert_eq!(root.post("sys/mounts/v1/tune", options).status, 200);
    server
}

fn value(server: &Server, path: &str) -> Value {
    data(&server.root().get(&format!("v1/data/{path}")))["data"].clone()
}

#[test]
fn an_upgrade_is_whole_at_once() {
    let names: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = upgraded(&names);
    assert_eq!(data(&server.root().list("v1/metadata/d"))["keys"], json!(names));
    for name in names {
        assert_eq!(value(&server, &format!("d/{name}")), json!({ "of": name }));
    }
}

#[test]
fn an_upgraded_value_is_a_first_version_in_every_way() {
    let server = upgraded(&["deleted", "destroyed", "patched", "written", "described", "removed"]);
    let root = server.root();
    let version = |path: &str, number: u64| {
        let reply = root.get(&format!("v1/data/d/{path}?version={number}"));
        (reply.status, data(&reply)["data"].clone())
    };

    assert_eq!(root.delete("v1/data/d/deleted").status, 204);
    assert_eq!(version("deleted", 1), (404, Value::Null));
    let first = json!({ "versions": [1] });
    assert_eq!(root.post("v1/undelete/d/deleted", first.clone()).status, 204);
    assert_eq!(version("deleted", 1), (200, json!({ "of": "deleted" })));

    assert_eq!(root.post("v1/destroy/d/destroyed", first.clone()).status, 204);
    assert_eq!(root.post("v1/undelete/d/destroyed", first).status, 204);
    assert_eq!(version("destroyed", 1), (404, Value::Null));

    assert_eq!(patch(&server, "v1/data/d/patched", &json!({ "data": { "more": 1 } })).status, 200);
    assert_eq!(version("patched", 1), (200, json!({ "of": "patched" })));
    assert_eq!(version("patched", 2), (200, json!({ "of": "patched", "more": 1 })));

    let write = |cas: u64| json!({ "data": { "n": 2 }, "options": { "cas": cas } });
    assert_eq!(root.post("v1/data/d/written", write(0)).status, 400);
    assert_eq!(root.post("v1/data/d/written", write(1)).status, 200);
    assert_eq!(version("written", 1), (200, json!({ "of": "written" })));
    assert_eq!(version("written", 2), (200, json!({ "n": 2 })));

    let described = json!({ "custom_metadata": { "team": "net" } });
    assert_eq!(root.post("v1/metadata/d/described", described).status, 204);
    assert_eq!(version("described", 1), (200, json!({ "of": "described" })));

    assert_eq!(root.delete("v1/metadata/d/removed").status, 204);
    assert_eq!(root.get("v1/data/d/removed").status, 404);
    assert_eq!(root.post("v1/data/d/removed", write(0)).status, 200);
    assert_eq!(version("removed", 1), (200, json!({ "n": 2 })));
}

#[test]
fn what_tune_stores_is_found_again() {
    let server = upgraded(&[]);
    let root = server.root();
    let tune = |path: &str, body: Value| root.post(&format!("sys/mounts/{path}/tune"), body);
    for version in ["0x2", "02", "+2", "0b10"] {
        let path = format!("v{}", version.trim_start_matches('+'));
        assert_eq!(root.post(&format!("sys/mounts/{path}"), json!({ "type": "kv" })).status, 204);
        let options = json!({ "options": { "version": version } });
        assert_eq!(tune(&path, options).status, 200, "{version}");
        let body = json!({ "data": { "a": 1 } });
        assert_eq!(root.post(&format!("{path}/data/a"), body).status, 200, "{version}");
        let shown = data(&root.get(&format!("sys/mounts/{path}/tune")));
        assert_eq!(shown["options"]["version"], "2", "{version}");
    }

    assert_eq!(root.post("sys/mounts/old", json!({ "type": "generic" })).status, 204);
    assert_eq!(root.post("old/a", json!({ "a": 1 })).status, 204);
    assert_eq!(tune("old", json!({ "options": { "version": 2 } })).status, 400);
    assert_eq!(data(&root.get("old/a")), json!({ "a": 1 }));

    for ttl in [json!("-1h"), json!(-1)] {
        assert_eq!(tune("v1", json!({ "max_lease_ttl": ttl })).status, 400, "{ttl}");
        let config = json!({ "type": "kv", "config": { "default_lease_ttl": ttl } });
        assert_eq!(root.post("sys/mounts/short", config).status, 400, "{ttl}");
    }
}

/// A history as `import/` takes it: version 3 is read, 4 was destroyed, 5 is deleted later.
fn history() -> Value {
    let version = |second: u32, more: Value| {
        let mut version = json!({
            "created_time": format!("2020-01-02T03:04:{second:02}.000000001Z"),
            "deletion_time": "",
            "destroyed": false,
        });
        version.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        version
    };
    let later = "2100-01-01T00:00:00Z";
    json!({
        "created_time": "2020-01-02T03:04:00Z",
        "updated_time": "2020-01-02T03:04:05.000000001Z",
        "current_version": 5,
        "oldest_version": 3,
        "max_versions": 3,
        "cas_required": true,
        "delete_version_after": "1h0m0s",
        "custom_metadata": { "a": "b" },
        "versions": {
            "3": version(3, json!({ "data": { "n": 3 } })),
            "4": version(4, json!({ "destroyed": true })),
            "5": version(5, json!({ "data": null, "deletion_time": later })),
        },
    })
}

#[test]
fn a_history_is_imported_whole_and_goes_on() {
    let server = Server::dev();
    let root = server.root();
    let history = history();
    assert_eq!(root.post("secret/import/a/b", history.clone()).status, 204);
    let mut told = data(&root.get("secret/metadata/a/b"));
    for number in ["3", "5"] {
        let found = data(&root.get(&format!("secret/data/a/b?version={number}")));
        told["versions"][number]["data"] = found["data"].clone();
    }
    assert_eq!(told, history);
    let next = json!({ "data": { "n": 6 }, "options": { "cas": 5 } });
    assert_eq!(root.post("secret/data/a/b", next).status, 200);
    assert_eq!(root.get("secret/data/a/b?version=3").status, 404, "the oldest is cut off");

    let again = root.post("secret/import/a/b", history.clone());
    assert_eq!(again.json()["errors"], json!(["there is a secret already"]));
    // What happened since it was read is not undone.
    let mut replacing = history.clone();
    let known = || data(&root.get("secret/metadata/a/b"));
    let mut stale = vec![json!({}), json!({ "current_version": 6 }), told];
    for (path, change) in [
        ("secret/metadata/a/b", json!({ "custom_metadata": { "a": "c" } })),
        ("secret/delete/a/b", json!({ "versions": [5] })),
        ("secret/destroy/a/b", json!({ "versions": [6] })),
    ] {
        stale.push(known());
        assert_eq!(root.post(path, change).status, 204, "{path}");
    }
    let now = known();
    for known in stale {
        replacing["replaces"] = known.clone();
        assert_eq!(root.post("secret/import/a/b", replacing.clone()).status, 400, "{known}");
    }
    replacing["replaces"] = now;
    assert_eq!(root.post("secret/import/absent", replacing.clone()).status, 400);
    assert_eq!(root.post("secret/import/a/b", replacing).status, 204);
    assert_eq!(root.get("secret/data/a/b?version=6").status, 404, "it was replaced whole");
    assert_eq!(data(&root.get("secret/data/a/b?version=3"))["data"]["n"], 3);
}

#[test]
fn what_is_no_history_is_refused_and_leaves_nothing() {
    let server = Server::dev();
    let root = server.root();
    for (field, value) in [
        ("created_time", json!("yesterday")),
        ("created_time", json!("1969-12-31T23:59:59Z")),
        ("updated_time", Value::Null),
        ("current_version", json!(4)),
        ("current_version", json!(-1)),
        ("current_version", json!(i64::MAX)),
        ("current_version", json!((1_i64 << 52) + 1)),
        ("current_version", json!(6)),
        ("oldest_version", json!(4)),
        ("oldest_version", json!(6)),
        ("max_versions", json!(100_000)),
        ("custom_metadata", json!({ "a": "b".repeat(513) })),
        ("versions", json!({})),
        ("versions", json!({ "x": {} })),
        ("versions", json!({ "0": { "created_time": "2020-01-01T00:00:00Z", "destroyed": true } })),
        ("versions", json!({ "5": { "created_time": "2020-01-01T00:00:00Z" } })),
        ("versions", json!({ "5": { "created_time": "2020-01-01T00:00:00Z", "data": "text" } })),
        ("versions", json!({ "5": { "destroyed": true } })),
        (
            "versions",
            json!({ "5": {
            "created_time": "2020-01-01T00:00:00Z", "destroyed": true, "data": {},
        } }),
        ),
    ] {
        let mut wrong = history();
        wrong[field] = value.clone();
        assert_eq!(root.post("secret/import/a", wrong).status, 400, "{field}: {value}");
    }
    // Each version is told once: another way to write its number does not make it another.
    for odd in ["+5", "05", " 5", "5.0"] {
        let (mut beside, mut alone) = (history(), history());
        let latest = alone["versions"].as_object_mut().unwrap().remove("5").unwrap();
        beside["versions"][odd] =
            json!({ "created_time": latest["created_time"], "destroyed": true });
        alone["versions"][odd] = latest;
        assert_eq!(root.post("secret/import/a", beside).status, 400, "{odd}");
        assert_eq!(root.post("secret/import/a", alone).status, 400, "{odd}");
    }
    assert_eq!(root.list("secret/metadata").status, 404);
    assert_eq!(root.post("secret/import/a/", history()).status, 400);

    // It forges what was, so that it is for few.
    let policy = "path \"secret/*\" { capabilities = [\"create\", \"read\", \"update\"] }";
    root.post("sys/policies/acl/writer", json!({ "policy": policy }));
    let made = root.post("auth/token/create", json!({ "policies": ["writer"] }));
    let token = made.json()["auth"]["client_token"].as_str().unwrap().to_owned();
    let writer = server.client().token(&token);
    assert_eq!(writer.post("secret/import/a", history()).status, 403);
    assert_eq!(writer.post("secret/data/a", json!({ "data": {} })).status, 200);
}
