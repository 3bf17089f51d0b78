//! `snapshot verify`: opens every entry of a file, or has a server read back what a target holds.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::keys::{Opener, gather};
use super::target::{self, TARGETS, text};
use super::{file, inspect};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::client::{Call, Verb};
use crate::snapshot;
use crate::snapshot::inspect::Inspected;

const INSTEAD: &str =
    "Pipe them in, one a line, with a - for each after FILE, or use -without-keys";

/// Verify a snapshot by itself: open every entry, and count what is there.
///
/// Of a FILE that is done here. It takes unseal keys, as many as the threshold says. Without KEY
/// they are asked for, and not shown: the safest way; "-" reads one from a line of stdin. NAME, a
/// target of a server, has the server read back the newest snapshot there and the journal behind
/// it, from the first byte to the last, and waits for what comes of it; a file goes before a target
/// of its name.
#[derive(FromArgs, ArgsInfo)]
pub struct Verify {
    /// check what needs no keys: checksums and framing
    #[argh(switch)]
    without_keys: bool,
    /// where an automatic seal opens the file: configuration of the server; may be repeated
    #[argh(option, arg_name = "path")]
    config: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Verify {
    const OPERANDS: &'static str = "FILE [KEY...] | NAME";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (name, keys) = operands::first(&self.operands, "at least 1")?;
        if keys.is_empty() && !self.without_keys && is_target(name) {
            return of_target(cx, name);
        }
        // Read twice: which keys are wanted stands in the file, and it may be too large to keep.
        let (content, _) = file::open(name, "Reading")?;
        let damaged = |e| Stop::Failed(format!("{name}: {e}"));
        let inspected = snapshot::inspect::inspect(content).map_err(damaged)?;
        if self.without_keys {
            report(cx, &inspected, None)?;
            return Ok(Exit::Done);
        }
        let by = Opener { given: keys, config: &self.config, instead: INSTEAD };
        let key = gather(cx, &inspected.seal, by)?;
        let (content, _) = file::open(name, "Verifying")?;
        let verified = snapshot::verify::verify(content, &key).map_err(damaged)?;
        let findings = verified.findings();
        report(cx, &verified.inspected, Some(&findings))?;
        if let Some(notice) = verified.notice() {
            cx.warn(notice);
        }
        Ok(if findings.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

/// Whether it may be a target: the name of no file that is or should be there.
fn is_target(name: &str) -> bool {
    !name.contains(['/', '.']) && !file::is_there(name)
}

/// Has a server verify what is on a target.
fn of_target(cx: &mut Context, name: &str) -> Result<Exit, Stop> {
    let doing = "Error verifying the target";
    cx.never_wrap();
    let call = Call::new(Verb::Post, format!("{TARGETS}/{name}/verify"));
    cx.also_needs(&target::told(name));
    let none = format!("There is no file {name}, and no target: snapshot status names those");
    let begun = cx.order(call).map_err(|stop| stop.missing(&none).about(doing))?;
    let wanted = begun.body["data"]["verifications"].as_u64();
    let wanted = wanted.ok_or_else(|| cx.not_understood().about(doing))?;
    let waiting = Progress::waiting("Verifying");
    let done = target::wait(cx, (name, doing), Value::Null, |now| {
        let is_over = now["verifications"].as_u64().is_none_or(|ended| ended >= wanted);
        is_over.then(|| now["verification"].clone())
    });
    drop(waiting);
    let done = done?;
    if !done.is_object() {
        return Err(cx.not_understood().about(doing));
    }
    let (good, error) = (&done["good"], text(&done["error"]));
    if cx.format != Format::Table {
        cx.say_value(&done)?;
    } else if good.is_object() {
        let of = |field: &str| text(&good[field]);
        let (url, revision, timeline, time) =
            (of("url"), of("revision"), of("timeline"), of("time"));
        cx.say(&format!(
            "Success! Verified {url}: revision {revision} of timeline {timeline}, taken {time}"
        ))?;
    } else {
        cx.complain(&format!("Not good: {error}"));
    }
    Ok(if good.is_object() { Exit::Done } else { Exit::Failed })
}

/// Says what was found; without keys nothing was looked for.
fn report(cx: &mut Context, of: &Inspected, findings: Option<&[String]>) -> Result<(), Stop> {
    if cx.format != Format::Table {
        return cx.say_value(&json!({
            "Meta": of.meta,
            "Opened": findings.is_some(),
            "Good": findings.is_none_or(<[String]>::is_empty),
            "Findings": findings.unwrap_or_default(),
        }));
    }
    cx.say(&table::pairs(&inspect::rows(of)))?;
    cx.say("")?;
    match findings {
        None => cx.say(
            "The file is whole: its checksums and its framing hold. Nothing was opened: whether \
             it\nholds what the store held, only the unseal keys can tell.",
        ),
        Some([]) => cx.say("Success! Every entry opens, and all are there."),
        Some(findings) => {
            findings.iter().for_each(|finding| cx.complain(finding));
            cx.complain(
                "\nThe snapshot is bad. Into an empty folder, all that is good in it:\n\
                 `edgekeep snapshot restore -into=FOLDER FILE`",
            );
            Ok(())
        }
    }
}
