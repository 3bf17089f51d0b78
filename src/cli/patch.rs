//! `patch`: changes a part of what a path holds.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::command::{Command, Shared};
use super::context::Context;
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::client::{Call, Verb};

/// Patch data, configuration, and secrets.
///
/// Data is given as for `write`; what is not given stays as it is.
#[derive(FromArgs, ArgsInfo)]
pub struct Patch {
    /// patch even without data
    #[argh(switch, short = 'f')]
    force: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Patch {
    const OPERANDS: &'static str = "PATH [DATA K=V...]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.operands, "1")?;
        if pairs.is_empty() && !self.force {
            return Err(Stop::Usage("Must supply data or use -force".into()));
        }
        let path = operands::path(path);
        let body = Value::Object(data::object(pairs)?);
        cx.write(Call::new(Verb::Patch, path.as_str()).with_body(body), &path)
    }
}
