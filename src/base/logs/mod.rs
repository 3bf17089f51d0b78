//! The server's log: which messages are wanted, in what form, and who listens besides.
//!
//! The program logs by the `log` crate; what is set there as its logger asks [`Logs`] of each
//! message, and writes its line.

pub mod journal;
mod line;
mod watch;

use std::sync::{Arc, RwLock};

use log::{LevelFilter, Record};

pub use self::watch::{Heard, Watch};

use self::watch::Queue;
use super::clock::Timestamp;
use super::sync::{read, write};

/// What each message of our own is logged under. Libraries' own traces are not ours to promise that
/// no secret is in them.
pub const OWN: &str = "edgekeep";

/// How many may listen at once: when one more begins, the one that has listened longest ends.
const MOST_WATCHES: usize = 8;

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Standard,
    /// A JSON object.
    Json,
}

impl Format {
    /// Reads a form.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "standard" => Some(Self::Standard),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Json => "json",
        }
    }
}

/// The words for levels, in all forms that Vault takes.
pub const LEVELS: &[&str] =
    &["trace", "debug", "info", "notice", "warn", "warning", "error", "err"];

/// Reads a level: one of [`LEVELS`].
pub fn parse_level(word: &str) -> Option<LevelFilter> {
    Some(match word {
        "trace" => LevelFilter::Trace,
        "debug" => LevelFilter::Debug,
        // Vault takes the word, and logs notices as what they are to people: information.
        "info" | "notice" => LevelFilter::Info,
        "warn" | "warning" => LevelFilter::Warn,
        "error" | "err" => LevelFilter::Error,
        _ => return None,
    })
}

/// The words for the forms of lines.
pub const FORMATS: &[&str] = &["standard", "json"];

/// A part of the program whose messages have a level of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logger {
    /// The audit devices.
    Audit,
    /// What has no other: starting, stopping, housekeeping.
    Core,
    /// A line for each request.
    Request,
    /// Listeners, connections, TLS.
    Server,
    /// The store and its encryption.
    Storage,
    /// The endpoints of `sys`.
    System,
}

impl Logger {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Audit, Self::Core, Self::Request, Self::Server, Self::Storage, Self::System];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Core => "core",
            Self::Request => "request",
            Self::Server => "server",
            Self::Storage => "storage",
            Self::System => "system",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|logger| logger.name() == name)
    }

    /// Whose a message is that is logged under `target`.
    fn of(target: &str) -> Self {
        match target.split("::").nth(1) {
            Some("audit") => Self::Audit,
            Some("request") => Self::Request,
            Some("server") => Self::Server,
            Some("storage" | "barrier" | "snapshot") => Self::Storage,
            Some("sys") => Self::System,
            _ => Self::Core,
        }
    }
}

/// What is logged.
pub struct Logs {
    format: Format,
    state: RwLock<State>,
}

struct State {
    configured: LevelFilter,
    /// By the loggers in their order.
    levels: [LevelFilter; Logger::ALL.len()],
    /// The one that has listened longest first.
    watches: Vec<Arc<Queue>>,
    /// The server ends.
    closed: bool,
}

impl State {
    /// Lets the `log` crate pass what anybody wants.
    fn apply(&self) {
        let watched = self.watches.iter().map(|queue| queue.level);
        let most = self.levels.into_iter().chain(watched).max();
        log::set_max_level(most.unwrap_or(LevelFilter::Off));
    }
}

impl Logs {
    /// All at that level, in that form. Nothing is logged before [`configure`](Self::configure).
    pub fn new(level: LevelFilter, format: Format) -> Self {
        let levels = [level; Logger::ALL.len()];
        let state = State { configured: level, levels, watches: Vec::new(), closed: false };
        Self { format, state: RwLock::new(state) }
    }

    /// The form of the server's own log.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Sets the configured level, for all loggers: what was set for one is over.
    pub fn configure(&self, level: LevelFilter) {
        self.change(|state| {
            state.configured = level;
            state.levels = [level; Logger::ALL.len()];
        });
    }

    /// The level of a logger.
    pub fn level(&self, logger: Logger) -> LevelFilter {
        read(&self.state).levels[logger as usize]
    }

    /// Sets the level of these loggers until the next start; `None` for the configured one.
    pub fn set(&self, loggers: &[Logger], level: Option<LevelFilter>) {
        self.change(|state| {
            for logger in loggers {
                state.levels[*logger as usize] = level.unwrap_or(state.configured);
            }
        });
    }

    /// The line of a message.
    pub fn line(&self, record: &Record<'_>, time: Timestamp) -> String {
        line::line(self.format, record, time)
    }

    /// Tells those who listen of a message of our own; whether the server's log wants it.
    pub fn pass(&self, record: &Record<'_>, time: Timestamp) -> bool {
        let state = read(&self.state);
        for queue in &state.watches {
            queue.tell(record, time);
        }
        record.level() <= state.levels[Logger::of(record.target()) as usize]
    }

    /// Listens to all messages up to that level from now on, whatever the loggers' levels are.
    pub fn watch(self: &Arc<Self>, level: LevelFilter, format: Format) -> Watch {
        let queue = Arc::new(Queue::new(level, format));
        self.change(|state| {
            if state.watches.len() >= MOST_WATCHES {
                state.watches.remove(0).close();
            }
            match state.closed {
                true => queue.close(),
                false => state.watches.push(queue.clone()),
            }
        });
        Watch { queue, logs: self.clone() }
    }

    /// Ends all listening: the server ends.
    pub fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.watches.drain(..).for_each(|queue| queue.close());
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = write(&self.state);
        change(&mut state);
        state.apply();
    }

    fn forget(&self, gone: &Arc<Queue>) {
        self.change(|state| state.watches.retain(|queue| !Arc::ptr_eq(queue, gone)));
    }
}

#[cfg(test)]
mod tests;
