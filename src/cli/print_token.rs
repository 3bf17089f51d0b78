//! `print token`: the token that commands send.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::stop::{Exit, Stop};
use crate::base::variable::Variable;

/// Print the token that commands send: VAULT_TOKEN, or that of the last login.
#[derive(FromArgs, ArgsInfo)]
pub struct PrintToken {
    /// taken and overlooked, as Vault does
    #[argh(option, hidden_help)]
    #[expect(dead_code, reason = "the token is printed bare in any format")]
    format: Option<String>,
    #[argh(positional)]
    #[expect(dead_code, reason = "Vault's command overlooks operands")]
    operands: Vec<String>,
}

impl Command for PrintToken {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let token = match Variable::Token.read() {
            Some(given) => given.value.into(),
            None => cx.token_helper()?.get().map_err(Stop::Failed)?.unwrap_or_default(),
        };
        cx.say(&token)?;
        Ok(Exit::Done)
    }
}
