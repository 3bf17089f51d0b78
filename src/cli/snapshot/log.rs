//! `snapshot log`: what changed when.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::state::warn_of;
use super::target::{TARGETS, text};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::client::{Call, Error};

/// Tell what changed when: the commits of the journal, with the paths that each has changed.
///
/// No value is told. It needs sudo, as it shows names that policies may hide.
#[derive(FromArgs, ArgsInfo)]
pub struct Log {
    /// the target that holds the journal, as NAME does
    #[argh(option, arg_name = "name")]
    target: Option<String>,
    /// not before this time, such as 2026-11-22T09:00:00Z
    #[argh(option, arg_name = "time")]
    since: Option<String>,
    /// not after this time
    #[argh(option, arg_name = "time")]
    until: Option<String>,
    /// which history; else the present one
    #[argh(option, arg_name = "timeline")]
    timeline: Option<String>,
    /// so many commits, the last ones: 1 to 100000, else 1000
    #[argh(option, arg_name = "number")]
    limit: Option<u32>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Log {
    const OPERANDS: &'static str = "[NAME]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let target = one(operands::at_most_one(&self.operands, "0 or 1")?, self.target.as_deref())?;
        let mut call = Call::get(format!("{TARGETS}/{target}/log"));
        let limit = self.limit.map(|limit| limit.to_string());
        for (name, given) in [
            ("since", self.since),
            ("until", self.until),
            ("timeline", self.timeline),
            ("limit", limit),
        ] {
            if let Some(given) = given {
                call = call.with_query(name, given);
            }
        }
        let is_one = |found: &Envelope| found.data["commits"].is_array();
        let told = cx.present(call, is_one, |cx, found| {
            found.warn(cx);
            print(cx, &found.data)
        });
        told.map_err(|stop| late(stop, target).about("Error reading the journal"))
    }
}

/// The target that is named, in one of both ways.
fn one<'a>(operand: Option<&'a str>, option: Option<&'a str>) -> Result<&'a str, Stop> {
    match (operand, option) {
        (Some(name), None) | (None, Some(name)) => Ok(name),
        (None, None) => Err(Stop::Usage("Must name a target, as `snapshot status` does".into())),
        (Some(_), Some(_)) => Err(Stop::Usage("A target is named once, by NAME or -target".into())),
    }
}

/// Where no answer comes in time the server most likely waits for the target.
fn late(stop: Stop, target: &str) -> Stop {
    match stop {
        Stop::Call(None, Error::Late(address, end)) => Stop::Call(
            None,
            Error::Broken(format!(
                "{address} did not answer in time: it may wait for the target {target}, of which \
                 `edgekeep snapshot status {target}` tells more.{}",
                end.longer()
            )),
        ),
        stop => stop,
    }
}

fn print(cx: &mut Context, data: &Value) -> Result<Exit, Stop> {
    if cx.format != Format::Table {
        cx.say_value(data)?;
        return Ok(Exit::Done);
    }
    if data["more"] == true {
        cx.note("There are more commits before these: ask with -limit, or -until.");
    }
    warn_of(cx, &data["unusable"]);
    for gap in items(&data["gaps"]) {
        cx.warn(&format!("there is no record of the commits {} to {}", gap[0], gap[1]));
    }
    let commits = items(&data["commits"]);
    // A number may be meant twice where there is more than one.
    let is_one = commits.iter().all(|commit| commit["timeline"] == commits[0]["timeline"]);
    for commit in commits {
        cx.say(&line(commit, is_one))?;
        for change in items(&commit["changes"]) {
            cx.say(&format!("    {:8} {}", text(&change["change"]), text(&change["path"])))?;
        }
        let (all, told) = (commit["changed"].as_u64(), items(&commit["changes"]).len() as u64);
        if let Some(more) = all.and_then(|all| all.checked_sub(told)).filter(|more| *more > 0) {
            cx.say(&format!("    and {more} more"))?;
        }
    }
    Ok(Exit::Done)
}

/// The line of a commit: when it was, which it is, of which timeline unless they are all of one,
/// and what came after it.
fn line(commit: &Value, is_one: bool) -> String {
    let mut line = format!("{}  revision {}", text(&commit["time"]), commit["revision"]);
    if !is_one {
        line += &format!(" of {}", text(&commit["timeline"]));
    }
    match commit["commits"].as_u64() {
        Some(count) if count > 1 => line += &format!(" (of {count} commits)"),
        _ => {}
    }
    match &*text(&commit["mark"]) {
        "" => line,
        mark => line + ", " + mark,
    }
}
