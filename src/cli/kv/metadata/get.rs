//! `kv metadata get`: a key's settings and its versions.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::kv::place::Below;
use crate::cli::kv::show;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// The command with all its options.
pub type Get = With<Own, Below>;

/// Retrieve a key's settings and what is known of each version.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Get {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.own.operands)?;
        let path = super::path(cx, self.more.mount.as_deref(), key)?;
        let found = cx.fetch(Call::get(path.as_str()));
        let found = found.map_err(|stop| stop.about(&format!("Error reading {path}")))?;
        let Some(mut envelope) = found else {
            return Err(Stop::Failed(format!("No value found at {path}")));
        };
        if cx.format != Format::Table || !envelope.wrap_info.is_null() {
            return envelope.print(cx);
        }
        let versions = envelope.data.as_object_mut().and_then(|data| data.remove("versions"));
        let mut sections =
            vec![show::path("Metadata Path", &path), show::section("Metadata", &envelope.data)];
        let mut versions: Vec<(u64, Value)> = versions
            .as_ref()
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(number, version)| (number.parse().unwrap_or(0), version.clone()))
            .collect();
        versions.sort_by_key(|(number, _)| *number);
        for (number, version) in &versions {
            sections.push(show::section(&format!("Version {number}"), version));
        }
        cx.say(&sections.join("\n\n"))?;
        envelope.warn(cx);
        Ok(Exit::Done)
    }
}
