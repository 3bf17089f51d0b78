//! schemathesis reads the OpenAPI document and sends what fits each endpoint and what does not: no
//! answer is a fault of the server that Vault would not have, and the server lives.

use std::fs;

use serde_json::json;

use super::secured::Secured;
use super::support::TempDir;
use super::support::harness::needs;
use super::{environment, folder, passes};

/// The requests of a run follow from it.
const SEED: &str = "1";

/// How many are made for an endpoint, beside those that every run has.
const EXAMPLES: &str = "3";

pub fn every_endpoint_bears_every_body() {
    let python = environment::python("openapi");
    let python = needs("schemathesis", python);
    let server = Secured::new();
    let keys = server.open();
    let root = server.plain().token(&keys.token);
    for (path, kind) in [
        ("sys/mounts/kv1", "kv"),
        ("sys/mounts/kv2", "kv-v2"),
        ("sys/auth/userpass", "userpass"),
        ("sys/auth/approle", "approle"),
    ] {
        assert_eq!(root.post(path, json!({ "type": kind })).status, 204, "{path}");
    }
    let workplace = TempDir::new();
    let document = workplace.path().join("openapi.json");
    fs::write(&document, root.get("sys/internal/specs/openapi").body).unwrap();

    let mut tests = server.client(python.with_file_name("schemathesis"));
    tests.env("PYTHONPATH", folder("openapi")).env("SCHEMATHESIS_HOOKS", "hooks");
    tests.env("VAULT_TOKEN", &keys.token).env("VAULT_UNSEAL_KEY", &keys.share);
    tests.current_dir(workplace.path()).arg("run").arg(&document);
    tests.args(["-u", &format!("https://{}/v1", server.address)]);
    tests.arg("--tls-verify").arg(server.authority());
    tests.args(["-c", "answers_as_vault_would", "--phases", "coverage,fuzzing"]);
    tests.args(["--seed", SEED, "-n", EXAMPLES, "--no-shrink", "--continue-on-failure"]);
    tests.args(["--generation-database", "none", "--warnings", "off", "--no-color"]);
    tests.args(["--request-timeout", "60"]);
    // Its answer has no end.
    tests.args(["--exclude-path", "/sys/monitor"]);
    passes("schemathesis", &server, &mut tests);
}
