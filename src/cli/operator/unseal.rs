//! `operator unseal`: one share of the unseal key.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, prompt, seal_status, table};
use crate::client::Call;

/// Unseal a server: give it one share of the unseal key.
///
/// Without KEY it is asked for, and not shown: the safest way. The operand - reads it from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Unseal {
    /// forget the shares given so far
    #[argh(switch)]
    reset: bool,
    /// share of a seal that is being migrated from
    #[argh(switch)]
    migrate: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Unseal {
    const OPERANDS: &'static str = "[KEY]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let given = operands::at_most_one(&self.operands, "1")?;
        let body = if self.reset {
            json!({ "reset": true })
        } else {
            let key = match given {
                Some(key) => prompt::given(key)?,
                None => ask(cx)?,
            };
            json!({ "key": key.as_str(), "migrate": self.migrate })
        };
        let sent = cx.learn(Call::put("sys/unseal", body), seal_status::is_one);
        let status = sent.map_err(|stop| stop.about("Error unsealing"))?;
        seal_status::print(cx, status)?;
        Ok(Exit::Done)
    }
}

fn ask(cx: &mut Context) -> Result<Zeroizing<String>, Stop> {
    prompt::secret(cx, "Unseal Key (will be hidden):", |why| {
        Stop::Usage(table::wrap(
            &format!(
                "An error occurred attempting to ask for an unseal key. The raw error message is \
                 shown below, but usually this is because you attempted to pipe a value into the \
                 unseal command or you are executing outside of a terminal (tty). You should run \
                 the unseal command from a terminal for maximum security. If this is not an \
                 option, pass \"-\" as the argument and pipe the unseal key in: an argument that \
                 is the key itself stays in the shell's history. The raw error was: {why}"
            ),
            0,
        ))
    })
}
