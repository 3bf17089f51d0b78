//! The lists of steps that are answered otherwise than they were recorded, and why: a file for each
//! group of recordings.

use std::collections::BTreeSet;
use std::path::Path;

/// All lists. A line is `RECORDING STEP REASON`, the steps of a recording counted from 1, or
/// `recording RECORDING REASON` for all steps of one that waits for something, or
/// `skip RECORDING STEP REASON` for one that is not done, as those after it would be others, or
/// `also: LINE` for one that may stand at the end of any step, where the recorded ones have none.
#[derive(Default)]
pub struct Differences {
    steps: BTreeSet<(String, usize)>,
    skipped: BTreeSet<(String, usize)>,
    recordings: BTreeSet<String>,
    also: BTreeSet<String>,
}

/// Why a step is on the list.
pub enum Listed {
    /// By itself: it must differ.
    Step,
    /// With its whole recording: it may differ.
    Recording,
}

impl Differences {
    /// Reads every list in `folder`.
    pub fn read(folder: &Path) -> Self {
        let mut lists = Self::default();
        for file in std::fs::read_dir(folder).unwrap() {
            lists.add(&file.unwrap().path());
        }
        lists
    }

    fn add(&mut self, file: &Path) {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(line) = line.strip_prefix("also: ") {
                self.also.insert(line.to_owned());
                continue;
            }
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().filter(|word| !word.is_empty());
            let (Some(first), Some(second), Some(rest)) = (word(), word(), word()) else {
                panic!("{}: no reason in {line:?}", file.display());
            };
            match first {
                "recording" => drop(self.recordings.insert(second.to_owned())),
                "skip" => {
                    let (step, _reason) = rest.split_once(' ').unwrap();
                    self.skipped.insert((second.to_owned(), step.parse().unwrap()));
                }
                name => drop(self.steps.insert((name.to_owned(), second.parse().unwrap()))),
            }
        }
    }

    /// The steps of a recording that are listed by themselves.
    pub fn steps(&self, recording: &str) -> impl Iterator<Item = usize> {
        self.steps.iter().filter(move |(name, _)| name == recording).map(|(_, step)| *step)
    }

    /// The steps of a recording that are not done.
    pub fn skipped(&self, recording: &str) -> impl Iterator<Item = usize> {
        self.skipped.iter().filter(move |(name, _)| name == recording).map(|(_, step)| *step)
    }

    /// The recordings that anything is listed of.
    pub fn names(&self) -> BTreeSet<&str> {
        let of_steps = self.steps.iter().chain(&self.skipped).map(|(name, _)| name);
        of_steps.chain(&self.recordings).map(String::as_str).collect()
    }

    /// Whether a step is not done.
    pub fn skips(&self, recording: &str, step: usize) -> bool {
        self.skipped.contains(&(recording.to_owned(), step))
    }

    /// Takes away what may stand at the end besides, with the empty line before it.
    pub fn without_also(&self, lines: &mut Vec<String>) {
        if lines.pop_if(|line| self.also.contains(line)).is_some() {
            lines.pop_if(|line| line.is_empty());
        }
    }

    /// Whether a recording waits for something.
    pub fn waits(&self, recording: &str) -> bool {
        self.recordings.contains(recording)
    }

    /// Whether and how a step is on the list.
    pub fn find(&self, recording: &str, step: usize) -> Option<Listed> {
        if self.steps.contains(&(recording.to_owned(), step)) {
            return Some(Listed::Step);
        }
        self.waits(recording).then_some(Listed::Recording)
    }
}
