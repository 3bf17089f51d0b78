//! `kv destroy`: versions, for good.

use argh::{ArgsInfo, FromArgs};

use super::place::Below;
use super::versions::Act;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Destroy = With<Own, Below>;

/// Destroy versions of a key for good.
///
/// Snapshots taken before still hold them.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
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
        Act::Destroy.run(cx, self.more.mount.as_deref(), &self.own.versions, &self.own.operands)
    }
}
