//! `version-history`: which versions have opened the server's store.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::envelope::Envelope;
use super::format::Format;
use super::stop::{Exit, Stop};
use super::table;
use super::values::items;
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
        let told = cx.present(Call::list("sys/version-history"), Envelope::is_list, print);
        told.map_err(|stop| {
            let stop = stop.missing("The server tells no version history");
            stop.about("Error reading version history")
        })
    }
}

fn print(cx: &mut Context, found: &Envelope) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let text = |version: &str, field: &str| {
        found.data["key_info"][version].get(field).map(golang::display).unwrap_or_default()
    };
    let versions = items(&found.data["keys"]).iter();
    let rows = versions.map(golang::display).map(|version| {
        let [since, built] =
            ["timestamp_installed", "build_date"].map(|field| text(&version, field));
        [version, since, built]
    });
    let header = ["Version", "Installation Time", "Build Date"];
    cx.say(&table::table(header, &rows.collect::<Vec<_>>()))?;
    Ok(Exit::Done)
}
