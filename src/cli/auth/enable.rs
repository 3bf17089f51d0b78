//! `auth enable`: a way to log in.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, json};

use crate::auth::METHODS;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::mounts::options::Mounting;
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Enable = With<Own, Mounting>;

/// Enable an auth method.
///
/// It is mounted below auth/ at the path that its type names, or at -path.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// type of the tokens that it gives
    #[argh(option, arg_name = "service|batch|default-service|default-batch")]
    token_type: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Enable {
    const OPERANDS: &'static str = "TYPE";
    const SHARED: Shared = Shared::Http;
    const CHOICES: fn() -> Vec<&'static str> = || METHODS.to_vec();

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let kind = self.more.kind(&self.own.operands)?;
        let path = self.more.path(&kind);
        let token_type = self.own.token_type.map(|kind| ("token_type".to_owned(), json!(kind)));
        let config: Map<_, _> = token_type.into_iter().collect();
        let enabled = Table::Auth.enable(cx, &path, self.more.body(&kind, config));
        enabled.map_err(|stop| {
            Table::Auth.meant(cx, stop.about(&format!("Error enabling {kind} auth")), &kind)
        })?;
        cx.done(&format!("Enabled {kind} auth method at: {path}/"))?;
        Ok(Exit::Done)
    }
}
