//! Real clients of Vault's API, run whole against the built server over TLS, each in an
//! environment that is made here, of pinned packages, and kept under `target/tmp/clients`.
//!
//! Each client's tests lie in a folder of its own, in the client's own language. A client whose
//! language or registry cannot be had is skipped, and that is printed, captured or not.

mod consul_template;
mod environment;
mod openbao;
mod openapi;
mod raw;
mod secured;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use environment::{Missing, run};
use secured::Secured;
use support::{say, skipped};

/// How long the tests of a client may take. A bound for a loaded machine, not an expectation.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn hvac() {
    let Some(python) = has("hvac", environment::python("hvac")) else { return };
    let server = Secured::new();
    let mut tests = server.client(&python);
    tests.args(["-W", "ignore::DeprecationWarning", "-m", "unittest", "discover"]);
    passes("hvac", &server, tests.current_dir(folder("hvac")));
}

#[test]
fn ansible() {
    let python = environment::python("ansible");
    let made = python.and_then(|python| Ok((environment::collection(&python)?, python)));
    let Some((collections, python)) = has("ansible", made) else { return };
    let server = Secured::new();
    let mut tests = server.client(python.with_file_name("ansible-playbook"));
    tests.env("ANSIBLE_COLLECTIONS_PATH", collections).env("VAULT_TOKEN", server.open().token);
    tests.env("ANSIBLE_PYTHON_INTERPRETER", python).env("LC_ALL", "C.UTF-8");
    tests.env("ANSIBLE_DEPRECATION_WARNINGS", "false").env("ANSIBLE_LOCALHOST_WARNING", "false");
    passes(
        "ansible",
        &server,
        tests.args(["-i", "localhost,"]).arg(folder("ansible/playbook.yml")),
    );
}

#[test]
fn node_vault() {
    let Some(modules) = has("node-vault", environment::node("node-vault")) else { return };
    let server = Secured::new();
    let mut tests = server.client("node");
    passes(
        "node-vault",
        &server,
        tests.env("NODE_PATH", modules).arg(folder("node-vault/main.js")),
    );
}

#[test]
fn go() {
    let Some(()) = has("go", environment::go("go")) else { return };
    let built = environment::kept_file("go.test");
    let mut compiler = Command::new("go");
    compiler.args(["test", "-c", "-vet=off", "-o"]).arg(&built).current_dir(folder("go"));
    run(&mut compiler, PATIENCE).unwrap_or_else(|output| panic!("{compiler:?}\n{output}"));
    let server = Secured::new();
    passes("go", &server, &mut server.client(&built));
}

/// Where the tests of a client lie.
fn folder(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}

/// What a client needs, or none, said aloud.
fn has<T>(client: &str, made: Result<T, Missing>) -> Option<T> {
    made.inspect_err(|why| skipped(client, why)).ok()
}

/// Runs the tests of a client: all must pass, and the server live.
fn passes(client: &str, server: &Secured, tests: &mut Command) {
    let began = Instant::now();
    if let Err(output) = run(tests, PATIENCE) {
        panic!("{client}: {tests:?}\n{output}");
    }
    server.lives();
    say(&format!("{client}: passed in {:.1} s", began.elapsed().as_secs_f64()));
}
