//! `man`: the manual's pages, derived from the tree of commands.
//!
//! `edgekeep(1)` tells what all commands share; each first word has a page with all commands below
//! it, as `edgekeep-kv(1)`, which `man edgekeep kv` finds.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{self, Stdio};

use argh::{ArgsInfo, FromArgs};

use super::command::{self, Command, Leaf, Node, Shared};
use super::commands::COMMANDS;
use super::context::Context;
use super::help;
use super::operands;
use super::page::{self, Flag, PROGRAM, SUMMARY, Section};
use super::stop::{Exit, Stop, meant};
use super::table;

/// Print a page of the manual, or write all of them.
///
/// Without COMMAND it is the one about the program; with more words it tells only of that command.
/// On a terminal `man` shows it, elsewhere it is printed as it is: `edgekeep man kv > kv.1`. With
/// -out all pages are written, edgekeep.1 and one for each first word, as they belong into
/// share/man/man1.
#[derive(FromArgs, ArgsInfo)]
pub struct Man {
    /// write all pages into this folder
    #[argh(option, arg_name = "folder")]
    out: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Man {
    const OPERANDS: &'static str = "[COMMAND...]";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let Some(folder) = &self.out else {
            let words: Vec<&str> = self.operands.iter().map(String::as_str).collect();
            let node = find(&words)?;
            let page = node.map_or_else(program, |node| page(&words, node));
            // People read no roff.
            if !io::stdout().is_terminal() {
                cx.say(page.trim_end())?;
            } else if !is_shown(&page) {
                cx.say(help_of(&words, node).trim_end())?;
            }
            return Ok(Exit::Done);
        };
        operands::none(&self.operands)?;
        let pages = pages();
        let write = |(name, text): &(String, String)| {
            fs::write(Path::new(folder).join(name), text).map_err(|e| {
                let first = match e.kind() {
                    io::ErrorKind::NotFound => format!(": make it first, mkdir -p {folder}"),
                    _ => String::new(),
                };
                Stop::Failed(format!("{name} cannot be written in {folder}: {e}{first}"))
            })
        };
        pages.iter().try_for_each(write)?;
        cx.say(&format!("Success! Wrote {} pages in {folder}", pages.len()))?;
        Ok(Exit::Done)
    }
}

/// Every page, with the name of its file.
fn pages() -> Vec<(String, String)> {
    let of =
        |node: &'static Node| (format!("{PROGRAM}-{}.1", node.name()), page(&[node.name()], node));
    let of_commands = COMMANDS.iter().map(of);
    [(format!("{PROGRAM}.1"), program())].into_iter().chain(of_commands).collect()
}

/// Shows a page as `man` does; tells whether that could be.
fn is_shown(page: &str) -> bool {
    let man = process::Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let Ok(mut man) = man else { return false };
    if let Some(mut stdin) = man.stdin.take() {
        // Whoever read enough closes it early.
        let _ = stdin.write_all(page.as_bytes());
    }
    man.wait().is_ok_and(|status| status.success())
}

fn help_of(words: &[&str], node: Option<&Node>) -> String {
    match node {
        None => help::program(COMMANDS),
        Some(Node::Group(_, summary, nodes)) => help::group(words, summary, nodes),
        Some(Node::Leaf(_, leaf)) => help::leaf(words, leaf),
    }
}

/// The node that words lead to; none is the whole program.
fn find(words: &[&str]) -> Result<Option<&'static Node>, Stop> {
    let way = command::follow(COMMANDS, words);
    if let Some(word) = way.rest.first() {
        let text = format!("There is no page of {:?}", words[..=way.words.len()].join(" "));
        return Err(Stop::Usage(meant(text, word, way.nodes.iter().map(Node::name))));
    }
    Ok(way.found)
}

/// `edgekeep(1)`.
fn program() -> String {
    let mut roff = Roff::page(PROGRAM, SUMMARY);
    roff.heading("SYNOPSIS");
    roff.line(&format!("{} <command> [options] [operands]", bold(PROGRAM)));
    roff.heading("DESCRIPTION");
    roff.text(
        "Its commands are those of Vault. Options stand before operands, with one dash or two, as \
         -name=value or -name value; those without a value are switches. With -help after a \
         command its options are shown.",
    );
    roff.heading("COMMANDS");
    for node in COMMANDS {
        let name = format!("{}(1)", bold(&format!("{PROGRAM}-{}", node.name())));
        roff.item(&name, node.summary());
    }
    for section in page::shared(Shared::Field) {
        roff.section(&section.title.to_uppercase(), &section);
    }
    roff.heading("ENVIRONMENT");
    for (i, group) in page::variables().iter().enumerate() {
        if i > 0 {
            roff.line(".PP");
        }
        roff.text(group.text);
        group.rows.iter().for_each(|[name, meaning]| roff.item(&bold(name), meaning));
    }
    roff.heading("FILES");
    roff.item(&bold("~/.vault-token"), "the token of the last login");
    roff.heading("EXIT STATUS");
    for (exit, when) in page::EXITS {
        roff.item(&bold(&(exit as u8).to_string()), when);
    }
    roff.0
}

/// The page of a first word, `edgekeep-kv(1)`, or of the words that lead to a node below it.
fn page(words: &[&str], node: &'static Node) -> String {
    let mut roff = Roff::page(&format!("{PROGRAM}-{}", words.join("-")), node.summary());
    let before = &words[..words.len() - 1];
    let below = page::commands(node).into_iter();
    let commands: Vec<_> = below.map(|(words, leaf)| ([before, &*words].concat(), leaf)).collect();
    roff.heading("SYNOPSIS");
    for (i, (words, leaf)) in commands.iter().enumerate() {
        if i > 0 {
            roff.0.push_str(".br\n");
        }
        let whole = page::usage(words, leaf);
        let name = format!("{PROGRAM} {}", words.join(" "));
        let rest = whole.strip_prefix(&name).unwrap_or_default();
        roff.line(&format!("{}{}", bold(&name), escape(rest)));
    }
    match node {
        Node::Leaf(_, leaf) => {
            roff.heading("DESCRIPTION");
            roff.about(leaf);
        }
        Node::Group(..) => {
            roff.heading("COMMANDS");
            for (words, leaf) in &commands {
                roff.0.push_str(&format!(".SS {}\n", escape(&words.join(" "))));
                roff.about(leaf);
            }
        }
    }
    roff.heading("SEE ALSO");
    roff.line(&format!("{}(1)", bold(PROGRAM)));
    roff.0
}

/// A page in the language of `man`.
struct Roff(String);

impl Roff {
    fn page(name: &str, summary: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = escape(&name.to_uppercase());
        // Not adjusted at the right: that would tear lines with long words apart.
        let mut roff = Self(format!(".TH {title} 1 \"\" \"{PROGRAM} {version}\"\n.ad l\n"));
        roff.heading("NAME");
        roff.line(&format!("{} \\- {}", escape(name), escape(summary)));
        roff
    }

    fn heading(&mut self, title: &str) {
        self.0.push_str(&format!(".SH {title}\n"));
    }

    /// What is roff already.
    fn line(&mut self, roff: &str) {
        self.0.push_str(&format!("{roff}\n"));
    }

    fn text(&mut self, text: &str) {
        let lines = table::wrap(&escape(text), 0);
        lines.lines().for_each(|line| self.line(&guarded(line)));
    }

    /// What is told under a term.
    fn item(&mut self, term: &str, text: &str) {
        self.0.push_str(&format!(".TP\n{term}\n"));
        self.text(text);
    }

    fn section(&mut self, title: &str, section: &Section) {
        self.heading(title);
        section.flags.iter().for_each(|flag| self.flag(flag));
    }

    fn flag(&mut self, flag: &Flag) {
        // A long list of words may be broken between two of them.
        let value = flag.value.map(|value| escape(value).replace('|', "|\\:"));
        let value = value.map(|value| format!("=\\fI{value}\\fR"));
        let name = bold(&format!("-{}", flag.name));
        self.item(&format!("{name}{}", value.unwrap_or_default()), flag.text);
    }

    /// What a command does, and its options.
    fn about(&mut self, leaf: &Leaf) {
        self.text(page::description(leaf));
        for section in page::own(leaf) {
            self.line(".PP");
            self.line(&bold(section.title));
            section.flags.iter().for_each(|flag| self.flag(flag));
        }
        let shared: Vec<_> = page::shared(leaf.shared).iter().map(|part| part.title).collect();
        if !shared.is_empty() {
            self.0.push_str(".PP\n");
            let shared = shared.join(", ");
            self.text(&format!("It takes these, too: {shared}; see `{PROGRAM}`(1)."));
        }
    }
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// A text, with what stands between backquotes in bold.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let parts = text.split('`').enumerate();
    let marked = parts.map(|(i, part)| match i % 2 {
        1 => format!("\\fB{part}\\fR"),
        _ => part.to_owned(),
    });
    marked.collect()
}

/// A line that is no request, though it may begin as one.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_request() {
        assert_eq!(guarded(&escape(".x -a `b c` \\")), "\\&.x \\-a \\fBb c\\fR \\e");
    }

    #[test]
    fn every_command_and_option_is_in_a_page() {
        let whole: String = pages().into_iter().map(|(_, text)| text).collect();
        assert!(whole.is_ascii());
        for node in COMMANDS {
            let page = page(&[node.name()], node);
            for (words, leaf) in page::commands(node) {
                assert!(
                    page.contains(&bold(&format!("{PROGRAM} {}", words.join(" ")))),
                    "{words:?}"
                );
                for flag in page::own(leaf).iter().flat_map(|section| &section.flags) {
                    assert!(page.contains(&bold(&format!("-{}", flag.name))), "-{}", flag.name);
                }
            }
        }
    }
}
