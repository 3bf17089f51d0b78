//! `snapshot save`: the server's whole store, into a file.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::file;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;
use crate::snapshot::save::{Saved, save_any};

/// Save a snapshot of the server's store into a file.
///
/// The server goes on serving meanwhile. The file is complete or absent under its name. All in it
/// is sealed: to read it takes the unseal keys. That of another program's server is kept as it
/// comes.
#[derive(FromArgs, ArgsInfo)]
pub struct Save {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Save {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = file::name(&self.operands)?;
        let call = Call::get("sys/storage/raft/snapshot");
        if cx.is_dry() {
            let shown = cx.send(call);
            return shown.map(|_| Exit::Done);
        }
        let client = cx.client()?;
        let reply =
            client.download(&call).map_err(|e| Stop::from(e).about("Error taking the snapshot"))?;
        let body = Progress::new("Saving", reply.length).reading(reply.body);
        let saved = save_any(body, reply.length, Path::new(name))
            .map_err(|e| Stop::Failed(format!("The snapshot cannot be saved in {name}: {e}")))?;
        if cx.format != Format::Table {
            cx.say_value(&told(&saved, name))?;
            return Ok(Exit::Done);
        }
        let what = match saved.checked.map(|checked| checked.meta.about) {
            Some(about) => {
                format!("{} entries at revision {} in {name}", about.entries, about.revision)
            }
            None => format!("{} bytes of another program in {name}, unchecked", saved.length),
        };
        cx.say(&format!("Success! Saved {what}"))?;
        Ok(Exit::Done)
    }
}

/// What was saved, for scripts.
fn told(saved: &Saved, name: &str) -> Map<String, Value> {
    let mut told = saved.checked.as_ref().map(|it| it.meta.about.told()).unwrap_or_default();
    told.insert("checked".into(), saved.checked.is_some().into());
    told.insert("file".into(), name.into());
    told.insert("length".into(), saved.length.into());
    told
}
