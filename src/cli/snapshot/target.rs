//! The targets of a server, as `status`, `take` and `list` ask for them.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::Stop;
use crate::client::Call;

/// Where all of them are.
pub const TARGETS: &str = "sys/snapshots/targets";

/// How often it is asked whether something is done.
pub const LOOK: Duration = Duration::from_millis(200);

/// What lies on a target, of all stores, and whether the newest of each is what its name says.
pub fn holdings(cx: &mut Context, name: &str) -> Result<Envelope, Stop> {
    let call = Call::get(format!("{TARGETS}/{name}/list"));
    let call = call.with_query("all", "true").with_query("check", "true");
    let doing = "Error listing the target";
    let found = cx.fetch(call).map_err(|stop| stop.about(doing))?;
    let found = found.ok_or_else(|| Stop::Failed(missing(name)))?;
    let is_one = found.data["snapshots"].is_array() || !found.wrap_info.is_null();
    if is_one { Ok(found) } else { Err(cx.not_understood().about(doing)) }
}

/// The request that asks how a target stands, until something that was ordered is over.
pub fn told(name: &str) -> Call {
    Call::get(format!("{TARGETS}/{name}"))
}

/// How a target stands, or the token that wraps that.
pub fn status(cx: &mut Context, name: &str) -> Result<Envelope, Stop> {
    let doing = "Error reading the target";
    let found = cx.fetch(told(name));
    let found = found.map_err(|stop| stop.about(doing))?;
    let found = found.ok_or_else(|| Stop::Failed(missing(name)))?;
    let is_one = found.data["attempts"].is_number() || !found.wrap_info.is_null();
    if is_one { Ok(found) } else { Err(cx.not_understood().about(doing)) }
}

/// What each target counts from 0 on when it is set anew, or the server is started.
const COUNTS: [&str; 3] = ["attempts", "verifications", "errors"];

/// Looks at a target that stood so `before` until `over` tells that it is over. Where it was set
/// anew meanwhile nobody knows any more of what was wanted.
pub fn wait<T>(
    cx: &mut Context,
    (name, doing): (&str, &str),
    mut before: Value,
    over: impl Fn(&Value) -> Option<T>,
) -> Result<T, Stop> {
    loop {
        let now = status(cx, name)?.data;
        if COUNTS.iter().any(|count| now[count].as_u64() < before[count].as_u64()) {
            return Err(Stop::Failed(format!(
                "{doing}: the target was set anew meanwhile, or the server started: ask again"
            )));
        }
        if let Some(found) = over(&now) {
            return Ok(found);
        }
        before = now;
        thread::sleep(LOOK);
    }
}

/// What is said where there is no such target.
pub fn missing(name: &str) -> String {
    format!("there is no target {name}: `edgekeep snapshot status` names those that there are")
}

/// A text of an answer; empty where there is none.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
