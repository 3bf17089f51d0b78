//! `snapshot list`: what lies on a target.

use argh::{ArgsInfo, FromArgs};

use super::target::{self, TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::cli::{operands, table};
use crate::client::Call;

/// List the snapshots and the journal that lie on a target of a server.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    /// of all stores that share the target, not of the server's alone
    #[argh(switch)]
    all: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?;
        let mut call = Call::get(format!("{TARGETS}/{name}/list"));
        if self.all {
            call = call.with_query("all", "true");
        }
        let is_one = |found: &Envelope| found.data["snapshots"].is_array();
        let listed = cx.present(call, is_one, print);
        listed
            .map_err(|stop| stop.missing(&target::missing(name)).about("Error listing the target"))
    }
}

fn print(cx: &mut Context, found: &Envelope) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let rows: Vec<_> = items(&found.data["snapshots"])
        .iter()
        .map(|of| ["time", "timeline", "revision", "length", "name"].map(|field| text(&of[field])))
        .collect();
    cx.say(&table::table(["Time", "Timeline", "Revision", "Bytes", "Name"], &rows))?;
    let rows: Vec<_> = items(&found.data["journal"])
        .iter()
        .map(|of| ["store_id", "timeline", "first", "last", "length"].map(|field| text(&of[field])))
        .collect();
    if !rows.is_empty() {
        cx.say("")?;
        cx.say(&table::table(["Journal Of", "Timeline", "First", "Last", "Bytes"], &rows))?;
    }
    Ok(Exit::Done)
}
