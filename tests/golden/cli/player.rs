//! Runs recorded commands in a folder of their own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use regex_lite::{Captures, Regex};

use super::clean::{Kept, clean};
use super::{Printed, Step};
use crate::support::{NOBODY, Server, TempDir, program, shell};

static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$([A-Z]\w*)").unwrap());

/// A folder that is the home of its commands, their environment, and what was kept of them.
pub struct Player {
    home: TempDir,
    environment: BTreeMap<String, String>,
    kept: Kept,
    began: Instant,
}

impl Player {
    /// A new folder, for commands against a server, or nobody.
    pub fn new(server: Option<&Server>, token: &str) -> Self {
        let address = server.map_or(NOBODY.into(), |server| format!("http://{}", server.address));
        let host = address.trim_start_matches("http://");
        let home = TempDir::new();
        let folder = home.path().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let program = program();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let environment = [
            ("PATH", path.as_str()),
            ("HOME", &folder),
            ("TMPDIR", &folder),
            ("VAULT_ADDR", &address),
            ("VAULT_TOKEN", token),
        ];
        let kept = [
            ("ADDR", address.as_str()),
            ("HOST", host),
            ("HOME", &folder),
            ("TOKEN", token),
            ("PROGRAM", program),
        ];
        let (environment, kept) = (environment.map(owned).into(), kept.map(owned).into());
        Self { home, environment, kept, began: Instant::now() }
    }

    /// For how long it has played.
    pub fn played(&self) -> Duration {
        self.began.elapsed()
    }

    /// Does a step; tells what a command printed.
    pub fn play(&mut self, step: &Step) -> Option<Printed> {
        let stdin = step.stdin.as_deref().map(|text| self.fill(text));
        let (word, rest) = step.line.split_once(' ').unwrap_or((&step.line, ""));
        let mut command = match word {
            "file" => {
                fs::write(self.home.path().join(rest), stdin.unwrap_or_default()).unwrap();
                return None;
            }
            "env" => {
                let rest = self.fill(rest);
                let (name, value) = rest.split_once('=').unwrap();
                self.environment.insert(name.to_owned(), value.to_owned());
                return None;
            }
            "sh" => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &self.fill(rest)]);
                shell
            }
            _ => {
                let mut command = Command::new(program());
                command.args(shell::words(&step.line).iter().map(|word| self.fill(word)));
                command
            }
        };
        let (exit, stdout, stderr) = self.run(&mut command, stdin.as_deref());
        for (name, pattern) in &step.keep {
            let pattern = Regex::new(&format!("(?m){pattern}")).unwrap();
            let both = format!("{stdout}\n{stderr}");
            let found = pattern.captures(&both).map_or(String::new(), |found| found[1].to_owned());
            self.kept.insert(name.clone(), found);
        }
        let clean = |text: &str| clean(text, &self.kept, step.hold);
        Some(Printed { exit, stdout: clean(&stdout), stderr: clean(&stderr) })
    }

    fn run(&self, command: &mut Command, stdin: Option<&str>) -> (i32, String, String) {
        let set = self.environment.iter().filter(|(_, value)| !value.is_empty());
        let mut child = command
            .env_clear()
            .envs(set)
            .current_dir(self.home.path())
            .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin) {
            // A command that reads nothing may be gone already.
            let _ = pipe.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// A text with what its `$NAME`s stand for.
    fn fill(&self, text: &str) -> String {
        let value = |found: &Captures<'_>| {
            self.kept.get(&found[1]).cloned().unwrap_or_else(|| found[0].to_owned())
        };
        NAME.replace_all(text, value).into_owned()
    }
}
