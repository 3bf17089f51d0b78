//! Help, as it is shown on a terminal.

use super::command::{Leaf, Node};
use super::page::{self, PROGRAM, Section};
use super::table;

/// Help of the program.
pub fn program(commands: &[Node]) -> String {
    let variables = page::variables().map(|group| {
        let rows =
            group.rows.iter().map(|[name, meaning]| [format!("    {name}"), meaning.clone()]);
        format!("\n\n{}\n{}", group.text, table::columns(&rows.collect::<Vec<_>>()))
    });
    format!(
        "Usage: {PROGRAM} <command> [args]\n\n{}\n\nEnvironment:{}",
        listed("Commands", commands),
        variables.concat()
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
    let description = table::wrap(&format!("  {}", page::description(leaf)), 2);
    let sections = page::shared(leaf.shared).into_iter().chain(page::own(leaf));
    let sections: String = sections.map(|options| section(&options)).collect();
    format!("Usage: {}\n\n{description}\n{sections}", page::usage(words, leaf))
}

fn section(options: &Section) -> String {
    let flags = options.flags.iter().map(|flag| {
        let text = table::wrap(&format!("      {}", flag.text), 6);
        format!("\n  {}\n{text}\n", flag.usage())
    });
    format!("\n{}:\n{}", options.title, flags.collect::<String>())
}

fn listed(title: &str, commands: &[Node]) -> String {
    let rows = commands.iter().map(|node| [format!("    {}", node.name()), node.summary().into()]);
    format!("{title}:\n{}", table::columns(&rows.collect::<Vec<_>>()))
}
