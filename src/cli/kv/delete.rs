//! `kv delete`: versions that can be brought back.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::place::{Below, Place};
use super::versions::Versions;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Delete = With<Own, With<Versions, Below>>;

/// Delete versions of a key; `kv undelete` brings them back.
///
/// Without -versions the latest is deleted. A mount of version 1 keeps nothing of it.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Delete {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let place =
            Place::find(cx, self.more.more.mount.as_deref(), operands::one(&self.own.operands)?)?;
        let (path, versions) = (place.path("data"), self.more.own.named());
        let call = if place.is_versioned && self.more.own.are_given() {
            Call::put(place.path("delete"), json!({ "versions": versions }))
        } else {
            Call::new(Verb::Delete, path.as_str())
        };
        cx.order(call).map_err(|stop| stop.about(&format!("Error deleting {path}")))?;
        cx.done(&format!("Data deleted (if it existed) at: {path}"))?;
        Ok(Exit::Done)
    }
}
