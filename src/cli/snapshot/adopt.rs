//! `snapshot adopt`: go on beside a target that is ahead.

use std::thread;

use argh::{ArgsInfo, FromArgs};

use super::target::{self, LOOK, TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Have a server go on beside a target that is ahead of it.
///
/// A target is ahead where the store is older than what lies there: it was put back from a copy, or
/// is one. Restore from the target unless what is there is not wanted; this begins a history of the
/// server's own, and leaves all that lies there as it is. It needs sudo.
#[derive(FromArgs, ArgsInfo)]
pub struct Adopt {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Adopt {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?;
        if state(cx, name)? != AHEAD {
            return Err(Stop::Failed(format!(
                "the target {name} is not ahead of the server: there is nothing to adopt"
            )));
        }
        let call = Call::new(Verb::Post, format!("{TARGETS}/{name}/adopt"));
        cx.send(call).map_err(|stop| stop.about("Error adopting the target"))?;
        while state(cx, name)? == AHEAD {
            thread::sleep(LOOK);
        }
        cx.say(&format!("Success! The server goes on beside {name} in a history of its own"))?;
        Ok(Exit::Done)
    }
}

const AHEAD: &str = "ahead";

fn state(cx: &mut Context, name: &str) -> Result<String, Stop> {
    Ok(text(&target::status(cx, name)?.data["state"]))
}
