//! `snapshot diff`: what became of everything between two instants.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::keys::{self, Opener};
use super::lent::lend;
use super::state::{Kind, Offline, State, receive};
use super::target::text;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::cli::{operands, table};
use crate::client::Call;
use crate::node::opened;
use crate::pipeline::alone::TTLS;
use crate::sys::differences::{Differences, Told, compare, show};

const INSTEAD: &str = "Pipe them in, one a line, with a - for each after B";

/// The command with all its options.
pub type Diff = With<Own, Offline>;

/// Tell what was added, changed and deleted between two states of a store.
///
/// A and B are files, ids of loaded snapshots, instants that a target leads to
/// (NAME@2026-11-22T09:59:59Z, NAME@latest or NAME@4711, a revision; and @TIMELINE behind it where
/// several histories are possible), or "now": the store of the server. Two files, or instants of a
/// target that is a folder (/mnt/stick@latest) or that a -config declares, are compared here, which
/// takes unseal keys; without KEY they are asked for, and not shown. Else the server compares, for
/// whoever has sudo there: what it has not loaded is loaded for that, and unloaded again. Told of
/// are secrets, users, roles, entities, groups, policies, mounts and settings.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// tell the values too, as far as they may be read
    #[argh(switch)]
    values: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Diff {
    const OPERANDS: &'static str = "A B [KEY...]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [one, other, given @ ..] = self.own.operands.as_slice() else {
            return Err(operands::wrong("Not enough", "at least 2", self.own.operands.len()));
        };
        let sides = [State::parse(one)?, State::parse(other)?];
        let changes = match self.server_of(&sides)? {
            None => self.compare(cx, &sides, given)?,
            Some(_) if !given.is_empty() => {
                return Err(operands::wrong("Too many", "2", self.own.operands.len()));
            }
            Some(_) if sides.iter().all(|side| side.kind == Kind::Now) => {
                return Err(Stop::Usage("\"now\" is one instant: name a snapshot too".into()));
            }
            Some(_) => self.ask(cx, &sides)?,
        };
        print(cx, changes)
    }
}

impl Diff {
    /// What only a server has of the two; `None` where they are compared without one.
    fn server_of<'s>(&self, sides: &'s [State<'_>; 2]) -> Result<Option<&'s str>, Stop> {
        let here = |side: &&State<'_>| match &side.kind {
            Kind::Instant(instant) => instant.is_of_folder() || !self.more.config.is_empty(),
            _ => false,
        };
        let there = |side: &&State<'_>| !matches!(side.kind, Kind::File(_)) && !here(side);
        let text = |side: &'s State<'_>| side.text;
        match (sides.iter().find(here).map(text), sides.iter().find(there).map(text)) {
            (Some(here), Some(there)) => Err(Stop::Usage(format!(
                "{there} is of a server, which cannot get {here}: name a target of its own, \
                 without -config, or compare two that are here"
            ))),
            (_, there) => Ok(there),
        }
    }

    /// Compares two states, without a server.
    fn compare(
        &self,
        cx: &mut Context,
        sides: &[State<'_>; 2],
        given: &[String],
    ) -> Result<Vec<Value>, Stop> {
        let by = self.more.finding();
        let sealed = [receive(cx, &sides[0], &by)?, receive(cx, &sides[1], &by)?];
        // People have the newest shares at hand, and what they open opens the older one too.
        let newest = usize::from(sealed[0].place() <= sealed[1].place());
        let (older, names) = (1 - newest, [sides[0].text, sides[1].text]);
        let opener = Opener { given, config: &self.more.config, instead: INSTEAD };
        let past = keys::open(cx, names[newest], &sealed[newest], opener)?;
        let second = sealed[older].open_by(&past);
        let (second, report) =
            second.map_err(|error| Stop::Failed(format!("{}: {error}", names[older])))?;
        keys::warn_of(cx, names[older], &report);
        let [before, after] = if newest == 1 { [&second, &past] } else { [&past, &second] };
        let mounts = opened::mounts();
        // Who has the keys may read all of it.
        let may = |_: &Told<'_>| self.own.values;
        let changes = before.look(|before| {
            after.look(|after| {
                let both = [&mut *before, &mut *after];
                let Differences { found, .. } = compare(&mounts, TTLS, both, usize::MAX)?;
                let shown = found
                    .iter()
                    .map(|one| Ok(show(one, &mounts, [&mut *before, &mut *after], &may)?.into()));
                shown.collect::<Result<Vec<Value>, Fault>>()
            })
        });
        changes.map_err(|fault| Stop::Failed(fault.errors.join("; ")))
    }

    /// Has the server compare.
    fn ask(&self, cx: &mut Context, sides: &[State<'_>; 2]) -> Result<Vec<Value>, Stop> {
        lend(cx, sides, |cx, ids| match ids {
            [Some(one), other] => self.asked(cx, one, other.as_deref(), false),
            [None, Some(other)] => self.asked(cx, other, None, true),
            _ => Ok(Vec::new()),
        })
    }

    fn asked(
        &self,
        cx: &mut Context,
        id: &str,
        with: Option<&str>,
        reverse: bool,
    ) -> Result<Vec<Value>, Stop> {
        let mut call = Call::get(format!("sys/storage/raft/snapshot-load/{id}/diff"));
        let with = with.map(|id| ("with", id.to_owned()));
        let flags = [("reverse", reverse), ("values", self.own.values)];
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
        Ok(items(&data["changes"]).to_vec())
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
    let text = |one: &Value, name: &str| text(&one[name]);
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

/// Each field that is not the same: `-` with its value before, `+` with that after, line by line.
fn lines(one: &Value) -> Vec<[String; 2]> {
    let none = Map::new();
    let fields = |name: &str| one[name].as_object().unwrap_or(&none);
    let (before, after) = (fields("before"), fields("after"));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let lines = |sign: char, name: &str, value: &Value| {
        let text = golang::display(value);
        let lines = text.trim_end_matches('\n').split('\n').enumerate().map(|(at, line)| {
            [format!("  {sign} {}", if at == 0 { name } else { "" }), line.to_owned()]
        });
        lines.collect::<Vec<_>>()
    };
    differing
        .flat_map(|name| {
            let before = before.get(name).map(|value| lines('-', name, value));
            let after = after.get(name).map(|value| lines('+', name, value));
            [before, after].into_iter().flatten().flatten()
        })
        .collect()
}
