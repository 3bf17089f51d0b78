//! `kv destroy`: versions, for good.

use argh::{ArgsInfo, FromArgs};

use super::versions::Act;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// Destroy versions of a key for good.
///
/// Snapshots taken before still hold them.
#[derive(FromArgs, ArgsInfo)]
pub struct Destroy {
    /// mount that KEY is below; else the mount stands before the key
    #[argh(option, arg_name = "string")]
    mount: Option<String>,
    /// versions to destroy, parted by commas; may be given more than once
    #[argh(option, arg_name = "list")]
    versions: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Destroy {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Act::Destroy.run(cx, self.mount.as_deref(), &self.versions, &self.operands)
    }
}
