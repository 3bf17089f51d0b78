//! The command line, as people and scripts meet it: the built program, its output, its exit codes.
//!
//! The cases are data, under `tests/cli`: a file is a run of commands in one fresh folder, those
//! in `offline` without a server, those in `dev` against a fresh development server.
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
//! address.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{ROOT, Server, TempDir};

/// Nothing listens there: the port is for nobody (RFC 863 aside).
const NOBODY: &str = "http://127.0.0.1:9";

#[test]
fn commands_without_a_server() {
    run_folder("offline", || None);
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
                steps.push(Step::Env { name: name.into(), value: value.into() });
            }
            ("#", _) => {}
            ("<", Some(Step::Command(case))) => case.stdin.push_str(&format!("{rest}\n")),
            ("!", Some(Step::Command(case))) => case.stderr.push(rest.to_owned()),
            ("=", Some(Step::Command(case))) => case.exit = rest.parse().unwrap(),
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
        let kept = [("ADDR".to_owned(), address.to_owned())];
        Self { home: TempDir::new(), env: env.into(), kept: kept.into() }
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
        let words = words(&self.fill(&case.line));
        let mut child = Command::new(env!("CARGO_BIN_EXE_edgekeep"))
            .args(&words)
            .env_clear()
            .envs(self.env.iter().filter(|(_, value)| !value.is_empty()))
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(self.fill(&case.stdin).as_bytes());
        let output = child.wait_with_output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
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
        Some((before, after)) => got
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|skip| rest.get(skip..) == Some(after))),
    }
}

/// The words of a line; single quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
