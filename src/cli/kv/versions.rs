//! Versions that are named, and what is done to them.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::place::Place;
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Version Options
#[derive(FromArgs, ArgsInfo)]
pub struct Versions {
    /// versions that it is done to, parted by commas; may be given more than once
    #[argh(option, arg_name = "list")]
    versions: Vec<String>,
}

impl Versions {
    /// Whether any were asked for, if only with nothing in the list.
    pub const fn are_given(&self) -> bool {
        !self.versions.is_empty()
    }

    /// The versions that are named; each value may hold several.
    pub fn named(&self) -> Vec<&str> {
        let lists = self.versions.iter().flat_map(|list| list.split(','));
        lists.map(str::trim).filter(|version| !version.is_empty()).collect()
    }
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
        versions: &Versions,
        operands: &[String],
    ) -> Result<Exit, Stop> {
        let key = operands::one(operands)?;
        let versions = versions.named();
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
