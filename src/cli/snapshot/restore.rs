//! `snapshot restore`: a file, into a server.

use std::fs::File;

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{data, operands};
use crate::client::{Call, Verb};

/// Restore a server's store from a snapshot.
///
/// The server checks all of it before it replaces anything.
#[derive(FromArgs, ArgsInfo)]
pub struct Restore {
    /// restore a snapshot of other unseal keys too: those are then the server's
    #[argh(switch)]
    force: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Restore {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [path] = self.operands.as_slice() else {
            return Err(operands::wrong("Incorrect", "1", self.operands.len()));
        };
        let to = if self.force { "snapshot-force" } else { "snapshot" };
        let call = Call::new(Verb::Post, format!("sys/storage/raft/{to}"));
        if cx.is_dry() {
            let shown = cx.send(call);
            return shown.map(|_| Exit::Done);
        }
        let unread = |e: std::io::Error| {
            let why = data::open_error(path, &e);
            Stop::Failed(format!("Error opening snapshot file: {why}"))
        };
        let file = File::open(path).map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        let mut body = Progress::new("Restoring", Some(length)).reading(file);
        let sent = cx.client()?.upload(&call, length, &mut body);
        drop(body);
        sent.map_err(|e| Stop::from(e).about("Error installing the snapshot"))?;
        cx.say("Success! Restored the snapshot")?;
        Ok(Exit::Done)
    }
}
