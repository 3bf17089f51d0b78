//! `audit disable`: tells a device nothing more.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Disable an audit device. What it has written stays.
#[derive(FromArgs, ArgsInfo)]
pub struct Disable {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Disable {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let path = operands::path(operands::one(&self.operands)?);
        let disabled = cx.order(Call::new(Verb::Delete, format!("sys/audit/{path}")));
        disabled.map_err(|stop| stop.about("Error disabling audit device"))?;
        cx.done(&format!("Disabled audit device (if it was enabled) at: {path}/"))?;
        Ok(Exit::Done)
    }
}
