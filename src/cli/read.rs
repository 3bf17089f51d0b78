//! `read`: whatever a path holds.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared, With};
use super::context::Context;
use super::recover::InSnapshot;
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::client::Call;

/// The command with all its options.
pub type Read = With<Own, InSnapshot>;

/// Read data and retrieve secrets.
///
/// Prints what is at PATH. K=V pairs are sent as query parameters.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Read {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Field;
    const RAW: bool = true;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.own.operands, "1")?;
        let path = operands::path(path);
        let mut call = Call::get(path.as_str());
        call.query = data::query(pairs)?;
        let found = self.more.fetch(cx, call);
        match found.map_err(|stop| stop.about(&format!("Error reading {path}")))? {
            Some(envelope) => envelope.print(cx),
            None => Err(Stop::Failed(format!("No value found at {path}"))),
        }
    }
}
