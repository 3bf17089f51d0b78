//! `secrets enable`: mounts a secrets engine.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::mounts::options::{Mounting, given};
use crate::cli::stop::{Exit, Stop};
use crate::engines::ENGINES;

/// The command with all its options.
pub type Enable = With<Own, Mounting>;

/// Enable a secrets engine.
///
/// It is mounted at the path that its type names, or at -path.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// keep nothing of it in memory
    #[argh(switch)]
    force_no_cache: bool,
    /// managed key that it may use; may be given more than once
    #[argh(option, arg_name = "string")]
    allowed_managed_keys: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Enable {
    const OPERANDS: &'static str = "TYPE";
    const SHARED: Shared = Shared::Http;
    const CHOICES: fn() -> Vec<&'static str> = || ENGINES.to_vec();

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let Own { force_no_cache, allowed_managed_keys, operands } = self.own;
        let kind = self.more.kind(&operands)?;
        let path = self.more.path(&kind);
        let keys = given("allowed_managed_keys", &allowed_managed_keys);
        let no_cache = force_no_cache.then(|| ("force_no_cache".to_owned(), true.into()));
        let config: Map<String, Value> = keys.into_iter().chain(no_cache).collect();
        let enabled = Table::Secrets.enable(cx, &path, self.more.body(&kind, config));
        enabled.map_err(|stop| Table::Secrets.meant(cx, stop.about("Error enabling"), &kind))?;
        cx.done(&format!("Enabled the {kind} secrets engine at: {path}/"))?;
        Ok(Exit::Done)
    }
}
