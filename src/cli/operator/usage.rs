//! `operator usage`: how many clients there were.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::base::golang;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::cli::{operands, table};
use crate::client::Call;

/// Print how many clients there were in some months.
///
/// A server that does not count them says so, and how many tokens and entities there are.
#[derive(FromArgs, ArgsInfo)]
pub struct Usage {
    /// the first month that counts
    #[argh(option, arg_name = "time")]
    start_time: Option<String>,
    /// the last one
    #[argh(option, arg_name = "time")]
    end_time: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

const NO_CLIENTS: &str = "The server has no usage data: it does not count clients.";
const NONE_THEN: &str = "No data is available for the given time range.";

impl Command for Usage {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let mut call = Call::get("sys/internal/counters/activity");
        for (name, time) in [("start_time", self.start_time), ("end_time", self.end_time)] {
            if let Some(time) = time {
                call = call.with_query(name, time);
            }
        }
        let found = cx.fetch(call);
        let found = found.map_err(|stop| stop.about("Error retrieving client counts"))?;
        match found {
            None => instead(cx)?,
            Some(found) if !found.wrap_info.is_null() => return found.print(cx),
            Some(found) if found.data.is_null() && found.has_id() => instead(cx)?,
            Some(found) if !found.data["total"].is_object() => return Err(cx.not_understood()),
            Some(found) if cx.format != Format::Table => return found.print(cx),
            Some(found) => cx.say(&report(&found.data))?,
        }
        Ok(Exit::Done)
    }
}

/// What there is to say where nothing was counted.
fn instead(cx: &mut Context) -> Result<(), Stop> {
    let counts = asked(cx, "config").is_some_and(|found| found.data["queries_available"] == true);
    if counts {
        cx.warn(NONE_THEN);
        return Ok(());
    }
    cx.warn(NO_CLIENTS);
    let mut rows = Vec::new();
    for (title, path, name) in
        [("Service Tokens", "tokens", "service_tokens"), ("Entities", "entities", "entities")]
    {
        if let Some(found) = asked(cx, path) {
            let total = golang::display(&found.data["counters"][name]["total"]);
            rows.push([title.to_owned(), total]);
        }
    }
    match cx.format {
        Format::Table if !rows.is_empty() => cx.say(&table::columns(&rows)),
        _ => Ok(()),
    }
}

/// What may be told or not: it only stands beside the answer.
fn asked(cx: &mut Context, name: &str) -> Option<Envelope> {
    cx.fetch(Call::get(format!("sys/internal/counters/{name}"))).ok().flatten()
}

/// The clients of each namespace, and of all.
fn report(data: &Value) -> String {
    let text = |value: &Value| if value.is_null() { "0".into() } else { golang::display(value) };
    let row = |name: String, of: &Value| {
        let [entities, tokens, clients] =
            ["distinct_entities", "non_entity_tokens", "clients"].map(|count| text(&of[count]));
        [name, entities, tokens, clients]
    };
    let mut rows = Vec::new();
    for namespace in items(&data["by_namespace"]) {
        let name = match namespace["namespace_path"].as_str() {
            None | Some("") => "[root]",
            Some(path) => path,
        };
        rows.push(row(name.to_owned(), &namespace["counts"]));
    }
    rows.push(row("Total".to_owned(), &data["total"]));
    let header = ["Namespace path", "Distinct entities", "Non-Entity tokens", "Active clients"];
    format!(
        "Period start: {}\nPeriod end: {}\n\n{}",
        text(&data["start_time"]),
        text(&data["end_time"]),
        table::table(header, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::report;

    #[test]
    fn the_counts_of_a_server_that_has_some() {
        let counts = serde_json::json!({
            "distinct_entities": 2, "non_entity_tokens": 3, "clients": 5,
        });
        let data = serde_json::json!({
            "start_time": "2026-10-01T00:00:00Z",
            "end_time": "2026-10-31T23:59:59Z",
            "by_namespace": [{ "namespace_path": "", "counts": counts }],
            "total": counts,
        });
        let want = "\
Period start: 2026-10-01T00:00:00Z
Period end: 2026-10-31T23:59:59Z

Namespace path    Distinct entities    Non-Entity tokens    Active clients
--------------    -----------------    -----------------    --------------
[root]            2                    3                    5
Total             2                    3                    5";
        assert_eq!(report(&data), want);
    }
}
