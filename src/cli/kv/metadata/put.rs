//! `kv metadata put`: a key's settings.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::settings::Settings;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::kv::place::Below;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::Call;

/// The command with all its options.
pub type Put = With<Own, With<Settings, Below>>;

/// Set a key's settings; its data and versions stay.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
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
        let path = super::path(cx, self.more.more.mount.as_deref(), key)?;
        let custom = self.own.custom_metadata.iter().map(|(k, v)| (k.clone(), json!(v)));
        let body = self.more.own.body(custom);
        cx.write(Call::put(path.as_str(), body), &path)
    }
}
