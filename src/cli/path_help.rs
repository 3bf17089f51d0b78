//! `path-help`: what a path of the API is for.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::format::Format;
use super::operands;
use super::stop::{Exit, Stop};
use crate::client::Call;

/// In Vault's words.
const SEALED: &str = "Error: Vault is sealed.\n\nThe \"path-help\" command requires the Vault \
                      to be unsealed so that the mount points of the secret engines are known.";

/// Retrieve the API's own help of a path: its parameters, or the paths of a mount.
#[derive(FromArgs, ArgsInfo)]
pub struct PathHelp {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for PathHelp {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let path = operands::path(operands::one(&self.operands)?);
        let call = Call::get(path).with_query("help", "1");
        let told = cx.present(
            call,
            |found| found.data["help"].is_string(),
            |cx, found| {
                match (cx.format, found.data["help"].as_str()) {
                    (Format::Table, Some(help)) => cx.say(help.trim_end())?,
                    _ => cx.say_value(&found.data)?,
                }
                Ok(Exit::Done)
            },
        );
        told.map_err(|stop| match stop {
            Stop::Call(_, error) if error.status() == Some(503) => Stop::Failed(SEALED.into()),
            other => other.about("Error retrieving help"),
        })
    }
}
