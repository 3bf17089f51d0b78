//! `snapshot unload`: a loaded snapshot is let go.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Unload a snapshot that was loaded beside the store.
#[derive(FromArgs, ArgsInfo)]
pub struct Unload {
    /// unload it in whatever state it is
    #[argh(switch)]
    force: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Unload {
    const OPERANDS: &'static str = "ID";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let id = operands::one(&self.operands)?;
        unload(cx, id, self.force)?;
        cx.done(&format!("Unloaded the snapshot {id}"))?;
        Ok(Exit::Done)
    }
}

/// Lets the loaded snapshot of that id go.
pub fn unload(cx: &mut Context, id: &str, force: bool) -> Result<(), Stop> {
    let mut call = request(id);
    if force {
        call = call.with_query("force", "true");
    }
    cx.order(call).map_err(|stop| {
        let missing = format!(
            "no snapshot {id} is loaded: `edgekeep list sys/storage/raft/snapshot-load` names \
             those that are"
        );
        stop.missing(&missing).about("Error unloading the snapshot")
    })?;
    Ok(())
}

/// The request that lets it go.
pub fn request(id: &str) -> Call {
    Call::new(Verb::Delete, format!("sys/storage/raft/snapshot-load/{id}"))
}
