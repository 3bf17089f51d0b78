//! `kv metadata patch`: some of a key's settings.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::settings::Settings;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::kv::place::Below;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Patch = With<Own, With<Settings, Below>>;

/// Change some of a key's settings; what is not given stays.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
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
        let key = operands::one(&self.own.operands)?;
        let path = super::path(cx, self.more.more.mount.as_deref(), key)?;
        let set = self.own.custom_metadata.iter().map(|(k, v)| (k.clone(), json!(v)));
        let removed = self.own.remove_custom_metadata.iter().map(|k| (k.clone(), Value::Null));
        let custom = set.chain(removed);
        let body = self.more.own.body(custom);
        cx.write(Call::new(Verb::Patch, path.as_str()).with_body(body), &path)
    }
}
