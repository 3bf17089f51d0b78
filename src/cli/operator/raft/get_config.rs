//! `operator raft autopilot get-config`: when servers of a cluster are given up.

use argh::{ArgsInfo, FromArgs};

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::Call;

/// Print when servers of a cluster are given up.
#[derive(FromArgs, ArgsInfo)]
pub struct GetConfig {
    #[argh(positional)]
    operands: Vec<String>,
}

const ROWS: [(&str, &str); 6] = [
    ("Cleanup Dead Servers", "cleanup_dead_servers"),
    ("Last Contact Threshold", "last_contact_threshold"),
    ("Dead Server Last Contact Threshold", "dead_server_last_contact_threshold"),
    ("Server Stabilization Time", "server_stabilization_time"),
    ("Min Quorum", "min_quorum"),
    ("Max Trailing Logs", "max_trailing_logs"),
];

impl Command for GetConfig {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let call = Call::get("sys/storage/raft/autopilot/configuration");
        let is_one = |found: &Envelope| found.data["cleanup_dead_servers"].is_boolean();
        let told = cx.present(call, is_one, print);
        told.map_err(|stop| stop.missing("No raft cluster configuration found"))
    }
}

fn print(cx: &mut Context, found: &Envelope) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let shown = |name: &str| found.data.get(name).map(golang::display).unwrap_or_default();
    let rows = ROWS.map(|(title, name)| [title.to_owned(), shown(name)]);
    cx.say(&table::pairs(&rows))?;
    Ok(Exit::Done)
}
