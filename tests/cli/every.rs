//! What holds for every command, whatever it does. Each has an example in `examples.txt`, beside
//! this file; the commands themselves are found by their help.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use edgekeep::cli::curl::{SUDO, is_like};
use serde_json::{Value, json};

use super::canned::{answer, serve};
use super::support::{NOBODY, ROOT, Server, TempDir, shell};
use super::{cases, edgekeep, text};

/// They make many requests: no curl command and no policy stands for all.
const MANY: &[&str] = &["debug", "import"];

/// They want more than one server: what they do is held by tests of their own.
const BETWEEN_SERVERS: &[&str] = &["import"];

/// How long something may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is done.
const EVERY: Duration = Duration::from_millis(5);

/// It stands in nothing that is printed.
const TOKEN: &str = "hvs.mine";

/// What a help says of a command.
pub struct Help {
    /// The words that lead to it.
    pub words: Vec<String>,
    text: String,
}

impl Help {
    /// The commands below some words, themselves included, that do something.
    fn leaves(home: &TempDir, words: &[String], found: &mut Vec<Self>) {
        let mut asked = edgekeep(home, NOBODY, words);
        let text = text(&asked.arg("-help").output().unwrap().stdout);
        let inner = text.split_once("ommands:\n").map(|(_, rest)| rest.to_owned());
        let Some(inner) = inner else {
            found.push(Self { words: words.to_vec(), text });
            return;
        };
        for line in inner.lines().take_while(|line| line.starts_with("    ")) {
            let name = line.split_whitespace().next().unwrap().to_owned();
            Self::leaves(home, &[words, &[name]].concat(), found);
        }
    }

    pub fn asks_a_server(&self) -> bool {
        self.text.contains("-output-policy")
    }
}

/// A command with what follows its words.
pub struct Example {
    pub help: Help,
    pub rest: Vec<String>,
    /// Whether it does what it is there for, on a server as [`Seeded`] is.
    succeeds: bool,
}

/// An example of each command, and none besides.
pub fn examples() -> Vec<Example> {
    let home = TempDir::new();
    let mut leaves = Vec::new();
    Help::leaves(&home, &[], &mut leaves);
    assert!(leaves.len() > 30, "{} commands", leaves.len());
    let mut lines: Vec<&str> = include_str!("examples.txt").lines().collect();
    lines.retain(|line| !line.starts_with('#'));
    let with_example = leaves.into_iter().map(|help| {
        let found = lines
            .iter()
            .position(|line| shell::words(line.trim_start_matches("! ")).starts_with(&help.words));
        let found = found.unwrap_or_else(|| panic!("no example of {:?}", help.words));
        let line = lines.remove(found);
        let words = shell::words(line.trim_start_matches("! "));
        let rest = words[help.words.len()..].to_vec();
        Example { help, rest, succeeds: !line.starts_with('!') }
    });
    let examples = with_example.collect();
    assert!(lines.is_empty(), "examples of no command, or second ones: {lines:?}");
    examples
}

/// A server that has what the examples ask for, however often it was taken from it.
struct Seeded {
    server: Server,
    key: String,
}

impl Seeded {
    fn new() -> Self {
        let server = Server::dev();
        let key = server.unseal_key();
        Self { server, key }
    }

    /// Gives it all of that anew; what the names that begin with `$` mean.
    fn seed(&self) -> BTreeMap<&'static str, String> {
        let root = self.server.root();
        root.post("sys/unseal", json!({ "key": self.key }));
        for absent in [
            "sys/generate-root/attempt",
            "sys/rekey/init",
            "sys/audit/file",
            "sys/mounts/kv",
            "sys/mounts/other",
            "sys/auth/approle",
            "sys/auth/other",
            "secret/metadata/x",
        ] {
            root.delete(absent);
        }
        let userpass = json!({ "type": "userpass" });
        for (path, body) in [
            ("sys/audit/kept", json!({ "type": "file", "options": { "file_path": "discard" } })),
            ("sys/mounts/old", json!({ "type": "kv" })),
            ("sys/auth/userpass", userpass.clone()),
            ("sys/auth/old", userpass),
            ("sys/policies/acl/p", json!({ "policy": "" })),
            ("auth/userpass/users/ann", json!({ "password": "pw" })),
            ("secret/data/x", json!({ "data": { "a": "1" } })),
        ] {
            root.post(path, body);
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let login = root.post("auth/userpass/login/ann", json!({ "password": "pw" }));
        assert_eq!(login.status, 200, "{}", login.json());
        let leases = root.list("sys/leases/lookup/auth/userpass/login/ann").json();
        let lease = format!("auth/userpass/login/ann/{}", text(&leases["data"]["keys"][0]));
        let wrap = [("X-Vault-Wrap-TTL", "5m")];
        let wrapped = root.ask_with("GET", "secret/data/x", &wrap, None).unwrap().json();
        let token = json!({ "policies": ["root"], "ttl": "1h" });
        let token = root.post("auth/token/create", token).json();
        BTreeMap::from([
            ("$KEY", self.key.clone()),
            ("$LEASE", lease),
            ("$TOKEN", text(&token["auth"]["client_token"])),
            ("$WRAPPED", text(&wrapped["wrap_info"]["token"])),
        ])
    }
}

/// A command line in a home in which the files of the examples are.
pub fn command(home: &TempDir, address: &str, words: &[&[String]]) -> Command {
    for (name, content) in [
        ("policy.hcl", "path \"secret/*\" { capabilities = [\"read\"] }\n"),
        ("data.json", "{\"data\": {\"a\": \"2\"}}"),
    ] {
        std::fs::write(home.path().join(name), content).unwrap();
    }
    edgekeep(home, address, &words.concat())
}

pub fn each_has_its_cases() {
    let cases: Vec<(Vec<String>, i32)> =
        cases::all().iter().map(|(line, exit)| (shell::words(line), *exit)).collect();
    let mut without = Vec::new();
    for Example { help, succeeds, .. } in examples() {
        // Its help is none, nor is a mistake where it can do what it is there for.
        let is_one = |(words, exit): &(Vec<String>, i32)| {
            let helps = words.iter().any(|word| matches!(word.as_str(), "-h" | "-help" | "--help"));
            words.starts_with(&help.words) && !helps && (*exit == 0 || !succeeds)
        };
        let is_elsewhere = BETWEEN_SERVERS.contains(&help.words[0].as_str());
        if !is_elsewhere && !cases.iter().any(is_one) {
            without.push(help.words);
        }
    }
    assert!(without.is_empty(), "no case of {without:?}");
}

pub fn each_can_be_told_to_print_what_it_would_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        // Which version of kv it is must be asked.
        let mount = r#"{"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;
        for stream in listener.incoming() {
            serve(stream.unwrap(), &answer("200 OK", "", mount), |request| {
                let line = request.lines().next().unwrap().to_owned();
                seen.lock().unwrap().insert(line);
            });
        }
    });
    let mut faults = Vec::new();
    let makes_one = |help: &Help| help.asks_a_server() && !MANY.contains(&help.words[0].as_str());
    for Example { help, rest, .. } in examples().iter().filter(|one| makes_one(&one.help)) {
        for (flag, begin) in [("-output-policy", "path \""), ("-output-curl-string", "curl ")] {
            let home = TempDir::new();
            let flag = [flag.to_owned()];
            let mut dry = command(&home, &address, &[&help.words, &flag, rest]);
            let done = dry.env("VAULT_TOKEN", TOKEN).output().unwrap();
            let (out, err) = (text(&done.stdout), text(&done.stderr));
            let beside = err.is_empty() || err.starts_with("The body is a secret, and left out: ");
            let right = out.starts_with(begin) && beside && done.status.success();
            if !right || out.contains(TOKEN) {
                faults.push(format!("{:?} {flag:?}: {out}{err}", help.words));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for line in asked.lock().unwrap().iter() {
        assert!(line.starts_with("GET /v1/sys/internal/ui/mounts/"), "{line}");
    }
}

pub fn what_is_many_requests_is_not_printed_as_one() {
    let home = TempDir::new();
    for name in MANY {
        for flag in ["-output-policy", "-output-curl-string"] {
            let told = edgekeep(&home, NOBODY, &[name, flag]).output().unwrap();
            let (out, err) = (text(&told.stdout), text(&told.stderr));
            assert!(out.is_empty() && err.contains(" is many requests: "), "{name}: {out}{err}");
            assert_eq!(told.status.code(), Some(1), "{name}");
        }
    }
}

pub fn each_ends_quietly_when_nobody_reads_it() {
    let (seeded, from) = (Seeded::new(), Server::dev());
    let other = format!("http://{}", from.address);
    let address = format!("http://{}", seeded.server.address);
    seeded.seed();
    let snapshot = seeded.server.root().get("sys/storage/raft/snapshot").body;
    let mut faults = Vec::new();
    for Example { help, rest, succeeds } in &examples() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let names = seeded.seed();
        let rest: Vec<String> =
            rest.iter().map(|word| names.get(word.as_str()).unwrap_or(word).clone()).collect();
        let home = TempDir::new();
        std::fs::write(home.path().join("x.snap"), &snapshot).unwrap();
        let mut child = command(&home, &address, &[&help.words, &rest])
            .env("VAULT_TOKEN", &names["$TOKEN"])
            .envs([("EDGEKEEP_FROM_ADDR", other.as_str()), ("EDGEKEEP_FROM_TOKEN", ROOT)])
            .stdin(Stdio::piped())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(format!("{}\n", seeded.key).as_bytes());
        // What streams a server's log goes on until it is told something.
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{:?} goes on", help.words);
            seeded.server.root().get("sys/mounts");
            sleep(EVERY);
        }
        let ended = child.wait_with_output().unwrap();
        let (said, exit) = (text(&ended.stderr), ended.status.code());
        let complains = ["panicked", "Broken pipe", "cannot be printed", "os error"];
        let quiet = match succeeds {
            true => said.is_empty() && exit == Some(0),
            false => complains.iter().all(|text| !said.contains(text)) && exit.is_some(),
        };
        if !quiet {
            faults.push(format!("{:?} {rest:?}: {exit:?} {said}", help.words));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

pub fn a_policy_tells_of_sudo_where_the_server_wants_it() {
    let server = Server::dev();
    let document = server.root().get("sys/internal/specs/openapi").json();
    let home = TempDir::new();
    let own = |path: &str| !path.starts_with("/secret/");
    let mut unmet: BTreeSet<&str> = SUDO.iter().copied().collect();
    // What an engine that is mounted wants no client knows.
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| own(path))
    {
        let path = path.trim_matches('/').replace(['{', '}'], "");
        unmet.retain(|pattern| !is_like(&path, pattern));
        let wanted = item["x-vault-sudo"] == true;
        let printed = edgekeep(&home, NOBODY, &["read", "-output-policy", &path]).output().unwrap();
        let printed = text(&printed.stdout);
        assert_eq!(printed.contains("sudo"), wanted, "{path}: {printed}");
    }
    assert!(unmet.is_empty(), "no path of the server: {unmet:?}");
}
