//! `version-history`: which versions have opened the server's store.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::format::Format;
use super::stop::{Exit, Stop};
use super::table;
use crate::base::golang;
use crate::client::Call;

/// Print which versions have opened the server's store, and since when.
#[derive(FromArgs, ArgsInfo)]
pub struct VersionHistory {
    #[argh(positional)]
    #[expect(dead_code, reason = "Vault's command overlooks operands")]
    operands: Vec<String>,
}

impl Command for VersionHistory {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let found = cx.fetch(Call::list("sys/version-history"));
        let found = found.map_err(|stop| stop.about("Error reading version history"))?;
        let Some(found) = found else {
            return Err(Stop::Failed("The server tells no version history".into()));
        };
        if cx.format != Format::Table {
            return found.print(cx);
        }
        let text = |version: &str, field: &str| {
            found.data["key_info"][version].get(field).map(golang::display).unwrap_or_default()
        };
        let versions = found.data["keys"].as_array().into_iter().flatten();
        let rows = versions.map(golang::display).map(|version| {
            let [since, built] =
                ["timestamp_installed", "build_date"].map(|field| text(&version, field));
            [version, since, built]
        });
        let header = ["Version", "Installation Time", "Build Date"];
        cx.say(&table::table(header, &rows.collect::<Vec<_>>()))?;
        Ok(Exit::Done)
    }
}
