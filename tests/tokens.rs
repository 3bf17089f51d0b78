//! Tokens, leases and wrapped answers through the HTTP API, where the recordings do not look:
//! many at once, deep families, ids used again, turned clocks.

mod support;

use std::thread;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::{ROOT, Server, data};

fn created(client: &Client, body: Value) -> String {
    token_of(&client.post("auth/token/create", body))
}

fn token_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn is_alive(server: &Server, token: &str) -> bool {
    let reply = server.root().post("auth/token/lookup", json!({ "token": token }));
    assert!(matches!(reply.status, 200 | 403), "{}", reply.json());
    reply.status == 200
}

fn errors(reply: &Reply) -> String {
    reply.json()["errors"].to_string()
}

#[test]
fn uses_are_counted_exactly_however_many_come_at_once() {
    let server = Server::dev();
    let token = created(&server.root(), json!({ "policies": ["default"], "num_uses": 7 }));
    let successes: usize = thread::scope(|threads| {
        let ask = || {
            let client = server.client().token(&token);
            let answers = (0..4).map(|_| client.get("auth/token/lookup-self").status);
            answers.filter(|status| *status == 200).count()
        };
        let clients: Vec<_> = (0..8).map(|_| threads.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert_eq!(successes, 7);
    assert!(!is_alive(&server, &token));
}

#[test]
fn a_refused_request_uses_a_token_too_however_many_come_at_once() {
    let server = Server::dev();
    for _ in 0..4 {
        let token = created(&server.root(), json!({ "policies": ["default"], "num_uses": 7 }));
        let heard: usize = thread::scope(|threads| {
            let ask = || {
                let client = server.client().token(&token);
                let answers = (0..3).map(|_| client.get("cubbyhole/none").status);
                answers.filter(|status| *status == 404).count()
            };
            let clients: Vec<_> = (0..16).map(|_| threads.spawn(ask)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        assert_eq!(heard, 7);
    }
}

#[test]
fn no_name_is_another_spelling_of_a_policy() {
    let root = Server::dev();
    let (server, root) = (&root, root.root());
    let text = json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" });
    assert_eq!(root.post("sys/policies/acl/admin", text.clone()).status, 204);
    assert_eq!(root.post("sys/policies/acl/admin%20", text.clone()).status, 400);
    assert_eq!(root.delete("sys/policies/acl/%20admin").status, 400);
    assert_eq!(root.get("sys/policies/acl/admin").status, 200);
    for name in ["root", "ROOT", " Root\u{2003}"] {
        let reply = root.post("identity/entity", json!({ "policies": [name] }));
        assert_eq!(reply.status, 400, "{name:?}: {}", errors(&reply));
    }
    assert!(is_alive(server, ROOT));
}

#[test]
fn a_wrapping_token_gives_what_it_holds_once_however_many_ask_at_once() {
    let server = Server::dev();
    assert_eq!(server.root().post("secret/data/a", json!({ "data": { "x": 1 } })).status, 200);
    let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", "60")];
    let reply = server.client().try_send("GET", "/v1/secret/data/a", &headers, None).unwrap();
    let token = reply.json()["wrap_info"]["token"].as_str().unwrap().to_owned();
    let given: usize = thread::scope(|threads| {
        let ask = || server.client().token(&token).post("sys/wrapping/unwrap", json!({})).status;
        let clients: Vec<_> = (0..8).map(|_| threads.spawn(ask)).collect();
        clients.into_iter().filter(|_| true).map(|c| usize::from(c.join().unwrap() == 200)).sum()
    });
    assert_eq!(given, 1);
}

#[test]
fn a_revoked_token_takes_all_that_descend_from_it_at_once() {
    let server = Server::dev();
    let mut line = vec![created(&server.root(), json!({ "policies": ["root"], "ttl": "1h" }))];
    for _ in 0..30 {
        let parent = server.client().token(line.last().unwrap());
        line.push(created(&parent, json!({ "ttl": "30m" })));
    }
    let orphan = server.client().token(&line[10]);
    let orphan = token_of(&orphan.post("auth/token/create-orphan", json!({ "ttl": "30m" })));
    let revoke = |token: &str| {
        let reply = server.root().post("auth/token/revoke", json!({ "token": token }));
        assert_eq!(reply.status, 204);
    };
    revoke(&line[20]);
    for (generation, token) in line.iter().enumerate() {
        assert_eq!(is_alive(&server, token), generation < 20, "generation {generation}");
    }
    revoke(&line[0]);
    assert!(line.iter().all(|token| !is_alive(&server, token)));
    assert!(is_alive(&server, &orphan));
    let left = data(&server.root().list("auth/token/accessors"));
    assert_eq!(left["keys"].as_array().unwrap().len(), 2, "root's and the orphan's");
}

#[test]
fn an_id_that_is_used_again_brings_no_child_back() {
    let server = Server::dev();
    let own = json!({ "id": "mine", "policies": ["root"], "ttl": "1h" });
    for _ in 0..3 {
        created(&server.root(), own.clone());
        let child = created(&server.client().token("mine"), json!({ "ttl": "30m" }));
        assert!(is_alive(&server, &child));
        let twice = server.root().post("auth/token/create", own.clone());
        assert_eq!(twice.status, 400, "{}", twice.json());
        assert_eq!(server.root().post("auth/token/revoke", json!({ "token": "mine" })).status, 204);
        created(&server.root(), own.clone());
        assert!(!is_alive(&server, &child));
        assert_eq!(server.root().post("auth/token/revoke", json!({ "token": "mine" })).status, 204);
    }
}

#[test]
fn a_token_can_only_be_used_from_its_networks() {
    let server = Server::dev();
    let role = json!({ "token_bound_cidrs": ["127.0.0.2/32"], "allowed_policies": "default" });
    assert_eq!(server.root().post("auth/token/roles/elsewhere", role).status, 204);
    let made = server.root().post("auth/token/create/elsewhere", json!({}));
    let token = token_of(&made);
    let refused = server.client().token(&token).get("auth/token/lookup-self");
    assert_eq!((refused.status, errors(&refused)), (403, r#"["permission denied"]"#.to_owned()));
    let shown = server.root().post("auth/token/lookup", json!({ "token": token }));
    assert_eq!(data(&shown)["bound_cidrs"], json!(["127.0.0.2"]));
}

#[test]
fn a_role_says_from_where_its_tokens_can_be_used_whatever_its_caller_is_bound_to() {
    let server = Server::dev();
    let write = |path: &str, body: Value| {
        let reply = server.root().post(path, body);
        assert_eq!(reply.status, 204, "{path}: {}", reply.json());
    };
    write("auth/token/roles/near", json!({ "token_bound_cidrs": ["127.0.0.0/8"] }));
    write("auth/token/roles/far", json!({ "allowed_policies": "default" }));
    let policy = "path \"auth/token/create*\" { capabilities = [\"update\"] }";
    write("sys/policies/acl/maker", json!({ "policy": policy }));
    let near = server.root().post("auth/token/create/near", json!({ "policies": ["maker"] }));
    let near = server.client().token(&token_of(&near));
    let bound = |token: String| {
        let shown = server.root().post("auth/token/lookup", json!({ "token": token }));
        data(&shown)["bound_cidrs"].clone()
    };
    assert_eq!(bound(created(&near, json!({}))), json!(["127.0.0.0/8"]), "as its parent");
    let far = near.post("auth/token/create/far", json!({}));
    assert_eq!(bound(token_of(&far)), Value::Null);
}

#[test]
fn a_period_is_nothing_to_a_batch_token_and_an_explicit_end_is() {
    let server = Server::dev();
    let role = json!({ "token_period": "10m", "token_explicit_max_ttl": "2h" });
    assert_eq!(server.root().post("auth/token/roles/r", role).status, 204);
    for (kind, ttl, expected) in
        [("service", "1h", 600), ("batch", "1h", 3600), ("batch", "3h", 7200)]
    {
        let body = json!({ "policies": ["default"], "type": kind, "ttl": ttl });
        let reply = server.root().post("auth/token/create/r", body);
        assert_eq!(reply.status, 200, "{}", reply.json());
        assert_eq!(reply.json()["auth"]["lease_duration"], expected, "{kind} for {ttl}");
    }
}

#[test]
fn what_is_no_token_is_refused_and_never_a_fault_of_ours() {
    let server = Server::dev();
    let odd = [json!(5), json!(["a"]), json!({ "a": 1 }), json!(true), json!("x".repeat(100_000))];
    let paths = [
        "auth/token/lookup",
        "auth/token/lookup-accessor",
        "auth/token/renew",
        "auth/token/renew-accessor",
        "auth/token/revoke",
        "auth/token/revoke-accessor",
        "auth/token/revoke-orphan",
        "sys/wrapping/lookup",
        "sys/wrapping/unwrap",
        "sys/wrapping/rewrap",
        "sys/leases/lookup",
        "sys/leases/renew",
        "sys/leases/revoke",
    ];
    for path in paths {
        for value in &odd {
            let body = json!({ "token": value, "accessor": value, "lease_id": value });
            let reply = server.root().post(path, body);
            assert!(reply.status < 500, "{path} {value:.60}: {}", reply.json());
        }
    }
    for field in ["policies", "meta", "ttl", "period", "num_uses", "renewable", "type", "id"] {
        for value in &odd {
            let reply = server.root().post("auth/token/create", json!({ (field): value }));
            assert!(reply.status < 500, "{field} {value:.60}: {}", reply.json());
        }
    }
    for token in ["hvb.", "hvb.AAAA", "hvb.%%%", "s.x", "hvs.x", "\u{e9}"] {
        let reply = server.client().token(token).get("auth/token/lookup-self");
        assert!(matches!(reply.status, 400 | 403), "{token}: {}", reply.json());
    }
}

#[test]
fn a_batch_token_is_stored_nowhere_and_dies_with_its_parent() {
    let server = Server::dev();
    let parent = created(&server.root(), json!({ "policies": ["root"], "ttl": "1h" }));
    let entries = || data(&server.root().list("auth/token/accessors"))["keys"].clone();
    let before = entries();
    let body = json!({ "type": "batch", "policies": ["default"] });
    let batch = created(&server.client().token(&parent), body);
    assert_eq!(entries(), before);
    assert_eq!(server.client().token(&batch).get("auth/token/lookup-self").status, 200);
    assert_eq!(server.root().post("auth/token/revoke", json!({ "token": parent })).status, 204);
    assert_eq!(server.client().token(&batch).get("auth/token/lookup-self").status, 403);
    // Changed in its middle, it is none.
    let (head, tail) = batch.split_at(batch.len() / 2);
    let changed = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    assert_eq!(server.client().token(&changed).get("auth/token/lookup-self").status, 403);
}
