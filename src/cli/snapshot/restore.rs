//! `snapshot restore`: a file, into a server or a folder.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};

use super::file;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};
use crate::node::offline;

/// What a store of other keys means for who put it there.
const SEALED: &str = "
The server now holds the store of the snapshot, with its keys and tokens, and is sealed.
Unseal it with the unseal keys of that store:

    edgekeep operator unseal

Then go on with a token of that store: the one you used is not known in it.";

const INSTALLING: &str = "Error installing the snapshot";

const NOT_READY: &str = "
A server takes a snapshot while it is unsealed: initialize and unseal it first (edgekeep operator
init, edgekeep operator unseal), or stop it and restore into the folder of its store with -into.";

/// Restore a store from a snapshot.
///
/// All of the file is checked before anything is replaced. With -into no server is asked: the
/// store in that folder, which no server may have open, is made or replaced.
#[derive(FromArgs, ArgsInfo)]
pub struct Restore {
    /// restore a snapshot of other unseal keys too, and over any store: those keys are then needed
    #[argh(switch)]
    force: bool,
    /// folder of a store (the path of storage "redb") to restore into, without a server
    #[argh(option, arg_name = "folder")]
    into: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Restore {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = file::name(&self.operands)?;
        match self.into.as_deref() {
            Some("") => Err(Stop::Usage(
                "-into is empty: name the folder of a store (is a variable of the shell not set?)"
                    .into(),
            )),
            Some(folder) => self.restore_into(cx, name, folder),
            None => self.send(cx, name),
        }
    }
}

impl Restore {
    fn send(&self, cx: &mut Context, name: &str) -> Result<Exit, Stop> {
        let to = if self.force { "snapshot-force" } else { "snapshot" };
        let call = Call::new(Verb::Post, format!("sys/storage/raft/{to}"));
        if cx.is_dry() {
            let shown = cx.send(call);
            return shown.map(|_| Exit::Done);
        }
        let (mut body, length) = file::open(name, "Restoring")?;
        let sent = cx.client()?.upload(&call, length, &mut body);
        drop(body);
        sent.map_err(|error| match error.status() {
            Some(503) => Stop::Failed(format!("{INSTALLING}: {error}\n{NOT_READY}")),
            _ => Stop::from(error).about(INSTALLING),
        })?;
        cx.say("Success! Restored the snapshot")?;
        if self.force {
            let status = cx.client()?.call(&Call::get("sys/seal-status"));
            if status.is_ok_and(|answer| answer.body["sealed"] == true) {
                cx.say(SEALED)?;
            }
        }
        Ok(Exit::Done)
    }

    fn restore_into(&self, cx: &mut Context, name: &str, folder: &str) -> Result<Exit, Stop> {
        let (content, _) = file::open(name, "Restoring")?;
        let restored = offline::restore(content, Path::new(folder), self.force);
        let meta = restored.map_err(|e| Stop::Failed(format!("Error restoring {name}: {e}")))?;
        let (entries, revision) = (meta.about.entries, meta.about.revision);
        cx.say(&format!(
            "Success! Restored {entries} entries at revision {revision} into {folder}; a server \
             there is sealed, and begins a new timeline when it is unsealed"
        ))?;
        Ok(Exit::Done)
    }
}
