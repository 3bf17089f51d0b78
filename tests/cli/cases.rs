//! The cases as data: how they are written, and how they are run.
//!
//! A file under `tests/cli` is a run of commands in one fresh folder: those in `offline` without a
//! server, those in `dev` against a fresh development server, those in `new` against a fresh server
//! that is not initialised.
//!
//! ```text
//! # a comment
//! $ kv get -field=a secret/x        a command, without the program's name
//! < text                            a line for its stdin
//! ~ text                            interrupts it once a line of its stdout holds that
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

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{NOBODY, ROOT, Server, TempDir, shell};
use super::{edgekeep, text};

pub fn commands_without_a_server() {
    run_folder("offline", || None);
}

pub fn commands_against_a_development_server() {
    run_folder("dev", || Some(Server::dev()));
}

pub fn commands_against_a_new_server() {
    run_folder("new", || Some(Server::uninitialised()));
}

/// How long something may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the server is asked while something is waited for.
const EVERY: Duration = Duration::from_millis(50);

/// The command lines of all cases, and what each exits with.
pub fn all() -> Vec<(String, i32)> {
    let files = ["offline", "dev", "new"].into_iter().flat_map(files);
    let steps = files.flat_map(|file| steps(&fs::read_to_string(file).unwrap()));
    let line = |step| match step {
        Step::Command(case) => Some((case.line, case.exit)),
        Step::File { .. } | Step::Env { .. } => None,
    };
    steps.filter_map(line).collect()
}

fn files(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name);
    let entries = fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    files.sort();
    files
}

fn run_folder(name: &str, server: impl Fn() -> Option<Server>) {
    let files = files(name);
    let mut faults = Vec::new();
    for file in &files {
        let mut run = Run::new(server());
        for step in steps(&fs::read_to_string(file).unwrap()) {
            if let Some(fault) = run.step(&step) {
                faults.push(format!("{}: {fault}", file.display()));
            }
        }
    }
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
    /// What its stdout says before it is interrupted.
    until: Option<String>,
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
            ("~", Some(Step::Command(case))) => case.until = Some(rest.to_owned()),
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
    server: Option<Server>,
    home: TempDir,
    env: BTreeMap<String, String>,
    kept: BTreeMap<String, String>,
}

impl Run {
    fn new(server: Option<Server>) -> Self {
        let address = server.as_ref().map(|server| format!("http://{}", server.address));
        let address = address.as_deref().unwrap_or(NOBODY);
        let env = [("VAULT_ADDR", address), ("VAULT_TOKEN", ROOT), ("VAULT_MAX_RETRIES", "0")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let home = TempDir::new();
        let folder = home.path().display().to_string();
        let kept = [("ADDR".to_owned(), address.to_owned()), ("HOME".to_owned(), folder)];
        Self { server, home, env: env.into(), kept: kept.into() }
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
        let output = match &case.until {
            Some(until) => self.interrupted(child, &self.fill(until)),
            None => child.wait_with_output().unwrap(),
        };
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

    /// What a command says that is interrupted once a line of its stdout holds `until`. Until then
    /// the server is asked again and again, so that it has something to tell.
    fn interrupted(&self, mut child: Child, until: &str) -> Output {
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let (tell, told) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        spawn(move || stdout.split(b'\n').map_while(Result::ok).try_for_each(|l| tell.send(l)));
        let deadline = Instant::now() + PATIENCE;
        let (mut said, mut ending) = (Vec::new(), false);
        loop {
            match told.recv_timeout(EVERY) {
                Ok(line) => {
                    let begun = ending;
                    ending |= text(&line).contains(until);
                    said.extend([&line[..], b"\n"].concat());
                    if ending && !begun {
                        kill_process(id, Signal::INT).unwrap();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                    child.kill().unwrap();
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.server.as_ref().map(|server| server.root().get("sys/mounts"));
                }
            }
        }
        let mut output = child.wait_with_output().unwrap();
        output.stdout = said;
        output
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
