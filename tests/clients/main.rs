//! Real clients of Vault's API, run whole against the built server over TLS, each in an
//! environment that is made here, of pinned packages, and kept under `target/tmp/clients`.
//!
//! Each client's tests lie in a folder of its own, in the client's own language. A client whose
//! language or registry cannot be had is ignored.

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
use std::time::Duration;

use environment::run;
use secured::Secured;
use support::harness::{needs, tests};

tests! {
    self {
        hvac,
        ansible,
        node_vault,
        go,
    }
    consul_template {
        consul_template,
    }
    openbao {
        its_command_line_against_our_server,
        our_command_line_against_its_server,
        an_import_from_it,
    }
    openapi {
        every_endpoint_bears_every_body,
    }
    raw {
        bodies_in_every_dress,
        bodies_of_nothing,
        values_in_every_form,
        lists_in_every_form,
    }
}

/// How long the tests of a client may take. A bound for a loaded machine, not an expectation.
const PATIENCE: Duration = Duration::from_secs(600);

fn hvac() {
    let python = needs("hvac", environment::python("hvac"));
    let server = Secured::new();
    let mut tests = server.client(&python);
    tests.args(["-W", "ignore::DeprecationWarning", "-m", "unittest", "discover"]);
    passes("hvac", &server, tests.current_dir(folder("hvac")));
}

fn ansible() {
    let python = environment::python("ansible");
    let made = python.and_then(|python| Ok((environment::collection(&python)?, python)));
    let (collections, python) = needs("ansible", made);
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

fn node_vault() {
    let modules = needs("node-vault", environment::node("node-vault"));
    let server = Secured::new();
    let mut tests = server.client("node");
    passes(
        "node-vault",
        &server,
        tests.env("NODE_PATH", modules).arg(folder("node-vault/main.js")),
    );
}

fn go() {
    needs("go", environment::go("go"));
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

/// Runs the tests of a client: all must pass, and the server live.
fn passes(client: &str, server: &Secured, tests: &mut Command) {
    if let Err(output) = run(tests, PATIENCE) {
        panic!("{client}: {tests:?}\n{output}");
    }
    server.lives();
}
