//! What became of everything since a snapshot.

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::{Server, data, eventually};
use crate::{LOAD, allowed, error, keep, read};

/// `change path about`, for each.
fn changes(told: &Value) -> Vec<String> {
    let all = told["changes"].as_array().unwrap_or_else(|| panic!("{told}"));
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|one| format!("{} {} {}", text(one, "change"), text(one, "path"), text(one, "about")))
        .map(|line| line.trim().to_owned())
        .collect()
}

#[test]
fn it_tells_what_people_would_call_changed() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/mounts/kv", json!({ "type": "kv", "options": { "version": "1" } }));
    root.post("sys/mounts/gone", json!({ "type": "kv" }));
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    root.post("sys/auth/approle", json!({ "type": "approle" }));
    for name in ["same", "new", "deleted", "removed", "undeleted", "meta", "again"] {
        root.post(&format!("secret/data/{name}"), json!({ "data": { "n": 1 } }));
        root.post(&format!("kv/deep/{name}"), json!({ "n": 1 }));
    }
    root.post("secret/delete/undeleted", json!({ "versions": [1] }));
    root.post("gone/a", json!({ "n": 1 }));
    root.post("auth/userpass/users/bob", json!({ "password": "a" }));
    root.post("auth/approle/role/app", json!({ "policies": "a" }));
    root.post("sys/policies/acl/p", json!({ "policy": "path \"a\" {}" }));
    let first = keep(&root);
    let since = |id: &str| data(&root.get(&format!("{LOAD}/{id}/diff")));
    assert_eq!(since(&first), json!({ "changes": [], "more": false }));

    root.post("secret/data/new", json!({ "data": { "n": 2 } }));
    root.post("secret/data/new", json!({ "data": { "n": 3 } }));
    root.delete("secret/data/deleted");
    root.delete("secret/metadata/removed");
    root.post("secret/undelete/undeleted", json!({ "versions": [1] }));
    root.post("secret/metadata/meta", json!({ "custom_metadata": { "a": "b" } }));
    root.post("secret/data/fresh", json!({ "data": { "n": 1 } }));
    root.post("kv/deep/new", json!({ "n": 2 }));
    // Written, but as it was.
    root.post("kv/deep/same", json!({ "n": 1 }));
    root.delete("kv/deep/removed");
    root.delete("sys/mounts/gone");
    root.post("sys/mounts/late", json!({ "type": "kv" }));
    root.post("auth/userpass/users/ann", json!({ "password": "a" }));
    root.delete("auth/approle/role/app");
    root.post("sys/policies/acl/p", json!({ "policy": "path \"b\" {}" }));
    root.post("auth/token/roles/r", json!({ "orphan": true }));
    root.post("identity/entity", json!({ "name": "ann" }));
    root.post("identity/group", json!({ "name": "team" }));
    root.post("auth/token/create", json!({}));
    root.post("cubbyhole/a", json!({ "n": 1 }));
    let expected = [
        "deleted auth/approle/role/app",
        "added auth/token/roles/r",
        "added auth/userpass/users/ann",
        "added identity/entity/name/ann",
        "added identity/group/name/team",
        "changed kv/deep/new",
        "deleted kv/deep/removed",
        "deleted secret/deleted version 1; what is left is its metadata",
        "added secret/fresh version 1",
        "changed secret/meta its versions or metadata",
        "changed secret/new version 1 to 3",
        "deleted secret/removed version 1, with all that there was",
        "added secret/undeleted version 1",
        "deleted sys/mounts/gone kv",
        "added sys/mounts/late kv",
        "changed sys/policies/acl/p",
    ];
    assert_eq!(changes(&since(&first)), expected);

    // Between two snapshots, either way.
    let second = keep(&root);
    root.post("kv/deep/again", json!({ "n": 2 }));
    assert_eq!(changes(&since(&second)), ["changed kv/deep/again"]);
    let between = data(&root.get(&format!("{LOAD}/{first}/diff?with={second}")));
    assert_eq!(changes(&between), expected);
    let back = data(&root.get(&format!("{LOAD}/{second}/diff?with={first}")));
    assert!(changes(&back).contains(&"changed secret/new version 3 to 1".to_owned()), "{back}");
    assert!(changes(&back).contains(&"added kv/deep/removed".to_owned()), "{back}");
    assert_eq!(root.get(&format!("{LOAD}/{first}/diff?with=none")).status, 404);
    assert_eq!(root.get(&format!("{LOAD}/none/diff")).status, 404);
}

#[test]
fn values_are_told_when_asked_and_allowed() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    root.post("secret/data/b", json!({ "data": { "n": 1 } }));
    let id = keep(&root);
    root.post("secret/data/a", json!({ "data": { "n": 2 } }));
    root.delete("secret/metadata/b");
    root.post("secret/data/c", json!({ "data": { "n": 3 } }));
    let path = format!("{LOAD}/{id}/diff");
    let told = data(&root.get(&format!("{path}?values=true")));
    let values: Vec<_> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["before"]["n"].clone(), one["after"]["n"].clone()))
        .collect();
    let none = Value::Null;
    assert_eq!(values, [(1.into(), 2.into()), (1.into(), none.clone()), (none, 3.into())]);
    let plain = root.get(&path);
    assert!(!String::from_utf8_lossy(&plain.body).contains("before"));

    let sudo = "path \"sys/storage/raft/snapshot-load/*\" { capabilities = [\"read\", \"sudo\"] }
        path \"secret/data/a\" { capabilities = [\"read\"] }";
    let bob = allowed(&root, "bob", sudo);
    let told = data(&bob.get(&format!("{path}?values=true")));
    assert_eq!(told["changes"][0]["before"]["n"], 1);
    let all = told["changes"].as_array().unwrap();
    assert!(all.iter().skip(1).all(|one| one["before"].is_null() && one["after"].is_null()));
    let read = "path \"sys/storage/raft/snapshot-load/*\" { capabilities = [\"read\"] }";
    let refused = allowed(&root, "ann", read).get(&path);
    assert_eq!(refused.status, 403, "{}", error(&refused));
}

#[test]
fn settings_are_told_by_the_path_at_which_they_are_read() {
    let server = Server::dev();
    let root = server.root();
    let set = |path: &str, sent: Value| {
        let set = root.post(path, sent);
        assert!(matches!(set.status, 200 | 204), "{path}: {} {}", set.status, error(&set));
    };
    set("sys/auth/people", json!({ "type": "userpass" }));
    set("sys/config/ui/headers/X-Same", json!({ "values": ["a"] }));
    set("sys/config/ui/headers/X-Gone", json!({ "values": ["a"] }));
    set("sys/config/auditing/request-headers/X-One", json!({ "hmac": true }));
    set("sys/quotas/rate-limit/many", json!({ "rate": 10_000 }));
    set("sys/quotas/rate-limit/same", json!({ "rate": 10_000, "path": "secret" }));
    set("sys/quotas/lease-count/few", json!({ "max_leases": 9_000 }));
    let some = "path \"sys/storage/raft/snapshot-load/*\" { capabilities = [\"read\", \"sudo\"] }
        path \"sys/quotas/rate-limit/many\" { capabilities = [\"read\"] }
        path \"sys/config/cors\" { capabilities = [\"read\"] }
        path \"sys/auth/people/tune\" { capabilities = [\"read\"] }
        path \"sys/mounts/secret/tune\" { capabilities = [\"read\"] }";
    let bob = allowed(&root, "bob", some);
    let id = keep(&root);
    set("secret/config", json!({ "max_versions": 7 }));
    set("sys/mounts/secret/tune", json!({ "default_lease_ttl": "1h" }));
    set("sys/auth/people/tune", json!({ "description": "all of them" }));
    set("sys/config/cors", json!({ "allowed_origins": ["http://a.example"] }));
    root.delete("sys/config/ui/headers/X-Gone");
    set("sys/config/ui/headers/X-New", json!({ "values": ["a", "b"] }));
    set("sys/config/auditing/request-headers/X-One", json!({ "hmac": false }));
    set("sys/quotas/config", json!({ "rate_limit_exempt_paths": ["sys/health"] }));
    set("sys/quotas/rate-limit/many", json!({ "rate": 20_000 }));
    set("sys/quotas/rate-limit/same", json!({ "rate": 10_000, "path": "secret" }));
    root.delete("sys/quotas/lease-count/few");

    let path = format!("{LOAD}/{id}/diff");
    let all = data(&root.get(&path));
    let expected = [
        "changed secret/config",
        "changed sys/auth/people/tune",
        "changed sys/config/auditing/request-headers/x-one",
        "changed sys/config/cors",
        "deleted sys/config/ui/headers/X-Gone",
        "added sys/config/ui/headers/X-New",
        "changed sys/mounts/secret/tune",
        "changed sys/quotas/config",
        "deleted sys/quotas/lease-count/few",
        "changed sys/quotas/rate-limit/many",
    ];
    assert_eq!(changes(&all), expected);
    assert!(!all.to_string().contains("before") && !all.to_string().contains("after"));

    // Values, to whom a read would tell them.
    let values = |client: &Client| -> Vec<(Value, Value)> {
        let told = data(&client.get(&format!("{path}?values=true")));
        let all = told["changes"].as_array().unwrap().clone();
        all.iter().map(|one| (one["before"].clone(), one["after"].clone())).collect()
    };
    let of_root = values(&root);
    let field = |at: usize, name: &str| (of_root[at].0[name].clone(), of_root[at].1[name].clone());
    assert_eq!(field(0, "max_versions"), (json!(0), json!(7)));
    assert_eq!(field(1, "description"), (json!(""), json!("all of them")));
    assert_eq!(of_root[2], (json!({ "hmac": true }), json!({ "hmac": false })));
    assert_eq!(field(3, "enabled"), (json!(false), json!(true)));
    assert_eq!(of_root[4], (json!({ "values": ["a"] }), Value::Null));
    assert_eq!(of_root[5], (Value::Null, json!({ "values": ["a", "b"] })));
    assert_eq!(field(6, "default_lease_ttl"), (json!(2_764_800), json!(3600)));
    assert_eq!(field(7, "rate_limit_exempt_paths").1, json!(["sys/health"]));
    assert_eq!(field(8, "max_leases"), (json!(9_000), Value::Null));
    assert_eq!(field(9, "rate"), (json!(10_000), json!(20_000)));

    let of_some = values(&bob);
    for (at, (told, whole)) in of_some.iter().zip(&of_root).enumerate() {
        // To read those of CORS takes sudo, and what is tuned of an auth method.
        let none = (Value::Null, Value::Null);
        assert_eq!(told, if [6, 9].contains(&at) { whole } else { &none }, "{}", expected[at]);
    }
}

#[test]
fn what_is_set_is_told_as_a_read_of_the_snapshot_answers_it() {
    let server = Server::dev();
    let root = server.root();
    let settings = [
        ("auth/token/roles/r", json!({ "orphan": true }), json!({ "orphan": false })),
        (
            "sys/policies/acl/p",
            json!({ "policy": "path \"a\" {}" }),
            json!({ "policy": "path \"b\" {}" }),
        ),
        (
            "sys/policies/password/w",
            json!({ "policy": "length = 20\nrule \"charset\" { charset = \"ab\" }" }),
            json!({ "policy": "length = 30\nrule \"charset\" { charset = \"ab\" }" }),
        ),
    ];
    let set =
        |path: &str, sent: &Value| assert_eq!(root.post(path, sent.clone()).status, 204, "{path}");
    settings.iter().for_each(|(path, sent, _)| set(path, sent));
    root.post("sys/auth/people", json!({ "type": "userpass" }));
    root.post("identity/group", json!({ "name": "g" }));
    let id = keep(&root);
    settings.iter().for_each(|(path, _, sent)| set(path, sent));
    root.post("identity/group/name/g", json!({ "policies": ["p"] }));
    root.post("sys/auth/people/tune", json!({ "max_lease_ttl": "1h" }));
    let tuning = data(&read(&root, &id, "sys/auth/people/tune"));
    root.post("sys/remount", json!({ "from": "auth/people", "to": "auth/all" }));
    eventually("it is moved", || root.get("sys/auth/all/tune").status == 200);

    let told = data(&root.get(&format!("{LOAD}/{id}/diff?values=true")));
    let expected = [
        "changed auth/token/roles/r",
        "changed identity/group/name/g",
        "changed sys/auth/all it was at auth/people/",
        "changed sys/auth/all/tune",
        "changed sys/policies/acl/p",
        "changed sys/policies/password/w",
    ];
    assert_eq!(changes(&told), expected);
    let told = |at: usize, state: &str| told["changes"][at][state].clone();
    for (at, path) in
        [(0, "auth/token/roles/r"), (4, "sys/policies/acl/p"), (5, "sys/policies/password/w")]
    {
        assert_eq!(told(at, "before"), data(&read(&root, &id, path)));
        assert_eq!(told(at, "after"), data(&root.get(path)));
    }
    assert_eq!(told(3, "before"), tuning);
    assert_eq!(told(3, "after"), data(&root.get("sys/auth/all/tune")));
    // Who is in a group, and who an entity is, is told by names alone.
    assert_eq!((told(1, "before"), told(1, "after")), (Value::Null, Value::Null));
}

/// `path before after` of what lies in mounts, where the values are told.
fn told(client: &Client, query: &str) -> Vec<(String, Value, Value)> {
    let told = data(&client.get(&format!("{LOAD}/{query}")));
    let all = told["changes"].as_array().unwrap_or_else(|| panic!("{told}"));
    let of_mounts = all.iter().filter(|one| one["path"].as_str().unwrap().ends_with("/k"));
    of_mounts
        .map(|one| {
            let path = one["path"].as_str().unwrap().to_owned();
            (path, one["before"]["n"].clone(), one["after"]["n"].clone())
        })
        .collect()
}

#[test]
fn values_are_those_of_the_mount_and_told_to_whom_a_read_would_tell_them() {
    let server = Server::dev();
    let root = server.root();
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    let put = |mount: &str, value: &str| {
        let written = root.post(&format!("{mount}/k"), json!({ "n": value }));
        assert_eq!(written.status, 204, "{}", written.json());
    };
    for mount in ["anew", "public", "taken", "taker"] {
        root.post(&format!("sys/mounts/{mount}"), kv.clone());
        put(mount, &format!("{mount} 1"));
    }
    let first = keep(&root);
    for mount in ["anew", "public", "taken", "taker"] {
        put(mount, &format!("{mount} 2"));
    }
    let second = keep(&root);
    root.delete("sys/mounts/anew");
    root.post("sys/mounts/anew", kv);
    root.post("sys/remount", json!({ "from": "public", "to": "private" }));
    eventually("it is moved", || root.get("private/k").status == 200);
    root.delete("sys/mounts/taken");
    root.post("sys/remount", json!({ "from": "taker", "to": "taken" }));
    eventually("it is moved", || root.get("taken/k").status == 200);
    put("taken", "taker 3");

    let may = "path \"sys/storage/raft/snapshot-load/*\" { capabilities = [\"read\", \"sudo\"] }
        path \"anew/*\" { capabilities = [\"read\", \"list\", \"recover\"] }
        path \"public/*\" { capabilities = [\"read\"] }
        path \"taken/*\" { capabilities = [\"read\"] }";
    let bob = allowed(&root, "bob", may);
    let sudo = format!("{may} path \"anew/k\" {{ capabilities = [\"read\", \"sudo\"] }}");
    let ann = allowed(&root, "ann", &sudo);
    let line = |path: &str, before: &str, after: &str| {
        let value = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        (path.to_owned(), value(before), value(after))
    };

    // What the same reads of the snapshot answer.
    assert_eq!(read(&bob, &first, "anew/k").status, 400);
    assert_eq!(data(&read(&ann, &first, "anew/k"))["n"], "anew 1");
    assert_eq!(read(&bob, &first, "public/k").status, 404);
    assert_eq!(data(&read(&bob, &first, "taken/k"))["n"], "taker 1");

    let between = format!("{first}/diff?values=true&with={second}");
    let anew = line("anew/k", "anew 1", "anew 2");
    let taken = [line("taken/k", "", ""), line("taker/k", "taker 1", "taker 2")];
    let public = line("public/k", "public 1", "public 2");
    for (who, anew, public) in [
        (&bob, line("anew/k", "", ""), line("public/k", "", "")),
        (&ann, anew.clone(), line("public/k", "", "")),
        (&root, anew, public),
    ] {
        assert_eq!(told(who, &between), [&[anew, public][..], &taken].concat());
    }
    // Since then: what is at `taken/` now was at `taker/`.
    let since = format!("{first}/diff?values=true");
    let taken = line("taken/k", "taker 1", "taker 3");
    assert_eq!(told(&bob, &since), [line("private/k", "", ""), taken.clone()]);
    let back = line("taker/k", "taker 3", "taker 1");
    assert_eq!(told(&bob, &format!("{since}&reverse=true")), [line("public/k", "", ""), back]);
    assert_eq!(told(&root, &since), [line("private/k", "public 1", "public 2"), taken]);
}
