//! Everything that comes, and that it comes as it was.

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::{Server, TempDir, data};
use crate::{import, post, run, whole, write};

/// Fills a server with one of each.
fn fill(root: &Client) {
    for n in 1..=14 {
        write(root, "app/db", json!({ "n": n, "digits": 0.25, "list": [n, null] }));
    }
    let settings = json!({
        "max_versions": 12, "delete_version_after": "2400h", "custom_metadata": { "owner": "ann" },
    });
    post(root, "secret/metadata/app/db", settings);
    write(root, "app/db", json!({ "n": 15 }));
    post(root, "secret/delete/app/db", json!({ "versions": [8] }));
    post(root, "secret/destroy/app/db", json!({ "versions": [9] }));
    write(root, "app", json!({ "a secret": "beside the folder of its name" }));
    write(root, "odd%20name/%25x/%C3%A9", json!({ "q": "1" }));
    post(root, "secret/metadata/empty", json!({ "custom_metadata": { "only": "metadata" } }));
    post(root, "secret/config", json!({ "max_versions": 20, "delete_version_after": "-1s" }));

    let one = json!({
        "type": "kv", "description": "first", "options": { "version": "1" },
        "config": {
            "default_lease_ttl": "1h", "listing_visibility": "unauth",
            "audit_non_hmac_request_keys": ["a"],
        },
    });
    post(root, "sys/mounts/team/one", one);
    post(root, "team/one/a", json!({ "v": "1", "n": 25 }));
    post(root, "team/one/b/c", json!({ "v": "2", "ttl": "5m" }));

    let app = "path \"secret/data/app/*\" { capabilities = [\"read\"] }";
    post(root, "sys/policies/acl/app", json!({ "policy": app }));
    let strong = "length = 20\nrule \"charset\" { charset = \"abcde\" }";
    post(root, "sys/policies/password/strong", json!({ "policy": strong }));

    let people = json!({
        "type": "userpass", "description": "people",
        "config": { "default_lease_ttl": "2h", "user_lockout_config": { "lockout_threshold": "3" } },
    });
    post(root, "sys/auth/people", people);
    let bob = json!({
        "password": "s3cret", "token_policies": "app", "token_ttl": "10m",
        "token_bound_cidrs": "127.0.0.0/8",
    });
    post(root, "auth/people/users/bob", bob);
    post(root, "auth/people/users/old", json!({ "password": "s3cret", "policies": "app,b" }));
    post(root, "sys/auth/approle", json!({ "type": "approle" }));
    let ci = json!({
        "role_id": "the-ci", "token_policies": "app", "secret_id_ttl": "1h",
        "secret_id_num_uses": 7, "token_type": "batch",
    });
    post(root, "auth/approle/role/ci", ci);
    post(root, "auth/approle/role/ci/secret-id", json!({}));
    post(root, "identity/entity", json!({ "name": "ann" }));
}

/// What an answer tells, without what each server says in its own way.
fn told(client: &Client, path: &str) -> Value {
    let mut told = data(&client.get(path));
    if let Some(told) = told.as_object_mut() {
        for own in ["accessor", "uuid", "policies"] {
            told.remove(own);
        }
    }
    told
}

#[test]
fn everything_comes_as_it_was_and_only_once() {
    let (from, to) = (Server::dev(), Server::dev());
    let (there, here) = (from.root(), to.root());
    fill(&there);

    let came = run(&from.address, &to, &[]);
    came.complete();
    for (kind, count) in [
        ("policy", 1),
        ("password policy", 1),
        ("secrets engine", 1),
        ("kv settings", 1),
        ("secret", 6),
        ("auth method", 2),
        ("user", 2),
        ("role", 1),
    ] {
        assert_eq!(came.count(kind, "came"), count, "{kind}: {:#}", came.report);
    }
    assert_eq!(came.count("secrets engine", "unchanged"), 1, "secret/ is on both");
    assert!(came.why("came", "secret/app/db").contains("LEFT OUT: version 8 is deleted there"));
    assert!(came.why("came", "auth/people/").contains("a random one that nobody knows"));
    assert!(came.why("came", "auth/approle/").contains("1 roles came, and had 1 secret ids there"));
    assert!(came.why("left out", "identity/entity/id").starts_with("entities of identity (1)"));

    for path in ["app", "odd%20name/%25x/%C3%A9", "empty"] {
        assert_eq!(whole(&here, path), whole(&there, path), "{path}");
    }
    let mut theirs = whole(&there, "app/db");
    theirs["versions"]["8"]["destroyed"] = true.into();
    assert_eq!(whole(&here, "app/db"), theirs);
    assert_eq!(theirs["oldest_version"], 5, "{theirs:#}");
    for path in [
        "secret/config",
        "team/one/a",
        "team/one/b/c",
        "sys/mounts/team/one",
        "sys/auth/people",
        "sys/policies/acl/app",
        "sys/policies/password/strong",
        "auth/people/users/bob",
        "auth/people/users/old",
        "auth/approle/role/ci",
        "auth/approle/role/ci/role-id",
    ] {
        assert_eq!(told(&here, path), told(&there, path), "{path}");
        assert_ne!(told(&here, path), Value::Null, "{path}");
    }

    let nobody = here.post("auth/people/login/bob", json!({ "password": "s3cret" }));
    assert_eq!(nobody.status, 400, "{}", nobody.json());
    post(&here, "auth/people/users/bob/password", json!({ "password": "another" }));
    let bob = here.post("auth/people/login/bob", json!({ "password": "another" }));
    assert_eq!(bob.json()["auth"]["token_policies"], json!(["app", "default"]));
    let id = data(&here.post("auth/approle/role/ci/secret-id", json!({})));
    let ci = json!({ "role_id": "the-ci", "secret_id": id["secret_id"] });
    assert_eq!(here.post("auth/approle/login", ci).status, 200);

    // A secret goes on where it was.
    write(&here, "app/db", json!({ "n": 16 }));
    let metadata = data(&here.get("secret/metadata/app/db"));
    assert_eq!(
        (&metadata["current_version"], &metadata["oldest_version"]),
        (&json!(16), &json!(5))
    );
    post(&here, "secret/destroy/app/db", json!({ "versions": [16] }));
}

#[test]
fn what_is_here_already_is_passed_over() {
    let (from, to) = (Server::dev(), Server::dev());
    fill(&from.root());
    run(&from.address, &to, &[]).complete();
    post(&to.root(), "auth/people/users/bob/password", json!({ "password": "another" }));
    let again = run(&from.address, &to, &["-overwrite"]);
    again.complete();
    for (kind, counts) in again.report["counts"].as_object().unwrap() {
        let fates: Vec<&str> = counts.as_object().unwrap().keys().map(String::as_str).collect();
        let own = kind == "policy" && fates.contains(&"updated");
        assert!(own || matches!(fates[..], ["unchanged"] | ["left out"]), "{:#}", again.report);
    }
    let bob = to.root().post("auth/people/login/bob", json!({ "password": "another" }));
    assert_eq!(bob.status, 200, "a password that was set stays");
}

#[test]
fn a_dry_run_tells_all_of_it_and_changes_nothing() {
    let (from, to) = (Server::dev(), Server::dev());
    fill(&from.root());
    let planned = run(&from.address, &to, &["-dry-run"]);
    planned.complete();
    assert_eq!(planned.report["dry_run"], true);
    let root = to.root();
    assert_eq!(root.list("secret/metadata").status, 404);
    assert_eq!(root.get("sys/policies/acl/app").status, 404);
    assert_eq!(root.get("sys/auth/people").status, 400);
    assert_eq!(data(&root.get("secret/config"))["max_versions"], 0);
    let came = run(&from.address, &to, &[]);
    let would = planned.report["counts"].to_string().replace("would come", "came");
    assert_eq!(came.report["counts"], serde_json::from_str::<Value>(&would).unwrap());
    assert!(planned.why("would come", "secret/app/db").contains("version 8 is deleted there"));
}

#[test]
fn a_token_is_read_from_a_file_or_from_stdin() {
    let (from, to) = (Server::dev(), Server::dev());
    let folder = TempDir::new();
    let file = folder.path().join("token");
    std::fs::write(&file, "root\n").unwrap();
    let named = format!("-from-token-file={}", file.display());
    let mut by_file = import(&from.address, &to, &[&named]);
    let output = by_file.env_remove("EDGEKEEP_FROM_TOKEN").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut by_stdin = import(&from.address, &to, &["-from-token-file=-"]);
    by_stdin.env_remove("EDGEKEEP_FROM_TOKEN").stdin(std::fs::File::open(&file).unwrap());
    let output = by_stdin.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut wrong = import(&from.address, &to, &[]);
    let output = wrong.env("EDGEKEEP_FROM_TOKEN", "wrong").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("there: GET sys/mounts: 403 permission denied"), "{out}");
}
