//! `auth tune`: changes how an auth method is mounted.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::mounts::options::{Tuning, span};
use crate::cli::stop::{Exit, Stop};
use crate::cli::values;

/// The command with all its options.
pub type Tune = With<Own, Tuning>;

/// Change how an auth method is mounted; what is not given stays.
///
/// Vault before 1.13 has no lockout, and overlooks its options.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// type of the tokens that it gives
    #[argh(option, arg_name = "service|batch|default-service|default-batch")]
    token_type: Option<String>,
    /// failed logins after which a user is locked out
    #[argh(option, arg_name = "uint", from_str_fn(golang::parse_int))]
    user_lockout_threshold: Option<i64>,
    /// how long a user is locked out
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    user_lockout_duration: Option<Ttl>,
    /// after how long failed logins are forgotten
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    user_lockout_counter_reset_duration: Option<Ttl>,
    /// lock nobody out
    #[argh(option, arg_name = "bool")]
    user_lockout_disable: Option<bool>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Tune {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let mut config = Map::new();
        if let Some(kind) = &self.own.token_type {
            config.insert("token_type".into(), json!(kind));
        }
        let lockout = self.own.lockout();
        if !lockout.is_empty() {
            config.insert("user_lockout_config".into(), lockout.into());
        }
        Table::Auth.tune(cx, &self.own.operands, self.more.body(config))
    }
}

impl Own {
    /// What was given of the lockout.
    fn lockout(&self) -> Map<String, Value> {
        let text = |ttl: Option<Ttl>| ttl.map(|ttl| json!(span(ttl)));
        let given = [
            ("lockout_threshold", self.user_lockout_threshold.map(|n| json!(n.to_string()))),
            ("lockout_duration", text(self.user_lockout_duration)),
            ("lockout_counter_reset_duration", text(self.user_lockout_counter_reset_duration)),
            ("lockout_disable", self.user_lockout_disable.map(Value::from)),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
