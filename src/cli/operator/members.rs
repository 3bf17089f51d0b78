//! `operator members`: the servers of the cluster.

use argh::{ArgsInfo, FromArgs};

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::table;
use crate::cli::values::items;
use crate::client::Call;

/// List the servers of the cluster.
#[derive(FromArgs, ArgsInfo)]
pub struct Members {
    #[argh(positional)]
    #[expect(dead_code, reason = "Vault's command overlooks operands")]
    operands: Vec<String>,
}

const HEADER: [&str; 7] = [
    "Host Name",
    "API Address",
    "Cluster Address",
    "Active Node",
    "Version",
    "Upgrade Version",
    "Last Echo",
];
const FIELDS: [&str; 7] = [
    "hostname",
    "api_address",
    "cluster_address",
    "active_node",
    "version",
    "upgrade_version",
    "last_echo",
];

impl Command for Members {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let told = cx.learn(Call::get("sys/ha-status"), |told| told["nodes"].is_array())?;
        let nodes = items(&told["nodes"]).to_vec();
        if cx.format != Format::Table {
            cx.say_value(&serde_json::json!({ "nodes": nodes }))?;
            return Ok(Exit::Done);
        }
        let told = |node: &serde_json::Value| {
            FIELDS.map(|field| match node.get(field) {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(value) => golang::display(value),
            })
        };
        cx.say(&table::table(HEADER, &nodes.iter().map(told).collect::<Vec<_>>()))?;
        Ok(Exit::Done)
    }
}
