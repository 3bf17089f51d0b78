//! `write`: data to any path.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::command::{Command, Shared};
use super::context::Context;
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::client::Call;

/// Write data, configuration, and secrets.
///
/// Data is key=value. A value @FILE is read from a file, and - from stdin; an operand @FILE or -
/// is a JSON object.
#[derive(FromArgs, ArgsInfo)]
pub struct Write {
    /// write even without data: some paths only want to be asked
    #[argh(switch, short = 'f')]
    force: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Write {
    const OPERANDS: &'static str = "PATH [DATA K=V...]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.operands, "1")?;
        if pairs.is_empty() && !self.force {
            return Err(Stop::Usage("Must supply data or use -force".into()));
        }
        let path = operands::path(path);
        let body = Value::Object(data::object(pairs)?);
        cx.write(Call::put(path.as_str(), body), &path)
    }
}
