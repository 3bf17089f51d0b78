//! `token capabilities`: what a token may do at a path.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, prompt};
use crate::client::{Call, Verb};

/// Print what a token may do at a path.
///
/// Without TOKEN it is the one that is sent. The operand - reads it from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Capabilities {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Capabilities {
    const OPERANDS: &'static str = "[TOKEN] PATH";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (call, path) = match self.operands.as_slice() {
            [] => return Err(operands::wrong("Not enough", "1-2", 0)),
            [path] => {
                let call = Call::new(Verb::Post, "sys/capabilities-self");
                (call.with_body(json!({ "path": path })), path)
            }
            [token, path] => {
                let body = json!({ "token": prompt::given(token)?.as_str(), "path": path });
                (Call::new(Verb::Post, "sys/capabilities").with_body(body), path)
            }
            more => return Err(operands::wrong("Too many", "1-2", more.len())),
        };
        let answer = cx.send(call).map_err(|stop| stop.about("Error listing capabilities"))?;
        let Some(capabilities) = answer.body["data"][path.as_str()].as_array() else {
            return Err(Stop::Unmet("No capabilities found".into()));
        };
        if cx.format == Format::Table {
            let mut names: Vec<&str> = capabilities.iter().filter_map(Value::as_str).collect();
            names.sort_unstable();
            cx.say(&names.join(", "))?;
        } else {
            cx.say_value(capabilities)?;
        }
        Ok(Exit::Done)
    }
}
