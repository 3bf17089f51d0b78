//! Asking for a secret: what is typed is not shown.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::context::Context;
use super::hidden::Hidden;
use super::stdin;
use super::stop::Stop;

/// Asks for a secret. Where nobody can be asked, `unasked` makes an end of the reason, which is in
/// the system's words.
pub fn secret(
    cx: &mut Context,
    question: &str,
    unasked: impl FnOnce(&str) -> Stop,
) -> Result<Zeroizing<String>, Stop> {
    let ask = || write!(io::stdout(), "{question} ").and_then(|()| io::stdout().flush());
    let answer = hidden(cx, ask);
    cx.say("")?;
    match answer {
        Ok(text) => Ok(Zeroizing::new(text.trim().to_owned())),
        Err(why) => Err(unasked(&why)),
    }
}

/// Asks for a password, in which blanks count. The question goes to stderr, so that stdout holds
/// nothing but what the command gives.
pub fn password(cx: &mut Context, question: &str) -> Result<Zeroizing<String>, String> {
    let answer = hidden(cx, || write!(io::stderr(), "{question} "));
    cx.note("");
    answer
}

/// Asks, and reads a line that is not shown. Where nobody can answer the question is all there is,
/// and where nothing is to be asked not even that.
fn hidden(cx: &Context, ask: impl FnOnce() -> io::Result<()>) -> Result<Zeroizing<String>, String> {
    if cx.asks_nothing() {
        return Err("nothing is asked with -non-interactive: give it otherwise".to_owned());
    }
    // Before the question: some are quick.
    let hidden = cx.can_ask().then(Hidden::begin);
    let line = ask().and_then(|()| match hidden {
        Some(begun) => begun.and_then(|_hidden| stdin::typed()),
        None => Err(io::Error::other("file descriptor 0 is not a terminal")),
    });
    line.map_err(|e| e.to_string())
}

/// A secret from stdin: its first line.
fn read_line() -> io::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(stdin::line()?.trim().to_owned()))
}

/// The secret that the command line gives; `-` stands for the first line of stdin.
pub fn given(text: &str) -> Result<Zeroizing<String>, Stop> {
    match text.trim() {
        "-" => read_line().map_err(|e| Stop::Usage(format!("Failed to read from stdin: {e}"))),
        secret => Ok(Zeroizing::new(secret.to_owned())),
    }
}
