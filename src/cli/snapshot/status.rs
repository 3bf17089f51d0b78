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
use crate::cli::{operands, table};
use crate::client::Call;

/// Tell how the targets stand to which snapshots go by themselves.
///
/// For each, or for the one that is named: its last good snapshot and how old that is, the next
/// one, what is wrong, and how many transactions the journal is behind.
#[derive(FromArgs, ArgsInfo)]
pub struct Status {
    /// the stores that share the target that is named, by what lies there
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
            return stores(cx, operands::one(&self.operands)?);
        }
        if let Some(name) = operands::at_most_one(&self.operands, "0 or 1")? {
            let mut found = target::status(cx, name)?;
            if cx.format == Format::Table && cx.field.is_none() {
                found.data = flat(found.data);
            }
            return found.print(cx);
        }
        let listed = cx.present(Call::list(TARGETS), |found| targets(found).is_some(), print);
        listed.map_err(|stop| {
            let stop = stop.missing(
                "No targets: declare one in the configuration, as snapshot \"NAME\" { ... }",
            );
            stop.about("Error listing the targets")
        })
    }
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
    flat.retain(|_, value| !value.is_null());
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
    let header = ["Target", "Type", "State", "Last Good", "Age", "Next", "Behind", "Error"];
    cx.say(&table::table(header, &rows))?;
    Ok(Exit::Done)
}

/// The boxes on one target. What another's keys have sealed cannot be verified here: it is told
/// what its newest snapshot is.
fn stores(cx: &mut Context, name: &str) -> Result<Exit, Stop> {
    let found = target::holdings(cx, name, true)?;
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let time = |value: &Value| Timestamp::parse_rfc3339(value.as_str()?);
    let place = |of: &Value| {
        let timeline = text(&of["timeline"]).parse::<Timeline>().ok();
        (timeline.map(|timeline| timeline.number), of["revision"].as_u64())
    };
    let mut stores: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for of in found.data["snapshots"].as_array().into_iter().flatten() {
        stores.entry(text(&of["store_id"])).or_default().push(of);
    }
    let row = |(store, held): (String, Vec<&Value>)| {
        let newest = held.iter().copied().max_by_key(|of| place(of)).unwrap_or(&Value::Null);
        let age = time(&found.data["seen"]).zip(time(&newest["time"]));
        let age = age.map(|(seen, taken)| seen.since(taken).as_secs());
        let own = if store == text(&found.data["store_id"]) { "yes" } else { "no" };
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
    let rows: Vec<_> = stores.into_iter().map(row).collect();
    cx.say(&table::table(["Store", "Own", "Newest", "Age", "Snapshots", "Bytes"], &rows))?;
    Ok(Exit::Done)
}

fn row(name: &str, of: &Value) -> [String; 8] {
    let good = &of["last_good"];
    let age = good["age"].as_i64().map(|age| Ttl::from_secs(age).to_string());
    let error = [&of["error"], &of["damage"], &of["late"], &of["beside"]["warning"]]
        .map(text)
        .into_iter()
        .find(|text| !text.is_empty());
    [
        name.to_owned(),
        text(&of["type"]),
        text(&of["state"]),
        text(&good["time"]),
        age.unwrap_or_default(),
        text(&of["next"]),
        text(&of["journal"]["behind"]),
        error.unwrap_or_default(),
    ]
}
