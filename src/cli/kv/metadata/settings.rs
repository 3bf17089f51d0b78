//! A key's settings, as options.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::values;

/// Settings Options
#[derive(FromArgs, ArgsInfo)]
pub struct Settings {
    /// demand of each write that it names the current version (-cas)
    #[argh(option, arg_name = "bool")]
    cas_required: Option<bool>,
    /// keep this many versions; 0: as many as the mount
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    max_versions: Option<i64>,
    /// delete each version this long after it was written
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    delete_version_after: Option<Ttl>,
}

impl Settings {
    /// What is sent: the settings that were given. Those that were not stay as they are.
    pub fn body(&self, custom_metadata: impl Iterator<Item = (String, Value)>) -> Value {
        let mut body = Map::new();
        if let Some(required) = self.cas_required {
            body.insert("cas_required".into(), json!(required));
        }
        if let Some(versions) = self.max_versions.filter(|versions| *versions >= 0) {
            body.insert("max_versions".into(), json!(versions));
        }
        if let Some(after) = self.delete_version_after {
            body.insert("delete_version_after".into(), json!(after.to_string()));
        }
        let custom: Map<String, Value> = custom_metadata.collect();
        if !custom.is_empty() {
            body.insert("custom_metadata".into(), custom.into());
        }
        body.into()
    }
}
