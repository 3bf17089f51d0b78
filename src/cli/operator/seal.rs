//! `operator seal`: the server forgets its keys.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Seal a server: it forgets its keys and answers nothing until it is unsealed.
#[derive(FromArgs, ArgsInfo)]
pub struct Seal {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Seal {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        // Whoever has something to say to that is no such server, and sealed nothing.
        let sealed = cx.learn(Call::new(Verb::Put, "sys/seal"), Value::is_null);
        sealed.map_err(|stop| stop.about("Error sealing"))?;
        cx.done("Edgekeep is sealed.")?;
        Ok(Exit::Done)
    }
}
