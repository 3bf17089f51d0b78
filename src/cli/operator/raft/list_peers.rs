//! `operator raft list-peers`: the servers that vote on what is stored.

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

/// List the servers that vote on what is stored.
#[derive(FromArgs, ArgsInfo)]
pub struct ListPeers {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for ListPeers {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let call = Call::get("sys/storage/raft/configuration");
        let listed = cx.present(call, |found| servers(found).is_some(), print);
        listed.map_err(|stop| {
            let stop = stop.missing("No raft cluster configuration found");
            stop.about("Error reading the raft cluster configuration")
        })
    }
}

fn servers(found: &Envelope) -> Option<&Vec<Value>> {
    found.data["config"]["servers"].as_array()
}

fn print(cx: &mut Context, found: &Envelope) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let rows: Vec<_> = servers(found).into_iter().flatten().map(row).collect();
    cx.say(&table::table(["Node", "Address", "State", "Voter"], &rows))?;
    Ok(Exit::Done)
}

fn row(server: &Value) -> [String; 4] {
    let text = |name: &str| server.get(name).map(golang::display).unwrap_or_default();
    let state = if server["leader"] == true { "leader" } else { "follower" };
    [text("node_id"), text("address"), state.into(), text("voter")]
}
