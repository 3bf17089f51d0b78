//! `secrets list`, `auth list`: what is mounted where.

use serde_json::Value;

use super::Table;
use crate::base::golang;
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};

/// Prints a table's mounts, or with `detailed` also how each is tuned.
pub fn run(
    table: Table,
    cx: &mut Context,
    operands: &[String],
    detailed: bool,
) -> Result<Exit, Stop> {
    operands::none(operands)?;
    let doing = match table {
        Table::Secrets => "Error listing secrets engines",
        Table::Auth => "Error listing enabled authentications",
    };
    let listed = cx.present(table.read(), Table::is_one, |cx, found| {
        match (cx.format, detailed) {
            (Format::Table, true) => cx.say(&in_detail(table, &found.data))?,
            (Format::Table, false) => cx.say(&in_short(&found.data))?,
            _ => cx.say_value(&found.data)?,
        }
        Ok(Exit::Done)
    });
    listed.map_err(|stop| stop.about(doing))
}

fn in_short(mounts: &Value) -> String {
    let rows = each(mounts, |path, mount| {
        [path.clone(), text(mount, "type"), text(mount, "accessor"), text(mount, "description")]
    });
    table::table(["Path", "Type", "Accessor", "Description"], &rows)
}

fn in_detail(table: Table, mounts: &Value) -> String {
    let (title, field) = match table {
        Table::Secrets => ("Force No Cache", "force_no_cache"),
        Table::Auth => ("Token Type", "token_type"),
    };
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
            text(&mount["config"], field),
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
        title,
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
