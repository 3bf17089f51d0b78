//! The command line, in Vault's words.
//!
//! A file for each command. [`commands`] is the tree that they hang in; [`flags`] turns Go's flag
//! habits into argh's; [`context`] is what a command works with; [`stop`] is how it ends.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

mod absent;
mod answer;
mod audit;
mod auth;
pub mod command;
mod commands;
mod completion;
pub mod context;
pub mod curl;
mod data;
mod debug;
mod delete;
mod envelope;
mod flags;
mod format;
mod guess;
mod help;
mod hidden;
mod import;
mod interrupt;
mod kv;
mod later;
mod lease;
mod list;
mod login;
mod man;
mod monitor;
mod mounts;
mod namespace;
mod operands;
mod operator;
mod page;
mod paint;
mod patch;
mod path_help;
mod plain;
mod policy;
mod print_token;
mod progress;
mod promote;
mod prompt;
mod read;
mod recover;
pub mod reference;
mod remedy;
mod replace;
mod restore;
mod seal_status;
mod secrets;
pub mod server;
mod shared;
mod snapshot;
mod status;
mod stdin;
pub mod stop;
mod table;
mod token;
pub mod token_file;
pub mod token_helper;
mod unwrap;
mod values;
mod version;
mod version_history;
mod write;
mod yaml;

use absent::{Absent, Answer};
use command::{Leaf, Node, Options as _, Ready};
use commands::COMMANDS;
use completion::install::Act;
use context::Context;
use format::Format;
use shared::{HttpFlags, SharedFlags};
use stop::{Exit, Stop};

use crate::base::process;
use crate::base::variable::Variable;

/// Runs the program's command line, without the program's name.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    // Whichever command it is, a secret may pass through it. A server says when that cannot be.
    let _ = process::forbid_core_dumps();
    // A file that is longer than `ulimit -f` allows is an error then, and not the end.
    let _ = flag::register(SIGXFSZ, Arc::default());
    match texts(args) {
        Ok(args) => run_line(&args),
        Err(stop) => {
            let mut cx = Context::new(HttpFlags::default(), Format::Table, None);
            ended(&mut cx, stop).into()
        }
    }
}

/// The arguments, all of which must be text: made into text, a secret would be another one.
fn texts(args: impl Iterator<Item = OsString>) -> Result<Vec<String>, Stop> {
    let text = |(i, arg): (usize, OsString)| {
        let number = i + 1;
        arg.into_string().map_err(|_| {
            let text = format!("argument {number} is no UTF-8 text: give the value from a file");
            Stop::Usage(text)
        })
    };
    args.enumerate().map(text).collect()
}

fn run_line(args: &[String]) -> ExitCode {
    if let [word] = args
        && matches!(word.as_str(), "-v" | "-version" | "--version")
    {
        return run_line(&["version".to_owned()]);
    }
    let mut cx = Context::new(HttpFlags::default(), Format::Table, None);
    if let [word] = args
        && let Some(act) = Act::parse(word)
    {
        return act.run(&mut cx).unwrap_or_else(|stop| ended(&mut cx, stop)).into();
    }
    let exit = match find(&mut cx, args) {
        Ok(Found { words, leaf, args }) => run(&mut cx, &words, leaf, args),
        Err(stop) => ended(&mut cx, stop),
    };
    exit.into()
}

/// A command that the command line leads to.
struct Found<'a> {
    words: Vec<&'static str>,
    leaf: &'static Leaf,
    args: &'a [String],
}

/// Follows the words of the command line down the tree.
fn find<'a>(cx: &mut Context, args: &'a [String]) -> Result<Found<'a>, Stop> {
    let way = command::follow(COMMANDS, args);
    let help = match way.found {
        Some(Node::Leaf(_, leaf)) => return Ok(Found { words: way.words, leaf, args: way.rest }),
        Some(Node::Group(_, about, inner)) => help::group(&way.words, about, inner),
        None => help::program(COMMANDS),
    };
    if way.rest.first().is_some_and(|word| is_help(word)) {
        return Err(Stop::Instead(help));
    }
    Err(no_such_command(cx, &way.words, way.nodes, way.rest, &help))
}

fn no_such_command(
    cx: &mut Context,
    words: &[&str],
    nodes: &[Node],
    rest: &[String],
    help: &str,
) -> Stop {
    let at_top = words.is_empty();
    let named = |word: &String| nodes.iter().any(|node| node.name() == word);
    if at_top && rest.first().is_some_and(|w| w.starts_with('-')) && rest.iter().any(named) {
        cx.complain(
            "Invalid flags before the subcommand. If these flags are for\nthe subcommand, please \
             put them after the subcommand.\n",
        );
        cx.note(help);
        return Stop::Quiet(Exit::Usage);
    }
    let given = rest.iter().map(String::as_str).take_while(|word| !word.starts_with('-'));
    let whole: Vec<&str> = words.iter().copied().chain(given).collect();
    if whole.len() > words.len()
        && let Some(way) = later::told(&whole)
    {
        if rest.iter().map(String::as_str).any(is_help) {
            return Stop::Instead(format!(
                "Usage: edgekeep {} [options]\n\n{way}",
                whole.join(" ")
            ));
        }
        cx.complain(&way);
        return Stop::Quiet(Exit::Usage);
    }
    cx.note(help);
    let said = &whole[words.len()..];
    if let Some(word) = said.first() {
        let meant = guess::meant(words, said, nodes).map(|meant| format!(" {meant}"));
        cx.complain(&format!("\nThere is no command {word:?}.{}", meant.unwrap_or_default()));
    }
    Stop::Quiet(if at_top { Exit::UnknownCommand } else { Exit::Usage })
}

fn run(cx: &mut Context, words: &[&str], leaf: &Leaf, args: &[String]) -> Exit {
    let before_dashes = args.iter().take_while(|arg| *arg != "--");
    let stopped = if before_dashes.map(String::as_str).any(is_help) {
        Err(Stop::Instead(help::leaf(words, leaf)))
    } else {
        ready(cx, words, leaf, args).and_then(|ready| ready(cx))
    };
    stopped.unwrap_or_else(|stop| match stop {
        Stop::Usage(_) => {
            ended(cx, stop);
            leaf.mistake
        }
        other => ended(cx, other),
    })
}

/// Reads the options into the context and the command.
fn ready(cx: &mut Context, words: &[&str], leaf: &Leaf, args: &[String]) -> Result<Ready, Stop> {
    let set = || Some(Variable::Format.read()?.value);
    let format = flags::anywhere(args, "format").or_else(set);
    let format = Format::parse(&format.unwrap_or_default()).map_err(Stop::Usage)?;
    let mut warn = |from: usize| {
        let stray = flags::stray(args.get(from..).unwrap_or_default());
        if let Some(stray) = stray.filter(|_| format == Format::Table) {
            cx.warn(&stray);
        }
    };
    let (own, shared) = ((leaf.tables)(), shared::tables(leaf.shared));
    let absent = absent::of(words, leaf.shared);
    let (of_shared, of_absent) = (own.len(), own.len() + shared.len());
    let absent_tables = absent.iter().map(|absent| absent.table());
    let tables: Vec<_> = own.into_iter().chain(shared).chain(absent_tables).collect();
    let sorted = flags::sort(args, &tables).map_err(|e| {
        warn(e.end);
        Stop::Usage(e.text)
    })?;
    let mut wrong = |exit: argh::EarlyExit| {
        let complaint = sorted.complaint(&exit.output);
        warn(complaint.end);
        Stop::Usage(complaint.text)
    };
    let mut given: Vec<_> = (0..tables.len()).map(|table| sorted.argh(table)).collect();
    let SharedFlags { own: http, more } =
        SharedFlags::read(&given[of_shared..of_absent]).map_err(&mut wrong)?;
    if let Some(first) = given.first_mut() {
        first.push("--");
        first.extend(sorted.operands.iter().map(String::as_str));
    }
    let ready = (leaf.read)(&given[..of_shared]).map_err(&mut wrong)?;
    warn(args.len() - sorted.operands.len());
    if format == Format::Raw && !leaf.raw {
        return Err(Stop::Usage("This command does not support the -format=raw option.".into()));
    }
    for (absent, given) in absent.iter().zip(&sorted.given[of_absent..]) {
        match (Absent::told(given), absent.answer) {
            (Some(told), Answer::Refused) => return Err(Stop::Usage(told)),
            (Some(told), Answer::Overlooked) => cx.warn(&format!("Overlooked: {told}")),
            (None, _) => {}
        }
    }
    let field = more.more.field.filter(|field| !field.is_empty());
    *cx = Context::new(http, format, field);
    let Some(late) = flags::late_format(&sorted.operands) else { return Ok(ready) };
    // A command that has no use for it as an operand has said so.
    Ok(Box::new(move |cx| {
        let exit = ready(cx)?;
        cx.warn(&late);
        Ok(exit)
    }))
}

/// Says why a command stopped, and what it exits with.
fn ended(cx: &mut Context, stop: Stop) -> Exit {
    let exit = stop.exit();
    match stop {
        Stop::Usage(text) | Stop::Unmet(text) | Stop::Failed(text) => cx.complain(&text),
        Stop::Call(doing, error) => {
            let doing = doing.map(|doing| format!("{doing}: ")).unwrap_or_default();
            cx.complain(&format!("{doing}{error}"));
            if let Some(remedy) = remedy::of(cx, &error) {
                cx.note(&format!("\n{remedy}"));
            }
        }
        Stop::Instead(text) => {
            if let Err(unsaid) = cx.say(text.trim_end()) {
                return ended(cx, unsaid);
            }
        }
        Stop::Quiet(_) => {}
    }
    exit
}

fn is_help(word: &str) -> bool {
    matches!(word, "-h" | "-help" | "--help")
}
