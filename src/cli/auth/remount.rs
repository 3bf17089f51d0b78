//! `auth move`: an auth method at another path.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::mounts::{Table, remount};
use crate::cli::stop::{Exit, Stop};

/// Move an auth method to another path; both begin with auth/. The tokens that it gave are revoked.
///
/// Policies keep the old path.
#[derive(FromArgs, ArgsInfo)]
pub struct Move {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Move {
    const OPERANDS: &'static str = "SOURCE DESTINATION";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        remount::run(Table::Auth, cx, &self.operands)
    }
}
