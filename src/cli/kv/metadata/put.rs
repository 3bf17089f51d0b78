//! `kv metadata put`: a key's settings.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::kv::place::Below;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::Call;

/// The command with all its options.
pub type Put = With<Own, Below>;

/// Set a key's settings; its data and versions stay.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// demand of each write that it names the current version (-cas)
    #[argh(option, arg_name = "bool")]
    cas_required: Option<bool>,
    /// keep this many versions; 0: as many as the mount
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    max_versions: Option<i64>,
    /// delete each version this long after it was written
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    delete_version_after: Option<Ttl>,
    /// words about the key, KEY=VALUE, in place of those before; may be given more than once
    #[argh(option, arg_name = "key=value", from_str_fn(values::parse_pair))]
    custom_metadata: Vec<(String, String)>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Put {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.own.operands)?;
        let path = super::path(cx, self.more.mount.as_deref(), key)?;
        let custom = self.own.custom_metadata.iter().map(|(k, v)| (k.clone(), json!(v)));
        let body = settings(
            self.own.cas_required,
            self.own.max_versions,
            self.own.delete_version_after,
            custom,
        );
        cx.write(Call::put(path.as_str(), body), &path)
    }
}

/// The settings that were given; those that were not stay as they are.
pub fn settings(
    cas_required: Option<bool>,
    max_versions: Option<i64>,
    delete_version_after: Option<Ttl>,
    custom_metadata: impl Iterator<Item = (String, Value)>,
) -> Value {
    let mut body = Map::new();
    if let Some(required) = cas_required {
        body.insert("cas_required".into(), json!(required));
    }
    if let Some(versions) = max_versions.filter(|versions| *versions >= 0) {
        body.insert("max_versions".into(), json!(versions));
    }
    if let Some(after) = delete_version_after {
        body.insert("delete_version_after".into(), json!(after.to_string()));
    }
    let custom: Map<String, Value> = custom_metadata.collect();
    if !custom.is_empty() {
        body.insert("custom_metadata".into(), custom.into());
    }
    body.into()
}
