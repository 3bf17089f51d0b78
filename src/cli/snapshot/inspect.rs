//! `snapshot inspect`: what is in a file.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::file;
use crate::barrier::seal::Kind;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::table;
use crate::snapshot::inspect::{Inspected, inspect};

/// Tell what is in a snapshot, from the file alone.
///
/// All of the file is read, and its checksums are checked. What is sealed in it stays sealed: use
/// "snapshot verify" with the unseal keys to open every entry.
#[derive(FromArgs, ArgsInfo)]
pub struct Inspect {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Inspect {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Output;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = file::name(&self.operands)?;
        let (content, _) = file::open(name, "Reading")?;
        let inspected = inspect(content).map_err(|e| Stop::Failed(format!("{name}: {e}")))?;
        if cx.format == Format::Table {
            cx.say(&table::pairs(&rows(&inspected)))?;
        } else {
            let kind = &inspected.seal.kind;
            let split = kind.split();
            let (shares, threshold) = (split.shares(), split.threshold());
            let seal = json!({ "type": kind.name(), "shares": shares, "threshold": threshold });
            cx.say_value(&json!({ "Meta": inspected.meta, "Seal": seal }))?;
        }
        Ok(Exit::Done)
    }
}

/// What is told of a snapshot.
pub fn rows(inspected: &Inspected) -> Vec<[String; 2]> {
    let Inspected { meta, seal } = inspected;
    let about = &meta.about;
    let split = seal.kind.split();
    let keys = match seal.kind {
        Kind::Shamir(_) => "Unseal Keys",
        Kind::Auto(_) => "Recovery Keys",
    };
    let rows = [
        ("ID", meta.id.clone()),
        ("Time", about.time.clone()),
        ("Store", about.store_id.clone()),
        ("Timeline", about.timeline.clone()),
        ("Revision", about.revision.to_string()),
        ("Entries", about.entries.to_string()),
        ("Bytes", about.bytes.to_string()),
        ("Root Key", about.key_id.clone()),
        ("Seal", seal.kind.name().to_owned()),
        (keys, format!("{} of {}", split.threshold(), split.shares())),
        ("Written By", format!("Edgekeep v{}", about.written_by)),
        ("Readable By", format!("Edgekeep v{} and later", about.readable_by)),
    ];
    rows.map(|(name, value)| [name.to_owned(), value]).to_vec()
}
