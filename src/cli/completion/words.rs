//! What may stand at the end of a command line.

use crate::cli::command::{Leaf, Node, follow};
use crate::cli::commands::COMMANDS;
use crate::cli::page::{self, Flag};

/// What may follow.
#[derive(Debug, PartialEq, Eq)]
pub enum Follows {
    /// One of these, if there are any.
    Words(Vec<Word>),
    /// The name of a file.
    Files,
    /// The name of a folder.
    Folders,
}

/// A word that may follow.
#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    /// As it would stand there, whole.
    pub word: String,
    /// What it is for.
    pub about: &'static str,
}

/// What may stand in place of the last word of a line, which may be empty. The line begins with
/// the program's name.
pub fn at_end(commands: &'static [Node], line: &str) -> Follows {
    let words = split(line);
    let (last, words) = words.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    let way = follow(commands, words.get(1..).unwrap_or_default());
    if let Some(Node::Leaf(_, leaf)) = way.found {
        let rest: Vec<&str> = way.rest.iter().map(String::as_str).collect();
        return of_command(leaf, &rest, last);
    }
    if !way.rest.is_empty() {
        return Follows::Words(Vec::new());
    }
    let flags = if words.len() > 1 { &WITHOUT_COMMAND[..1] } else { &WITHOUT_COMMAND };
    let flags = flags.iter().filter(|_| last.starts_with('-'));
    let flags = flags.map(|(flag, about)| ((*flag).to_owned(), *about));
    let words = way.nodes.iter().map(|node| (node.name().to_owned(), node.summary()));
    beginning(last, words.chain(flags))
}

/// What may stand in place of a command; the first also behind a group of them.
const WITHOUT_COMMAND: [(&str, &str); 4] = [
    ("-help", "show what may follow"),
    ("-version", "print the version"),
    ("-autocomplete-install", "let the shells of this account complete"),
    ("-autocomplete-uninstall", "take that back"),
];

/// What may stand in place of `last` behind the words of a command that is only named.
fn of_commands(commands: &'static [Node], words: &[&str], last: &str) -> Follows {
    let way = follow(commands, words);
    let nodes = if way.rest.is_empty() { way.nodes } else { &[] };
    beginning(last, nodes.iter().map(|node| (node.name().to_owned(), node.summary())))
}

/// What may stand in place of `last` behind a command and the words after it.
fn of_command(leaf: &Leaf, words: &[&str], last: &str) -> Follows {
    let flags: Vec<Flag> = page::own(leaf)
        .into_iter()
        .chain(page::shared(leaf.shared))
        .flat_map(|s| s.flags)
        .collect();
    let named = |name: &str| flags.iter().find(|flag| flag.name == name);
    let mut words = words.iter();
    let mut operands = Vec::new();
    let mut options_end = false;
    while let Some(word) = words.next() {
        match word.strip_prefix('-').filter(|bare| !options_end && !bare.is_empty()) {
            None => {
                operands.push(*word);
                options_end = true;
            }
            Some("-") => options_end = true,
            Some(bare) => {
                let bare = bare.strip_prefix('-').unwrap_or(bare);
                let value = named(bare).and_then(|flag| flag.value);
                if value.is_some() && words.next().is_none() {
                    return of_value(value, "", last);
                }
            }
        }
    }
    match last.strip_prefix('-').filter(|_| !options_end) {
        None => of_operand(leaf, &operands, last),
        Some(bare) => {
            let bare = bare.strip_prefix('-').unwrap_or(bare);
            match bare.split_once('=') {
                None => {
                    let dashes = &last[..last.len() - bare.len()];
                    beginning(last, flags.iter().map(|flag| (whole(dashes, flag), flag.text)))
                }
                Some((name, value)) => {
                    let before = &last[..last.len() - value.len()];
                    match named(name) {
                        Some(flag) => of_value(flag.value.or(Some("true|false")), before, value),
                        None => Follows::Words(Vec::new()),
                    }
                }
            }
        }
    }
}

/// How a flag begins: where it needs a value, that is to follow.
fn whole(dashes: &str, flag: &Flag) -> String {
    let equals = if flag.value.is_some() { "=" } else { "" };
    format!("{dashes}{}{equals}", flag.name)
}

/// What a flag's value may be, told by what it is called. `before` stands before it in its word.
fn of_value(called: Option<&'static str>, before: &str, typed: &str) -> Follows {
    match called {
        Some("file" | "files" | "path") => Follows::Files,
        Some("folder") => Follows::Folders,
        Some(words) if words.contains('|') => {
            let words = words.split('|').map(|word| (format!("{before}{word}"), ""));
            beginning(&format!("{before}{typed}"), words)
        }
        _ => Follows::Words(Vec::new()),
    }
}

/// What an operand may be, told by what the usage line calls it: `NAME [FILE]`, `KEY [DATA...]`.
fn of_operand(leaf: &Leaf, before: &[&str], typed: &str) -> Follows {
    let called = leaf.operands;
    let choices = (leaf.choices)();
    if before.is_empty() && !choices.is_empty() {
        return beginning(typed, choices.into_iter().map(|word| (word.to_owned(), "")));
    }
    let names: Vec<&'static str> =
        called.split(' ').map(|name| name.trim_matches(BRACKETS)).collect();
    let repeats = |name: &&&str| matches!(**name, "DATA" | "K=V") || name.ends_with("...");
    let name = names.get(before.len()).or_else(|| names.last().filter(repeats));
    match name.map_or("", |name| name.trim_end_matches("...")) {
        "FILE" => Follows::Files,
        "COMMAND" => of_commands(COMMANDS, before, typed),
        "DATA" | "K=V" if typed.contains('@') => Follows::Files,
        words if words.len() > 1 && words.contains('|') => of_value(Some(words), "", typed),
        _ => Follows::Words(Vec::new()),
    }
}

const BRACKETS: [char; 2] = ['[', ']'];

fn beginning(typed: &str, words: impl Iterator<Item = (String, &'static str)>) -> Follows {
    let words = words.filter(|(word, _)| word.starts_with(typed));
    Follows::Words(words.map(|(word, about)| Word { word, about }).collect())
}

/// The words of a line, as a shell reads them; the last is what is not ended yet.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = line.trim_start().chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ' | '\t', None) => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
            }
            ('\\', None | Some('"')) => push(&mut words, chars.next()),
            (c, _) => push(&mut words, Some(c)),
        }
    }
    words
}

fn push(words: &mut [String], c: Option<char>) {
    if let Some(word) = words.last_mut() {
        word.extend(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> String {
        match at_end(COMMANDS, &format!("edgekeep {line}")) {
            Follows::Words(words) => {
                words.into_iter().map(|word| word.word).collect::<Vec<_>>().join(" ")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_follows_is_what_the_table_says() {
        for (line, follows) in [
            ("kv pa", "patch"),
            ("kv metadata ", "delete get patch put"),
            ("kv frob ", ""),
            ("kv", "kv"),
            ("kv get -mo", "-mount="),
            ("kv get --mo", "--mount="),
            ("kv get -mount=secret --vers", "--version="),
            ("kv get -mount 'a b' -vers", "-version="),
            ("kv get -output-", "-output-curl-string -output-policy"),
            ("kv get -format=j", "-format=json"),
            ("kv get -format j", "json"),
            ("kv get -non-interactive=", "-non-interactive=true -non-interactive=false"),
            ("kv get -mount=", ""),
            ("kv get x -mo", ""),
            ("kv get -- -mo", ""),
            ("kv get -frob ", ""),
            ("read -ca-cert=/e", "Files"),
            ("read -ca-path /e", "Folders"),
            ("snapshot save ", "Files"),
            ("snapshot save a ", ""),
            ("policy write a ", "Files"),
            ("kv put a b=@", "Files"),
            ("kv put a b=1 c=@", "Files"),
            ("kv put a b=", ""),
            ("completion ", "bash zsh fish"),
            ("auth enable ", "approle userpass"),
            ("auth enable -path=x u", "userpass"),
            ("secrets enable ", "kv"),
            ("audit enable s", "socket syslog"),
            ("audit enable file ", ""),
            ("man k", "kv"),
            ("man kv me", "metadata"),
            ("man kv get ", ""),
            ("debug -target=re", "-target=requests -target=replication-status"),
            ("operator diagnose -skip=s", "-skip=storage -skip=space -skip=systemd"),
            ("token revoke -mode=", "-mode=orphan -mode=path"),
            ("-v", "-version"),
            ("kv -", "-help"),
            ("kv put x @", "Files"),
        ] {
            assert_eq!(words(line), follows, "{line}");
        }
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        for (line, words) in [
            ("", vec![""]),
            ("a", vec!["a"]),
            ("  a  b ", vec!["a", "b", ""]),
            ("a 'b c' \"d e", vec!["a", "b c", "d e"]),
            (r"a b\ c \", vec!["a", "b c", ""]),
        ] {
            assert_eq!(split(line), words, "{line:?}");
        }
    }
}
