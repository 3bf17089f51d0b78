//! What requests ask for by Vault's headers: refused when they are malformed or ask for what there
//! is not, before anything is done.

mod support;

use serde_json::{Value, json};
use support::http::Reply;
use support::{ROOT, Server};

/// POST of a value at `secret/data/a`, by root, with one header more.
fn write(server: &Server, header: (&str, &str)) -> Reply {
    let headers = [("X-Vault-Token", ROOT), header];
    let body = json!({ "data": { "n": 1 } }).to_string();
    let body = Some(body.as_bytes());
    server.client().try_send("POST", "/v1/secret/data/a", &headers, body).unwrap()
}

#[test]
fn what_applies_to_nothing_is_passed_over() {
    let server = Server::dev();
    for header in [
        ("X-Vault-Namespace", ""),
        ("X-Vault-Namespace", "/"),
        ("X-Vault-Namespace", "root"),
        ("X-Vault-Namespace", "root/"),
        ("X-Vault-MFA", ""),
        ("X-Vault-MFA", "method"),
        ("X-Vault-MFA", "method:123456"),
        ("X-Vault-Policy-Override", ""),
        ("X-Vault-Policy-Override", "true"),
        ("X-Vault-Policy-Override", "F"),
        ("X-Vault-Index", "bm90aGluZw"),
        ("X-Vault-Forward", "active-node"),
        ("X-Vault-Request", "perhaps"),
    ] {
        assert_eq!(write(&server, header).status, 200, "{header:?}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is() {
    let server = Server::dev();
    for (header, words) in [
        (("X-Vault-Namespace", "team"), "root namespace"),
        (("X-Vault-Namespace", "root/team"), "root namespace"),
        (("X-Vault-MFA", ":123456"), "missing method name or ID"),
        (("X-Vault-MFA", "method:"), "missing method value"),
        (("X-Vault-Policy-Override", "perhaps"), "failed to parse X-Vault-Policy-Override"),
        (("X-Vault-Wrap-TTL", "-1"), "cannot be negative"),
        (("X-Vault-Wrap-TTL", "soon"), "invalid duration"),
    ] {
        let reply = write(&server, header);
        let said = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert_eq!((reply.status, said.contains(words)), (400, true), "{header:?}: {said}");
    }
    assert_eq!(server.root().get("secret/data/a").status, 404);
    let health = [("X-Vault-Namespace", "team")];
    let health = server.client().try_send("GET", "/v1/sys/health", &health, None).unwrap();
    assert_eq!(health.status, 200, "it belongs to no namespace");
}

#[test]
fn nobody_without_a_token_learns_what_there_is() {
    let server = Server::dev();
    let nobody = server.client();
    for (method, path) in [
        ("GET", "secret/data/a"),
        ("GET", "nowhere/a"),
        ("HEAD", "sys/mounts"),
        ("OPTIONS", "sys/nope"),
        ("PATCH", "secret/data/a"),
        ("LIST", "sys/policies/acl"),
        ("GET", "sys/mounts?help=1"),
        ("GET", "nowhere/a?help=1"),
        ("POST", "sys/mounts/x"),
        ("DELETE", "sys/auth/token"),
        ("GET", "sys/internal/ui/mounts/secret"),
    ] {
        let reply = nobody.send(method, path, (method == "POST").then_some(&json!({})));
        let denied = json!(["permission denied"]);
        let said = if method == "HEAD" { denied.clone() } else { reply.json()["errors"].clone() };
        assert_eq!((reply.status, said), (403, denied), "{method} {path}");
    }
    assert_eq!(nobody.send("HEAD", "sys/mounts", None).json(), Value::Null);
}
