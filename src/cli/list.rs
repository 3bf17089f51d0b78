//! `list`: the names below a path.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::command::{Command, Shared};
use super::context::Context;
use super::envelope::Envelope;
use super::format::Format;
use super::stop::{Exit, Stop};
use super::{operands, table};
use crate::base::golang;
use crate::client::Call;

/// List data or secrets.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        names(cx, &operands::path(operands::one(&self.operands)?))
    }
}

/// Prints the names below a path.
pub fn names(cx: &mut Context, path: &str) -> Result<Exit, Stop> {
    let doing = format!("Error listing {path}");
    let envelope = cx.fetch(Call::list(path)).map_err(|stop| stop.about(&doing))?;
    let Some(envelope) = envelope else {
        if cx.format != Format::Table {
            cx.say_value(&json!({}))?;
            return Err(Stop::Quiet(Exit::Failed));
        }
        return Err(Stop::Failed(format!("No value found at {path}")));
    };
    print(cx, &envelope, &format!("No entries found at {path}"))
}

/// Prints the names that an answer lists, or says that there are none.
pub fn print(cx: &mut Context, envelope: &Envelope, none: &str) -> Result<Exit, Stop> {
    if !envelope.wrap_info.is_null() {
        return envelope.print(cx);
    }
    let Some(Value::Array(names)) = envelope.data.get("keys") else {
        envelope.warn(cx);
        return Err(Stop::Failed(none.to_owned()));
    };
    if cx.format == Format::Table {
        let rows: Vec<[String; 1]> = names.iter().map(|name| [golang::display(name)]).collect();
        cx.say(&table::table(["Keys"], &rows))?;
        envelope.warn(cx);
    } else {
        cx.say_value(names)?;
    }
    Ok(Exit::Done)
}
