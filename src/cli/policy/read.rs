//! `policy read`: the text of a policy.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Print a policy.
#[derive(FromArgs, ArgsInfo)]
pub struct Read {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Read {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = super::name(operands::one(&self.operands)?);
        let found = cx
            .fetch(Call::get(super::path(&name)))
            .map_err(|stop| stop.about(&format!("Error reading policy named {name}")))?;
        let text = found.as_ref().and_then(|found| found.data.get("policy")?.as_str());
        match (&found, text) {
            (Some(found), _) if !found.wrap_info.is_null() => found.print(cx),
            (_, None | Some("")) => Err(Stop::Failed(format!("No policy named: {name}"))),
            (_, Some(text)) => {
                match cx.format {
                    Format::Table => cx.say(text.trim())?,
                    _ => cx.say_value(&json!({ "policy": text }))?,
                }
                Ok(Exit::Done)
            }
        }
    }
}
