//! `unwrap`: what a wrapping token holds.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::command::{Command, Shared};
use super::context::Context;
use super::stop::{Exit, Stop};
use super::{operands, prompt};
use crate::client::{Call, Verb};

/// Unwrap a wrapped secret.
///
/// Without TOKEN the current token is the wrapping token. The operand - reads it from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Unwrap {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Unwrap {
    const OPERANDS: &'static str = "[TOKEN]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let mut call = Call::new(Verb::Put, "sys/wrapping/unwrap");
        match operands::at_most_one(&self.operands, "0-1")? {
            None => {}
            Some(token) => {
                call = call.with_body(json!({ "token": prompt::given(token)?.as_str() }));
            }
        }
        match cx.fetch(call).map_err(|stop| stop.about("Error unwrapping"))? {
            Some(envelope) if envelope.has_id() => envelope.print(cx),
            Some(_) => Err(cx.not_understood().about("Error unwrapping")),
            None => Err(Stop::Failed("Could not find wrapped response".into())),
        }
    }
}
