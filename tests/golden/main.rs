//! Replays what was recorded of others, each file against a fresh server: [`api`] what real
//! servers of Vault's API answered, [`cli`] what Vault's command line printed. The recordings are
//! data, and so are the lists of what differs here and why ([`differences`]).
//!
//! `EDGEKEEP_GOLDEN=kv-v2` replays the files whose names begin so.

mod api;
mod cli;
mod differences;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::de::DeserializeOwned;

use differences::{Differences, Listed};

/// How many servers run at a time.
const AT_ONCE: usize = 4;

/// What became of the steps of one recording.
#[derive(Default)]
struct Outcome {
    passed: usize,
    as_newer: usize,
    differed: usize,
    skipped: usize,
    /// Steps that are unlike, and listed differences that are none.
    faults: Vec<String>,
}

/// A recording and what is listed of it.
struct Replay<'a> {
    name: &'a str,
    differences: &'a Differences,
    judged: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
    outcome: Outcome,
}

impl Replay<'_> {
    /// Judges a step: `unlike` tells what is, if anything.
    fn judge(&mut self, number: usize, unlike: Option<String>) {
        self.judged.insert(number);
        match (unlike, self.differences.find(self.name, number)) {
            (Some(_), Some(_)) => self.outcome.differed += 1,
            (Some(unlike), None) => self.fault(&format!("{number} {unlike}")),
            (None, Some(Listed::Step)) => {
                self.fault(&format!("{number} is listed as a difference and is none"));
            }
            (None, _) => self.outcome.passed += 1,
        }
    }

    /// Whether a step is not to be done.
    fn skips(&mut self, number: usize) -> bool {
        let skips = self.differences.skips(self.name, number);
        if skips {
            self.skipped.insert(number);
        }
        skips
    }

    /// What became of it, when all its steps are judged.
    fn end(mut self) -> Outcome {
        if self.differences.waits(self.name) && self.outcome.differed == 0 {
            self.fault("is listed as one that waits and passes");
        }
        for step in self.differences.steps(self.name) {
            if !self.judged.contains(&step) {
                self.fault(&format!("{step} is listed as a difference and is no step"));
            }
        }
        for step in self.differences.skipped(self.name) {
            if !self.skipped.contains(&step) {
                self.fault(&format!("{step} is listed to be skipped and is no step"));
            }
        }
        self.outcome.skipped = self.skipped.len();
        self.outcome
    }

    fn fault(&mut self, text: &str) {
        self.outcome.faults.push(format!("{} {text}", self.name));
    }
}

/// Replays all recordings of a folder, some at a time, by `replay`.
fn replay_all<R: DeserializeOwned>(folder: &str, replay: impl Fn(&R, &mut Replay<'_>) + Sync) {
    let differences = Differences::read(&home().join(folder).join("differences"));
    let recordings = recordings(folder);
    let waiting = Mutex::new(recordings.iter());
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                loop {
                    let Some(path) = waiting.lock().unwrap().next() else { break };
                    let name = path.file_stem().unwrap().to_string_lossy();
                    let (judged, skipped, outcome) = Default::default();
                    let differences = &differences;
                    let mut one = Replay { name: &name, differences, judged, skipped, outcome };
                    replay(&read(path), &mut one);
                    let outcome = one.end();
                    outcomes.lock().unwrap().insert(name.into_owned(), outcome);
                }
            });
        }
    });
    let outcomes: BTreeMap<String, Outcome> = outcomes.into_inner().unwrap();
    println!("{:28} passed  (newer)  listed  skipped", "");
    for (name, o) in &outcomes {
        let Outcome { passed, as_newer, differed, skipped, .. } = o;
        println!("{name:28} {passed:6} {as_newer:8} {differed:7} {skipped:8}");
    }
    let mut faults: Vec<String> = outcomes.values().flat_map(|o| &o.faults).cloned().collect();
    if wanted().is_empty() {
        let unknown = differences.names().into_iter().filter(|name| !outcomes.contains_key(*name));
        faults.extend(unknown.map(|name| format!("{name} is listed and is no recording")));
    }
    assert!(faults.is_empty(), "{} steps are unlike:\n{}", faults.len(), faults.join("\n"));
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// How the names of what is replayed begin.
fn wanted() -> String {
    std::env::var("EDGEKEEP_GOLDEN").unwrap_or_default()
}

/// The recordings of a folder whose names begin as is wanted.
fn recordings(folder: &str) -> Vec<PathBuf> {
    let wanted = wanted();
    let files = std::fs::read_dir(home().join(folder).join("recorded")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with(&wanted));
    files.sort();
    assert!(!files.is_empty() || !wanted.is_empty(), "there are no recordings");
    files
}

fn read<R: DeserializeOwned>(path: &Path) -> R {
    let text = std::fs::read(path).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
