//! `kv destroy`: versions, for good.

use argh::{ArgsInfo, FromArgs};

use super::place::Below;
use super::versions::{Act, Versions};
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Destroy = With<Own, With<Versions, Below>>;

/// Destroy versions of a key for good.
///
/// Snapshots taken before still hold them.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Destroy {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        Act::Destroy.run(cx, self.more.more.mount.as_deref(), &self.more.own, &self.own.operands)
    }
}
