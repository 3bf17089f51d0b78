//! `auth list`: which auth methods are enabled where.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::mounts::{Table, list};
use crate::cli::stop::{Exit, Stop};

/// List enabled auth methods.
#[derive(FromArgs, ArgsInfo)]
pub struct List {
    /// print how each is tuned, too
    #[argh(switch)]
    detailed: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        list::run(Table::Auth, cx, &self.operands, self.detailed)
    }
}
