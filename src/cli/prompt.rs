//! Asking for a secret: what is typed is not shown.

use std::io::{self, BufRead, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::context::Context;
use super::stop::Stop;

/// Asks for a secret. Where nobody can be asked, the error says so in the system's words.
pub fn secret(cx: &mut Context, question: &str) -> Result<Result<Zeroizing<String>, String>, Stop> {
    let asked = write!(io::stdout(), "{question} ").and_then(|()| io::stdout().flush());
    let answer = if asked.is_ok() { hidden(cx) } else { Err(NOBODY.into()) };
    cx.say("")?;
    Ok(answer.map(|text| Zeroizing::new(text.trim().to_owned())))
}

/// Asks for a password, in which blanks count. The question goes to stderr, so that stdout holds
/// nothing but what the command gives.
pub fn password(cx: &mut Context, question: &str) -> Result<Zeroizing<String>, String> {
    let _ = write!(io::stderr(), "{question} ");
    let answer = hidden(cx);
    cx.complain("");
    answer
}

const NOBODY: &str = "file descriptor 0 is not a terminal";

fn hidden(cx: &Context) -> Result<Zeroizing<String>, String> {
    if !cx.can_ask() {
        return Err(NOBODY.into());
    }
    Hidden::begin().and_then(|_hidden| whole_line()).map_err(|e| e.to_string())
}

/// A secret from stdin: its first line.
pub fn read_line() -> io::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(whole_line()?.trim().to_owned()))
}

/// The next line of stdin, without its end.
fn whole_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

/// The token that an operand gives; `-` stands for the first line of stdin.
pub fn token(operand: &str) -> Result<Zeroizing<String>, Stop> {
    match operand.trim() {
        "-" => read_line().map_err(|e| Stop::Failed(format!("stdin cannot be read: {e}"))),
        token => Ok(Zeroizing::new(token.to_owned())),
    }
}

/// A terminal that does not echo, until dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
