//! Which command was probably meant by words that are none.

use super::command::Node;
use super::commands::COMMANDS;
use super::{later, page};
use crate::base::nearest::nearest;

/// Words that people bring from elsewhere, and what does that here.
const LINES: &[(&str, &[&str])] = &[
    ("backup", &["snapshot save"]),
    ("cat", &["kv get", "read"]),
    ("check", &["snapshot verify"]),
    ("create", &["kv put", "write"]),
    ("databases", &["snapshot status"]),
    ("del", &["kv delete", "delete"]),
    ("dump", &["snapshot read"]),
    ("forget", &["snapshot forget"]),
    ("generations", &["snapshot status -all"]),
    ("get", &["kv get", "read"]),
    ("health", &["status"]),
    ("log", &["monitor"]),
    ("logs", &["monitor"]),
    ("logout", &["token revoke -self"]),
    ("ls", &["kv list", "list"]),
    ("mount", &["secrets enable"]),
    ("mounts", &["secrets list"]),
    ("ping", &["status"]),
    ("policies", &["policy list"]),
    ("prune", &["snapshot forget"]),
    ("put", &["kv put", "write"]),
    ("remove", &["kv delete", "delete"]),
    ("replicate", &["snapshot status"]),
    ("rm", &["kv delete", "delete"]),
    ("run", &["server"]),
    ("set", &["kv put", "write"]),
    ("show", &["kv get", "read"]),
    ("snapshots", &["snapshot list"]),
    ("start", &["server"]),
    ("umount", &["secrets disable"]),
    ("unmount", &["secrets disable"]),
    ("update", &["kv patch", "patch"]),
    ("whoami", &["token lookup"]),
];

/// The same within a group of commands: the first name that the group has is meant.
const NAMES: &[(&str, &[&str])] = &[
    ("add", &["create", "enable", "put", "write"]),
    ("backup", &["take"]),
    ("cat", &["get", "read", "lookup"]),
    ("check", &["verify"]),
    ("create", &["take", "enable", "put", "write"]),
    ("del", &["delete", "disable", "revoke"]),
    ("delete", &["disable", "revoke", "forget"]),
    ("dump", &["read"]),
    ("edit", &["patch", "write", "tune"]),
    ("format", &["fmt"]),
    ("get", &["read", "lookup", "list"]),
    ("info", &["get", "read", "lookup"]),
    ("ls", &["list", "list-peers"]),
    ("mount", &["enable"]),
    ("new", &["create", "enable", "put", "write"]),
    ("prune", &["forget"]),
    ("put", &["write", "enable"]),
    ("read", &["get", "lookup"]),
    ("replicate", &["status"]),
    ("remove", &["delete", "disable", "revoke"]),
    ("rename", &["move"]),
    ("rm", &["delete", "disable", "revoke"]),
    ("set", &["put", "write", "tune"]),
    ("show", &["get", "read", "lookup", "list"]),
    ("snapshots", &["list"]),
    ("unmount", &["disable"]),
    ("update", &["patch", "write", "tune"]),
    ("write", &["put", "enable", "create"]),
];

/// What to ask somebody who wrote `rest` behind `words`, where only `nodes` could stand.
pub fn meant(words: &[&str], rest: &[&str], nodes: &[Node]) -> Option<String> {
    let (word, more) = rest.split_first()?;
    let lines = match *word {
        "help" => vec![[words, more, &["-help"]].concat().join(" ")],
        word => [
            known(words, word, nodes),
            elsewhere(rest.get(..2).unwrap_or_default()),
            elsewhere(&rest[..1]),
            dashed(words, word),
            near(words, word, nodes),
        ]
        .into_iter()
        .find(|lines| !lines.is_empty())?,
    };
    let lines: Vec<_> = lines.iter().map(|line| format!("`edgekeep {line}`")).collect();
    Some(format!("Did you mean {}?", lines.join(" or ")))
}

/// What is known to be meant by a word.
fn known(words: &[&str], word: &str, nodes: &[Node]) -> Vec<String> {
    let of = |table: &'static [(&str, &[&'static str])]| {
        table.iter().find(|(said, _)| *said == word).map_or(&[][..], |(_, meant)| *meant)
    };
    if words.is_empty() {
        return of(LINES).iter().map(|line| (*line).to_owned()).collect();
    }
    let is_there = |name: &&&str| nodes.iter().any(|node| node.name() == **name);
    let name = of(NAMES).iter().find(is_there);
    name.map(|name| [words, &[*name]].concat().join(" ")).into_iter().collect()
}

/// The commands, or else the groups of them, that end in these words, the shortest first.
fn elsewhere(words: &[&str]) -> Vec<String> {
    if words.is_empty() {
        return Vec::new();
    }
    let all = || COMMANDS.iter().flat_map(page::commands).map(|(line, _)| line);
    let mut found: Vec<_> = all().filter(|line| line.ends_with(words)).collect();
    if found.is_empty() {
        let begin = |line: Vec<&'static str>| {
            let end = (1..line.len()).find(|&end| line[..end].ends_with(words))?;
            Some(line[..end].to_vec())
        };
        found = all().filter_map(begin).collect();
    }
    found.sort_by_key(|line| (line.len(), line.join(" ")));
    found.dedup();
    found.iter().map(|line| line.join(" ")).collect()
}

/// A command that was written in one word: so all of Vault's were once.
fn dashed(words: &[&str], word: &str) -> Vec<String> {
    let line: Vec<&str> = words.iter().copied().chain(word.split('-')).collect();
    let is_there = COMMANDS.iter().flat_map(page::commands).any(|(command, _)| command == line);
    is_there.then(|| line.join(" ")).into_iter().collect()
}

/// What could stand there and differs least.
fn near(words: &[&str], word: &str, nodes: &[Node]) -> Vec<String> {
    let name = nearest(word, nodes.iter().map(Node::name).chain(later::behind(words)));
    name.map(|name| [words, &[name]].concat().join(" ")).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all that is suggested is there.
    fn is_command(line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with('-')).collect();
        COMMANDS.iter().flat_map(page::commands).any(|(command, _)| command == words)
    }

    #[test]
    fn only_what_is_there_is_suggested() {
        for (said, lines) in LINES {
            assert!(COMMANDS.iter().all(|node| node.name() != *said), "{said} is a command");
            assert!(lines.iter().all(|line| is_command(line)), "{said}");
        }
        for (said, names) in NAMES {
            let is_a_name = |name: &&str| {
                COMMANDS.iter().flat_map(page::commands).any(|(line, _)| line.ends_with(&[name]))
            };
            assert!(names.iter().all(is_a_name), "{said}");
        }
    }
}
