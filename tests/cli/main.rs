//! The command line, as people and scripts meet it: the built program, its output, its exit codes.
//!
//! The cases are data, under `tests/cli`: a file is a run of commands in one fresh folder, those
//! in `offline` without a server, those in `dev` against a fresh development server, those in
//! `new` against a fresh server that is not initialised.
//!
//! ```text
//! # a comment
//! $ kv get -field=a secret/x        a command, without the program's name
//! < text                            a line for its stdin
//! 1                                 its stdout, as it is
//! ! Not enough arguments            a line of its stderr
//! = 1                               its exit code; 0 when it is not said
//! > NAME = words before it          keeps the word behind those words as $NAME
//! file NAME text                    writes a file
//! env NAME=VALUE                    sets a variable from here on
//! ```
//!
//! `...` as a line stands for any lines, within a line for anything. `$ADDR` is the server's
//! address, `$HOME` the folder.

mod debug;
mod development;
mod diagnose;
mod environment;
mod every;
mod helper;
mod login;
mod pages;
mod secured;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use support::{NOBODY, ROOT, Server, TempDir, shell};

#[test]
fn commands_without_a_server() {
    run_folder("offline", || None);
}

#[test]
fn commands_against_a_development_server() {
    run_folder("dev", || Some(Server::dev()));
}

#[test]
fn commands_against_a_new_server() {
    run_folder("new", || Some(Server::uninitialised()));
}

#[test]
fn one_redirect_is_followed_and_the_token_goes_along() {
    let server = Canned::start(|address| {
        let elsewhere = format!("Location: http://{address}/v1/there\r\n");
        let redirect = answer("307 Temporary Redirect", &elsewhere, "");
        vec![
            redirect.clone(),
            answer("200 OK", "", r#"{"data":{"a":"1"}}"#),
            answer("307 Temporary Redirect", "Location: /v1/there\r\n", ""),
            redirect,
        ]
    });
    let home = TempDir::new();
    let found = server.run(&home, &["read", "-field=a", "here"]);
    assert_eq!((text(&found.stdout), found.status.code()), ("1".into(), Some(0)));
    let lost = server.run(&home, &["read", "-field=a", "here"]);
    assert_eq!(lost.status.code(), Some(2), "{}", text(&lost.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for at in [1, 3] {
        assert!(requests[at].starts_with("GET /v1/there HTTP/1.1\r\n"), "{}", requests[at]);
    }
    assert!(requests[1].to_lowercase().contains("x-vault-token: root\r\n"), "{}", requests[1]);
}

#[test]
fn a_server_that_says_not_now_is_asked_again() {
    let server = Canned::start(|_| {
        let not_now = answer("502 Bad Gateway", "", "");
        vec![not_now, answer("200 OK", "", r#"{"data":{"a":"1"}}"#)]
    });
    let home = TempDir::new();
    let mut command = server.command(&home, &["read", "-field=a", "x"]);
    let found = command.env("VAULT_MAX_RETRIES", "1").output().unwrap();
    assert_eq!(text(&found.stdout), "1");
}

#[test]
fn an_answer_that_is_no_object_is_told() {
    for command in ["secrets list", "auth list -detailed", "audit list", "read x", "kv list x"] {
        let server = Canned::start(|_| (0..3).map(|_| answer("200 OK", "", "[1,2]")).collect());
        let home = TempDir::new();
        let words: Vec<&str> = command.split(' ').collect();
        let told = server.run(&home, &words);
        let said = text(&told.stderr);
        assert!(said.contains("JSON that is no object"), "{command}: {said}");
        assert_eq!(told.status.code(), Some(2), "{command}");
    }
}

#[test]
fn a_snapshot_that_breaks_off_leaves_no_file() {
    let server = Canned::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
        vec![format!("{head}only this")]
    });
    let home = TempDir::new();
    fs::write(home.path().join("x.snap"), "the one before").unwrap();
    let broken = server.run(&home, &["snapshot", "save", "x.snap"]);
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken.stdout));
    let names: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["x.snap"]);
    assert_eq!(fs::read_to_string(home.path().join("x.snap")).unwrap(), "the one before");
}

#[test]
fn a_snapshot_goes_to_the_server_as_it_is() {
    let done = answer("204 No Content", "", "");
    let unsealed = answer("200 OK", "", r#"{"sealed":false}"#);
    let server = Canned::start(|_| vec![done.clone(), done.clone(), unsealed.clone()]);
    let home = TempDir::new();
    let snapshot = "0123456789".repeat(10_000);
    fs::write(home.path().join("x.snap"), &snapshot).unwrap();
    for (force, path) in [(None, "snapshot"), (Some("-force"), "snapshot-force")] {
        let words = ["operator", "raft", "snapshot", "restore"];
        let words: Vec<&str> = words.into_iter().chain(force).chain(["x.snap"]).collect();
        let restored = server.run(&home, &words);
        assert_eq!(text(&restored.stdout), "Success! Restored the snapshot\n");
        let requests = server.requests();
        let request = requests.iter().rfind(|request| request.starts_with("POST ")).unwrap();
        assert!(request.starts_with(&format!("POST /v1/sys/storage/raft/{path} HTTP/1.1\r\n")));
        assert!(request.to_lowercase().contains("content-length: 100000\r\n"));
        assert!(request.ends_with(&format!("\r\n\r\n{snapshot}")));
    }
}

#[test]
fn a_move_is_waited_for() {
    let say = |data: &str| answer("200 OK", "", &format!("{{\"data\":{data}}}"));
    let status = |word: &str| say(&format!("{{\"migration_info\":{{\"status\":{word:?}}}}}"));
    let started = say("{\"migration_id\":\"m-1\"}");
    for (last, exit, stdout, stderr) in [
        ("success", 0, "Success! Finished moving {}\n", ""),
        ("failure", 2, "", "Failure! Error encountered moving {}\n"),
    ] {
        let answers = vec![started.clone(), status("in-progress"), status(last)];
        let server = Canned::start(|_| answers);
        let moved = server.run(&TempDir::new(), &["secrets", "move", "a", "/b/"]);
        let what = "secrets engine a/ to b/, with migration ID m-1";
        let begun =
            format!("Started moving {what}\nWaiting for terminal status in migration of {what}\n");
        assert_eq!(text(&moved.stdout), begun + &stdout.replace("{}", what));
        assert_eq!(text(&moved.stderr), stderr.replace("{}", what));
        assert_eq!(moved.status.code(), Some(exit));
        let asked = server.requests();
        assert!(asked[0].ends_with(r#"{"from":"a/","to":"b/"}"#), "{asked:?}");
        assert!(asked[2].starts_with("GET /v1/sys/remount/status/m-1 "), "{asked:?}");
    }
}

#[test]
fn a_unix_socket_is_spoken_to() {
    let home = TempDir::new();
    let socket = home.path().join("edgekeep.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        serve(stream, &answer("200 OK", "", r#"{"data":{"a":"1"}}"#), |seen| request = seen);
        request
    });
    let address = format!("unix://{}", socket.display());
    let found = edgekeep(&home, &address, &["read", "-field=a", "x"]).output().unwrap();
    assert_eq!(text(&found.stdout), "1", "{}", text(&found.stderr));
    assert!(served.join().unwrap().starts_with("GET /v1/x HTTP/1.1\r\n"));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let home = TempDir::new();
    let ended = edgekeep(&home, NOBODY, &["version"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .unwrap();
    assert_eq!((text(&ended.stderr), ended.status.code()), (String::new(), Some(0)));
}

/// A server that answers one connection after the other with what it was given.
struct Canned {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    fn start(answers: impl FnOnce(&str) -> Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = answers(&address);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                serve(stream, &answer, |request| seen.lock().unwrap().push(request));
            }
        });
        Self { address, requests }
    }

    fn command(&self, home: &TempDir, words: &[&str]) -> Command {
        edgekeep(home, &format!("http://{}", self.address), words)
    }

    fn run(&self, home: &TempDir, words: &[&str]) -> Output {
        self.command(home, words).output().unwrap()
    }

    /// What was asked of it so far.
    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Reads one request, tells what it is, and answers it.
fn serve(mut stream: impl Read + Write, answer: &str, seen: impl FnOnce(String)) {
    let mut request = Vec::new();
    let mut wanted = usize::MAX;
    while request.len() < wanted {
        let mut part = [0; 4096];
        let got = stream.read(&mut part).unwrap();
        assert!(got > 0, "the request broke off");
        request.extend_from_slice(&part[..got]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
            wanted = head + 4 + length.unwrap_or(0);
        }
    }
    seen(String::from_utf8(request).unwrap());
    stream.write_all(answer.as_bytes()).unwrap();
}

/// A command of the built program in a folder that is its home.
fn edgekeep(home: &TempDir, address: &str, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgekeep"));
    command
        .args(words)
        .env_clear()
        .env("HOME", home.path())
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", ROOT)
        .env("VAULT_MAX_RETRIES", "0")
        .current_dir(home.path())
        .stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run_folder(name: &str, server: impl Fn() -> Option<Server>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name);
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut faults = Vec::new();
    for file in &files {
        let server = server();
        let address = server.as_ref().map(|server| format!("http://{}", server.address));
        let mut run = Run::new(address.as_deref().unwrap_or(NOBODY));
        for step in steps(&fs::read_to_string(file).unwrap()) {
            if let Some(fault) = run.step(&step) {
                faults.push(format!("{}: {fault}", file.display()));
            }
        }
    }
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

enum Step {
    File { name: String, text: String },
    Env { name: String, value: String },
    Command(Box<Case>),
}

#[derive(Default)]
struct Case {
    line: String,
    stdin: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    exit: i32,
    kept: Vec<(String, String)>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in text.lines() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if first == "$" {
            let case = Case { line: rest.to_owned(), ..Case::default() };
            steps.push(Step::Command(Box::new(case)));
            continue;
        }
        match (first, steps.last_mut()) {
            ("file", _) => {
                let (name, text) = rest.split_once(' ').unwrap();
                let text = text.replace("\\n", "\n");
                steps.push(Step::File { name: name.into(), text });
            }
            ("env", _) => {
                let (name, value) = rest.split_once('=').unwrap();
                let value = value.replace("\\n", "\n");
                steps.push(Step::Env { name: name.into(), value });
            }
            ("#", _) => {}
            ("<", Some(Step::Command(case))) => case.stdin.push_str(&format!("{rest}\n")),
            ("!", Some(Step::Command(case))) => case.stderr.push(rest.to_owned()),
            ("=", Some(Step::Command(case))) if rest.parse::<i32>().is_ok() => {
                case.exit = rest.parse().unwrap();
            }
            (">", Some(Step::Command(case))) => {
                let (name, before) = rest.split_once(" = ").unwrap();
                case.kept.push((name.to_owned(), before.to_owned()));
            }
            (_, Some(Step::Command(case))) => case.stdout.push(line.to_owned()),
            _ if line.is_empty() => {}
            _ => panic!("before the first command: {line}"),
        }
    }
    steps
}

/// A folder that is the home of its commands, and what they were told to keep.
struct Run {
    home: TempDir,
    env: BTreeMap<String, String>,
    kept: BTreeMap<String, String>,
}

impl Run {
    fn new(address: &str) -> Self {
        let env = [("VAULT_ADDR", address), ("VAULT_TOKEN", ROOT), ("VAULT_MAX_RETRIES", "0")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let home = TempDir::new();
        let folder = home.path().display().to_string();
        let kept = [("ADDR".to_owned(), address.to_owned()), ("HOME".to_owned(), folder)];
        Self { home, env: env.into(), kept: kept.into() }
    }

    fn fill(&self, text: &str) -> String {
        self.kept
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    /// Does a step; tells where what came differs from what is written.
    fn step(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::File { name, text } => {
                fs::write(self.home.path().join(name), self.fill(text)).unwrap();
                None
            }
            Step::Env { name, value } => {
                let value = self.fill(value);
                self.env.insert(name.clone(), value);
                None
            }
            Step::Command(case) => self.command(case),
        }
    }

    fn command(&mut self, case: &Case) -> Option<String> {
        let words = shell::words(&self.fill(&case.line));
        let mut child = edgekeep(&self.home, "", &words)
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(self.fill(&case.stdin).as_bytes());
        let output = child.wait_with_output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        for (name, before) in &case.kept {
            let behind = out.split_once(before.as_str()).map(|(_, behind)| behind);
            let word = behind.and_then(|behind| behind.split_whitespace().next());
            let Some(word) = word else { return Some(format!("$ {}\nno {before}", case.line)) };
            self.kept.insert(name.clone(), word.trim_matches(['"', ',']).to_owned());
        }
        let exit = output.status.code().unwrap_or(-1);
        let right = self.fits(&case.stdout, &out) && self.fits(&case.stderr, &err);
        (!right || exit != case.exit)
            .then(|| format!("$ {}\n{out}--- stderr\n{err}--- exit {exit}\n", case.line))
    }

    /// Whether output is what was written, trailing empty lines aside.
    fn fits(&self, want: &[String], got: &str) -> bool {
        let mut want: Vec<String> = want.iter().map(|line| self.fill(line)).collect();
        while want.last().is_some_and(String::is_empty) {
            want.pop();
        }
        let got: Vec<&str> = got.trim_end_matches('\n').lines().collect();
        lines_fit(&want, &got)
    }
}

fn lines_fit(want: &[String], got: &[&str]) -> bool {
    match want.split_first() {
        None => got.is_empty(),
        Some((any, rest)) if any == "..." => {
            (0..=got.len()).any(|skipped| lines_fit(rest, &got[skipped..]))
        }
        Some((line, rest)) => got
            .split_first()
            .is_some_and(|(first, others)| line_fits(line, first) && lines_fit(rest, others)),
    }
}

fn line_fits(want: &str, got: &str) -> bool {
    match want.split_once("...") {
        None => want == got,
        Some((before, after)) => got.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter_map(|skip| rest.get(skip..)).any(|r| line_fits(after, r))
        }),
    }
}
