//! `snapshot status`: how the targets of a server stand.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::target::{self, TARGETS, text};
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
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Status {
    const OPERANDS: &'static str = "[NAME]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if let Some(name) = operands::at_most_one(&self.operands, "0 or 1")? {
            return target::status(cx, name)?.print(cx);
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

fn row(name: &str, of: &Value) -> [String; 8] {
    let good = &of["last_good"];
    let age = good["age"].as_i64().map(|age| Ttl::from_secs(age).to_string());
    let error = [&of["error"], &of["late"]].map(text).into_iter().find(|text| !text.is_empty());
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
