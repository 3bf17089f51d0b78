//! `version`: of this program.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::stop::{Exit, Stop};

/// Print the version of this program.
#[derive(FromArgs, ArgsInfo)]
pub struct Version {
    #[argh(positional)]
    #[expect(dead_code, reason = "Vault's command overlooks operands")]
    operands: Vec<String>,
}

impl Command for Version {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        cx.say(concat!("Edgekeep v", env!("CARGO_PKG_VERSION")))?;
        Ok(Exit::Done)
    }
}
