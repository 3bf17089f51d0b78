//! `kv metadata patch`: some of a key's settings.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::put::settings;
use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::{Call, Verb};

/// Change some of a key's settings; what is not given stays.
#[derive(FromArgs, ArgsInfo)]
pub struct Patch {
    /// mount that KEY is below; else the mount stands before the key
    #[argh(option, arg_name = "string")]
    mount: Option<String>,
    /// demand of each write that it names the current version (-cas)
    #[argh(option, arg_name = "bool")]
    cas_required: Option<bool>,
    /// keep this many versions; 0: as many as the mount
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    max_versions: Option<i64>,
    /// delete each version this long after it was written
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    delete_version_after: Option<Ttl>,
    /// word about the key, KEY=VALUE; may be given more than once
    #[argh(option, arg_name = "key=value", from_str_fn(values::parse_pair))]
    custom_metadata: Vec<(String, String)>,
    /// word about the key to take away; may be given more than once
    #[argh(option, arg_name = "key")]
    remove_custom_metadata: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Patch {
    const OPERANDS: &'static str = "KEY";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let key = operands::one(&self.operands)?;
        let path = super::path(cx, self.mount.as_deref(), key)?;
        let set = self.custom_metadata.iter().map(|(k, v)| (k.clone(), json!(v)));
        let removed = self.remove_custom_metadata.iter().map(|k| (k.clone(), Value::Null));
        let custom = set.chain(removed);
        let body =
            settings(self.cas_required, self.max_versions, self.delete_version_after, custom);
        cx.write(Call::new(Verb::Patch, path.as_str()).with_body(body), &path)
    }
}
