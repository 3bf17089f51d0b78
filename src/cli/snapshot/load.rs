//! `snapshot load`: a file, to be read beside the store of a server.

use argh::{ArgsInfo, FromArgs};

use super::file;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Load a snapshot beside the store, to read single secrets in it and to bring them back.
///
/// Nothing is replaced. The id that is printed is what -snapshot-id of read, list, kv get, kv list
/// and recover takes. The snapshot is unloaded by itself after 72 hours, and when the server is
/// sealed or stopped.
#[derive(FromArgs, ArgsInfo)]
pub struct Load {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Load {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = file::name(&self.operands)?;
        if cx.is_dry() {
            return cx.send(call()).map(|_| Exit::Done);
        }
        match load(cx, name)? {
            Some(envelope) => envelope.print(cx),
            None => Err(Stop::Failed("Error loading the snapshot: the answer is empty".into())),
        }
    }
}

/// Loads a file; what the server says of it.
pub fn load(cx: &mut Context, name: &str) -> Result<Option<Envelope>, Stop> {
    let (mut body, length) = file::open(name, "Loading")?;
    let sent = cx.client()?.upload(&call(), length, &mut body);
    drop(body);
    let answer = sent.map_err(|error| Stop::from(error).about("Error loading the snapshot"))?;
    Ok(Envelope::of(&answer))
}

fn call() -> Call {
    Call::new(Verb::Post, "sys/storage/raft/snapshot-load")
}
