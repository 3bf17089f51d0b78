//! `monitor`: the server's log, as it is written.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use argh::{ArgsInfo, FromArgs};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::command::{Command, Shared};
use super::context::Context;
use super::operands;
use super::stop::{Exit, Stop};
use crate::base::logs;
use crate::client::Call;

/// Stream the server's log.
///
/// What the server itself does not log can be listened to, too. It ends with Ctrl-C.
#[derive(FromArgs, ArgsInfo)]
pub struct Monitor {
    /// the least that is streamed; else info
    #[argh(
        option,
        arg_name = "trace|debug|info|notice|warn|warning|error|err",
        default = "\"info\".to_owned()"
    )]
    log_level: String,
    /// the form of the lines; else standard
    #[argh(option, arg_name = "standard|json", default = "\"standard\".to_owned()")]
    log_format: String,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Monitor {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let level = one_of(logs::LEVELS, &self.log_level, "level")?;
        let format = one_of(logs::FORMATS, &self.log_format, "format")?;
        let call = call(&level, &format);
        if cx.is_dry() {
            return cx.send(call).map(|_| Exit::Done);
        }
        // Whoever presses Ctrl-C has seen enough: that is no failure.
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 0, Arc::new(AtomicBool::new(true)))
                .map_err(|e| Stop::Failed(format!("signals cannot be caught: {e}")))?;
        }
        let reply = cx.client()?.listen(&call);
        let mut reply = reply.map_err(|e| Stop::Unmet(format!("Error starting monitor: {e}")))?;
        let mut part = [0; 16 << 10];
        loop {
            match reply.body.read(&mut part) {
                Ok(0) => break,
                Ok(got) => cx.print(&part[..got])?,
                Err(e) => return Err(Stop::Failed(format!("The stream broke off: {e}"))),
            }
        }
        cx.note("The server ended the stream: it is sealed, or stopped.");
        Ok(Exit::Done)
    }
}

/// The request that begins a stream of the log.
pub fn call(level: &str, format: &str) -> Call {
    Call::get("sys/monitor").with_query("log_format", format).with_query("log_level", level)
}

/// Reads a word of these, in any case.
pub fn one_of(words: &[&str], given: &str, what: &str) -> Result<String, Stop> {
    let word = given.to_ascii_lowercase();
    if words.contains(&word.as_str()) {
        return Ok(word);
    }
    Err(Stop::Usage(format!(
        "{word} is an unknown log {what}. Valid log {what}s are: [{}]",
        words.join(" ")
    )))
}
