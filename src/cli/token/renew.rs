//! `token renew`: lets a token live longer.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, prompt, values};
use crate::client::{Call, Verb};

/// Renew a token, so that it lives longer.
///
/// Without TOKEN it is the one that is sent. The operand - reads it from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Renew {
    /// the operand is an accessor; the token is not told then
    #[argh(switch)]
    accessor: bool,
    /// how long it shall live from now on; the server may give less
    #[argh(option, short = 'i', arg_name = "duration", from_str_fn(values::parse_ttl))]
    increment: Option<Ttl>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Renew {
    const OPERANDS: &'static str = "[TOKEN | ACCESSOR]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let increment = self.increment.unwrap_or_default().as_secs();
        let call = match operands::at_most_one(&self.operands, "1")? {
            None => Call::put("auth/token/renew-self", json!({ "increment": increment })),
            Some(accessor) if self.accessor => {
                let body = json!({ "accessor": accessor.trim(), "increment": increment });
                Call::new(Verb::Post, "auth/token/renew-accessor").with_body(body)
            }
            Some(token) => {
                let token = prompt::given(token)?;
                let body = json!({ "token": token.as_str(), "increment": increment });
                Call::put("auth/token/renew", body)
            }
        };
        cx.show(call, "Error renewing token", |renewed| renewed.auth.is_object())
    }
}
