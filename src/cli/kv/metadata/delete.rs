//! `kv metadata delete`: all of a key.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::kv::place::Below;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Delete = With<Own, Below>;

/// Delete all of a key for good: settings, versions, data.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Delete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.own.operands)?;
        let path = super::path(cx, self.more.mount.as_deref(), key)?;
        let deleted = cx.order(Call::new(Verb::Delete, path.as_str()));
        deleted.map_err(|stop| stop.about(&format!("Error deleting {path}")))?;
        cx.done(&format!("Data deleted (if it existed) at: {path}"))?;
        Ok(Exit::Done)
    }
}
