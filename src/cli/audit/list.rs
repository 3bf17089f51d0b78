//! `audit list`: which audit devices are enabled.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::Call;

/// List enabled audit devices.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    /// print their options, too
    #[argh(switch)]
    detailed: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let detailed = self.detailed;
        let listed = cx
            .present(Call::get("sys/audit"), is_one, |cx, found| print(cx, &found.data, detailed));
        listed.map_err(|stop| stop.about("Error listing audits"))
    }
}

/// Whether an answer tells which devices there are; that there are none an envelope must say.
fn is_one(found: &Envelope) -> bool {
    let devices = found.data.as_object();
    devices.is_some_and(|devices| match devices.is_empty() {
        true => found.has_id(),
        false => devices.values().all(|device| device["type"].is_string()),
    })
}

fn print(cx: &mut Context, devices: &Value, detailed: bool) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        cx.say_value(devices)?;
        return Ok(Exit::Done);
    }
    let devices = || devices.as_object().into_iter().flatten();
    if devices().next().is_none() {
        cx.say("No audit devices are enabled.")?;
        return Ok(Exit::Failed);
    }
    let text = |device: &Value, name: &str| golang::display(&device[name]);
    let shown = if detailed {
        let rows = devices().map(|(path, device)| {
            let kept = if device["local"] == true { "local" } else { "replicated" };
            let (kind, about) = (text(device, "type"), text(device, "description"));
            [path.clone(), kind, about, kept.to_owned(), options(&device["options"])]
        });
        let header = ["Path", "Type", "Description", "Replication", "Options"];
        table::table(header, &rows.collect::<Vec<_>>())
    } else {
        let rows = devices().map(|(path, device)| {
            [path.clone(), text(device, "type"), text(device, "description")]
        });
        table::table(["Path", "Type", "Description"], &rows.collect::<Vec<_>>())
    };
    cx.say(&shown)?;
    Ok(Exit::Done)
}

/// A device's options as `audit enable` takes them.
fn options(options: &Value) -> String {
    let options = options.as_object().into_iter().flatten();
    let pairs = options.map(|(name, value)| format!("{name}={}", golang::display(value)));
    pairs.collect::<Vec<_>>().join(" ")
}
