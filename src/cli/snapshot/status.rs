//! `snapshot status`: how the targets of a server stand.

use std::collections::BTreeMap;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::target::{self, TARGETS, text};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::cli::{operands, table};
use crate::client::{Call, Error};

/// Tell how the targets stand to which snapshots go by themselves.
///
/// For each, or for the one that is named: its last good snapshot and how old that is, the next
/// one, what is wrong, and how many transactions the journal is behind.
#[derive(FromArgs, ArgsInfo)]
pub struct Status {
    /// the stores that share the target that is named, or each of all, by what lies there
    #[argh(switch)]
    all: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Status {
    const OPERANDS: &'static str = "[NAME]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if self.all {
            return match operands::at_most_one(&self.operands, "0 or 1")? {
                Some(name) => stores(cx, name),
                None => stores_of_all(cx),
            };
        }
        if let Some(name) = operands::at_most_one(&self.operands, "0 or 1")? {
            let mut found = target::status(cx, name)?;
            let is_there = cx.field.as_ref().is_some_and(|field| found.data.get(field).is_some());
            if cx.format == Format::Table && !is_there {
                found.data = flat(found.data);
            }
            return found.print(cx);
        }
        cx.present(Call::list(TARGETS), |found| targets(found).is_some(), print).map_err(unlisted)
    }
}

const NONE: &str = "No targets: declare one in the configuration, as snapshot \"NAME\" { ... }";

fn unlisted(stop: Stop) -> Stop {
    stop.missing(NONE).about("Error listing the targets")
}

/// What is told in objects becomes fields with longer names; what is not there is left out.
fn flat(data: Value) -> Value {
    let Value::Object(fields) = data else { return data };
    let mut flat = Map::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                flat.extend(
                    inner.into_iter().map(|(part, value)| (format!("{name}_{part}"), value)),
                );
            }
            value => drop(flat.insert(name, value)),
        }
    }
    flat.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty()));
    flat.into()
}

fn targets(found: &Envelope) -> Option<&Map<String, Value>> {
    found.data["key_info"].as_object()
}

fn print(cx: &mut Context, found: &Envelope) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let rows: Vec<_> =
        targets(found).into_iter().flatten().map(|(name, of)| row(name, of)).collect();
    let header =
        ["Target", "Type", "State", "Last Good", "Age", "History Since", "Next", "Behind", "Error"];
    cx.say(&table::table(header, &rows))?;
    Ok(Exit::Done)
}

/// The boxes on one target.
fn stores(cx: &mut Context, name: &str) -> Result<Exit, Stop> {
    let found = target::holdings(cx, name)?;
    if cx.format != Format::Table {
        return found.print(cx);
    }
    warn_of_misnamed(cx, &found.data);
    cx.say(&table::table(BOXES, &boxes(&found.data)))?;
    Ok(Exit::Done)
}

/// Those on every target. One that cannot be looked at is told of, and does not hide the others.
fn stores_of_all(cx: &mut Context) -> Result<Exit, Stop> {
    let listed = cx.fetch(Call::list(TARGETS)).map_err(unlisted)?;
    let named = listed.as_ref().and_then(targets).map(|all| all.keys().cloned().collect());
    let names: Vec<String> = named.unwrap_or_default();
    if names.is_empty() {
        return Err(Stop::Failed(NONE.into()));
    }
    let (mut all, mut rows, mut exit) = (Map::new(), Vec::new(), Exit::Done);
    for name in names {
        match target::holdings(cx, &name) {
            Ok(found) => {
                warn_of_misnamed(cx, &found.data);
                let boxes = boxes(&found.data).into_iter();
                rows.extend(boxes.map(|[store, own, newest, age, count, bytes]| {
                    [name.clone(), store, own, newest, age, count, bytes]
                }));
                all.insert(name, found.data);
            }
            Err(Stop::Call(_, Error::Refused(refusal))) => {
                let why: Vec<String> = refusal.errors.into_iter().flatten().collect();
                cx.warn(&format!("{name}: {}", why.join("; ")));
                exit = Exit::Failed;
            }
            Err(stop) => return Err(stop),
        }
    }
    if cx.format != Format::Table {
        cx.say_value(&all)?;
        return Ok(exit);
    }
    let [store, own, newest, age, count, bytes] = BOXES;
    let header = ["Target", store, own, newest, age, count, bytes];
    cx.say(&table::table(header, &rows))?;
    Ok(exit)
}

const BOXES: [&str; 6] = ["Store", "Own", "Newest", "Age", "Snapshots", "Bytes"];

/// Snapshots that are not what their names say count for nothing.
fn warn_of_misnamed(cx: &mut Context, found: &Value) {
    for of in items(&found["snapshots"]) {
        let why = text(&of["error"]);
        if !why.is_empty() {
            cx.warn(&format!("{} does not count: {why}", text(&of["name"])));
        }
    }
}

/// What lies on a target, a row for each store. What another's keys have sealed cannot be verified
/// here: it is told what its newest snapshot is.
fn boxes(found: &Value) -> Vec<[String; 6]> {
    let time = |value: &Value| Timestamp::parse_rfc3339(value.as_str()?);
    let place = |of: &Value| {
        let timeline = text(&of["timeline"]).parse::<Timeline>().ok();
        (timeline.map(|timeline| timeline.number), of["revision"].as_u64())
    };
    let mut stores: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for of in items(&found["snapshots"]) {
        stores.entry(text(&of["store_id"])).or_default().push(of);
    }
    let row = |(store, held): (String, Vec<&Value>)| {
        let sound = held.iter().copied().filter(|of| text(&of["error"]).is_empty());
        let newest = sound.max_by_key(|of| place(of)).unwrap_or(&Value::Null);
        let age = time(&found["seen"]).zip(time(&newest["time"]));
        let age = age.map(|(seen, taken)| seen.since(taken).as_secs());
        let own = if store == text(&found["store_id"]) { "yes" } else { "no" };
        let bytes: u64 = held.iter().filter_map(|of| of["length"].as_u64()).sum();
        [
            store,
            own.to_owned(),
            text(&newest["time"]),
            age.map(|age| Ttl::from(Duration::from_secs(age)).to_string()).unwrap_or_default(),
            held.len().to_string(),
            bytes.to_string(),
        ]
    };
    stores.into_iter().map(row).collect()
}

/// How many transactions a target is behind; of one that was not seen yet nobody knows.
fn behind(journal: &Value) -> String {
    match (journal.is_object(), &journal["behind"]) {
        (true, Value::Null) => "n/a".to_owned(),
        (_, behind) => text(behind),
    }
}

fn row(name: &str, of: &Value) -> [String; 9] {
    let good = &of["last_good"];
    let age = good["age"].as_i64().map(|age| Ttl::from_secs(age).to_string());
    let missed = &of["not_included"][0];
    let missed = missed.as_str().map(|missed| format!("not included: {missed}"));
    let error =
        [&of["error"], &of["damage"], &of["late"], &of["beside"]["warning"], &of["unusable"]]
            .map(text)
            .into_iter()
            .chain(missed)
            .find(|text| !text.is_empty());
    [
        name.to_owned(),
        text(&of["type"]),
        text(&of["state"]),
        text(&good["time"]),
        age.unwrap_or_default(),
        text(&of["history_since"]),
        text(&of["next"]),
        behind(&of["journal"]),
        error.unwrap_or_default(),
    ]
}
