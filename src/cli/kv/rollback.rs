//! `kv rollback`: an old version, as the newest.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::place::{Below, Place};
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Error};

/// The command with all its options.
pub type Rollback = With<Own, Below>;

/// Write an old version of a key again, as its newest.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// version to write again
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    version: Option<i64>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Rollback {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [key] = self.own.operands.as_slice() else {
            return Err(operands::wrong("Invalid number of", "1", self.own.operands.len()));
        };
        let version = match self.own.version {
            None => return Err(Stop::Usage("Version flag must be specified".into())),
            Some(version) if version <= 0 => {
                return Err(Stop::Usage(format!("Invalid value {version} for the version flag")));
            }
            Some(version) => version,
        };
        let place = Place::find(cx, self.more.mount.as_deref(), key)?;
        if !place.is_versioned {
            return Err(Stop::Failed(
                "K/V engine mount must be version 2 for rollback support".into(),
            ));
        }
        let path = place.path("data");
        let cas = read(cx, Call::get(path.as_str()), &path)?["metadata"]["version"].clone();
        let old = Call::get(path.as_str()).with_query("version", version.to_string());
        let old = read(cx, old, &path)?;
        if old["metadata"]["destroyed"] == true {
            return Err(gone("destroyed"));
        }
        if old["data"].is_null() {
            return Err(gone("deleted"));
        }
        let body = json!({ "data": old["data"], "options": { "cas": cas } });
        cx.write(Call::put(path.as_str(), body), &path)
    }
}

/// What a key holds, deleted or not.
fn read(cx: &mut Context, call: Call, path: &str) -> Result<Value, Stop> {
    let body = match cx.ask(&call) {
        Ok(answer) => answer.body,
        Err(Stop::Call(_, Error::Refused(refusal))) if refusal.status == 404 => refusal.body,
        Err(stop) => return Err(stop.about(&format!("Error reading {path}"))),
    };
    match &body["data"] {
        Value::Null => Err(Stop::Failed(format!("No value found at {path}"))),
        data => Ok(data.clone()),
    }
}

fn gone(how: &str) -> Stop {
    Stop::Failed(format!("Cannot roll back to a version that has been {how}"))
}
