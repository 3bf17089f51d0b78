//! `kv undelete`: versions that were deleted.

use argh::{ArgsInfo, FromArgs};

use super::versions::Act;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// Bring deleted versions of a key back.
#[derive(FromArgs, ArgsInfo)]
pub struct Undelete {
    /// mount that KEY is below; else the mount stands before the key
    #[argh(option, arg_name = "string")]
    mount: Option<String>,
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
        Act::Undelete.run(cx, self.mount.as_deref(), &self.versions, &self.operands)
    }
}
