//! `namespace list`: the namespaces below the present one.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{list, operands};
use crate::client::Call;

/// List the namespaces below this one. An Edgekeep has only the root.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    /// print what is known of each; not in a table
    #[argh(switch)]
    detailed: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let found = cx.fetch(Call::list("sys/namespaces"));
        let found = found.map_err(|stop| stop.about("Error listing namespaces"))?;
        match found {
            Some(envelope) if self.detailed && cx.format != Format::Table => {
                cx.say_value(&envelope.data["key_info"])?;
            }
            Some(envelope) => return list::print(cx, &envelope, "No namespaces found"),
            None if cx.format == Format::Table => {
                return Err(Stop::Failed("No namespaces found: there is only the root".into()));
            }
            None => {
                cx.say_value(&json!({}))?;
                return Ok(Exit::Failed);
            }
        }
        Ok(Exit::Done)
    }
}
