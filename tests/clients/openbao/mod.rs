//! OpenBao in three roles: its command line against our server, ours against its server, by the
//! same commands; and the server that `edgekeep import` reads.
//!
//! Its program is the one that `EDGEKEEP_TEST_OPENBAO` names, else `bao` on the path, else that of
//! the wheel in `requirements.txt`, which holds the release as it is.

mod life;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::environment::{self, Missing};
use super::secured::Secured;
use super::support::harness::needs;
use super::support::http::Client;
use super::support::{self, ROOT, Server, TempDir, shell};
use server::OpenBao;

/// It is looked for once: the tests run side by side.
fn program() -> PathBuf {
    static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    needs("openbao", FOUND.get_or_init(environment::openbao).as_ref()).clone()
}

pub fn its_command_line_against_our_server() {
    let program = program();
    let server = Secured::new();
    let address = format!("https://{}", server.address);
    let mut cli = Cli::new(&program, &address);
    cli.env.push(("VAULT_CACERT", server.authority().display().to_string()));
    life::whole(&mut cli, &server.plain());
    server.lives();
}

pub fn our_command_line_against_its_server() {
    let program = program();
    let server = OpenBao::with_raft(&program);
    let mut cli = Cli::new(Path::new(support::program()), &server.url());
    life::whole(&mut cli, &Client::new(&server.address));
}

pub fn an_import_from_it() {
    let program = program();
    let (from, to) = (OpenBao::dev(&program), Server::dev());
    let mut there = Cli::new(Path::new(support::program()), &from.url());
    there.token(ROOT);
    there.all(&[
        "kv put -mount=secret app/db user=app password=first",
        "kv put -mount=secret app/db user=app password=second",
        "kv put -mount=secret app/db user=app password=third",
        "kv destroy -mount=secret -versions=2 app/db",
        "kv metadata put -mount=secret -custom-metadata=owner=ann app/db",
        "secrets enable -path=old -description=first -version=1 kv",
        "kv put -mount=old a/b c=d",
        "secrets enable transit",
        "auth enable userpass",
        "write auth/userpass/users/bob password=s3cret token_policies=app token_ttl=10m",
        "auth enable approle",
        "write auth/approle/role/ci token_policies=app role_id=known",
    ]);
    there.says_of("policy write app -", "path \"secret/*\" { capabilities = [\"read\"] }\n", "");
    let mut here = Cli::new(Path::new(support::program()), &format!("http://{}", to.address));
    here.token(ROOT);
    here.env.push(("EDGEKEEP_FROM_ADDR", from.url()));
    here.env.push(("EDGEKEEP_FROM_TOKEN", ROOT.to_owned()));
    let report: Value =
        serde_json::from_slice(&here.run("import -format=json", "").stdout).unwrap();
    let items = report["items"].as_array().unwrap();
    let failed: Vec<_> = items.iter().filter(|item| item["fate"] == "failed").collect();
    assert!(failed.is_empty(), "{report:#}");
    assert!(items.iter().any(|item| item["name"] == "transit/"), "{report:#}");
    for (line, key, value) in [
        ("kv get -format=json -mount=secret app/db", "/data/data/password", json!("third")),
        (
            "kv get -format=json -mount=secret -version=1 app/db",
            "/data/data/password",
            json!("first"),
        ),
        (
            "kv metadata get -format=json -mount=secret app/db",
            "/data/versions/2/destroyed",
            json!(true),
        ),
        (
            "kv metadata get -format=json -mount=secret app/db",
            "/data/custom_metadata/owner",
            json!("ann"),
        ),
        ("kv get -format=json -mount=old a/b", "/data/c", json!("d")),
        ("read -format=json auth/userpass/users/bob", "/data/token_ttl", json!(600)),
        ("read -format=json auth/approle/role/ci/role-id", "/data/role_id", json!("known")),
    ] {
        assert_eq!(here.json(line).pointer(key), Some(&value), "{line}\n{report:#}");
    }
    here.says("policy read app", "capabilities = [\"read\"]");
}

/// A command line, ours or another's, that speaks to one server.
struct Cli {
    program: PathBuf,
    home: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Cli {
    fn new(program: &Path, address: &str) -> Self {
        let env = vec![("VAULT_ADDR", address.to_owned())];
        Self { program: program.to_owned(), home: TempDir::new(), env }
    }

    /// The token that it has from here on.
    fn token(&mut self, token: &str) {
        self.env.retain(|(name, _)| *name != "VAULT_TOKEN");
        self.env.push(("VAULT_TOKEN", token.to_owned()));
    }

    /// Runs a command in its home, with a text on its stdin.
    fn run(&self, line: &str, stdin: &str) -> Output {
        let given = self.home.path().join("stdin");
        std::fs::write(&given, stdin).unwrap();
        let mut command = Command::new(&self.program);
        command.args(shell::words(line)).env_clear().env("HOME", self.home.path());
        command.envs(self.env.iter().cloned()).current_dir(self.home.path());
        command.stdin(Stdio::from(std::fs::File::open(given).unwrap())).output().unwrap()
    }

    /// Holds that a command succeeds and prints a text, on whichever stream.
    fn says_of(&self, line: &str, stdin: &str, text: &str) {
        let output = self.run(line, stdin);
        let said = both(&output);
        assert!(output.status.success() && said.contains(text), "{line}: no {text:?}\n{said}");
    }

    fn says(&self, line: &str, text: &str) {
        self.says_of(line, "", text);
    }

    /// Holds that commands succeed.
    fn all(&self, lines: &[&str]) {
        lines.iter().for_each(|line| self.says(line, ""));
    }

    /// Holds that the server refuses a command.
    fn refused(&self, line: &str) {
        let output = self.run(line, "");
        assert_eq!(output.status.code(), Some(2), "{line}: {}", both(&output));
    }

    /// What a command that is told so prints as JSON.
    fn json(&self, line: &str) -> Value {
        let output = self.run(line, "");
        assert!(output.status.success(), "{line}: {}", both(&output));
        let read = serde_json::from_slice(&output.stdout);
        read.unwrap_or_else(|error| panic!("{line}: {error}: {}", both(&output)))
    }

    /// A text that a command prints in its JSON.
    fn text(&self, line: &str, pointer: &str) -> String {
        let found = self.json(line);
        let text = found.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{line}: no {pointer} in {found:#}")).to_owned()
    }
}

fn both(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
