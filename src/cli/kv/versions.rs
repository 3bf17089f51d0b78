//! Versions that are named, and what is done to them.

use serde_json::json;

use super::place::Place;
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// The versions that `-versions` names; each may hold several, parted by commas.
pub fn named(given: &[String]) -> Vec<&str> {
    given.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect()
}

/// What a key's versions can be told to be.
#[derive(Clone, Copy)]
pub enum Act {
    /// Gone for good.
    Destroy,
    /// Back again.
    Undelete,
}

impl Act {
    /// Does it to the versions that are named of the key that is the one operand.
    pub fn run(
        self,
        cx: &mut Context,
        mount: Option<&str>,
        versions: &[String],
        operands: &[String],
    ) -> Result<Exit, Stop> {
        let key = operands::one(operands)?;
        let versions = named(versions);
        let (word, name) = match self {
            Self::Destroy => ("destroy", "Destroy"),
            Self::Undelete => ("undelete", "Undelete"),
        };
        if versions.is_empty() {
            return Err(Stop::Usage(format!(
                "No versions provided, use the \"-versions\" flag to specify the version to {word}."
            )));
        }
        let place = Place::find(cx, mount, key)?;
        if !place.is_versioned {
            return Err(Stop::Usage(format!("{name} not supported on KV Version 1")));
        }
        let path = place.path(word);
        cx.write(Call::put(path.as_str(), json!({ "versions": versions })), &path)
    }
}
