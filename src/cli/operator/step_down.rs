//! `operator step-down`: another server shall lead.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Ask a server to let another one lead its cluster.
///
/// Of a server that is alone nothing is changed by that.
#[derive(FromArgs, ArgsInfo)]
pub struct StepDown {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for StepDown {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let done = cx.order(Call::new(Verb::Put, "sys/step-down"));
        done.map_err(|stop| stop.about("Error stepping down"))?;
        let address = cx.client()?.address().to_string();
        cx.done(&format!("Stepped down: {address}"))?;
        Ok(Exit::Done)
    }
}
