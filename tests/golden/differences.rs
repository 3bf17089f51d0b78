//! The list of steps that are answered otherwise than they were recorded, and why.

use std::collections::BTreeSet;
use std::path::Path;

/// The list. A line is `RECORDING STEP REASON`, the steps of a recording counted from 1, or
/// `path PREFIX REASON` for all steps on paths that begin so.
pub struct Differences {
    steps: BTreeSet<(String, usize)>,
    prefixes: Vec<String>,
}

/// Why a step is on the list.
pub enum Listed {
    /// By itself: it must differ.
    Step,
    /// By its path.
    Path,
}

impl Differences {
    /// Reads the list.
    pub fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let mut list = Self { steps: BTreeSet::new(), prefixes: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().filter(|word| !word.is_empty());
            let (Some(first), Some(second), Some(_reason)) = (word(), word(), word()) else {
                panic!("{}: no reason in {line:?}", file.display());
            };
            if first == "path" {
                list.prefixes.push(second.to_owned());
            } else {
                list.steps.insert((first.to_owned(), second.parse().unwrap()));
            }
        }
        list
    }

    /// Whether and how a step is on the list.
    pub fn find(&self, recording: &str, step: usize, path: &str) -> Option<Listed> {
        if self.steps.contains(&(recording.to_owned(), step)) {
            return Some(Listed::Step);
        }
        self.prefixes.iter().any(|prefix| path.starts_with(prefix)).then_some(Listed::Path)
    }
}
