//! `policy fmt`: lays the text of a policy out anew.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};

use crate::base::hcl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::replace::replace;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{data, operands};
use crate::policy::parse::parse;

/// Format a policy's file.
///
/// The file is written anew in the one canonical layout; comments stay. A file that is no policy,
/// or that is JSON, stays as it is.
#[derive(FromArgs, ArgsInfo)]
pub struct Fmt {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Fmt {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let path = operands::one(&self.operands)?.trim();
        let text =
            data::file(path).map_err(|e| Stop::Usage(format!("Error reading source file: {e}")))?;
        parse(text.as_bytes()).map_err(|e| Stop::Usage(e.to_string()))?;
        let formatted =
            hcl::format(&text).map_err(|e| Stop::Usage(format!("Error printing result: {e}")))?;
        if formatted != text {
            replace(Path::new(path), &formatted).map_err(|e| {
                Stop::Usage(format!("Error writing result: {}", data::open_error(path, &e)))
            })?;
        }
        cx.done(&format!("Formatted policy: {path}"))?;
        Ok(Exit::Done)
    }
}
