//! `kv undelete`: versions that were deleted.

use argh::{ArgsInfo, FromArgs};

use super::place::Below;
use super::versions::{Act, Versions};
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Undelete = With<Own, With<Versions, Below>>;

/// Bring deleted versions of a key back.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Undelete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Act::Undelete.run(cx, self.more.more.mount.as_deref(), &self.more.own, &self.own.operands)
    }
}
