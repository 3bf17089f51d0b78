//! `policy list`: the names of all policies.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::client::Call;

/// List policies.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let listed = cx.present(Call::list("sys/policies/acl"), Envelope::is_list, |cx, found| {
            let names = &found.data["keys"];
            if cx.format != Format::Table {
                cx.say_value(names)?;
            } else {
                for name in items(names).iter().filter_map(Value::as_str) {
                    cx.say(name)?;
                }
            }
            Ok(Exit::Done)
        });
        listed.map_err(|stop| stop.about("Error listing policies"))
    }
}
