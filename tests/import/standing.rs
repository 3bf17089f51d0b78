//! What is here otherwise: left, told, or replaced where that is asked for.

use serde_json::json;

use crate::support::{Server, data};
use crate::{post, run, whole, write};

#[test]
fn what_differs_is_left_and_told_until_it_may_be_overwritten() {
    let (from, to) = (Server::dev(), Server::dev());
    let (there, here) = (from.root(), to.root());
    for (client, text) in [(&there, "theirs"), (&here, "ours")] {
        write(client, "same/name", json!({ "of": text }));
        post(client, "sys/mounts/one", json!({ "type": "kv", "description": text }));
        post(client, "one/a", json!({ "of": text }));
        let policy = format!("path \"{text}\" {{ capabilities = [\"read\"] }}");
        post(client, "sys/policies/acl/app", json!({ "policy": policy }));
        post(client, "secret/config", json!({ "max_versions": text.len() }));
        post(client, "sys/auth/userpass", json!({ "type": "userpass" }));
        let user = json!({ "password": text, "token_policies": text });
        post(client, "auth/userpass/users/bob", user);
        post(client, "sys/auth/approle", json!({ "type": "approle" }));
        post(client, "auth/approle/role/ci", json!({ "role_id": text }));
    }
    write(&there, "free", json!({}));
    post(&there, "one/free", json!({ "a": 1 }));
    post(&there, "sys/mounts/other", json!({ "type": "kv-v2" }));
    post(&here, "sys/mounts/other", json!({ "type": "kv" }));

    let left = run(&from.address, &to, &[]);
    assert_eq!(left.exit, Some(2));
    assert!(left.why("conflict", "secret/same/name").contains("another secret"));
    assert!(left.why("conflict", "one/").contains("(description)"));
    assert!(left.why("conflict", "secret/").contains("max_versions"));
    assert!(left.why("conflict", "auth/userpass/bob").contains("token_policies"));
    assert!(left.why("conflict", "auth/approle/ci").contains("role_id"));
    for name in ["one/a", "app"] {
        left.why("conflict", name);
    }
    assert!(left.why("failed", "other/").contains("another type or version"));
    assert_eq!(left.count("secret", "came"), 2, "what is free comes: {:#}", left.report);
    assert!(left.errors.contains("-overwrite"), "{}", left.errors);
    assert_eq!(data(&here.get("secret/data/same/name"))["data"]["of"], "ours");
    assert_eq!(data(&here.get("one/a"))["of"], "ours");

    let replaced = run(&from.address, &to, &["-overwrite"]);
    assert_eq!(replaced.count("secret", "updated"), 2, "{:#}", replaced.report);
    assert_eq!(whole(&here, "same/name"), whole(&there, "same/name"));
    assert_eq!(data(&here.get("one/a"))["of"], "theirs");
    assert_eq!(data(&here.get("sys/mounts/one"))["description"], "theirs");
    assert_eq!(data(&here.get("auth/approle/role/ci/role-id"))["role_id"], "theirs");
    let bob = here.post("auth/userpass/login/bob", json!({ "password": "ours" }));
    assert_eq!(bob.json()["auth"]["token_policies"], json!(["default", "theirs"]));
    post(&here, "sys/mounts/other/tune", json!({ "options": { "version": "2" } }));
    run(&from.address, &to, &[]).complete();
}

#[test]
fn what_goes_on_there_is_caught_up_with() {
    let (from, to) = (Server::dev(), Server::dev());
    let (there, here) = (from.root(), to.root());
    for path in ["grown", "marked", "described", "ours", "both", "ours-marked"] {
        write(&there, path, json!({ "n": 1 }));
        write(&there, path, json!({ "n": 2 }));
    }
    run(&from.address, &to, &[]).complete();

    for n in 3..=13 {
        write(&there, "grown", json!({ "n": n }));
    }
    post(&there, "secret/delete/marked", json!({ "versions": [1] }));
    post(&there, "secret/destroy/marked", json!({ "versions": [2] }));
    post(&there, "secret/metadata/described", json!({ "custom_metadata": { "a": "b" } }));
    write(&here, "ours", json!({ "n": 3 }));
    post(&here, "secret/metadata/both", json!({ "custom_metadata": { "of": "ours" } }));
    write(&there, "both", json!({ "n": 3 }));
    assert_eq!(here.delete("secret/data/ours-marked").status, 204);

    let caught_up = run(&from.address, &to, &[]);
    assert_eq!(caught_up.exit, Some(2));
    assert_eq!(caught_up.count("secret", "updated"), 3, "{:#}", caught_up.report);
    assert_eq!(whole(&here, "grown"), whole(&there, "grown"));
    assert_eq!(whole(&here, "described"), whole(&there, "described"));
    let marked = data(&here.get("secret/metadata/marked"));
    assert_eq!(
        (&marked["versions"]["1"]["destroyed"], &marked["versions"]["2"]["destroyed"]),
        (&json!(true), &json!(true))
    );
    assert!(caught_up.why("conflict", "secret/ours").contains("version 3"));
    assert!(caught_up.why("conflict", "secret/both").contains("custom_metadata"));
    assert!(caught_up.why("conflict", "secret/ours-marked").contains("version 2"));

    let again = run(&from.address, &to, &[]);
    assert_eq!(again.count("secret", "updated"), 0, "{:#}", again.report);
    run(&from.address, &to, &["-overwrite"]).complete();
    assert_eq!(whole(&here, "ours"), whole(&there, "ours"));
    run(&from.address, &to, &[]).complete();
}
