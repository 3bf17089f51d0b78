//! `delete`: what a path holds.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::envelope::Envelope;
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::client::{Call, Verb};

/// Delete secrets and configuration.
///
/// K=V pairs are sent as query parameters.
#[derive(FromArgs, ArgsInfo)]
pub struct Delete {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Delete {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.operands, "at least 1")?;
        let path = operands::path(path);
        let mut call = Call::new(Verb::Delete, path.as_str());
        call.query = data::query(pairs).map_err(|stop| match stop {
            Stop::Usage(text) => Stop::Usage(text.replacen("K=V data", "string list data", 1)),
            other => other,
        })?;
        let deleted =
            cx.send(call).map_err(|stop| stop.about(&format!("Error deleting {path}")))?;
        if let Some(envelope) = Envelope::of(&deleted) {
            return envelope.print(cx);
        }
        cx.done(&format!("Data deleted (if it existed) at: {path}"))?;
        Ok(Exit::Done)
    }
}
