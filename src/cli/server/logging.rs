//! The server's log: one line a message, for people or as JSON, on standard error or in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use log::kv::VisitSource;
use log::{Level, Metadata, Record};
use serde_json::{Value, json};

use crate::base::clock::{Clock, SystemClock};
use crate::base::sync::{read, write};
use crate::cli::stop::Stop;
use crate::config::{Log, LogFormat};

/// Begins to log. SIGHUP changes the level by [`log::set_max_level`] and reopens the file, which
/// is returned, nothing else.
pub fn begin(log: Log) -> Result<Option<Arc<LogFile>>, Stop> {
    let file = log.file.map(LogFile::open).transpose().map_err(Stop::Failed)?.map(Arc::new);
    log::set_max_level(log.level);
    // It fails only when a logger is set already, which is then the one to keep.
    let _ = log::set_boxed_logger(Box::new(Logger { format: log.format, file: file.clone() }));
    Ok(file)
}

/// The file that the log goes to.
pub struct LogFile {
    path: PathBuf,
    file: RwLock<File>,
}

impl LogFile {
    fn open(path: PathBuf) -> Result<Self, String> {
        Ok(Self { file: RwLock::new(append_to(&path)?), path })
    }

    /// Goes on in a new file of that name, as the old one may have been renamed; should that
    /// fail, in the old one.
    pub fn reopen(&self) -> Result<(), String> {
        let fresh = append_to(&self.path)?;
        *write(&self.file) = fresh;
        Ok(())
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let file = read(&self.file);
        (&*file).write_all(line.as_bytes())
    }
}

fn append_to(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| format!("cannot write the log_file {}: {error}", path.display()))
}

struct Logger {
    format: LogFormat,
    /// Standard error when there is none.
    file: Option<Arc<LogFile>>,
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
        let _ = match &self.file {
            Some(file) => file.write(&line),
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
