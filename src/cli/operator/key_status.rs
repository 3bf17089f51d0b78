//! `operator key-status`: the data key in use.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::Call;

/// Tell which data key is in use, since when, and how much it encrypted.
#[derive(FromArgs, ArgsInfo)]
pub struct KeyStatus {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for KeyStatus {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let status = read(cx)?;
        if cx.format == Format::Table {
            cx.say(&told(&status))?;
        } else {
            cx.say_value(&value(&status))?;
        }
        Ok(Exit::Done)
    }
}

/// What the server says of its data key.
pub fn read(cx: &mut Context) -> Result<Value, Stop> {
    let status = cx.learn(Call::get("sys/key-status"), |status| status["term"].is_number());
    status.map_err(|stop| stop.about("Error reading key status"))
}

/// The same for programs.
pub fn value(status: &Value) -> Value {
    json!({
        "term": status["term"],
        "install_time": status["install_time"],
        "encryptions": status["encryptions"],
    })
}

/// The same for people.
pub fn told(status: &Value) -> String {
    let rows = [
        ["Key Term".to_owned(), golang::display(&status["term"])],
        ["Install Time".to_owned(), short_time(&golang::display(&status["install_time"]))],
        ["Encryption Count".to_owned(), golang::display(&status["encryptions"])],
    ];
    table::columns(&rows)
}

/// A time as Vault prints it here: `22 Nov 26 13:17 UTC` (RFC 822).
fn short_time(text: &str) -> String {
    let time = OffsetDateTime::parse(text, &Rfc3339).map(|time| {
        let time = time.to_offset(UtcOffset::UTC);
        let month = &time.month().to_string()[..3];
        let (day, year) = (time.day(), time.year() % 100);
        format!("{day:02} {month} {year:02} {:02}:{:02} UTC", time.hour(), time.minute())
    });
    time.unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::short_time;

    #[test]
    fn times_are_shortened() {
        assert_eq!(short_time("2026-11-22T14:17:15.02+01:00"), "22 Nov 26 13:17 UTC");
        assert_eq!(short_time("never"), "never");
    }
}
