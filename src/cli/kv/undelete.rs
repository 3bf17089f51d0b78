//! `kv undelete`: versions that were deleted.

use argh::{ArgsInfo, FromArgs};

use super::place::Below;
use super::versions::Act;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Undelete = With<Own, Below>;

/// Bring deleted versions of a key back.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// versions to bring back, parted by commas; may be given more than once
    #[argh(option, arg_name = "list")]
    versions: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Undelete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Act::Undelete.run(cx, self.more.mount.as_deref(), &self.own.versions, &self.own.operands)
    }
}
