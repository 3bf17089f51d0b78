//! What holds for every command, whatever it does. Each has an example in `examples.txt`, beside
//! this file; the commands themselves are found by their help.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::support::{NOBODY, Server, TempDir, shell};
use super::{answer, edgekeep, serve, text};

/// Those that are not run to their end: they go on until they are told to stop.
const ENDLESS: &[&str] = &["server", "monitor", "debug"];

/// They make many requests: no curl command and no policy stands for all.
const MANY: &[&str] = &["debug", "import"];

/// It stands in nothing that is printed.
const TOKEN: &str = "hvs.mine";

/// What a help says of a command.
struct Help {
    /// The words that lead to it.
    words: Vec<String>,
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

    fn asks_a_server(&self) -> bool {
        self.text.contains("-output-policy")
    }
}

/// Each command's help, with the rest of its example.
fn examples() -> Vec<(Help, Vec<String>)> {
    let home = TempDir::new();
    let mut leaves = Vec::new();
    Help::leaves(&home, &[], &mut leaves);
    let examples: Vec<Vec<String>> =
        include_str!("examples.txt").lines().map(shell::words).collect();
    let with_example = leaves.into_iter().map(|help| {
        let example = examples.iter().find(|example| example.starts_with(&help.words));
        let example = example.unwrap_or_else(|| panic!("no example of {:?}", help.words));
        let rest = example[help.words.len()..].to_vec();
        (help, rest)
    });
    let found: Vec<_> = with_example.collect();
    assert!(found.len() > 30, "{} commands", found.len());
    found
}

/// A command line in a home in which the files of the examples are.
fn command(home: &TempDir, address: &str, words: &[&[String]]) -> Command {
    for (name, content) in [
        ("policy.hcl", "path \"secret/*\" { capabilities = [\"read\"] }\n"),
        ("data.json", "{\"a\": \"1\"}"),
        ("x.snap", "no snapshot"),
    ] {
        std::fs::write(home.path().join(name), content).unwrap();
    }
    edgekeep(home, address, &words.concat())
}

#[test]
fn each_can_be_told_to_print_what_it_would_do() {
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
    for (help, rest) in examples().iter().filter(|(help, _)| makes_one(help)) {
        for (flag, begin) in [("-output-policy", "path \""), ("-output-curl-string", "curl ")] {
            let home = TempDir::new();
            let flag = [flag.to_owned()];
            let mut dry = command(&home, &address, &[&help.words, &flag, rest]);
            let done = dry.env("VAULT_TOKEN", TOKEN).output().unwrap();
            let (out, err) = (text(&done.stdout), text(&done.stderr));
            let right = out.starts_with(begin) && err.is_empty() && done.status.success();
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

#[test]
fn what_is_many_requests_is_not_printed_as_one() {
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

#[test]
fn each_ends_quietly_when_nobody_reads_it() {
    let server = Server::dev();
    let address = format!("http://{}", server.address);
    let examples = examples();
    let run = |help: &Help, rest: &[String], stdout: Stdio| {
        let home = TempDir::new();
        let mut child = command(&home, &address, &[&help.words, rest])
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(b"no secret\n");
        child.wait_with_output().unwrap()
    };
    for (help, rest) in &examples {
        if ENDLESS.contains(&help.words[0].as_str()) {
            continue;
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = run(help, rest, writer.into());
        let (said, words) = (text(&ended.stderr), &help.words);
        let complains = ["panicked", "Broken pipe", "cannot be printed", "os error"];
        assert!(complains.iter().all(|text| !said.contains(text)), "{words:?}: {said}");
        let exit = ended.status.code();
        assert!(matches!(exit, Some(0..=3)), "{words:?}: {exit:?} {said}");
    }
}

#[test]
fn a_policy_tells_of_sudo_where_the_server_wants_it() {
    let server = Server::dev();
    let document = server.root().get("sys/internal/specs/openapi").json();
    let home = TempDir::new();
    let own = |path: &str| !path.starts_with("/secret/");
    // What an engine that is mounted wants no client knows.
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| own(path))
    {
        let path = path.trim_matches('/').replace(['{', '}'], "");
        let wanted = item["x-vault-sudo"] == true;
        let printed = edgekeep(&home, NOBODY, &["read", "-output-policy", &path]).output().unwrap();
        let printed = text(&printed.stdout);
        assert_eq!(printed.contains("sudo"), wanted, "{path}: {printed}");
    }
}
