//! The server's log: one line a message on standard error, for people or as JSON.

use std::io::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};
use serde_json::json;

use crate::base::clock::{Clock, SystemClock};
use crate::config::LogFormat;

/// Begins to log. SIGHUP changes the level by [`log::set_max_level`], not the format.
pub fn begin(format: LogFormat, level: LevelFilter) {
    log::set_max_level(level);
    // It fails only when a logger is set already, which is then the one to keep.
    let _ = log::set_boxed_logger(Box::new(Logger { format }));
}

struct Logger {
    format: LogFormat,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries' own traces are not ours to promise that no secret is in them.
        metadata.target().starts_with("edgekeep")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let time = SystemClock.wall().rfc3339();
        let module = record.target().trim_start_matches("edgekeep::").replace("::", ".");
        let line = match self.format {
            LogFormat::Standard => {
                format!("{time} {:<7} {module}: {}\n", shown(record.level()), record.args())
            }
            LogFormat::Json => {
                let line = json!({
                    "@timestamp": time,
                    "@level": record.level().as_str().to_ascii_lowercase(),
                    "@module": module,
                    "@message": record.args().to_string(),
                });
                format!("{line}\n")
            }
        };
        // A log that cannot be written must not end the server.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

fn shown(level: Level) -> &'static str {
    match level {
        Level::Error => "[ERROR]",
        Level::Warn => "[WARN]",
        Level::Info => "[INFO]",
        Level::Debug => "[DEBUG]",
        Level::Trace => "[TRACE]",
    }
}
