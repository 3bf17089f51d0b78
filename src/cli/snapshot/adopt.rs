//! `snapshot adopt`: go on where a target is ahead, or another place.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::target::{self, TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Have a server go on where a target is ahead of it, or is another place than it was.
///
/// A target is ahead where the store is older than what lies there: it was put back from a copy, or
/// is one. Restore from the target unless what is there is not wanted; this begins a history of the
/// server's own, and leaves all that lies there as it is. Where another server wrote there and was
/// stopped, this ends the message that tells of it. A folder is another place where the file
/// .edgekeep-target is not in it: a disk is not mounted, or is a new one. This makes the file.
/// It needs sudo.
#[derive(FromArgs, ArgsInfo)]
pub struct Adopt {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Adopt {
    const OPERANDS: &'static str = "NAME";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?;
        let call = Call::new(Verb::Post, format!("{TARGETS}/{name}/adopt"));
        let list = Call::get(format!("{TARGETS}/{name}/list"));
        cx.also_needs(&call);
        cx.also_needs(&list);
        let mut before = target::status(cx, name)?.data;
        let state = |of: &Value| text(&of["state"]);
        let is_wanted =
            |of: &Value| [AHEAD, AWAY].contains(&&*state(of)) || !of["beside"].is_null();
        if !is_wanted(&before) {
            // What is told was seen some time ago; where it cannot be looked at, it is away.
            let _seen = cx.fetch(list);
            before = target::status(cx, name)?.data;
        }
        if !is_wanted(&before) {
            return Err(Stop::Failed(format!(
                "the target {name} is neither ahead of the server nor away, and no other server \
                 writes there: there is nothing to adopt"
            )));
        }
        let doing = "Error adopting the target";
        cx.send(call).map_err(|stop| stop.about(doing))?;
        let failed = target::wait(cx, (name, doing), before.clone(), |now| {
            let done = state(now) != state(&before) || now["beside"] != before["beside"];
            let failed = now["errors"].as_u64() > before["errors"].as_u64();
            let why = || format!("it is {}: {}", state(now), text(&now["error"]));
            (done || failed).then(|| (!done).then(why))
        })?;
        if let Some(why) = failed {
            return Err(Stop::Failed(why));
        }
        let how = if state(&before) == AHEAD { " in a history of its own" } else { "" };
        cx.say(&format!("Success! The server goes on with {name}{how}"))?;
        Ok(Exit::Done)
    }
}

const AHEAD: &str = "ahead";
const AWAY: &str = "away";
