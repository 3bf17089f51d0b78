//! `snapshot forget`: which snapshots of a target are not kept any longer.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::target::{TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::client::{Call, Verb};

/// Drop snapshots of a target, and the journal that leads on from none that is left.
///
/// What is not kept by any of the options goes; without one, what the target's settings do not
/// keep. The last good snapshot never goes, nor what is of another store. It needs sudo.
#[derive(FromArgs, ArgsInfo)]
pub struct Forget {
    /// keep the newest ones
    #[argh(option, arg_name = "number")]
    keep_last: Option<u32>,
    /// keep the newest one of each of so many hours that have any
    #[argh(option, arg_name = "number")]
    keep_hourly: Option<u32>,
    /// the same of days
    #[argh(option, arg_name = "number")]
    keep_daily: Option<u32>,
    /// the same of weeks
    #[argh(option, arg_name = "number")]
    keep_weekly: Option<u32>,
    /// the same of months
    #[argh(option, arg_name = "number")]
    keep_monthly: Option<u32>,
    /// keep all that were taken so long before the newest one, or later
    #[argh(option, arg_name = "duration")]
    keep_within: Option<String>,
    /// tell what would go, and drop nothing
    #[argh(switch)]
    dry_run: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Forget {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?;
        let mut body = Map::new();
        for (field, given) in [
            ("keep_last", self.keep_last),
            ("keep_hourly", self.keep_hourly),
            ("keep_daily", self.keep_daily),
            ("keep_weekly", self.keep_weekly),
            ("keep_monthly", self.keep_monthly),
        ] {
            body.extend(given.map(|number| (field.to_owned(), number.into())));
        }
        body.extend(self.keep_within.map(|span| ("keep_within".to_owned(), span.into())));
        body.insert("dry_run".to_owned(), self.dry_run.into());
        let call = Call::new(Verb::Post, format!("{TARGETS}/{name}/forget"));
        let is_one = |found: &Envelope| found.data["snapshots"].is_array();
        let dry_run = self.dry_run;
        let print = |cx: &mut Context, found: &Envelope| print(cx, found, dry_run);
        let dropped = cx.present(call.with_body(Value::Object(body)), is_one, print);
        dropped.map_err(|stop| stop.about("Error dropping snapshots"))
    }
}

fn print(cx: &mut Context, found: &Envelope, dry_run: bool) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        return found.print(cx);
    }
    let gone = items(&found.data["snapshots"]);
    for name in gone {
        cx.say(&text(name))?;
    }
    let count = gone.len();
    match dry_run {
        true => cx.say(&format!("{count} snapshots would go"))?,
        false => cx.say(&format!("Success! Dropped {count} snapshots"))?,
    }
    Ok(Exit::Done)
}
