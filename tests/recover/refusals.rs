//! What is not read in a snapshot, or not brought back, and what is said of it.

use serde_json::json;

use crate::support::http::Reply;
use crate::support::{Server, TempDir, data, eventually};
use crate::{error, keep, list, read, recover, recover_from};

#[test]
fn of_a_mount_that_is_gone_it_is_told_how_it_is_made_anew() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    root.post("sys/auth/people", json!({ "type": "userpass" }));
    root.post("auth/people/users/ann", json!({ "password": "long enough" }));
    let id = keep(&root);
    root.delete("sys/mounts/secret");
    root.delete("sys/auth/people");
    for (path, command) in [
        ("secret/data/a", "`edgekeep secrets enable -path=secret/ kv-v2`"),
        ("auth/people/users/ann", "`edgekeep auth enable -path=people/ userpass`"),
    ] {
        for reply in [read(&root, &id, path), recover(&root, &id, path)] {
            let said = (reply.status, error(&reply).contains(command));
            assert_eq!(said, (404, true), "{}", error(&reply));
        }
    }
    root.post("sys/mounts/secret", json!({ "type": "kv" }));
    let other = read(&root, &id, "secret/data/a");
    assert!(error(&other).contains("of another type now"), "{}", error(&other));
    root.delete("sys/mounts/secret");
    root.post("sys/mounts/secret", json!({ "type": "kv-v2" }));
    assert_eq!(recover(&root, &id, "secret/data/a").status, 200);
    assert_eq!(data(&root.get("secret/data/a"))["data"]["n"], 1);
    let none = read(&root, &id, "nowhere/a");
    assert_eq!(error(&none), "no handler for route 'nowhere/a'");
}

#[test]
fn what_proves_who_one_is_is_not_brought_back() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/approle", json!({ "type": "approle" }));
    root.post("auth/approle/role/web", json!({}));
    root.post("auth/approle/role/web/secret-id", json!({}));
    let id = keep(&root);
    let secret_ids = "auth/approle/role/web/secret-id";
    let refused = recover(&root, &id, secret_ids);
    assert!(is_refused_with(&refused, "`edgekeep write -force auth/approle/role/web/secret-id`"));
    assert_eq!(root.post(secret_ids, json!({})).status, 200);
    let listed = data(&list(&root, &id, secret_ids));
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    root.delete("auth/approle/role/web");
    let refused = recover(&root, &id, secret_ids);
    assert!(is_refused_with(&refused, "no secret id comes back") && !error(&refused).contains('`'));
}

/// Whether it is no operation of that path, and that is said beside.
fn is_refused_with(reply: &Reply, words: &str) -> bool {
    let error = error(reply);
    eprintln!("{} {error}", reply.status);
    reply.status == 405 && error.contains("unsupported operation") && error.contains(words)
}

#[test]
fn a_mount_is_made_anew_and_the_path_is_told_of_what_comes_back() {
    let server = Server::dev();
    let root = server.root();
    for kind in ["approle", "userpass"] {
        root.post(&format!("sys/auth/{kind}"), json!({ "type": kind }));
    }
    root.post("sys/mounts/a/deep", json!({ "type": "kv-v2" }));
    root.post("sys/mounts/gone", json!({ "type": "kv-v2" }));
    root.post("sys/auth/gone", json!({ "type": "userpass" }));
    let id = keep(&root);
    root.delete("sys/mounts/gone");
    root.delete("sys/auth/gone");
    for (path, words) in [
        ("sys/mounts/gone", "`edgekeep secrets enable -path=gone/ kv-v2`"),
        ("sys/auth/gone", "`edgekeep auth enable -path=gone/ userpass`"),
        ("sys/mounts/secret", "comes back with sys/mounts/secret/tune"),
        ("sys/auth/approle", "comes back with sys/auth/approle/tune"),
        ("a/deep/db/x", "the value is at a/deep/data/db/x"),
        ("auth/userpass/users/bob/password", "the whole, which is auth/userpass/users/bob"),
        ("auth/approle/role/web/policies", "the whole, which is auth/approle/role/web"),
        ("auth/approle/role/web/role-id", "the whole, which is auth/approle/role/web"),
    ] {
        assert!(is_refused_with(&recover(&root, &id, path), words));
    }
    assert_eq!(recover(&root, &id, "sys/mounts/secret/tune").status, 204);
    assert!(!error(&recover(&root, &id, "sys/mounts/cubbyhole")).contains("tune"));
    for (path, from, words) in [
        ("sys/mounts/new", "sys/mounts/a/deep", "`edgekeep secrets enable -path=new/ kv-v2`"),
        ("sys/auth/new", "sys/auth/approle", "`edgekeep auth enable -path=new/ approle`"),
    ] {
        assert!(is_refused_with(&recover_from(&root, &id, path, from), words));
    }
    root.post("sys/mounts/new", json!({ "type": "kv" }));
    assert_eq!(recover(&root, &id, "sys/mounts/new").status, 404);
}

#[test]
fn a_mount_that_was_moved_is_moved_back() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/mounts/here", json!({ "type": "kv" }));
    root.post("sys/auth/people", json!({ "type": "userpass" }));
    let id = keep(&root);
    let moved =
        |from: &str, to: &str| root.post("sys/remount", json!({ "from": from, "to": to })).status;
    assert_eq!([moved("here", "there"), moved("auth/people", "auth/all")], [200, 200]);
    eventually("both are moved", || root.get("sys/auth/all").status == 200);
    eventually("both are moved", || root.get("sys/mounts/there").status == 200);
    for (path, words) in [
        ("sys/mounts/here", "`edgekeep secrets move there/ here/`"),
        ("sys/auth/people", "`edgekeep auth move auth/all/ auth/people/`"),
    ] {
        assert!(is_refused_with(&recover(&root, &id, path), words));
    }
    // Under a third path a mount is another one.
    let third = recover_from(&root, &id, "sys/mounts/third", "sys/mounts/here");
    assert!(is_refused_with(&third, "`edgekeep secrets enable"));
}

#[test]
fn what_is_set_up_anew_is_read_as_it_was() {
    let server = Server::dev();
    let root = server.root();
    let folder = TempDir::new();
    let (log, place) = (folder.path().join("my audit.log"), folder.path().join("place"));
    let device = json!({
        "type": "file", "description": "it's ours", "options": { "file_path": log.to_str() },
    });
    assert_eq!(root.post("sys/audit/deep/er", device).status, 204);
    let target = "sys/storage/raft/snapshot-auto/config/away";
    let settings = json!({
        "storage_type": "local", "interval": "1h", "path_prefix": place, "local_max_space": 1 << 30,
    });
    assert_eq!(root.post(target, settings).status, 204);
    root.post("identity/oidc/key/k", json!({}));
    root.post("identity/oidc/role/r", json!({ "key": "k" }));
    let id = keep(&root);
    let kept = ["sys/audit", target, "identity/oidc/key/k", "identity/oidc/role/r"];
    let then = kept.map(|path| data(&root.get(path)));
    let anew = format!(
        "edgekeep audit enable -path=deep/er -description='it'\\''s ours' file file_path='{}'`",
        log.display()
    );
    let first = format!("`edgekeep audit disable deep/er && {anew}");
    assert!(is_refused_with(&recover(&root, &id, "sys/audit/deep/er"), &first));
    for path in ["sys/audit/deep/er", target, "identity/oidc/role/r", "identity/oidc/key/k"] {
        assert_eq!(root.delete(path).status, 204, "{path}");
    }
    assert_eq!(kept.map(|path| data(&read(&root, &id, path))), then);
    let listed = list(&root, &id, "sys/storage/raft/snapshot-auto/config");
    assert_eq!(data(&listed)["keys"], json!(["away"]));
    let anew = format!("`{anew}");
    assert!(is_refused_with(&recover(&root, &id, "sys/audit/deep/er"), &anew));
    assert_eq!(recover(&root, &id, "sys/audit/none").status, 404);
}

#[test]
fn no_command_is_told_that_the_command_line_would_take_for_another() {
    let server = Server::dev();
    let root = server.root();
    let folder = TempDir::new();
    let log = folder.path().join("a.log");
    let devices = [
        ("usual", "@cee: ", true),
        ("stdin", "-", false),
        ("escaped", "\\@x", false),
        ("-dash", "x", false),
        ("lines", "a\nb", false),
    ];
    for (path, prefix, _) in devices {
        let options = json!({ "file_path": log.to_str(), "prefix": prefix });
        let device = json!({ "type": "file", "options": options });
        assert_eq!(root.post(&format!("sys/audit/{path}"), device).status, 204, "{path}");
    }
    let id = keep(&root);
    for is_there in [true, false] {
        for (path, _, is_told) in devices {
            let words = if is_told { "prefix='\\@cee: '`" } else { "sys/audit in the snapshot" };
            let refused = recover(&root, &id, &format!("sys/audit/{path}"));
            assert!(is_refused_with(&refused, words));
            assert_eq!(error(&refused).contains('`'), is_told, "{}", error(&refused));
            assert_eq!(error(&refused).contains("there now is disabled"), is_there, "{path}");
            root.delete(&format!("sys/audit/{path}"));
        }
    }
}

#[test]
fn what_the_store_does_not_keep_is_in_no_snapshot() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/approle", json!({ "type": "approle" }));
    let id = keep(&root);
    for path in [
        "sys/health",
        "sys/seal-status",
        "sys/metrics",
        "sys/storage/raft/snapshot",
        "sys/internal/counters/activity",
        "auth/token/lookup-self",
        "sys/policies/password/p/generate",
    ] {
        let refused = read(&root, &id, path);
        assert_eq!(refused.status, 400, "{path}");
        assert!(error(&refused).contains("no snapshot holds"), "{path}: {}", error(&refused));
    }
    for method in ["POST", "PUT", "DELETE"] {
        let path = format!("secret/data/a?read_snapshot_id={id}");
        let refused = root.send(method, &path, Some(&json!({ "data": {} })));
        assert_eq!(refused.status, 400, "{method}");
        assert!(error(&refused).contains("is only read and listed"), "{}", error(&refused));
    }
    assert_eq!(root.get("secret/metadata/a").status, 404);
    let nobody = server.client();
    assert_eq!(nobody.get("sys/metrics").status, 200, "here they are told to everybody");
    for path in ["secret/data/a", "identity/oidc/.well-known/keys", "sys/health", "sys/metrics"] {
        let refused = read(&nobody, &id, path).status;
        assert!(matches!(refused, 400 | 403), "{path}: {refused}");
    }
    let login = recover(&nobody, &id, "auth/approle/login");
    assert!(matches!(login.status, 400 | 403 | 405), "{}", login.status);
    // Help needs none.
    assert!(root.get("secret/data/a?help=1").body.windows(7).any(|text| text == b"RECOVER"));
}
