//! `audit list`: which audit devices are enabled.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
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
        let listed = cx.send(Call::get("sys/audit"));
        let answer = listed.map_err(|stop| stop.about("Error listing audits"))?;
        let devices = match answer.body["data"].clone() {
            Value::Object(devices) => devices,
            _ => Map::new(),
        };
        if cx.format != Format::Table {
            cx.say_value(&devices)?;
            return Ok(Exit::Done);
        }
        if devices.is_empty() {
            cx.say("No audit devices are enabled.")?;
            return Ok(Exit::Failed);
        }
        let text = |device: &Value, name: &str| golang::display(&device[name]);
        let shown = if self.detailed {
            let rows = devices.iter().map(|(path, device)| {
                let kept = if device["local"] == true { "local" } else { "replicated" };
                let (kind, about) = (text(device, "type"), text(device, "description"));
                [path.clone(), kind, about, kept.to_owned(), options(&device["options"])]
            });
            let header = ["Path", "Type", "Description", "Replication", "Options"];
            table::table(header, &rows.collect::<Vec<_>>())
        } else {
            let rows = devices.iter().map(|(path, device)| {
                [path.clone(), text(device, "type"), text(device, "description")]
            });
            table::table(["Path", "Type", "Description"], &rows.collect::<Vec<_>>())
        };
        cx.say(&shown)?;
        Ok(Exit::Done)
    }
}

/// A device's options as `audit enable` takes them.
fn options(options: &Value) -> String {
    let options = options.as_object().into_iter().flatten();
    let pairs = options.map(|(name, value)| format!("{name}={}", golang::display(value)));
    pairs.collect::<Vec<_>>().join(" ")
}
