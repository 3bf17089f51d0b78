//! `snapshot verify`: opens every entry of a file.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::keys::gather;
use super::{file, inspect};
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, table};
use crate::snapshot;
use crate::snapshot::inspect::Inspected;

const INSTEAD: &str =
    "Pipe them in, one a line, with a - for each after FILE, or use -without-keys";

/// Verify a snapshot by itself: open every entry, and count what is there.
///
/// That takes unseal keys, as many as the threshold says. Without KEY they are asked for, and not
/// shown: the safest way; "-" reads one from a line of stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Verify {
    /// check what needs no keys: checksums and framing
    #[argh(switch)]
    without_keys: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Verify {
    const OPERANDS: &'static str = "FILE [KEY...]";
    const SHARED: Shared = Shared::Output;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (name, keys) = operands::first(&self.operands, "at least 1")?;
        // Read twice: which keys are wanted stands in the file, and it may be too large to keep.
        let (content, _) = file::open(name, "Reading")?;
        let damaged = |e| Stop::Failed(format!("{name}: {e}"));
        let inspected = snapshot::inspect::inspect(content).map_err(damaged)?;
        if self.without_keys {
            report(cx, &inspected, None)?;
            return Ok(Exit::Done);
        }
        let key = gather(cx, &inspected.seal, keys, INSTEAD)?;
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
                "\nThe snapshot is bad. `edgekeep snapshot restore -into` an empty folder makes a \
                 store of\nwhat is good in it.",
            );
            Ok(())
        }
    }
}
