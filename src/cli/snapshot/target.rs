//! The targets of a server, as `status`, `take` and `list` ask for them.

use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::Stop;
use crate::client::Call;

/// Where all of them are.
pub const TARGETS: &str = "sys/snapshots/targets";

/// How a target stands.
pub fn status(cx: &mut Context, name: &str) -> Result<Envelope, Stop> {
    let found = cx.fetch(Call::get(format!("{TARGETS}/{name}")));
    found.map_err(|stop| stop.about("Error reading the target"))?.ok_or_else(|| missing(name))
}

/// What is said where there is no such target.
pub fn missing(name: &str) -> Stop {
    Stop::Failed(format!("there is no target {name}: snapshot status names those that there are"))
}

/// A text of an answer; empty where there is none.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
