//! `snapshot take`: one more snapshot, now.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::target::{self, TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Have a server put a snapshot on one of its targets now.
///
/// It is done when the snapshot was read back and verified. What is older goes as the target's
/// settings say.
#[derive(FromArgs, ArgsInfo)]
pub struct Take {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Take {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?;
        cx.never_wrap();
        let call = Call::new(Verb::Post, format!("{TARGETS}/{name}/take"));
        cx.also_needs(&target::told(name));
        let begun = cx.order(call).map_err(|stop| stop.about("Error asking for a snapshot"))?;
        let begun = Envelope::of(&begun).map(|begun| begun.data["attempts"].clone());
        let wanted = begun.and_then(|attempts| attempts.as_u64()).unwrap_or(1);
        let waiting = Progress::waiting("Taking a snapshot");
        let done = target::wait(cx, (name, TAKING), Value::Null, |now| {
            let is_over = now["attempts"].as_u64().is_none_or(|attempts| attempts >= wanted);
            is_over.then(|| now.clone())
        });
        drop(waiting);
        let done = done?;
        match &*text(&done["last_error"]) {
            "" if cx.format != Format::Table => {
                cx.say_value(&done["last_good"])?;
                Ok(Exit::Done)
            }
            "" => {
                let url = text(&done["last_good"]["url"]);
                cx.say(&format!("Success! Put and verified {url}"))?;
                Ok(Exit::Done)
            }
            error => Err(Stop::Failed(format!("{TAKING}: {error}"))),
        }
    }
}

const TAKING: &str = "Error taking a snapshot";
