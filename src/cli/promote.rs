//! `promote`: a standby serves from now on.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::operands;
use super::restore::folder_of;
use super::stop::{Exit, Stop};
use crate::base::clock::{Clock as _, SystemClock};
use crate::snapshot::follow::promotion;
use crate::storage::folder;

/// Have a standby serve from now on, in the place of the server that it follows.
///
/// It is told by a mark in its data folder, so it can run or not: one that runs takes what there is
/// on the target a last time, and serves within seconds; then it is sealed, and wants its keys.
#[derive(FromArgs, ArgsInfo)]
pub struct Promote {
    /// configuration of the standby, file or folder; may be given more than once
    #[argh(option, arg_name = "path")]
    config: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Promote {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        if self.config.is_empty() {
            return Err(Stop::Usage("Which standby? Give its -config".into()));
        }
        let data = folder_of(&self.config)?;
        if !folder::data_file(&data).exists() {
            return Err(Stop::Failed(format!("there is no store in {}", data.display())));
        }
        if !promotion::is_standby(&data) && !promotion::is_marked(&data) {
            return Err(Stop::Failed(format!(
                "the store in {} is no standby's: one is started by edgekeep server -follow, and \
                 any other serves once it is unsealed",
                data.display()
            )));
        }
        if promotion::is_empty(&data) {
            return Err(Stop::Failed(nothing(&data, &self.config)));
        }
        let marked = promotion::mark(&data, SystemClock.wall());
        let new = marked.map_err(|error| {
            Stop::Failed(format!("cannot write into {}: {error}", data.display()))
        })?;
        cx.say(if new { "Success! The standby is promoted." } else { "It is promoted already." })?;
        if let Some(trouble) = promotion::trouble(&data) {
            cx.warn(&format!(
                "It may lack what was committed last: when it last looked, it could not follow: \
                 {trouble}"
            ));
        }
        cx.say(NEXT)?;
        Ok(Exit::Done)
    }
}

/// Why one that has nothing is not promoted, and what helps.
fn nothing(data: &Path, config: &[String]) -> String {
    let config: Vec<String> = config.iter().map(|path| format!("-config={path}")).collect();
    let why = promotion::trouble(data).unwrap_or_else(|| "it has not said why".into());
    format!(
        "The standby in {} is not promoted: it has taken nothing from its target yet, so that it \
         could serve nothing: {why}\n\
         Once that is mended it follows, and can be promoted; what is to be named goes with its \
         -follow, and with restore too. Or stop it, have the newest state put there that any \
         target in the configuration has, and start it without -follow:\n  \
         edgekeep restore {} -force",
        data.display(),
        config.join(" ")
    )
}

const NEXT: &str = "
What to do next:

  1. Make sure that the server that it followed does not serve any more.
  2. Unseal the promoted one, with the same unseal keys: edgekeep operator unseal

Then it begins a new timeline: what the other one may still ship is kept apart from it.";
