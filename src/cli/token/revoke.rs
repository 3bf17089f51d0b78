//! `token revoke`: ends tokens.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::base::variable::Variable;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::prompt;
use crate::cli::stop::{Exit, Stop, meant};
use crate::client::{Call, Verb};

/// Revoke a token, with all that came of it: its children and its leases.
///
/// The operand - reads the token from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Revoke {
    /// the operand is an accessor
    #[argh(switch)]
    accessor: bool,
    /// orphan: its children live on; path: all tokens that were made below the path
    #[argh(option, arg_name = "orphan|path", default = "String::new()")]
    mode: String,
    /// revoke the token that is sent
    #[argh(switch, long = "self")]
    own: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Revoke {
    const OPERANDS: &'static str = "[TOKEN | ACCESSOR | PATH]";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let call = self.call()?;
        cx.order(call).map_err(|stop| stop.about("Error revoking token"))?;
        cx.done("Revoked token (if it existed)")?;
        if self.own && Variable::Token.read().is_none() {
            // It came from there, and is no more.
            cx.token_helper()?.erase().map_err(Stop::Failed)?;
        }
        Ok(Exit::Done)
    }
}

impl Revoke {
    fn call(&self) -> Result<Call, Stop> {
        let mode = Mode::parse(&self.mode)?;
        let wrong = |text: String| Err(Stop::Usage(text));
        let cannot = |one: &str, other: &str| wrong(format!("Cannot use {one} with {other}!"));
        let operand = match (self.own, self.operands.as_slice()) {
            (true, []) if self.accessor => return cannot("-self", "-accessor"),
            (true, []) if mode != Mode::Tree => return cannot("-self", "-mode"),
            (true, []) => return Ok(Call::new(Verb::Put, "auth/token/revoke-self")),
            (false, [operand]) => operand.trim(),
            (own, operands) => {
                let few = if operands.is_empty() { "Not enough" } else { "Too many" };
                let expected = match own {
                    true => " with -self (expected 0",
                    false => " (expected 1 or -self",
                };
                return wrong(format!("{few} arguments{expected}, got {})", operands.len()));
            }
        };
        match (mode, self.accessor) {
            (Mode::Orphan, true) => cannot("-accessor", "-mode=orphan"),
            (Mode::Path, true) => cannot("-accessor", "-mode=path"),
            (Mode::Path, false) => {
                Ok(Call::new(Verb::Put, format!("sys/leases/revoke-prefix/{operand}")))
            }
            (Mode::Tree, true) => {
                let call = Call::new(Verb::Post, "auth/token/revoke-accessor");
                Ok(call.with_body(json!({ "accessor": operand })))
            }
            (Mode::Tree | Mode::Orphan, false) => {
                let path = match mode {
                    Mode::Orphan => "auth/token/revoke-orphan",
                    _ => "auth/token/revoke",
                };
                Ok(Call::put(path, json!({ "token": prompt::given(operand)?.as_str() })))
            }
        }
    }
}

/// What ends with a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All that came of it.
    Tree,
    /// It alone.
    Orphan,
    /// All that was made below a path.
    Path,
}

impl Mode {
    fn parse(text: &str) -> Result<Self, Stop> {
        match text {
            "" => Ok(Self::Tree),
            "orphan" => Ok(Self::Orphan),
            "path" => Ok(Self::Path),
            other => {
                let text = format!("Invalid mode: {other}");
                Err(Stop::Usage(meant(text, other, ["orphan", "path"])))
            }
        }
    }
}
