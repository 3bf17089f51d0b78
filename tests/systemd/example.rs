//! The example of a configuration, which has every key.

use std::fs;
use std::path::Path;

use edgekeep::config::{self, keys};

use super::support::TempDir;

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/edgekeep.hcl");
    fs::read_to_string(path).unwrap()
}

/// The same with all that it leaves to be switched on.
fn whole() -> String {
    let is_key = |rest: &str| !rest.starts_with(' ') || rest.starts_with("  ");
    let lines = example();
    let lines = lines.lines().map(|line| {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        match text.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && is_key(rest) => format!("{indent}{rest}\n"),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Reads it as a server would; the warnings.
fn read(text: &str) -> Vec<String> {
    let home = TempDir::new();
    let file = home.path().join("edgekeep.hcl");
    fs::write(&file, text).unwrap();
    let (_, warnings) = config::read(&[file], &|_| None).unwrap_or_else(|why| panic!("{why}"));
    warnings.iter().map(ToString::to_string).collect()
}

pub fn it_is_right_as_it_is() {
    assert_eq!(read(&example()), [""; 0]);
}

pub fn it_is_right_with_all_that_it_offers() {
    // But for what has to be on the machine already.
    let there = |line: &&str| {
        !["socket_user", "socket_group", "ca_cert"].iter().any(|key| line.contains(key))
    };
    let text: String = whole().split_inclusive('\n').filter(there).collect();
    // Of what opens the store it has one.
    let (parts, seals) = (text.split("seal \"").enumerate(), text.matches("seal \"").count());
    assert!(seals > 1);
    let cut: Vec<(&str, &str)> = parts
        .map(|(nth, part)| if nth == 0 { ("", part) } else { part.split_at(end(part)) })
        .collect();
    for chosen in 1..=seals {
        let seal = |nth: usize| {
            if nth == chosen { format!("seal \"{}", cut[nth].0) } else { String::new() }
        };
        let text: String = (0..=seals).map(|nth| seal(nth) + cut[nth].1).collect();
        assert_eq!(read(&text), [""; 0]);
    }
}

/// Where the section ends that a text begins with.
fn end(section: &str) -> usize {
    section.find("\n}\n").unwrap() + 3
}

pub fn it_has_every_key() {
    let text = whole();
    let says = |word: &str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|other| other == word)
    };
    let reference = keys::reference();
    let tables = reference.split("Taken with a warning, and not heeded:");
    let mut missing = Vec::new();
    // What is not heeded is listed in bullets.
    for line in tables.flat_map(str::lines) {
        let Some(rest) = line.strip_prefix("| `") else { continue };
        let name = rest.split('`').next().unwrap();
        if !says(name) {
            missing.push(name.to_owned());
        }
    }
    assert!(missing.is_empty(), "the example says nothing of {missing:?}");
}
