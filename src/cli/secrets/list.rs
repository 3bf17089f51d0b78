//! `secrets list`: what is mounted where.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::Call;

/// List enabled secrets engines.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    /// print how each is tuned, too
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
        let answer = cx
            .send(Call::get("sys/mounts"))
            .map_err(|stop| stop.about("Error listing secrets engines"))?;
        let mounts = &answer.body["data"];
        if cx.format != Format::Table {
            cx.say_value(mounts)?;
        } else if self.detailed {
            cx.say(&detailed(mounts))?;
        } else {
            cx.say(&plain(mounts))?;
        }
        Ok(Exit::Done)
    }
}

fn plain(mounts: &Value) -> String {
    let rows = each(mounts, |path, mount| {
        [path.clone(), text(mount, "type"), text(mount, "accessor"), text(mount, "description")]
    });
    table::table(["Path", "Type", "Accessor", "Description"], &rows)
}

fn detailed(mounts: &Value) -> String {
    let rows = each(mounts, |path, mount| {
        let kind = text(mount, "type");
        let ttl = |name: &str| match (kind.as_str(), mount["config"][name].as_i64()) {
            ("system" | "cubbyhole", _) => String::new(),
            (_, None | Some(0)) => "system".into(),
            (_, Some(seconds)) => seconds.to_string(),
        };
        let options = match &mount["options"] {
            Value::Null => "map[]".into(),
            options => golang::display(options),
        };
        [
            path.clone(),
            kind.clone(),
            text(mount, "accessor"),
            ttl("default_lease_ttl"),
            ttl("max_lease_ttl"),
            golang::display(&mount["config"]["force_no_cache"]),
            if mount["local"] == true { "local" } else { "replicated" }.into(),
            text(mount, "seal_wrap"),
            text(mount, "external_entropy_access"),
            options,
            text(mount, "description"),
            text(mount, "uuid"),
        ]
    });
    let header = [
        "Path",
        "Plugin",
        "Accessor",
        "Default TTL",
        "Max TTL",
        "Force No Cache",
        "Replication",
        "Seal Wrap",
        "External Entropy Access",
        "Options",
        "Description",
        "UUID",
    ];
    table::table(header, &rows)
}

fn each<const N: usize>(
    mounts: &Value,
    row: impl Fn(&String, &Value) -> [String; N],
) -> Vec<[String; N]> {
    mounts.as_object().into_iter().flatten().map(|(path, mount)| row(path, mount)).collect()
}

fn text(mount: &Value, name: &str) -> String {
    mount.get(name).map(golang::display).unwrap_or_default()
}
