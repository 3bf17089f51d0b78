//! `kv patch`: a part of a key's data.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use super::place::{Below, Place};
use super::put::options;
use super::show;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::{Exit, Stop, meant};
use crate::cli::{data, operands};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Patch = With<Own, Below>;

/// Change some of a key's data; what is not given stays.
///
/// Needs version 2 of the engine.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// write only if this is the current version
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    cas: Option<i64>,
    /// how: patch (one request) or rw (read, then write); without it the one that works
    #[argh(option, arg_name = "patch|rw")]
    method: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Patch {
    const OPERANDS: &'static str = "KEY [DATA]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (key, pairs) = operands::first(&self.own.operands, ">1")?;
        if pairs.is_empty() {
            return Err(Stop::Usage("Must supply data".into()));
        }
        let data = data::object(pairs)?;
        let place = Place::find(cx, self.more.mount.as_deref(), key)?;
        if !place.is_versioned {
            return Err(Stop::Failed(
                "K/V engine mount must be version 2 for patch support".into(),
            ));
        }
        let path = place.path("data");
        let written = match self.own.method.as_deref().unwrap_or_default() {
            "patch" => self.by_patch(cx, &path, &data)?,
            "rw" => self.by_rewriting(cx, &path, data)?,
            "" => match self.by_patch(cx, &path, &data) {
                Err(Stop::Call(_, error)) if matches!(error.status(), Some(403 | 405)) => {
                    let written = self.by_rewriting(cx, &path, data)?;
                    cx.warn(&format!(
                        "Data was written to {path} but we recommend that you add the \"patch\" \
                         capability to your ACL policy in order to use HTTP PATCH in the future."
                    ));
                    written
                }
                patched => patched?,
            },
            odd => {
                let text = format!("Unsupported method provided to -method flag: {odd}");
                return Err(Stop::Failed(meant(text, odd, ["patch", "rw"])));
            }
        };
        show::written(cx, &place, written)
    }
}

impl Patch {
    fn by_patch(
        &self,
        cx: &mut Context,
        path: &str,
        data: &Map<String, Value>,
    ) -> Result<Option<Envelope>, Stop> {
        let body = json!({ "data": data, "options": options(self.own.cas) });
        let sent = cx.send(Call::new(Verb::Patch, path).with_body(body));
        let answer = sent.map_err(|stop| stop.about(&format!("Error writing data to {path}")))?;
        Ok(Envelope::of(&answer))
    }

    /// Reads, changes and writes, unless somebody else wrote meanwhile.
    fn by_rewriting(
        &self,
        cx: &mut Context,
        path: &str,
        changes: Map<String, Value>,
    ) -> Result<Option<Envelope>, Stop> {
        let current = match cx.ask(&Call::get(path)) {
            Ok(answer) => answer.body["data"].clone(),
            Err(Stop::Call(_, error)) if error.status() == Some(404) => Value::Null,
            Err(stop) => return Err(stop.about(&format!("Error reading {path}"))),
        };
        let Value::Object(mut data) = current["data"].clone() else {
            return Err(Stop::Failed(format!("No value found at {path}")));
        };
        data.extend(changes);
        let read = current["metadata"]["version"].clone();
        let cas = self.own.cas.map_or(read, Value::from);
        cx.written(Call::put(path, json!({ "data": data, "options": { "cas": cas } })), path)
    }
}
