//! Help, derived from the tables of options and the tree of commands.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

use super::command::{Leaf, Node, Shared};
use super::{shared, table};
use crate::client::variables;

const PROGRAM: &str = "edgekeep";

/// Help of the program.
pub fn program(commands: &[Node]) -> String {
    let variables =
        variables::ALL.iter().map(|v| [format!("    VAULT_{}", v.name), v.meaning.to_owned()]);
    format!(
        "Usage: {PROGRAM} <command> [args]\n\n{}\n\n\
         Environment (EDGEKEEP_ADDR is the same as VAULT_ADDR, and wins; so with each):\n{}",
        listed("Commands", commands),
        table::columns(&variables.collect::<Vec<_>>())
    )
}

/// Help of a group; `words` lead to it.
pub fn group(words: &[&str], summary: &str, commands: &[Node]) -> String {
    format!(
        "Usage: {PROGRAM} {} <subcommand> [options] [args]\n\n  {summary}\n\n{}",
        words.join(" "),
        listed("Subcommands", commands)
    )
}

/// Help of a command; `words` lead to it.
pub fn leaf(words: &[&str], leaf: &Leaf) -> String {
    let tables = (leaf.tables)();
    let mut usage = format!("Usage: {PROGRAM} {}", words.join(" "));
    if leaf.shared != Shared::None || tables.iter().any(|table| shown(table).next().is_some()) {
        usage.push_str(" [options]");
    }
    if !leaf.operands.is_empty() {
        usage.push_str(&format!(" {}", leaf.operands));
    }
    let description = tables.first().map_or("", |own| own.description);
    let description = table::wrap(&format!("  {description}"), 2);
    let mut out = format!("{usage}\n\n{description}\n");
    for options in shared::tables(leaf.shared) {
        out.push_str(&section(options.description, &options));
    }
    for (i, options) in tables.iter().enumerate() {
        let title = if i == 0 { "Command Options" } else { options.description };
        out.push_str(&section(title, options));
    }
    out
}

/// The options that are listed: argh's own `--help` goes without saying.
fn shown(options: &CommandInfoWithArgs) -> impl Iterator<Item = &'static FlagInfo<'static>> {
    options.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help")
}

fn section(title: &str, options: &CommandInfoWithArgs) -> String {
    let mut out = String::new();
    for flag in shown(options) {
        let name = &flag.long[1..];
        let value = match flag.kind {
            FlagInfoKind::Option { arg_name } if arg_name != "bool" => format!("=<{arg_name}>"),
            _ => String::new(),
        };
        let text = table::wrap(&format!("      {}", flag.description), 6);
        out.push_str(&format!("\n  {name}{value}\n{text}\n"));
    }
    if out.is_empty() { out } else { format!("\n{title}:\n{out}") }
}

fn listed(title: &str, commands: &[Node]) -> String {
    let rows = commands.iter().map(|node| [format!("    {}", node.name()), node.summary().into()]);
    format!("{title}:\n{}", table::columns(&rows.collect::<Vec<_>>()))
}
