//! `snapshot diff`: what became of everything between two instants.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::{file, keys, load, unload};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::Call;
use crate::node::opened::{self, Sealed};
use crate::sys::differences::{Differences, compare, show};

const INSTEAD: &str = "Pipe them in, one a line, with a - for each after B";

/// Tell what was added, changed and deleted between two snapshots.
///
/// A and B are files, ids of loaded snapshots, or "now": the store of the server. Two files are
/// compared here, which takes unseal keys; without KEY they are asked for, and not shown. Else the
/// server compares, for whoever has sudo there: a file is loaded for that, and unloaded again. Told
/// of are secrets, users, roles, entities, groups, policies and mounts.
#[derive(FromArgs, ArgsInfo)]
pub struct Diff {
    /// tell the values too, as far as they may be read
    #[argh(switch)]
    values: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

/// One of the two instants.
#[derive(Clone, Copy)]
enum Side<'a> {
    /// The server's present.
    Now,
    /// A snapshot that is loaded there.
    Loaded(&'a str),
    /// A file here.
    File(&'a str),
}

impl Command for Diff {
    const OPERANDS: &'static str = "A B [KEY...]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [one, other, given @ ..] = self.operands.as_slice() else {
            return Err(operands::wrong("Not enough", "at least 2", self.operands.len()));
        };
        let changes = match [Side::named(one), Side::named(other)] {
            [Side::File(one), Side::File(other)] => self.compare(cx, [one, other], given)?,
            _ if !given.is_empty() => {
                return Err(operands::wrong("Too many", "2", self.operands.len()));
            }
            [Side::Now, Side::Now] => {
                return Err(Stop::Usage("\"now\" is one instant: name a snapshot too".into()));
            }
            sides => self.ask(cx, sides)?,
        };
        print(cx, changes)
    }
}

impl<'a> Side<'a> {
    fn named(text: &'a str) -> Self {
        match text {
            "now" => Self::Now,
            _ if is_id(text) && !Path::new(text).exists() => Self::Loaded(text),
            _ => Self::File(text),
        }
    }
}

/// Whether it has the form of a UUID.
fn is_id(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

impl Diff {
    /// Compares two files, without a server.
    fn compare(
        &self,
        cx: &mut Context,
        names: [&str; 2],
        given: &[String],
    ) -> Result<Vec<Value>, Stop> {
        let receive = |name: &str| {
            let (content, _) = file::open(name, "Reading")?;
            Sealed::receive(content).map_err(|error| Stop::Failed(format!("{name}: {error}")))
        };
        let [one, other] = [receive(names[0])?, receive(names[1])?];
        // People have the newest shares at hand, and what they open opens the older one too.
        let newest = usize::from(one.meta().about.revision <= other.meta().about.revision);
        let sealed = [&one, &other];
        let past = keys::open(cx, names[newest], sealed[newest], given, INSTEAD)?;
        let older = 1 - newest;
        let second = sealed[older].open_by(&past);
        let (second, report) =
            second.map_err(|error| Stop::Failed(format!("{}: {error}", names[older])))?;
        keys::warn_of(cx, names[older], &report);
        let [before, after] = if newest == 1 { [&second, &past] } else { [&past, &second] };
        let mounts = opened::mounts();
        let changes = before.look(|before| {
            after.look(|after| {
                let Differences { found, .. } = compare(&mounts, before, after, usize::MAX)?;
                let shown = found.iter().map(|one| {
                    Ok(show(one, &mounts, [&mut *before, &mut *after], self.values)?.into())
                });
                shown.collect::<Result<Vec<Value>, Fault>>()
            })
        });
        changes.map_err(|fault| Stop::Failed(fault.errors.join("; ")))
    }

    /// Has the server compare. What is loaded for that alone does not stay.
    fn ask(&self, cx: &mut Context, sides: [Side<'_>; 2]) -> Result<Vec<Value>, Stop> {
        let mut loaded = Vec::new();
        let ids = sides.map(|side| match side {
            Side::Now => Ok(None),
            Side::Loaded(id) => Ok(Some(id.to_owned())),
            // What is only printed is of the one that would be loaded.
            Side::File(_) if cx.is_dry() => Ok(Some("ID".to_owned())),
            Side::File(name) => {
                let answer = load::load(cx, name)?;
                let id = answer
                    .and_then(|answer| answer.data["snapshot_id"].as_str().map(str::to_owned));
                let id = id.ok_or_else(|| Stop::Failed("The server names no snapshot".into()))?;
                loaded.push(id.clone());
                Ok::<_, Stop>(Some(id))
            }
        });
        let changes = match ids {
            [Ok(one), Ok(other)] => self.asked(cx, [one, other]),
            [Err(stop), _] | [_, Err(stop)] => Err(stop),
        };
        for id in loaded {
            unload::unload(cx, &id, false)?;
        }
        changes
    }

    fn asked(&self, cx: &mut Context, ids: [Option<String>; 2]) -> Result<Vec<Value>, Stop> {
        let (id, with, reverse) = match ids {
            [Some(one), other] => (one, other, false),
            [None, Some(other)] => (other, None, true),
            [None, None] => return Ok(Vec::new()),
        };
        let mut call = Call::get(format!("sys/storage/raft/snapshot-load/{id}/diff"));
        let with = with.map(|id| ("with", id));
        let flags = [("reverse", reverse), ("values", self.values)];
        let flags =
            flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, "true".into()));
        for (name, value) in with.into_iter().chain(flags) {
            call = call.with_query(name, value);
        }
        let answer = cx.send(call).map_err(|stop| stop.about("Error comparing the snapshots"))?;
        let data = &answer.body["data"];
        if data["more"] == true {
            cx.warn("There is more than the server tells of: compare two files instead.");
        }
        Ok(data["changes"].as_array().cloned().unwrap_or_default())
    }
}

fn print(cx: &mut Context, changes: Vec<Value>) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        cx.say_value(&changes)?;
        return Ok(Exit::Done);
    }
    if changes.is_empty() {
        cx.say("Nothing was added, changed or deleted.")?;
        return Ok(Exit::Done);
    }
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let has_values = |one: &Value| one["before"].is_object() || one["after"].is_object();
    if !changes.iter().any(has_values) {
        let row = |one: &Value| [text(one, "change"), text(one, "path"), text(one, "about")];
        let rows: Vec<_> = changes.iter().map(row).collect();
        cx.say(&table::table(["Change", "Path", "About"], &rows))?;
        return Ok(Exit::Done);
    }
    for one in &changes {
        let about = text(one, "about");
        let about = if about.is_empty() { about } else { format!(" ({about})") };
        cx.say(&format!("{} {}{about}", text(one, "change"), text(one, "path")))?;
        let lines = lines(one);
        if !lines.is_empty() {
            cx.say(&table::columns(&lines))?;
        }
    }
    Ok(Exit::Done)
}

/// A line for each field that is not the same: `-` with its value before, `+` with that after.
fn lines(one: &Value) -> Vec<[String; 2]> {
    let none = Map::new();
    let fields = |name: &str| one[name].as_object().unwrap_or(&none);
    let (before, after) = (fields("before"), fields("after"));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let line = |sign: char, name: &str, value: &Value| {
        [format!("  {sign} {name}"), golang::display(value)]
    };
    differing
        .flat_map(|name| {
            let before = before.get(name).map(|value| line('-', name, value));
            let after = after.get(name).map(|value| line('+', name, value));
            [before, after].into_iter().flatten()
        })
        .collect()
}
