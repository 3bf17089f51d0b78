//! `status`: is the server there, initialised, unsealed?

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::operands;
use super::seal_status;
use super::stop::{Exit, Stop};
use crate::client::Call;

/// Print seal status of the server.
///
/// Exits with 0 when it is unsealed, 2 when it is sealed, and 1 when it cannot be asked.
#[derive(FromArgs, ArgsInfo)]
pub struct Status {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Status {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let call = Call::get("sys/seal-status");
        let status = cx.learn(call, seal_status::is_one).map_err(|stop| match stop {
            Stop::Call(_, error) => Stop::Unmet(format!("Error checking seal status: {error}")),
            Stop::Failed(text) => Stop::Unmet(text),
            other => other,
        })?;
        let sealed = status["sealed"] == true;
        seal_status::print(cx, status)?;
        Ok(if sealed { Exit::Failed } else { Exit::Done })
    }
}
