//! Where the share of a key comes from: the operand, stdin, or a person.

use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::prompt;
use crate::cli::stop::Stop;
use crate::cli::table;

/// A share, and the nonce of the operation it is for.
pub struct Share {
    /// As it is sent.
    pub key: Zeroizing<String>,
    /// Which operation it belongs to.
    pub nonce: String,
}

/// Takes the share for an operation whose nonce the server gave; `operation` names it to people.
pub fn take(
    cx: &mut Context,
    operand: Option<&str>,
    nonce: Option<String>,
    current: &str,
    operation: &str,
) -> Result<Share, Stop> {
    let Some(operand) = operand else {
        let nonce = nonce.unwrap_or_else(|| current.to_owned());
        cx.say(&format!("{operation} nonce: {nonce}"))?;
        let key = prompt::secret(cx, "Unseal Key (will be hidden):", not_asked)?;
        return Ok(Share { key, nonce });
    };
    let Some(nonce) = nonce else {
        let text = "Missing nonce value: specify it via the -nonce flag";
        return Err(Stop::Usage(text.into()));
    };
    Ok(Share { key: prompt::given(operand)?, nonce })
}

fn not_asked(why: &str) -> Stop {
    Stop::Usage(table::wrap(
        &format!(
            "An error occurred attempting to ask for the unseal key. The raw error message is \
             shown below, but usually this is because you attempted to pipe a value into the \
             command or you are executing outside of a terminal (tty). If you want to pipe the \
             value, pass \"-\" as the argument to read from stdin. The raw error was: {why}"
        ),
        0,
    ))
}
