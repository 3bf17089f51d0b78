//! What each engine gives back.

use serde_json::{Value, json};

use crate::support::{Server, data};
use crate::{error, keep, list, read, recover, recover_from};

fn server_with_kv1() -> Server {
    let server = Server::dev();
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(server.root().post("sys/mounts/kv", kv).status, 204);
    server
}

#[test]
fn a_value_of_kv_version_1() {
    let server = server_with_kv1();
    let root = server.root();
    root.post("kv/a", json!({ "n": 1, "ttl": "1h" }));
    root.post("kv/deep/b", json!({ "n": 2 }));
    let id = keep(&root);
    root.post("kv/a", json!({ "n": 10 }));
    root.delete("kv/deep/b");
    root.post("kv/c", json!({ "n": 3 }));

    let then = read(&root, &id, "kv/a").json();
    assert_eq!((&then["data"]["n"], &then["lease_duration"]), (&json!(1), &json!(3600)));
    assert_eq!(data(&list(&root, &id, "kv"))["keys"], json!(["a", "deep/"]));
    assert_eq!(data(&list(&root, &id, "kv/deep"))["keys"], json!(["b"]));
    assert_eq!(read(&root, &id, "kv/c").status, 404);
    let by_get = root.get(&format!("kv?list=true&read_snapshot_id={id}"));
    assert_eq!(data(&by_get)["keys"], json!(["a", "deep/"]));

    assert_eq!(data(&root.get("kv/a"))["n"], 10, "reading changes nothing");
    assert_eq!(recover(&root, &id, "kv/a").status, 204);
    assert_eq!(data(&root.get("kv/a")), json!({ "n": 1, "ttl": "1h" }));
    assert_eq!(recover(&root, &id, "kv/deep/b").status, 204);
    assert_eq!(data(&root.get("kv/deep/b"))["n"], 2);
    assert_eq!(recover_from(&root, &id, "kv/old/b", "kv/deep/b").status, 204);
    assert_eq!(data(&root.get("kv/old/b"))["n"], 2);
    assert_eq!(data(&root.get("kv/c"))["n"], 3, "nothing else was touched");

    let missing = recover(&root, &id, "kv/c");
    assert_eq!((missing.status, error(&missing)), (404, "the snapshot has nothing there".into()));
    assert_eq!(recover(&root, &id, "kv/deep/").status, 400, "a folder");
}

#[test]
fn it_is_asked_for_in_all_of_vaults_ways() {
    let server = server_with_kv1();
    let root = server.root();
    root.post("kv/a", json!({ "n": 1 }));
    let id = keep(&root);
    let header = ("X-Vault-Recover-Snapshot-Id", id.as_str());
    let by_query = format!("kv/a?recover_snapshot_id={id}");
    for (method, path, headers) in [
        ("RECOVER", "kv/a", &[header][..]),
        ("POST", "kv/a", &[header]),
        ("PUT", "kv/a", &[header]),
        ("RECOVER", &by_query, &[]),
        ("POST", &by_query, &[]),
        // As the Go client does: both.
        ("PUT", &by_query, &[header]),
    ] {
        root.post("kv/a", json!({ "n": 2 }));
        let reply = root.ask_with(method, path, headers, None).unwrap();
        assert_eq!(reply.status, 204, "{method} {path}");
        assert_eq!(data(&root.get("kv/a"))["n"], 1, "{method} {path}");
    }
    let two = root.ask_with("PUT", "kv/a?recover_snapshot_id=x", &[header], None).unwrap();
    assert_eq!(two.status, 400);
    let none = root.ask_with("RECOVER", "kv/a", &[], None).unwrap();
    assert!(error(&none).contains("no snapshot is named"), "{}", error(&none));
    let unknown = recover(&root, "b76ce7f2-68ab-9ae2-4a4d-0c9d1a8c3f0e", "kv/a");
    assert_eq!(unknown.status, 400);
    assert!(error(&unknown).contains("no snapshot b76ce7f2"), "{}", error(&unknown));
}

#[test]
fn a_version_of_kv_version_2_becomes_a_new_one() {
    let server = Server::dev();
    let root = server.root();
    for n in 1..=3 {
        root.post("secret/data/a", json!({ "data": { "n": n } }));
    }
    root.post("secret/delete/a", json!({ "versions": [2] }));
    let id = keep(&root);
    root.post("secret/data/a", json!({ "data": { "n": 4 } }));
    root.post("secret/destroy/a", json!({ "versions": [1] }));
    root.post("secret/metadata/a", json!({ "cas_required": true }));

    let value = |path: &str| data(&read(&root, &id, path))["data"]["n"].clone();
    assert_eq!(value("secret/data/a"), 3);
    assert_eq!(value("secret/data/a?version=1"), 1, "destroyed since");
    assert_eq!(read(&root, &id, "secret/data/a?version=2").status, 404, "deleted then");
    assert_eq!(read(&root, &id, "secret/data/a?version=4").status, 404);
    assert_eq!(data(&read(&root, &id, "secret/metadata/a"))["current_version"], 3);
    assert_eq!(data(&list(&root, &id, "secret/metadata"))["keys"], json!(["a"]));
    assert_eq!(data(&read(&root, &id, "secret/subkeys/a"))["subkeys"], json!({ "n": null }));

    let made = recover(&root, &id, "secret/data/a");
    assert_eq!((made.status, &data(&made)["version"]), (200, &json!(5)));
    assert_eq!(data(&root.get("secret/data/a"))["data"]["n"], 3);
    assert_eq!(data(&root.get("secret/data/a?version=4"))["data"]["n"], 4, "it is still there");
    assert_eq!(data(&recover(&root, &id, "secret/data/a?version=1"))["version"], 6);
    assert_eq!(data(&root.get("secret/data/a"))["data"]["n"], 1);
    let gone = recover(&root, &id, "secret/data/a?version=2");
    assert_eq!(gone.status, 404);
    assert!(error(&gone).contains("deleted or destroyed"), "{}", error(&gone));

    assert_eq!(data(&recover_from(&root, &id, "secret/data/b", "secret/data/a"))["version"], 1);
    assert_eq!(data(&root.get("secret/data/b"))["data"]["n"], 3);
    let mixed = recover_from(&root, &id, "secret/data/b", "secret/metadata/a");
    assert!(error(&mixed).contains("of another kind"), "{}", error(&mixed));
    assert_eq!(recover(&root, &id, "secret/delete/a").status, 405);
}

#[test]
fn a_secret_of_kv_version_2_comes_back_with_all_that_it_was() {
    let server = Server::dev();
    let root = server.root();
    for n in 1..=4 {
        root.post("secret/data/a", json!({ "data": { "n": n } }));
    }
    root.post("secret/delete/a", json!({ "versions": [2] }));
    root.post("secret/destroy/a", json!({ "versions": [3] }));
    let custom = json!({ "max_versions": 7, "custom_metadata": { "owner": "bob" } });
    root.post("secret/metadata/a", custom);
    let then = data(&root.get("secret/metadata/a"));
    let id = keep(&root);

    root.delete("secret/metadata/a");
    assert_eq!(root.get("secret/data/a").status, 404);
    let back = recover(&root, &id, "secret/metadata/a");
    assert_eq!((back.status, back.body.len()), (204, 0));
    assert_eq!(data(&root.get("secret/metadata/a")), then);
    let value = |path: &str| data(&root.get(path))["data"]["n"].clone();
    assert_eq!((value("secret/data/a"), value("secret/data/a?version=1")), (4.into(), 1.into()));
    assert_eq!(root.get("secret/data/a?version=2").status, 404);
    root.post("secret/undelete/a", json!({ "versions": [2] }));
    assert_eq!(value("secret/data/a?version=2"), 2, "it can still be undeleted");
    assert_eq!(root.get("secret/data/a?version=3").status, 404, "destroyed is destroyed");

    // What was made since is replaced, and that is said.
    root.post("secret/data/a", json!({ "data": { "n": 5 } }));
    root.post("secret/data/a", json!({ "data": { "n": 6 } }));
    let back = recover(&root, &id, "secret/metadata/a").json();
    assert!(back["warnings"][0].as_str().unwrap().starts_with("2 versions"), "{back}");
    assert_eq!(data(&root.get("secret/metadata/a")), then);
    assert_eq!(root.get("secret/data/a?version=5").status, 404);
    assert_eq!(data(&root.post("secret/data/a", json!({ "data": { "n": 7 } })))["version"], 5);
    assert_eq!(value("secret/data/a?version=5"), 7);

    let copied = recover_from(&root, &id, "secret/metadata/b/c", "secret/metadata/a");
    assert_eq!(copied.status, 204);
    assert_eq!(data(&root.get("secret/metadata/b/c")), then);
    assert_eq!(value("secret/data/b/c?version=1"), 1);
}

#[test]
fn a_mount_that_was_upgraded_since_gives_its_values_as_first_versions() {
    let server = server_with_kv1();
    let root = server.root();
    root.post("kv/a", json!({ "n": 1 }));
    let id = keep(&root);
    root.post("sys/mounts/kv/tune", json!({ "options": { "version": "2" } }));
    root.post("kv/data/a", json!({ "data": { "n": 2 } }));
    assert_eq!(data(&read(&root, &id, "kv/data/a"))["data"]["n"], 1);
    assert_eq!(data(&recover(&root, &id, "kv/data/a"))["version"], 3);
    assert_eq!(data(&root.get("kv/data/a"))["data"]["n"], 1);
    root.delete("kv/metadata/a");
    assert_eq!(recover(&root, &id, "kv/metadata/a").status, 204);
    assert_eq!(data(&root.get("kv/data/a?version=1"))["data"]["n"], 1);
    assert_eq!(data(&root.get("kv/metadata/a"))["current_version"], 1);
}

#[test]
fn a_cubbyhole_is_its_tokens_then_too() {
    let server = Server::dev();
    let root = server.root();
    let made = root.post("auth/token/create", json!({})).json();
    let other = server.client().token(made["auth"]["client_token"].as_str().unwrap());
    root.post("cubbyhole/a", json!({ "of": "root" }));
    other.post("cubbyhole/a", json!({ "of": "other" }));
    let id = keep(&root);
    root.post("cubbyhole/a", json!({ "of": "nobody" }));
    other.delete("cubbyhole/a");
    assert_eq!(data(&read(&root, &id, "cubbyhole/a"))["of"], "root");
    assert_eq!(data(&read(&other, &id, "cubbyhole/a"))["of"], "other");
    assert_eq!(data(&list(&other, &id, "cubbyhole"))["keys"], json!(["a"]));
    assert_eq!(recover(&other, &id, "cubbyhole/a").status, 204);
    assert_eq!(data(&other.get("cubbyhole/a"))["of"], "other");
    assert_eq!(data(&root.get("cubbyhole/a"))["of"], "nobody");
}

#[test]
fn users_roles_and_policies_come_back_too() {
    let server = Server::dev();
    let root = server.root();
    for kind in ["userpass", "approle"] {
        root.post(&format!("sys/auth/{kind}"), json!({ "type": kind }));
    }
    root.post("auth/userpass/users/bob", json!({ "password": "then", "policies": "a" }));
    root.post("auth/approle/role/app", json!({ "policies": "a" }));
    let role_id = data(&root.get("auth/approle/role/app/role-id"))["role_id"].clone();
    let secret_id = root.post("auth/approle/role/app/secret-id", json!({}));
    let secret_id = data(&secret_id)["secret_id"].clone();
    let policy = "path \"x\" { capabilities = [\"recover\"] }";
    root.post("sys/policies/acl/a", json!({ "policy": policy }));
    let rule = "length = 20 rule \"charset\" { charset = \"ab\" }";
    root.post("sys/policies/password/p", json!({ "policy": rule }));
    root.post("identity/entity", json!({ "name": "robert" }));
    root.post("auth/token/roles/r", json!({ "orphan": true }));
    let id = keep(&root);
    for path in [
        "auth/userpass/users/bob",
        "auth/approle/role/app",
        "sys/policies/acl/a",
        "sys/policies/password/p",
        "identity/entity/name/robert",
        "auth/token/roles/r",
        "sys/auth/approle",
    ] {
        let before = root.get(path).status;
        assert_eq!(before, 200, "{path}");
        assert_eq!(read(&root, &id, path).status, 200, "{path}");
        if !path.starts_with("sys/auth") {
            assert_eq!(root.delete(path).status, 204, "{path}");
            assert_eq!(read(&root, &id, path).status, 200, "{path} when it is gone");
        }
    }
    assert_eq!(data(&list(&root, &id, "auth/userpass/users"))["keys"], json!(["bob"]));
    assert_eq!(data(&list(&root, &id, "identity/entity/name"))["keys"], json!(["robert"]));
    assert!(data(&read(&root, &id, "sys/mounts"))["secret/"].is_object());

    for path in [
        "auth/userpass/users/bob",
        "auth/token/roles/r",
        "sys/policies/acl/a",
        "sys/policies/password/p",
        "identity/entity/name/robert",
    ] {
        assert_eq!(recover(&root, &id, path).status, 204, "{path}");
        assert_eq!(data(&root.get(path)), data(&read(&root, &id, path)), "{path}");
    }
    let login = json!({ "password": "then" });
    assert_eq!(server.client().post("auth/userpass/login/bob", login).status, 200);

    assert_eq!(recover(&root, &id, "auth/approle/role/app").status, 204);
    assert_eq!(data(&root.get("auth/approle/role/app/role-id"))["role_id"], role_id);
    let login = json!({ "role_id": role_id, "secret_id": secret_id });
    let refused = server.client().post("auth/approle/login", login);
    assert_eq!(refused.status, 400, "no secret id comes back");
    let fresh = root.post("auth/approle/role/app/secret-id", json!({}));
    let login = json!({ "role_id": role_id, "secret_id": data(&fresh)["secret_id"] });
    assert_eq!(server.client().post("auth/approle/login", login).status, 200);
    // Under another name its id would be there twice.
    let copied = recover_from(&root, &id, "auth/approle/role/b", "auth/approle/role/app");
    assert!(error(&copied).contains("role_id already in use"), "{}", error(&copied));
    assert_eq!(recover(&root, &id, "sys/policy/a").status, 204, "by its old path");
    assert_eq!(recover(&root, &id, "sys/policies/acl/root").status, 400);
}

#[test]
fn an_entity_comes_back_as_who_it_was() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    root.post("auth/userpass/users/bob", json!({ "password": "pw" }));
    let login = || {
        let reply = server.client().post("auth/userpass/login/bob", json!({ "password": "pw" }));
        reply.json()["auth"]["entity_id"].as_str().unwrap().to_owned()
    };
    let bob = login();
    let by_id = format!("identity/entity/id/{bob}");
    root.post(&by_id, json!({ "name": "robert", "policies": ["a"] }));
    let id = keep(&root);

    root.post(&by_id, json!({ "name": "rob", "policies": ["b"], "disabled": true }));
    assert_eq!(recover(&root, &id, &by_id).status, 204);
    assert_eq!(data(&root.get(&by_id)), data(&read(&root, &id, &by_id)));
    assert_eq!(root.get("identity/entity/name/rob").status, 404, "its later name is free");
    assert_eq!(login(), bob);

    root.delete(&by_id);
    assert_eq!(recover(&root, &id, "identity/entity/name/robert").status, 204);
    assert_eq!(login(), bob, "its alias is back");

    // Who has logged in since has the alias.
    root.delete(&by_id);
    let other = login();
    let back = recover(&root, &id, &by_id).json();
    assert!(back["warnings"][0].as_str().unwrap().contains("its alias bob"), "{back}");
    assert_eq!(data(&root.get(&by_id))["aliases"], json!([]));
    assert_eq!(login(), other);

    root.delete(&by_id);
    root.post("identity/entity", json!({ "name": "Robert" }));
    let taken = recover(&root, &id, &by_id);
    assert!(error(&taken).contains("name is already in use"), "{}", error(&taken));
    let copied = recover_from(&root, &id, "identity/entity/name/a", "identity/entity/name/robert");
    assert!(error(&copied).contains("comes back as itself"), "{}", error(&copied));
}

#[test]
fn a_group_comes_back_with_those_of_its_members_that_are_there() {
    let server = Server::dev();
    let root = server.root();
    let made = |path: &str, sent: Value| data(&root.post(path, sent))["id"].clone();
    let [ann, bob] = ["ann", "bob"].map(|name| made("identity/entity", json!({ "name": name })));
    let [inner, outer] =
        ["inner", "outer"].map(|name| made("identity/group", json!({ "name": name })));
    let path = "identity/group/name/team";
    let team = json!({
        "policies": ["a"], "metadata": { "a": "1" },
        "member_entity_ids": [ann, bob], "member_group_ids": [inner],
    });
    let team = made(path, team);
    let by_id = format!("identity/group/id/{}", team.as_str().unwrap());
    let id = keep(&root);
    let told = |group: Value| {
        ["id", "name", "policies", "metadata", "member_entity_ids", "member_group_ids"]
            .map(|name| group[name].clone())
    };
    let then = told(data(&read(&root, &id, path)));
    let now = || told(data(&root.get(path)));

    let other = json!({ "policies": ["b"], "metadata": { "a": "2" }, "member_entity_ids": [] });
    root.post(path, other);
    assert_ne!(now(), then);
    assert_eq!(recover(&root, &id, path).status, 204);
    assert_eq!(now(), then);
    assert_eq!(data(&root.get("identity/entity/name/ann"))["group_ids"], json!([team]));

    root.delete(path);
    assert_eq!(recover(&root, &id, &by_id).status, 204);
    assert_eq!(now(), then, "it was deleted");
    assert_eq!(data(&root.get("identity/group/name/inner"))["parent_group_ids"], json!([team]));

    // Who is gone, or has it as a member by now, is none of its own.
    root.delete(path);
    root.delete("identity/entity/name/bob");
    assert_eq!(recover(&root, &id, path).json()["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(now()[4], json!([ann]));
    root.post(path, json!({ "member_group_ids": [] }));
    root.post("identity/group/name/inner", json!({ "member_group_ids": [team] }));
    root.post("identity/group/name/outer", json!({ "member_group_ids": [team] }));
    let back = recover(&root, &id, path).json();
    assert!(back["warnings"][0].as_str().unwrap().starts_with("2 of its members"), "{back}");
    assert_eq!(now()[5], Value::Null);
    let parents = data(&root.get(path))["parent_group_ids"].as_array().unwrap().clone();
    assert!(parents.len() == 2 && parents.contains(&outer), "it stays in them: {parents:?}");

    root.post(&by_id, json!({ "name": "crew" }));
    root.post(path, json!({}));
    let taken = recover(&root, &id, path);
    assert!(error(&taken).contains("group name is already in use"), "{}", error(&taken));
    let copied = recover_from(&root, &id, "identity/group/name/a", path);
    assert!(error(&copied).contains("comes back as itself"), "{}", error(&copied));
}

#[test]
fn the_alias_of_a_group_comes_back_unless_another_one_has_it() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    let accessor = data(&root.get("sys/auth/userpass"))["accessor"].clone();
    let path = "identity/group/name/staff";
    root.post(path, json!({ "type": "external", "policies": ["a"] }));
    let alias = |group: &Value| {
        let sent = json!({ "name": "staff", "mount_accessor": accessor, "canonical_id": group });
        root.post("identity/group-alias", sent)
    };
    alias(&data(&root.get(path))["id"]);
    let id = keep(&root);
    root.delete(path);
    assert_eq!(recover(&root, &id, path).status, 204);
    let then = data(&read(&root, &id, path))["alias"].clone();
    assert_eq!(then["name"], "staff");
    assert_eq!(data(&root.get(path))["alias"], then);

    root.delete(path);
    root.post("identity/group/name/other", json!({ "type": "external" }));
    alias(&data(&root.get("identity/group/name/other"))["id"]);
    let back = recover(&root, &id, path).json();
    assert!(back["warnings"][0].as_str().unwrap().contains("its alias staff"), "{back}");
    assert_eq!(data(&root.get(path))["alias"], json!({}));
}

#[test]
fn settings_are_as_they_were() {
    let server = Server::dev();
    let root = server.root();
    let lockout = json!({ "lockout_threshold": "3", "lockout_duration": "5m" });
    root.post("sys/auth/people", json!({ "type": "userpass" }));
    let kept = [
        ("sys/config/cors", json!({ "allowed_origins": ["http://a.example"] })),
        ("sys/config/ui/headers/X-Kept", json!({ "values": ["a"] })),
        ("sys/config/auditing/request-headers/X-Kept", json!({ "hmac": true })),
        ("sys/quotas/config", json!({ "rate_limit_exempt_paths": ["sys/health"] })),
        ("sys/quotas/rate-limit/many", json!({ "rate": 10_000.5, "path": "secret/data/a*" })),
        ("sys/quotas/lease-count/few", json!({ "max_leases": 9_000, "path": "auth/people" })),
        ("secret/config", json!({ "max_versions": 7, "delete_version_after": "30m" })),
        ("sys/mounts/secret/tune", json!({ "default_lease_ttl": "1h", "description": "kept" })),
        ("sys/auth/people/tune", json!({ "user_lockout_config": lockout })),
    ];
    let others = [
        json!({ "allowed_origins": ["http://b.example"] }),
        json!({ "values": ["b"] }),
        json!({ "hmac": false }),
        json!({ "rate_limit_exempt_paths": ["sys/host-info"] }),
        json!({ "rate": 20_000 }),
        json!({ "max_leases": 2 }),
        json!({ "max_versions": 1, "delete_version_after": "1m", "cas_required": true }),
        json!({ "default_lease_ttl": "2h", "max_lease_ttl": "3h", "description": "other" }),
        json!({ "user_lockout_config": { "lockout_threshold": "4" }, "token_type": "batch" }),
    ];
    let set = |path: &str, sent: &Value| {
        let set = root.post(path, sent.clone());
        assert!(matches!(set.status, 200 | 204), "{path}: {} {}", set.status, error(&set));
    };
    for (path, sent) in &kept {
        set(path, sent);
    }
    let shown = || -> Vec<Value> { kept.iter().map(|(path, _)| data(&root.get(path))).collect() };
    let then = shown();
    let id = keep(&root);
    let all_back = || {
        for (path, _) in &kept {
            let back = recover(&root, &id, path);
            assert!(matches!(back.status, 200 | 204), "{path}: {} {}", back.status, error(&back));
        }
        assert_eq!(shown(), then);
    };
    for ((path, _), other) in kept.iter().zip(&others) {
        set(path, other);
    }
    assert!(shown().iter().zip(&then).all(|(now, then)| now != then), "{:#?}", shown());
    all_back();
    for (path, _) in kept.iter().filter(|(path, _)| path.starts_with("sys/")) {
        root.delete(path);
    }
    all_back();
    for (path, _) in &kept[..8] {
        let mut now = data(&root.get(path));
        // How many leases there are is no setting.
        now.as_object_mut().unwrap().remove("counter");
        assert_eq!(data(&read(&root, &id, path)), now, "{path}");
    }
    let gone = read(&root, &id, "sys/quotas/lease-count/none");
    assert_eq!(gone.status, 404);
    let elsewhere = ["sys/quotas/rate-limit/copy", "sys/quotas/rate-limit/many"];
    let doubled = recover_from(&root, &id, elsewhere[0], elsewhere[1]);
    assert!(error(&doubled).contains("exists under the name \"many\""), "{}", error(&doubled));
    root.delete(elsewhere[1]);
    assert_eq!(recover_from(&root, &id, elsewhere[0], elsewhere[1]).status, 204);
    assert_eq!(data(&root.get(elsewhere[0]))["rate"], 10_000.5);
}

#[test]
fn settings_of_what_is_not_there_or_is_another_kind() {
    let server = Server::dev();
    let root = server.root();
    for (path, kind) in [("one", "kv"), ("two", "kv"), ("three", "kv")] {
        root.post(&format!("sys/mounts/{path}"), json!({ "type": kind }));
    }
    root.post("sys/quotas/rate-limit/of-two", json!({ "rate": 100, "path": "two" }));
    root.post("sys/mounts/one/tune", json!({ "options": { "note": "kept" } }));
    let id = keep(&root);

    root.post("sys/mounts/one/tune", json!({ "options": { "version": "2", "note": "" } }));
    assert_eq!(recover(&root, &id, "sys/mounts/one/tune").status, 204);
    let options = data(&root.get("sys/mounts/one"))["options"].clone();
    assert_eq!(options, json!({ "version": "2", "note": "kept" }), "a version only goes up");
    root.post("one/config", json!({ "max_versions": 3 }));
    assert_eq!(recover(&root, &id, "one/config").status, 204, "nothing was set");
    assert_eq!(data(&root.get("one/config"))["max_versions"], 0);

    root.post("sys/remount", json!({ "from": "three", "to": "moved" }));
    root.post("sys/mounts/moved/tune", json!({ "description": "since" }));
    assert_eq!(recover(&root, &id, "sys/mounts/moved/tune").status, 204);
    assert_eq!(data(&root.get("sys/mounts/moved"))["description"], "");
    assert_eq!(data(&root.get("sys/mounts/moved/tune"))["description"], "");

    root.delete("sys/mounts/two");
    let nowhere = recover(&root, &id, "sys/mounts/two/tune");
    assert!(error(&nowhere).contains("no mount entry found"), "{}", error(&nowhere));
    let nowhere = recover(&root, &id, "sys/quotas/rate-limit/of-two");
    assert!(error(&nowhere).contains("invalid mount path \"two/\""), "{}", error(&nowhere));
    root.post("sys/mounts/two", json!({ "type": "kv" }));
    assert_eq!(recover(&root, &id, "sys/quotas/rate-limit/of-two").status, 204);

    root.post("sys/mounts/new", json!({ "type": "kv" }));
    for path in ["sys/mounts/new/tune", "sys/quotas/rate-limit/none"] {
        let missing = recover(&root, &id, path);
        let said = (missing.status, error(&missing));
        assert_eq!(said, (404, "the snapshot has nothing there".into()), "{path}");
    }
    assert_eq!(recover_from(&root, &id, "sys/mounts/new/tune", "sys/mounts/one/tune").status, 204);
    let from_version_2 = recover_from(&root, &id, "sys/mounts/new/tune", "sys/mounts/secret/tune");
    assert_eq!(from_version_2.status, 204, "both are kv");
    let options = data(&root.get("sys/mounts/new"))["options"].clone();
    assert_eq!(options["version"], Value::Null, "that of kv stays: {options}");
    let fixed = recover(&root, &id, "sys/mounts/cubbyhole/tune");
    assert!(error(&fixed).contains("cannot tune"), "{}", error(&fixed));
}
