//! `kv get`: a key's data.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::place::{Below, Place};
use super::show;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::recover::InSnapshot;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// The command with all its options.
pub type Get = With<Own, With<InSnapshot, Below>>;

/// Retrieve data of a key.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// version to read; the latest without it
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    version: Option<i64>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Get {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.own.operands)?;
        let place = Place::find(cx, self.more.more.mount.as_deref(), key)?;
        let path = place.path("data");
        let mut call = Call::get(path.as_str());
        if let Some(version) = self.own.version.filter(|v| *v > 0 && place.is_versioned) {
            call = call.with_query("version", version.to_string());
        }
        let found = self.more.own.fetch(cx, call);
        let found = found.map_err(|stop| stop.about(&format!("Error reading {path}")))?;
        print(cx, &path, place.is_versioned, found)
    }
}

/// Prints what was found at a path.
pub fn print(
    cx: &mut Context,
    path: &str,
    is_versioned: bool,
    found: Option<Envelope>,
) -> Result<Exit, Stop> {
    let Some(envelope) = found else {
        return Err(Stop::Failed(format!("No value found at {path}")));
    };
    if !envelope.wrap_info.is_null() {
        return envelope.print(cx);
    }
    if is_versioned {
        return versioned(cx, path, &envelope);
    }
    if cx.format != Format::Table || cx.field.is_some() {
        return envelope.print(cx);
    }
    cx.say(&show::section("Data", &envelope.data))?;
    envelope.warn(cx);
    Ok(Exit::Done)
}

fn versioned(cx: &mut Context, path: &str, envelope: &Envelope) -> Result<Exit, Stop> {
    let data = &envelope.data["data"];
    if let Some(field) = cx.field.clone() {
        let whole = (field == "data").then_some(data);
        return match data.get(&field).or(whole) {
            _ if data.is_null() => Err(Stop::Failed(format!("No data found at {path}"))),
            None | Some(Value::Null) => {
                Err(Stop::Unmet(format!("Field {field:?} not present in secret")))
            }
            Some(value) => cx.say_field(value).map(|()| Exit::Done),
        };
    }
    if cx.format != Format::Table {
        return envelope.print(cx);
    }
    let mut sections = vec![show::path("Secret Path", path)];
    for (title, part) in [("Metadata", &envelope.data["metadata"]), ("Data", data)] {
        if !part.is_null() {
            sections.push(show::section(title, part));
        }
    }
    cx.say(&sections.join("\n\n"))?;
    envelope.warn(cx);
    Ok(Exit::Done)
}
