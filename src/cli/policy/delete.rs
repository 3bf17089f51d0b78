//! `policy delete`: removes a policy.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Delete a policy.
///
/// Tokens that have it lose what it gives at once.
#[derive(FromArgs, ArgsInfo)]
pub struct Delete {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Delete {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = super::name(operands::one(&self.operands)?);
        cx.order(Call::new(Verb::Delete, super::path(&name)))
            .map_err(|stop| stop.about(&format!("Error deleting {name}")))?;
        cx.done(&format!("Deleted policy: {name}"))?;
        Ok(Exit::Done)
    }
}
