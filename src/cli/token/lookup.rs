//! `token lookup`: what a token is.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, prompt};
use crate::client::{Call, Verb};

/// Display what a token is: its policies, times and uses.
///
/// Without TOKEN it is the one that is sent. The operand - reads it from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Lookup {
    /// the operand is an accessor; the token is not told then
    #[argh(switch)]
    accessor: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Lookup {
    const OPERANDS: &'static str = "[TOKEN | ACCESSOR]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        cx.show(self.call()?, "Error looking up token", |found| found.data["id"].is_string())
    }
}

impl Lookup {
    fn call(&self) -> Result<Call, Stop> {
        match (self.accessor, self.operands.as_slice()) {
            (true, [accessor]) => Ok(Call::new(Verb::Post, "auth/token/lookup-accessor")
                .with_body(json!({ "accessor": accessor.trim() }))),
            (true, none_or_more) => {
                let few = if none_or_more.is_empty() { "Not enough" } else { "Too many" };
                let got = none_or_more.len();
                Err(Stop::Usage(format!("{few} arguments with -accessor (expected 1, got {got})")))
            }
            (false, []) => Ok(Call::get("auth/token/lookup-self")),
            (false, [token]) => {
                let token = prompt::given(token)?;
                let call = Call::new(Verb::Post, "auth/token/lookup");
                Ok(call.with_body(json!({ "token": token.as_str() })))
            }
            (false, more) => Err(operands::wrong("Too many", "0-1", more.len())),
        }
    }
}
