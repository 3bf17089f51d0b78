//! `secrets move`, `auth move`: the same mount at another path.

use std::time::Duration;

use serde_json::{Value, json};

use super::Table;
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Between two questions whether it is done. This server has done it when it answers; others may
/// have many leases to revoke.
const PAUSE: Duration = Duration::from_secs(1);

/// Moves what is mounted at the first operand to the second, and waits for it.
pub fn run(table: Table, cx: &mut Context, operands: &[String]) -> Result<Exit, Stop> {
    let [from, to] = operands::two(operands)?.map(|path| format!("{}/", operands::path(path)));
    let noun = table.noun();
    let call = Call::new(Verb::Post, "sys/remount").with_body(json!({ "from": from, "to": to }));
    let doing = format!("Error moving {noun} {from} to {to}");
    let started = cx.order(call).map_err(|stop| table.whole(stop.about(&doing), &from, &to))?;
    let Some(id) = started.body["data"]["migration_id"].as_str() else {
        // Servers before Vault 1.10 move at once.
        cx.done(&format!("Finished moving {noun} {from} to {to}"))?;
        return Ok(Exit::Done);
    };
    let what = format!("{noun} {from} to {to}, with migration ID {id}");
    cx.tell(&format!("Started moving {what}"))?;
    let doing = format!("Error checking migration status of {noun} {from} to {to}");
    let mut waits = false;
    loop {
        match status(cx, id).map_err(|stop| stop.about(&doing))?.as_str() {
            Some("success") => break,
            Some("failure") => {
                return Err(Stop::Failed(format!("Failure! Error encountered moving {what}")));
            }
            _ if waits => {}
            _ => {
                cx.tell(&format!("Waiting for terminal status in migration of {what}"))?;
                waits = true;
            }
        }
        std::thread::sleep(PAUSE);
    }
    cx.done(&format!("Finished moving {what}"))?;
    Ok(Exit::Done)
}

impl Table {
    /// Adds to the refusal of paths that are not seen from the whole server what they were meant
    /// for.
    fn whole(self, refused: Stop, from: &str, to: &str) -> Stop {
        let prefix = self.prefix();
        let are_whole = [from, to].iter().all(|path| path.starts_with(prefix));
        let [from, to] = [from, to].map(|path| path.strip_prefix(prefix).unwrap_or(path));
        match refused.says("no matching mount") {
            true if !are_whole => refused.with(&format!(
                "Auth methods are named from the top: `edgekeep auth move {prefix}{from} \
                 {prefix}{to}`"
            )),
            _ => refused,
        }
    }
}

fn status(cx: &mut Context, id: &str) -> Result<Value, Stop> {
    let answer = cx.send(Call::get(format!("sys/remount/status/{id}")))?;
    Ok(answer.body["data"]["migration_info"]["status"].clone())
}
