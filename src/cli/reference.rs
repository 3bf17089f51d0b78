//! The reference of the command line, derived from the tree of commands.

use std::fmt::Write;

use super::absent::{self, ABSENT, Answer};
use super::command::{Leaf, Node, Shared};
use super::commands::COMMANDS;
use super::page::{self, PROGRAM, Section};

/// Where it is to be read.
pub const REFERENCE: &str = "src/cli/README.md";

/// The reference of all commands, in Markdown: what [`REFERENCE`] holds.
pub fn reference() -> String {
    let mut out = String::from(
        "# The command line\n\nVault's words, flags and exit codes. Options stand before operands, \
         with one dash or two, as `-name=value` or `-name value`. This page is made from \
         `commands.rs` and what hangs in it; a test holds them equal.\n\n",
    );
    for node in COMMANDS {
        let name = node.name();
        let summary = node.summary();
        let _ = writeln!(out, "- [`{PROGRAM} {name}`](#{PROGRAM}-{name}): {summary}");
    }
    for section in page::shared(Shared::Field) {
        let _ = write!(out, "\n## {}\n\n{}", section.title, options("option", &section));
    }
    out.push_str("\n## Environment\n");
    for group in page::variables() {
        let _ = write!(out, "\n{}\n\n| variable | meaning |\n|---|---|\n", group.text);
        for [name, meaning] in &group.rows {
            let _ = writeln!(out, "| `{name}` | {} |", cell(meaning));
        }
    }
    out.push_str("\n## Exit codes\n\n| code | when |\n|---|---|\n");
    for (exit, when) in page::EXITS {
        let _ = writeln!(out, "| {} | {when} |", exit as u8);
    }
    out.push_str(&absent());
    for node in COMMANDS {
        let _ = write!(out, "\n## {PROGRAM} {}\n", node.name());
        match node {
            Node::Leaf(name, leaf) => out.push_str(&command(&[*name], leaf)),
            Node::Group(_, summary, _) => {
                let _ = write!(out, "\n{summary}.\n");
                for (words, leaf) in page::commands(node) {
                    let _ = write!(out, "\n### {PROGRAM} {}\n", words.join(" "));
                    out.push_str(&command(&words, leaf));
                }
            }
        }
    }
    out
}

/// What of Vault's there is nothing for.
fn absent() -> String {
    let mut out = String::from(
        "\n## Vault's flags that are not there\n\nOne that is refused ends the command with 1, one \
         that is overlooked brings a warning. What is empty or false asks for nothing.\n\n\
         | command | flag | answer | why: it |\n|---|---|---|---|\n",
    );
    for absent in ABSENT {
        let commands: Vec<String> = absent.commands().map(|words| format!("`{words}`")).collect();
        let commands = match commands.as_slice() {
            [] => "all that ask a server".to_owned(),
            commands => commands.join(", "),
        };
        let answer = match absent.answer {
            Answer::Refused => "refused",
            Answer::Overlooked => "overlooked",
        };
        for flag in absent.flags {
            let (name, why) = (absent::name(flag), flag.description);
            let _ = writeln!(out, "| {commands} | `{name}` | {answer} | {why} |");
        }
    }
    out
}

fn command(words: &[&str], leaf: &Leaf) -> String {
    let mut out = format!("\n    {}\n\n{}\n", page::usage(words, leaf), page::description(leaf));
    for section in page::own(leaf) {
        let _ = write!(out, "\n{}", options(section.title, &section));
    }
    let link = |section: &Section| {
        let anchor = section.title.to_lowercase().replace(' ', "-");
        format!("[{}](#{anchor})", section.title)
    };
    let shared: Vec<String> = page::shared(leaf.shared).iter().map(link).collect();
    if !shared.is_empty() {
        let _ = write!(out, "\nIt takes these, too: {}.\n", shared.join(", "));
    }
    out
}

/// A table of options; `head` stands over their names.
fn options(head: &str, section: &Section) -> String {
    let mut out = format!("| {head} | meaning |\n|---|---|\n");
    for flag in &section.flags {
        let _ = writeln!(out, "| `{}` | {} |", cell(&flag.usage()), cell(flag.text));
    }
    out
}

/// What stands in a cell of a table: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
