//! `kv undelete`: versions that were deleted.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::place::Place;
use super::versions;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Bring deleted versions of a key back.
#[derive(FromArgs, ArgsInfo)]
pub struct Undelete {
    /// mount that KEY is below; else the mount stands before the key
    #[argh(option, arg_name = "string")]
    mount: Option<String>,
    /// versions to bring back, parted by commas; may be given more than once
    #[argh(option, arg_name = "list")]
    versions: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Undelete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.operands)?;
        let versions = versions(&self.versions);
        if versions.is_empty() {
            return Err(Stop::Usage(
                "No versions provided, use the \"-versions\" flag to specify the version to \
                 undelete."
                    .into(),
            ));
        }
        let place = Place::find(cx, self.mount.as_deref(), key)?;
        if !place.is_versioned {
            return Err(Stop::Usage("Undelete not supported on KV Version 1".into()));
        }
        let path = place.path("undelete");
        cx.write(Call::put(path.as_str(), json!({ "versions": versions })), &path)
    }
}
