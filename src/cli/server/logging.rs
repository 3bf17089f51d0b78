//! The server's log: one line a message, for people or as JSON, on standard error or in a file.
//! Where standard error goes to the journal of systemd, its levels and fields go there with it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use log::{Metadata, Record};

use crate::base::clock::{Clock, SystemClock};
use crate::base::logs::journal::{self, Journal};
use crate::base::logs::{self, Format, Logs};
use crate::base::sync::{read, write};
use crate::cli::stop::Stop;
use crate::config::Log;

/// Begins to log. What is logged can be changed later, and the file reopened, which is returned
/// where there is one.
pub fn begin(log: Log) -> Result<(Arc<Logs>, Option<Arc<LogFile>>), Stop> {
    let path = log.file.as_deref().cloned();
    let file = path.map(LogFile::open).transpose().map_err(Stop::Failed)?.map(Arc::new);
    let logs = Arc::new(Logs::new(log.level, log.format));
    let to = match &file {
        Some(file) => Sink::File(file.clone()),
        None => Sink::stderr(log.format),
    };
    // It fails only when a logger is set already, which is then the one to keep.
    let _ = log::set_boxed_logger(Box::new(Logger { logs: logs.clone(), to }));
    logs.configure(log.level);
    Ok((logs, file))
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
    logs: Arc<Logs>,
    to: Sink,
}

/// Where the log goes.
enum Sink {
    File(Arc<LogFile>),
    Stderr,
    /// Standard error, which goes to the journal: each line says its level (sd-daemon(3)).
    Stream,
    /// The journal itself.
    Journal(Journal),
}

impl Sink {
    /// Lines of JSON have their own levels and fields, and stay what they are.
    fn stderr(format: Format) -> Self {
        match (journal::takes_stderr(), format) {
            (false, _) => Self::Stderr,
            (true, Format::Json) => Self::Stream,
            (true, Format::Standard) => Journal::open().map_or(Self::Stream, Self::Journal),
        }
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(logs::OWN)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let time = SystemClock.wall();
        if !self.logs.pass(record, time) {
            return;
        }
        if let Sink::Journal(journal) = &self.to
            && journal.tell(record).is_ok()
        {
            return;
        }
        let line = self.logs.line(record, time);
        // One write a line, so that lines of several threads do not mix. A log that cannot be
        // written must not end the server.
        let _ = match &self.to {
            Sink::File(file) => file.write(&line),
            Sink::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            Sink::Stream | Sink::Journal(_) => {
                let line = format!("<{}>{line}", journal::priority(record.level()));
                io::stderr().lock().write_all(line.as_bytes())
            }
        };
    }

    fn flush(&self) {}
}
