//! `read`: whatever a path holds.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::recover::in_snapshot;
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::client::Call;

/// Read data and retrieve secrets.
///
/// Prints what is at PATH. K=V pairs are sent as query parameters.
#[derive(FromArgs, ArgsInfo)]
pub struct Read {
    /// id of a loaded snapshot to read in, instead of the present store
    #[argh(option, arg_name = "string")]
    snapshot_id: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Read {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Field;
    const RAW: bool = true;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.operands, "1")?;
        let path = operands::path(path);
        let mut call = Call::get(path.as_str());
        call.query = data::query(pairs)?;
        call = in_snapshot(call, self.snapshot_id);
        match cx.fetch(call).map_err(|stop| stop.about(&format!("Error reading {path}")))? {
            Some(envelope) => envelope.print(cx),
            None => Err(Stop::Failed(format!("No value found at {path}"))),
        }
    }
}
