//! What lay under another path, by whatever name.

use std::process::Command;

use serde_json::json;

use crate::support::{ROOT, Server, data, program};
use crate::{error, keep, recover_from};

#[test]
fn a_name_is_given_as_in_a_url() {
    let server = Server::dev();
    let root = server.root();
    let names = [("%C3%A9t%C3%A9", "été"), ("a%20b", "a b"), ("100%25", "100%"), ("x+y", "x+y")];
    for (n, (encoded, _)) in names.iter().enumerate() {
        root.post(&format!("secret/data/{encoded}"), json!({ "data": { "n": n } }));
    }
    root.post("secret/data/own", json!({ "data": { "n": "own" } }));
    let id = keep(&root);
    let got = |path: &str| data(&root.get(path))["data"]["n"].clone();
    for (n, (encoded, name)) in names.iter().enumerate() {
        let from = format!("/secret/data/{encoded}");
        let done = recover_from(&root, &id, "secret/data/by-header", &from);
        assert_eq!((done.status, got("secret/data/by-header")), (200, n.into()), "{encoded}");

        let mut command = Command::new(program());
        command.env_clear().env("VAULT_TOKEN", ROOT);
        command.env("VAULT_ADDR", format!("http://{}", server.client().address()));
        let option = format!("-snapshot-id={id}");
        let from = format!("-from=secret/data/{name}");
        let output = command.args(["recover", &option, &from, "secret/data/by-command"]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(got("secret/data/by-command"), n, "{name}");
    }
    // An empty one is as if it were not sent.
    assert_eq!(recover_from(&root, &id, "secret/data/own", "").status, 200);
    for wrong in ["secret/data/100%", "secret/data/%ff", "secret/data/a%0Ab"] {
        let refused = recover_from(&root, &id, "secret/data/by-header", wrong);
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(error(&refused).contains("% as %25"), "{wrong}: {}", error(&refused));
    }
    let refused = recover_from(&root, &id, "secret/data/by-header", "secret/data/été");
    assert_eq!(refused.status, 400);
    let text = String::from_utf8(refused.body).unwrap();
    assert_eq!(text, "400 Bad Request: a header is not ASCII");
}
