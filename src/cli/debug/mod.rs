//! `debug`: what a server and its machine tell of themselves for a while, in one file.

mod bundle;
mod targets;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::bundle::{Bundle, Place, Series};
use self::targets::{Target, health};
use super::command::{Command, Shared};
use super::context::Context;
use super::monitor;
use super::progress::Progress;
use super::stop::{Exit, Stop};
use super::{operands, values};
use crate::base::clock::{Clock, SystemClock};
use crate::base::logs;
use crate::base::ttl::Ttl;
use crate::client::Error;

/// Record for a while what a server and its machine tell of themselves, into one file.
///
/// The file is for whoever helps: it holds no secret, and none but its owner may read it. What the
/// token may not ask for is left out, and said in index.json. Ctrl-C ends the recording early.
#[derive(FromArgs, ArgsInfo)]
pub struct Debug {
    /// make one .tar.gz of it (the default), not a folder
    #[argh(option, arg_name = "bool")]
    compress: Option<bool>,
    /// how long it is recorded: 2m
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    duration: Option<Ttl>,
    /// how often the machine and the server are asked: 30s
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    interval: Option<Ttl>,
    /// how often metrics are asked for: 10s
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    metrics_interval: Option<Ttl>,
    /// the file, or folder, to make; named by the time if it is left out
    #[argh(option, arg_name = "path")]
    output: Option<String>,
    /// what to record; may be given more than once, and all if left out
    #[argh(option, arg_name = "config|host|requests|metrics|replication-status|server-status|log")]
    target: Vec<String>,
    /// the form of the log; else standard
    #[argh(option, arg_name = "standard|json", default = "\"standard\".to_owned()")]
    log_format: String,
    #[argh(positional)]
    operands: Vec<String>,
}

const LOG: &str = "log";
/// Nothing is asked for more often.
const LEAST: Duration = Duration::from_secs(5);
/// What falls on the last moment is still recorded.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is shown how far it is.
const BEAT: Duration = Duration::from_secs(1);

/// How long it is recorded, and how often.
struct Pace {
    duration: Duration,
    interval: Duration,
    metrics: Duration,
}

impl Command for Debug {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        cx.never_dry("a recording", "no curl command and no policy stands for all")?;
        let format = monitor::one_of(logs::FORMATS, &self.log_format, "format")?;
        let pace = self.pace(cx)?;
        let targets = self.targets(cx)?;
        let server = cx.send(health()).map_err(|stop| match stop {
            Stop::Call(_, error) => invalid(format!("unable to connect to the server: {error}")),
            other => other,
        })?;
        // Heard of from here on: a recording that was begun is always brought to its end.
        let interrupts = interrupts()?;
        let began = SystemClock.wall();
        let compress = self.compress.unwrap_or(true);
        let place = Place::find(self.output.as_deref(), compress, began).map_err(invalid)?;
        let mut bundle = Bundle::begin(place).map_err(invalid)?;
        // Not the command line: a header in it may hold a secret.
        let about = json!({
            "version": 1,
            "vault_address": cx.client()?.address().to_string(),
            "client_version": env!("CARGO_PKG_VERSION"),
            "server_version": server.body["version"],
            "timestamp": began.rfc3339(),
            "duration_seconds": pace.duration.as_secs(),
            "interval_seconds": pace.interval.as_secs(),
            "metrics_interval_seconds": pace.metrics.as_secs(),
            "compress": compress,
            "targets": targets,
        });
        cx.say(&format!(
            "==> Recording {} for {}; Ctrl-C ends it early...",
            targets.join(", "),
            span(pace.duration)
        ))?;
        record(
            cx,
            &mut bundle,
            &Plan { pace, targets: &targets, log_format: &format },
            &interrupts,
        )?;
        let failed = bundle.failures();
        let folder = bundle.folder().display().to_string();
        let made = bundle.finish(about).map_err(|e| {
            Stop::Unmet(format!(
                "Error writing the bundle: {e}. What was recorded stays in {folder}"
            ))
        })?;
        if failed > 0 {
            cx.warn(&format!("{failed} questions were refused or failed: see its index.json"));
        }
        cx.say(&format!("Success! Bundle written to: {}", made.display()))?;
        Ok(Exit::Done)
    }
}

/// The names of what can be recorded.
pub fn known() -> impl Iterator<Item = &'static str> {
    targets::ALL.iter().map(|target| target.name).chain([LOG])
}

impl Debug {
    fn pace(&self, cx: &mut Context) -> Result<Pace, Stop> {
        let duration = bounded(cx, "duration", self.duration, 120, Duration::MAX)?;
        let interval = bounded(cx, "interval", self.interval, 30, duration)?;
        let metrics = bounded(cx, "metrics-interval", self.metrics_interval, 10, duration)?;
        Ok(Pace { duration, interval, metrics })
    }

    /// The names of what is recorded.
    fn targets(&self, cx: &mut Context) -> Result<Vec<&str>, Stop> {
        if self.target.is_empty() {
            return Ok(known().collect());
        }
        let is_known = |name: &&str| known().any(|known| known == *name);
        let (right, wrong): (Vec<&str>, Vec<&str>) =
            self.target.iter().map(String::as_str).partition(is_known);
        if !wrong.is_empty() {
            cx.say(&format!("Ignoring invalid targets: {}", wrong.join(", ")))?;
        }
        if right.is_empty() {
            let known = known().collect::<Vec<_>>().join(", ");
            return Err(invalid(format!("there is nothing to record: the targets are {known}")));
        }
        Ok(right)
    }
}

/// A span within its bounds; whoever asked for another is told.
fn bounded(
    cx: &mut Context,
    name: &str,
    given: Option<Ttl>,
    usual: u64,
    most: Duration,
) -> Result<Duration, Stop> {
    if given.is_some_and(|given| given.to_duration().is_none()) {
        return Err(invalid(format!("{name} is no span of time to come")));
    }
    let asked = given.and_then(Ttl::to_duration);
    let taken = asked.unwrap_or(Duration::from_secs(usual)).min(most).max(LEAST);
    if let Some(asked) = asked.filter(|asked| *asked != taken) {
        let (asked, taken) = (span(asked), span(taken));
        cx.say(&format!("Overwriting {name} value {asked:?} to {taken:?}"))?;
    }
    Ok(taken)
}

/// What is recorded.
struct Plan<'a> {
    pace: Pace,
    targets: &'a [&'a str],
    log_format: &'a str,
}

/// Asks for each target when it is due, until the time is over or a signal comes.
fn record(
    cx: &mut Context,
    bundle: &mut Bundle,
    plan: &Plan<'_>,
    interrupts: &Receiver<()>,
) -> Result<(), Stop> {
    let Plan { pace, targets, log_format } = plan;
    let folder = bundle.folder().display().to_string();
    let unwritten = |error: std::io::Error| {
        Stop::Failed(format!(
            "Error capturing dynamic information: {folder}: {error}. Make room on its disk, or \
             name a place on another with -output"
        ))
    };
    let client = cx.client()?;
    if targets.contains(&LOG) {
        let call = monitor::call("trace", log_format);
        match client.listen(&call) {
            Ok(reply) => bundle.listen(reply.body).map_err(unwritten)?,
            Err(error) => bundle.failed(LOG, &error),
        }
    }
    let wanted = targets::ALL.iter().filter(|target| targets.contains(&target.name));
    let mut due: Vec<(&Target, Series, Duration)> = Vec::new();
    let begin = SystemClock.boot();
    for target in wanted {
        due.push((target, bundle.series(target.file).map_err(unwritten)?, begin));
    }
    let end = begin.saturating_add(pace.duration).saturating_add(GRACE);
    let whole = pace.duration.as_secs();
    let mut progress = Progress::counting("Recording", "seconds", Some(whole));
    let mut shown = 0;
    loop {
        let now = SystemClock.boot();
        for (target, series, when) in due.iter_mut().filter(|(_, _, when)| *when <= now) {
            let answer = target.ask(client, SystemClock.wall());
            *when = match (target.every(pace), &answer) {
                // What is refused once is refused again.
                (_, Err(Error::Refused(_))) | (None, _) => Duration::MAX,
                (Some(every), _) => when.saturating_add(every),
            };
            match answer {
                Ok(value) => series.add(&value).map_err(unwritten)?,
                Err(error) => bundle.failed(target.name, &error),
            }
        }
        let next = due.iter().map(|(_, _, when)| *when).min().unwrap_or(end).min(end);
        let now = SystemClock.boot();
        if now >= end {
            break;
        }
        let gone = now.saturating_sub(begin).as_secs().min(whole);
        progress.add(gone.saturating_sub(shown));
        shown = gone;
        match interrupts.recv_timeout(next.saturating_sub(now).min(BEAT)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    due.into_iter().try_for_each(|(_, series, _)| series.finish()).map_err(unwritten)
}

/// Hears of the signals that end the recording.
fn interrupts() -> Result<Receiver<()>, Stop> {
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let mut signals =
        signals.map_err(|e| Stop::Failed(format!("signals cannot be caught: {e}")))?;
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // When nobody listens any more the bundle is being written: that is soon done.
            let _ = told.send(());
        }
    });
    Ok(heard)
}

fn span(duration: Duration) -> String {
    Ttl::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)).short()
}

fn invalid(why: impl std::fmt::Display) -> Stop {
    Stop::Usage(format!("Error during validation: {why}"))
}
