//! Byte for byte what clients send and a naive server gets wrong, over TLS: none of them may see
//! another answer than the well-behaved one.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::PATIENCE;
use super::secured::Secured;
use super::support::http::Reply;

/// Speaks to a server in bytes.
struct Peer {
    config: Arc<ClientConfig>,
    address: String,
    token: String,
}

impl Peer {
    fn of(server: &Secured) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(server.authority()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            config: Arc::new(config),
            address: server.address.clone(),
            token: server.open().token,
        }
    }

    /// Sends a request line, headers and a body, as they are.
    fn say(&self, request: &str, headers: &[&str], body: &str) -> Reply {
        let mut text =
            format!("{request} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {}\r\n", self.token);
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("Connection: close\r\n\r\n");
        self.exchange(&(text + body)).unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    /// The same with a body of known length and without a type.
    fn send(&self, request: &str, body: &str) -> Reply {
        self.say(request, &[&format!("Content-Length: {}", body.len())], body)
    }

    fn exchange(&self, request: &str) -> io::Result<Reply> {
        let tcp = TcpStream::connect(&self.address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(self.config.clone(), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        // Who asks whether to go on is told so first.
        let last = answer.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&answer);
        let text = || String::from_utf8_lossy(last).into_owned();
        Reply::parse(last).ok_or_else(|| io::Error::other(text()))
    }

    fn data(&self, path: &str) -> Value {
        self.say(&format!("GET /v1/{path}"), &[], "").json()["data"].clone()
    }
}

fn is(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.json());
}

pub fn bodies_in_every_dress() {
    let server = Secured::new();
    let peer = Peer::of(&server);
    is(&peer.send("POST /v1/sys/mounts/kv", r#"{"type":"kv"}"#), 204, "mount");
    let secret = r#"{"a":"b"}"#;
    let whole = "Content-Length: 9";
    let chunked = "Transfer-Encoding: chunked";
    let chunks = "4;ext=1\r\n{\"a\"\r\n05\r\n:\"b\"}\r\n0\r\nTrailer: x\r\n\r\n";
    let forms: &[(&str, &[&str], &str)] = &[
        ("without a type", &[whole], secret),
        ("as JSON", &[whole, "Content-Type: application/json; charset=utf-8"], secret),
        (
            "as a form, which it is not",
            &[whole, "Content-Type: application/x-www-form-urlencoded"],
            secret,
        ),
        ("as text", &[whole, "content-type: text/plain"], secret),
        ("as nonsense", &[whole, "Content-Type: ;;;"], secret),
        ("with an empty type", &[whole, "Content-Type:"], secret),
        (
            "as a form",
            &["Content-Length: 3", "Content-Type: application/x-www-form-urlencoded"],
            "a=b",
        ),
        ("in chunks", &[chunked], chunks),
        ("in chunks, as JSON", &[chunked, "Content-Type: application/json"], chunks),
        ("once asked for", &[whole, "Expect: 100-continue"], secret),
        ("with more behind it", &["Content-Length: 14"], "{\"a\":\"b\"} \n{}\n"),
        (
            "with a token of another case",
            &[whole, "x-vault-request: TRUE", "Accept-Encoding: gzip, br"],
            secret,
        ),
    ];
    for verb in ["POST", "PUT"] {
        for (number, (what, headers, body)) in forms.iter().enumerate() {
            let path = format!("kv/{verb}/{number}");
            is(&peer.say(&format!("{verb} /v1/{path}"), headers, body), 204, what);
            assert_eq!(peer.data(&path), json!({ "a": "b" }), "{verb} {what}");
        }
    }
}

pub fn bodies_of_nothing() {
    let server = Secured::new();
    let peer = Peer::of(&server);
    for (what, headers, body) in [
        ("none", &[][..], ""),
        ("none, of a length", &["Content-Length: 0", "Content-Type: application/json"], ""),
        ("none, in chunks", &["Transfer-Encoding: chunked"], "0\r\n\r\n"),
        ("null", &["Content-Length: 4"], "null"),
        ("an empty object", &["Content-Length: 2"], "{}"),
    ] {
        for verb in ["POST", "PUT"] {
            for (path, status) in [
                ("auth/token/create", 200),
                ("auth/token/renew-self", 400),
                ("auth/token/tidy", 202),
                ("sys/capabilities-self", 400),
                ("sys/tools/random", 200),
                ("sys/rotate", 200),
                ("sys/step-down", 204),
                ("sys/leases/revoke-prefix/none", 204),
                ("sys/wrapping/unwrap", 400),
                ("sys/generate-root/attempt", 200),
            ] {
                let reply = peer.say(&format!("{verb} /v1/{path}"), headers, body);
                is(&reply, status, &format!("{verb} {path} with {what}"));
                peer.say("DELETE /v1/sys/generate-root/attempt", &[], "");
            }
        }
        // A GET and a DELETE may come with a body, too.
        is(&peer.say("GET /v1/sys/mounts", headers, body), 200, what);
        is(&peer.say("DELETE /v1/sys/mounts/none", headers, body), 204, what);
    }
}

pub fn values_in_every_form() {
    let server = Secured::new();
    let peer = Peer::of(&server);
    let mounts = [("kv", r#"{"type":"kv","options":{"version":2},"unknown":{"a":[null]}}"#)];
    for (path, body) in mounts {
        is(&peer.send(&format!("POST /v1/sys/mounts/{path}"), body), 204, path);
    }
    // Numbers and truths as texts, the unknown, and nothing at all.
    let config = r#"{"max_versions":"5","cas_required":"false","delete_version_after":"3600",
        "unknown":true}"#;
    is(&peer.send("PUT /v1/kv/config", config), 204, "config");
    assert_eq!(peer.data("kv/config")["max_versions"], 5);
    assert_eq!(peer.data("kv/config")["delete_version_after"], "1h0m0s");
    for cas in ["0", "\"1\"", "2.0"] {
        let body = format!(r#"{{"data":{{"n":{cas}}},"options":{{"cas":{cas}}}}}"#);
        is(&peer.send("POST /v1/kv/data/a", &body), if cas == "2.0" { 400 } else { 200 }, cas);
    }
    is(&peer.send("POST /v1/kv/delete/a", r#"{"versions":"1"}"#), 204, "one version");
    is(&peer.send("POST /v1/kv/undelete/a", r#"{"versions":["1",2]}"#), 204, "two versions");
    let token = r#"{"policies":["default"],"ttl":"","explicit_max_ttl":"","period":"",
        "display_name":"","num_uses":"7","renewable":"true","meta":null,"id":"","unknown":1}"#;
    let made = peer.send("POST /v1/auth/token/create", token);
    is(&made, 200, "token");
    assert_eq!(made.json()["auth"]["num_uses"], 7);
    is(
        &peer.send("PUT /v1/sys/auth/userpass", r#"{"type":"userpass","config":null}"#),
        204,
        "auth",
    );
    let user = r#"{"password":"p","token_ttl":60,"token_max_ttl":"","token_policies":"a, b",
        "token_num_uses":"3","token_bound_cidrs":"","policies":null}"#;
    is(&peer.send("PUT /v1/auth/userpass/users/u", user), 204, "user");
    let login = peer.send("PUT /v1/auth/userpass/login/u", r#"{"password":"p","unknown":null}"#);
    is(&login, 200, "login");
    assert_eq!(login.json()["auth"]["policies"], json!(["a", "b", "default"]));
    assert_eq!(login.json()["auth"]["lease_duration"], 60);
}

pub fn lists_in_every_form() {
    let server = Secured::new();
    let peer = Peer::of(&server);
    is(&peer.send("POST /v1/sys/mounts/kv", r#"{"type":"kv"}"#), 204, "mount");
    is(&peer.send("POST /v1/kv/a/b%20c", r#"{"n":1}"#), 204, "write");
    is(&peer.send("POST /v1/kv/a%2Fd?list=true", r#"{"n":1}"#), 204, "a list is read only");
    for list in [
        "LIST /v1/kv/a",
        "LIST /v1/kv/a/",
        "GET /v1/kv/a?list=true",
        "GET /v1/kv/a/?list=1",
        "GET /v1/kv/a?other=x&list=T",
    ] {
        let reply = peer.say(list, &[], "");
        is(&reply, 200, list);
        assert_eq!(reply.json()["data"]["keys"], json!(["b c", "d"]), "{list}");
    }
    for (read, status) in [("GET /v1/kv/a?list=false", 404), ("GET /v1/kv/a?list=perhaps", 400)] {
        is(&peer.say(read, &[], ""), status, read);
    }
}
