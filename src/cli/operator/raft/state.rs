//! `operator raft autopilot state`: how the servers of a cluster are.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::client::Call;

/// Print how the servers of a cluster are.
#[derive(FromArgs, ArgsInfo)]
pub struct State {
    #[argh(positional)]
    operands: Vec<String>,
}

const OF_CLUSTER: [(&str, &str); 3] =
    [("Healthy", "healthy"), ("Failure Tolerance", "failure_tolerance"), ("Leader", "leader")];
const OF_SERVER: [(&str, &str); 10] = [
    ("Name", "name"),
    ("Address", "address"),
    ("Status", "status"),
    ("Node Status", "node_status"),
    ("Healthy", "healthy"),
    ("Last Contact", "last_contact"),
    ("Last Term", "last_term"),
    ("Last Index", "last_index"),
    ("Version", "version"),
    ("Node Type", "node_type"),
];
/// Where values stand behind their names.
const BEHIND: usize = 30;

impl Command for State {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if !self.operands.is_empty() {
            return Err(operands::wrong("Incorrect", "0", self.operands.len()));
        }
        let call = Call::get("sys/storage/raft/autopilot/state");
        let is_one = |found: &Envelope| found.data["healthy"].is_boolean();
        let told = cx.present(call, is_one, |cx, found| {
            match cx.format {
                Format::Table | Format::Pretty => cx.say(&page(&found.data))?,
                _ => cx.say_value(&found.data)?,
            }
            Ok(Exit::Done)
        });
        told.map_err(|stop| stop.about("Error checking autopilot state"))
    }
}

/// The page that Vault prints of it, as no table holds it.
fn page(state: &Value) -> String {
    let mut lines = Vec::new();
    tell(&mut lines, 0, &OF_CLUSTER, state);
    lines.push("Voters:".to_owned());
    for voter in items(&state["voters"]) {
        lines.push(format!("   {}", golang::display(voter)));
    }
    lines.push("Servers:".to_owned());
    for (id, server) in state["servers"].as_object().into_iter().flatten() {
        lines.push(format!("   {id}"));
        tell(&mut lines, 6, &OF_SERVER, server);
    }
    lines.join("\n")
}

fn tell(lines: &mut Vec<String>, indent: usize, fields: &[(&str, &str)], of: &Value) {
    for (title, name) in fields {
        let value = of.get(name).map(golang::display).unwrap_or_default();
        let width = BEHIND - indent;
        lines.push(format!("{:indent$}{:width$}{value}", "", format!("{title}:")));
    }
}
