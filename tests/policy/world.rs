//! A server, and tokens that have nothing but the policies of a test.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::support::http::{Client, Reply};
use crate::support::{Server, data};

/// A server with kv of version 1 at `kv/` and of version 2 at `secret/`.
pub struct World {
    pub server: Server,
    pub root: Client,
    made: Cell<u32>,
}

/// Who has a token.
pub struct Holder {
    pub client: Client,
    pub token: String,
    root: Client,
}

impl World {
    pub fn new() -> Self {
        let server = Server::dev();
        let root = server.root();
        let world = Self { server, root, made: Cell::new(0) };
        world.ok("sys/mounts/kv", json!({ "type": "kv" }));
        world
    }

    /// Sends as root what must be accepted; the answer's data.
    pub fn ok(&self, path: &str, body: Value) -> Value {
        let reply = self.root.post(path, body);
        assert!(matches!(reply.status, 200 | 204), "{path}: {} {}", reply.status, reply.json());
        data(&reply)
    }

    /// Writes a policy.
    pub fn policy(&self, name: &str, text: &str) {
        self.ok(&format!("sys/policies/acl/{name}"), json!({ "policy": text }));
    }

    /// Who has the policies of these texts, each written for the purpose, and no others.
    pub fn holder(&self, texts: &[impl AsRef<str>]) -> Holder {
        let names: Vec<String> = texts
            .iter()
            .map(|text| {
                let name = format!("p{}", self.made.replace(self.made.get() + 1));
                self.policy(&name, text.as_ref());
                name
            })
            .collect();
        self.holder_of(&names)
    }

    /// Who has the policies of these names.
    pub fn holder_of(&self, names: &[impl AsRef<str>]) -> Holder {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let body = json!({ "policies": names, "no_default_policy": true });
        let reply = self.root.post("auth/token/create", body);
        assert_eq!(reply.status, 200, "{}", reply.json());
        self.bearer(reply.json()["auth"]["client_token"].as_str().unwrap())
    }

    /// Who has that token.
    pub fn bearer(&self, token: &str) -> Holder {
        let (client, token) = (self.server.client().token(token), token.to_owned());
        Holder { client, token, root: self.root.clone() }
    }
}

impl Holder {
    /// Whether a request is let through, whatever comes of it then.
    pub fn may(&self, method: &str, path: &str) -> bool {
        is_let_in(&self.client.send(method, path, None))
    }

    /// Whether writing this is let through.
    pub fn may_write(&self, path: &str, body: Value) -> bool {
        is_let_in(&self.client.post(path, body))
    }

    /// Whether a request with these headers is let through.
    pub fn may_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let token = ("X-Vault-Token", self.token.as_str());
        let headers = [headers, &[token]].concat();
        let sent = self.client.try_send(method, &format!("/v1/{path}"), &headers, None);
        is_let_in(&sent.unwrap())
    }

    /// What `sys/capabilities` says of a path.
    pub fn capabilities(&self, path: &str) -> Vec<String> {
        let body = json!({ "token": self.token, "paths": [path] });
        let reply = self.root.post("sys/capabilities", body);
        assert_eq!(reply.status, 200, "{}", reply.json());
        let shown = data(&reply)[path].as_array().cloned().unwrap_or_default();
        shown.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}

/// A `path` block.
pub fn rule(path: &str, capabilities: &[&str]) -> String {
    format!("path {path:?} {{ capabilities = {capabilities:?} }}\n")
}

fn is_let_in(reply: &Reply) -> bool {
    assert!(reply.status < 500, "{} {}", reply.status, reply.json());
    if reply.status == 403 {
        let why = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert!(why.contains("permission denied"), "{why}");
    }
    reply.status != 403
}
