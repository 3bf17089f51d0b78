//! `kv metadata delete`: all of a key.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Delete all of a key for good: settings, versions, data.
#[derive(FromArgs, ArgsInfo)]
pub struct Delete {
    /// mount that KEY is below; else the mount stands before the key
    #[argh(option, arg_name = "string")]
    mount: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Delete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.operands)?;
        let path = super::path(cx, self.mount.as_deref(), key)?;
        let deleted = cx.send(Call::new(Verb::Delete, path.as_str()));
        deleted.map_err(|stop| stop.about(&format!("Error deleting {path}")))?;
        cx.done(&format!("Data deleted (if it existed) at: {path}"))?;
        Ok(Exit::Done)
    }
}
