//! What is printed instead of a call: the curl command, or the policy, that stands for it.

use super::recover;
use crate::base::shell::word;
use crate::base::{golang, url};
use crate::client::{Call, Client, Verb};

/// The curl command that makes a call. The token stays out of it, and so does a body that opens
/// something: see [`remark`].
pub fn command(client: &Client, call: &Call) -> String {
    let mut out = String::from("curl ");
    let tls = &client.settings().tls;
    if tls.skip_verify {
        out.push_str("--insecure ");
    }
    if let Some(socket) = client.address().socket() {
        out.push_str(&format!("--unix-socket {} ", word(&socket.to_string_lossy())));
    }
    if call.verb != Verb::Get {
        out.push_str(&format!("-X {} ", call.verb.name()));
    }
    let identity = tls.identity.as_ref();
    for (option, file) in [
        ("--cacert", tls.ca_cert.as_ref()),
        ("--capath", tls.ca_path.as_ref()),
        ("--cert", identity.map(|identity| &identity.certificate)),
        ("--key", identity.map(|identity| &identity.key)),
    ] {
        if let Some(file) = file {
            out.push_str(&format!("{option} {} ", word(&file.to_string_lossy())));
        }
    }
    for (name, value) in client.headers(call) {
        out.push_str(&format!("-H {} ", word(&format!("{name}: {value}"))));
    }
    out.push_str("-H \"X-Vault-Token: $(edgekeep print token)\" ");
    if opens(call) {
        out.push_str("-d @- ");
    } else if call.body.is_some() {
        out.push_str(&format!("-d {} ", word(&call.body_text())));
    }
    out.push_str(&word(&client.url(call)));
    out
}

/// What is to be said beside the command.
pub fn remark(call: &Call) -> Option<String> {
    let fields = call.body.as_ref().filter(|_| opens(call))?.as_object()?;
    let fields = fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Some(format!(
        "The body is a secret, and left out: curl reads it from stdin, as JSON of {fields}"
    ))
}

/// Whether the body is a share, a token or what somebody logs in with.
fn opens(call: &Call) -> bool {
    let logs_in = call.path.starts_with("auth/") && call.path.contains("/login");
    call.body.is_some() && (logs_in || OPENING.contains(&call.path.as_str()))
}

/// The paths that take a share or a token.
const OPENING: &[&str] = &[
    "auth/token/lookup",
    "auth/token/renew",
    "auth/token/revoke",
    "auth/token/revoke-orphan",
    "sys/generate-root/update",
    "sys/rekey/update",
    "sys/rekey/verify",
    "sys/unseal",
    "sys/wrapping/lookup",
    "sys/wrapping/rewrap",
    "sys/wrapping/unwrap",
];

/// The policy that a call needs.
pub fn policy(call: &Call) -> String {
    let lists = call.query.iter().any(|(name, _)| name == "list");
    let recovers = call.headers.iter().any(|(name, _)| *name == recover::HEADER);
    let mut capabilities = match call.verb {
        _ if recovers => vec!["recover"],
        Verb::Get if lists => vec!["list"],
        Verb::Get => vec!["read"],
        Verb::Post | Verb::Put => vec!["create", "update"],
        Verb::Patch => vec!["patch"],
        Verb::Delete => vec!["delete"],
    };
    // The path that the server sees.
    let path = url::clean(&call.path).join("/");
    if SUDO.iter().any(|pattern| is_like(&path, pattern)) {
        capabilities.push("sudo");
    }
    let path = golang::quote(&path);
    format!("path {path} {{\n  capabilities = {capabilities:?}\n}}")
}

/// The paths that want `sudo`; `*` stands for anything there. A server's own word on it is its
/// OpenAPI document, which a command that only prints does not ask for.
pub const SUDO: &[&str] = &[
    "auth/token/accessors",
    "sys/audit",
    "sys/audit/*",
    "sys/auth/*",
    "sys/config/auditing/request-headers",
    "sys/config/auditing/request-headers/*",
    "sys/config/cors",
    "sys/config/ui/headers",
    "sys/config/ui/headers/*",
    "sys/internal/inspect/router/*",
    "sys/leases",
    "sys/leases/lookup/*",
    "sys/leases/revoke-force/*",
    "sys/leases/revoke-prefix/*",
    "sys/plugins/catalog/*",
    "sys/remount",
    "sys/revoke-force/*",
    "sys/revoke-prefix/*",
    "sys/rotate",
    "sys/seal",
    "sys/snapshots/targets/*/adopt",
    "sys/snapshots/targets/*/forget",
    "sys/snapshots/targets/*/log",
    "sys/snapshots/targets/*/restore",
    "sys/storage/raft/snapshot-auto/config",
    "sys/storage/raft/snapshot-auto/config/*",
    "sys/storage/raft/snapshot-load/*/diff",
];

/// Whether a path is one of those that such a pattern stands for.
pub fn is_like(path: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            let rest = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            rest.is_some_and(|rest| !rest.is_empty())
        }
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::variable::{Given, Variable};
    use crate::client::{End, Settings};

    #[test]
    fn a_call_becomes_a_command_and_a_policy() {
        let value = |variable| match variable {
            Variable::Addr => Some("http://127.0.0.1:8200"),
            Variable::Token => Some("s.secret"),
            Variable::Cacert => Some("my ca.pem"),
            _ => None,
        };
        let settings = Settings::read(End::Server, |variable| {
            Some(Given { by: String::new(), value: value(variable)?.to_owned() })
        });
        let client = Client::new(settings.unwrap()).unwrap();
        let call = Call::put("secret/data/it's", serde_json::json!({"a": "it's"}));
        let line = command(&client, &call);
        assert!(line.starts_with("curl -X PUT --cacert 'my ca.pem' -H "), "{line}");
        assert!(line.contains("-d '{\"a\":\"it'\\''s\"}'"), "{line}");
        assert!(line.ends_with(" http://127.0.0.1:8200/v1/secret/data/it%27s"), "{line}");
        assert!(!line.contains("s.secret"));
        assert!(policy(&Call::list("a/b")).contains("[\"list\"]"));
        let rotate =
            "path \"sys/rotate\" {\n  capabilities = [\"create\", \"update\", \"sudo\"]\n}";
        assert_eq!(policy(&Call::new(Verb::Put, "/sys//rotate")), rotate);
        let odd = policy(&Call::get("a/\"\u{7f}é"));
        assert!(odd.starts_with("path \"a/\\\"\\x7fé\" {\n"), "{odd}");
    }
}
