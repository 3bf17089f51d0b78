//! A device: shows an entry as it is asked to, and writes it where it is asked to.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::entry::{Asked, Entry, Sender};
use super::file::File;
use super::jsonx;
use super::mask::Mask;
use super::meters::Meters;
use super::options::{Format, Kind, Options};
use super::socket::Socket;
use super::store::StoredDevice;
use super::syslog::Syslog;
use crate::base::clock::{Clock, Timestamp};
use crate::base::fault::Fault;
use crate::base::json;
use crate::base::meter::Readings;
use crate::base::sync::lock;

/// A device that is enabled.
pub struct Device {
    path: String,
    mask: Mask,
    format: Format,
    prefix: String,
    sink: Sink,
    /// Whether the last entry failed, and why.
    fails: AtomicBool,
    trouble: Mutex<String>,
    meters: Meters,
}

/// Where its entries go.
enum Sink {
    Discard,
    Stdout(Mutex<std::fs::File>),
    File(File),
    Syslog(Syslog),
    Socket(Socket),
    /// What is stored of it does not say.
    Unknown(Fault),
}

impl Device {
    /// A device that was enabled before; it may fail from the start.
    pub fn restored(stored: &StoredDevice, clock: &Arc<dyn Clock>) -> Self {
        let options = stored.options.clone().unwrap_or_default();
        match Options::read(&stored.kind, &options) {
            Ok(options) => Self::new(stored, &options, clock),
            Err(fault) => {
                let options = Options::of(Kind::Discard);
                Self { sink: Sink::Unknown(fault), ..Self::new(stored, &options, clock) }
            }
        }
    }

    /// A device of these options. Nothing is opened yet.
    pub fn new(stored: &StoredDevice, options: &Options, clock: &Arc<dyn Clock>) -> Self {
        let mask = options.mask(&stored.salt);
        let sink = match &options.kind {
            Kind::Discard => Sink::Discard,
            Kind::Stdout => match rustix::io::dup(rustix::stdio::stdout()) {
                Ok(output) => Sink::Stdout(Mutex::new(output.into())),
                Err(error) => Sink::Unknown(Fault::internal(format!("stdout: {error}"))),
            },
            Kind::File { path, mode, sync } => Sink::File(File::new(path.clone(), *mode, *sync)),
            Kind::Syslog { facility, tag, address } => {
                Sink::Syslog(Syslog::new(*facility, tag.clone(), address.clone(), clock.clone()))
            }
            Kind::Socket { peer, patience } => {
                Sink::Socket(Socket::new(vec![peer.clone()], *patience, clock.clone()))
            }
        };
        let (path, prefix, format) = (stored.path.clone(), options.prefix.clone(), options.format);
        let (fails, trouble) = Default::default();
        let meters = Meters::new(clock);
        Self { path, mask, format, prefix, sink, fails, trouble, meters }
    }

    /// Its path, with a slash at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens what can be opened before the first entry.
    pub fn open(&self) -> io::Result<()> {
        match &self.sink {
            Sink::File(file) => file.open(),
            _ => Ok(()),
        }
    }

    /// What follows goes to what has the name now.
    pub fn reopen(&self) -> io::Result<()> {
        match &self.sink {
            Sink::File(file) => file.reopen()?,
            Sink::Syslog(syslog) => syslog.reopen(),
            Sink::Socket(socket) => socket.reopen(),
            Sink::Discard | Sink::Stdout(_) | Sink::Unknown(_) => {}
        }
        Ok(())
    }

    /// Writes an entry; whether it is written. That it is not is said once in our own log, and
    /// that it is again.
    pub fn log(&self, entry: &Entry<'_>) -> bool {
        let writing = self.meters.begin(entry);
        let outcome = self.write(entry);
        drop(writing);
        match &outcome {
            Ok(()) => self.fare_well(),
            Err(error) => {
                self.meters.failed(entry);
                self.note(error);
            }
        }
        outcome.is_ok()
    }

    /// Tells what was counted of it.
    pub fn tell(&self, to: &mut Readings) {
        self.meters.tell(&format!("{}.", self.path), to);
    }

    /// Tries it again with an entry of no request.
    pub fn retry(&self, time: Timestamp, id: String) {
        match self.test(time, id) {
            Ok(()) => self.fare_well(),
            Err(error) => self.note(&error),
        }
    }

    /// It fails.
    pub fn note(&self, error: &io::Error) {
        *lock(&self.trouble) = error.to_string();
        if !self.fails.swap(true, Ordering::Relaxed) {
            log::error!("audit device {}: {error}", self.path);
        }
    }

    fn fare_well(&self) {
        if self.fails.load(Ordering::Relaxed) && self.fails.swap(false, Ordering::Relaxed) {
            log::warn!("audit device {}: entries are written again", self.path);
        }
    }

    /// Why its last entry was not written.
    pub fn trouble(&self) -> Option<String> {
        self.fails.load(Ordering::Relaxed).then(|| lock(&self.trouble).clone())
    }

    /// What stands for `text` in its entries.
    pub fn hash(&self, text: &str) -> String {
        self.mask.hash(text.as_bytes())
    }

    /// Writes an entry.
    pub fn write(&self, entry: &Entry<'_>) -> io::Result<()> {
        match &self.sink {
            Sink::Discard => Ok(()),
            Sink::Stdout(output) => lock(output).write_all(&self.line(entry)),
            Sink::File(file) => file.write(&self.line(entry)),
            Sink::Syslog(syslog) => syslog.write(self.line(entry).trim_ascii_end(), entry.time),
            Sink::Socket(socket) => socket.write(&self.line(entry)),
            Sink::Unknown(fault) => Err(io::Error::other(fault.errors.join("; "))),
        }
    }

    /// Writes an entry of no request, to see whether that can be done.
    pub fn test(&self, time: Timestamp, id: String) -> io::Result<()> {
        self.write(&Entry::of_request(time, &Sender::default(), &Asked::test(id)))
    }

    fn line(&self, entry: &Entry<'_>) -> Vec<u8> {
        let mut line = self.prefix.clone().into_bytes();
        match self.format {
            Format::Json => entry.json(&self.mask, &mut line),
            Format::Jsonx => {
                let mut json = Vec::new();
                entry.json(&self.mask, &mut json);
                let json = json::read(&json).unwrap_or_default();
                line.extend_from_slice(jsonx::encode(&json).as_bytes());
            }
        }
        line.push(b'\n');
        line
    }
}
