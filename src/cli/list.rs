//! `list`: the names below a path.

use std::collections::BTreeSet;
use std::iter;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use super::command::{Command, Shared, With};
use super::context::Context;
use super::envelope::Envelope;
use super::format::Format;
use super::recover::InSnapshot;
use super::stop::{Exit, Stop};
use super::values::items;
use super::{operands, table};
use crate::base::golang;
use crate::client::Call;

/// The command with all its options.
pub type List = With<Own, InSnapshot>;

/// List data or secrets.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// print what is known of each name, too
    #[argh(switch)]
    detailed: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let path = operands::path(operands::one(&self.own.operands)?);
        let Some(envelope) = find(cx, &path, self.more)? else { return nothing(cx, &path) };
        if !self.own.detailed {
            return print(cx, &envelope, &format!("No entries found at {path}"));
        }
        match &envelope.data["key_info"] {
            Value::Object(known) if cx.format == Format::Table && !known.is_empty() => {
                cx.say(&detailed(&envelope.data["keys"], known))?;
                envelope.warn(cx);
                Ok(Exit::Done)
            }
            _ if cx.format == Format::Table => {
                print(cx, &envelope, &format!("No entries found at {path}"))
            }
            _ => envelope.print(cx),
        }
    }
}

/// Prints the names below a path, or those that were below it in a loaded snapshot.
pub fn names(cx: &mut Context, path: &str, snapshot: InSnapshot) -> Result<Exit, Stop> {
    match find(cx, path, snapshot)? {
        Some(envelope) => print(cx, &envelope, &format!("No entries found at {path}")),
        None => nothing(cx, path),
    }
}

fn find(cx: &mut Context, path: &str, snapshot: InSnapshot) -> Result<Option<Envelope>, Stop> {
    let doing = format!("Error listing {path}");
    snapshot.fetch(cx, Call::list(path)).map_err(|stop| stop.about(&doing))
}

/// Says that there are no names below a path.
fn nothing(cx: &mut Context, path: &str) -> Result<Exit, Stop> {
    if cx.format == Format::Table {
        return Err(Stop::Failed(format!("No value found at {path}")));
    }
    cx.say_value(&json!({}))?;
    Err(Stop::Quiet(Exit::Failed))
}

/// A table of names and of all fields that are known of any.
fn detailed(names: &Value, known: &Map<String, Value>) -> String {
    let fields = known.values().filter_map(Value::as_object).flat_map(Map::keys);
    let fields: BTreeSet<&str> = fields.map(String::as_str).collect();
    let header: Vec<&str> = iter::once("Keys").chain(fields.iter().copied()).collect();
    let row = |name: &Value| {
        let name = golang::display(name);
        let of = known.get(&name);
        let cell = |field: &&str| match of.and_then(|of| of.get(*field)) {
            Some(value) => golang::display(value),
            None => String::new(),
        };
        let cells: Vec<String> = fields.iter().map(cell).collect();
        [vec![name], cells].concat()
    };
    let rows: Vec<Vec<String>> = items(names).iter().map(row).collect();
    table::under(&header, &rows)
}

/// Prints the names that an answer lists, or says that there are none.
pub fn print(cx: &mut Context, envelope: &Envelope, none: &str) -> Result<Exit, Stop> {
    if !envelope.wrap_info.is_null() {
        return envelope.print(cx);
    }
    let Some(Value::Array(names)) = envelope.data.get("keys") else {
        envelope.warn(cx);
        return Err(Stop::Failed(none.to_owned()));
    };
    if cx.format == Format::Table {
        let rows: Vec<[String; 1]> = names.iter().map(|name| [golang::display(name)]).collect();
        cx.say(&table::table(["Keys"], &rows))?;
        envelope.warn(cx);
    } else {
        cx.say_value(names)?;
    }
    Ok(Exit::Done)
}
