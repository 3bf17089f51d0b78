//! `edgekeep import`: all comes as it was, nothing is half, and the same command goes on.
//!
//! The other server is an Edgekeep, as far as it is one: [`proxy`] stands before it and answers
//! otherwise where a test wants a fault. One from OpenBao is in `tests/clients/openbao`.

mod faults;
mod killed;
mod proxy;
mod standing;
#[path = "../support/mod.rs"]
mod support;
mod whole;

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use support::http::Client;
use support::{ROOT, Server, data, program};

/// An import from one server into another, to be run.
fn import(from: &str, to: &Server, more: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .arg("import")
        .args(more)
        .env_clear()
        .env("HOME", to.home.path())
        .env("VAULT_ADDR", format!("http://{}", to.address))
        .env("VAULT_TOKEN", ROOT)
        .env("EDGEKEEP_FROM_ADDR", format!("http://{from}"))
        .env("EDGEKEEP_FROM_TOKEN", ROOT)
        .stdin(Stdio::null());
    command
}

/// What an import said, in JSON.
struct Said {
    exit: Option<i32>,
    report: Value,
    errors: String,
}

/// Runs an import to its end.
fn run(from: &str, to: &Server, more: &[&str]) -> Said {
    let more = [&["-format=json"], more].concat();
    said(import(from, to, &more).output().unwrap())
}

fn said(output: Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let errors = text(&output.stderr);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}\n{errors}", text(&output.stdout)));
    Said { exit: output.status.code(), report, errors }
}

impl Said {
    /// How many of a kind had a fate.
    fn count(&self, kind: &str, fate: &str) -> u64 {
        self.report["counts"][kind][fate].as_u64().unwrap_or(0)
    }

    /// Why a thing had the fate that it had.
    fn why(&self, fate: &str, name: &str) -> &str {
        let items = self.report["items"].as_array().unwrap();
        let found = items.iter().find(|item| item["fate"] == fate && item["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {fate} {name} in {:#}", self.report));
        found["why"].as_str().unwrap()
    }

    /// Asserts that all came.
    fn complete(&self) {
        assert_eq!(self.exit, Some(0), "{}\n{:#}", self.errors, self.report);
        assert_eq!(self.report["complete"], true);
    }
}

/// Posts, and asserts that it was taken.
fn post(client: &Client, path: &str, body: Value) {
    let reply = client.post(path, body);
    assert!(matches!(reply.status, 200 | 204), "{path}: {} {}", reply.status, reply.json());
}

/// Writes a version of a secret.
fn write(client: &Client, path: &str, value: Value) {
    post(client, &format!("secret/data/{path}"), json!({ "data": value }));
}

/// All that is known of a secret, its values too: null where there is none.
fn whole(client: &Client, path: &str) -> Value {
    let mut all = data(&client.get(&format!("secret/metadata/{path}")));
    let numbers: Vec<String> =
        all["versions"].as_object().into_iter().flatten().map(|(n, _)| n.clone()).collect();
    for number in numbers {
        let found = data(&client.get(&format!("secret/data/{path}?version={number}")));
        all["versions"][&number]["data"] = found["data"].clone();
    }
    all
}
