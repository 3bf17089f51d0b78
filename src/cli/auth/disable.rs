//! `auth disable`: takes an auth method away.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::stop::{Exit, Stop};

/// Disable an auth method. The tokens that it gave are revoked.
#[derive(FromArgs, ArgsInfo)]
pub struct Disable {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Disable {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Table::Auth.disable(cx, &self.operands)
    }
}
