//! The server's log: one line a message, for people or as JSON, on standard error or in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};

use log::kv::VisitSource;
use log::{Level, Metadata, Record};
use serde_json::{Value, json};

use crate::base::clock::{Clock, SystemClock};
use crate::cli::stop::Stop;
use crate::config::{Log, LogFormat};

/// Begins to log. SIGHUP changes the level by [`log::set_max_level`], nothing else.
pub fn begin(log: Log) -> Result<(), Stop> {
    let file = log.file.map(|path| {
        OpenOptions::new().create(true).append(true).open(&path).map_err(|error| {
            Stop::Failed(format!("cannot write the log_file {}: {error}", path.display()))
        })
    });
    log::set_max_level(log.level);
    // It fails only when a logger is set already, which is then the one to keep.
    let _ = log::set_boxed_logger(Box::new(Logger { format: log.format, file: file.transpose()? }));
    Ok(())
}

struct Logger {
    format: LogFormat,
    /// Standard error when there is none.
    file: Option<File>,
}

impl log::Log for Logger {
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
                let mut line = json!({
                    "@timestamp": time,
                    "@level": record.level().as_str().to_ascii_lowercase(),
                    "@module": module,
                    "@message": record.args().to_string(),
                });
                // Visiting ends only when the visitor says so, and this one never does.
                let _ = record.key_values().visit(&mut Fields(&mut line));
                format!("{line}\n")
            }
        };
        // One write a line, so that lines of several threads do not mix. A log that cannot be
        // written must not end the server.
        let _ = match self.file.as_ref() {
            Some(mut file) => file.write_all(line.as_bytes()),
            None => io::stderr().lock().write_all(line.as_bytes()),
        };
    }

    fn flush(&self) {}
}

/// Puts a message's own fields beside it.
struct Fields<'a>(&'a mut Value);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        let value = value.to_u64().map_or_else(|| value.to_string().into(), Value::from);
        self.0[key.as_str()] = value;
        Ok(())
    }
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
