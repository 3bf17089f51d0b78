//! `secrets disable`: unmounts a secrets engine.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::stop::{Exit, Stop};

/// Disable a secrets engine. All its secrets are deleted, and what it leased is revoked.
#[derive(FromArgs, ArgsInfo)]
pub struct Disable {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Disable {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Table::Secrets.disable(cx, &self.operands)
    }
}
