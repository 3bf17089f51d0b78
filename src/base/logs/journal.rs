//! The journal of systemd: a message with its level and its fields, in the journal's own form
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>).

use std::ffi::OsStr;
use std::io;
use std::os::unix::net::UnixDatagram;

use log::kv::VisitSource;
use log::{Level, Record};

use super::line::module;

/// Where the journal takes messages.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether standard error goes to the journal.
pub fn takes_stderr() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else { return false };
    let stderr = rustix::fs::fstat(rustix::stdio::stderr());
    stderr.is_ok_and(|is| stream == *OsStr::new(&format!("{}:{}", is.st_dev, is.st_ino)))
}

/// A way to the journal.
pub struct Journal(UnixDatagram);

impl Journal {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        UnixDatagram::unbound().map(Self)
    }

    /// Leaves a message there.
    pub fn tell(&self, record: &Record<'_>) -> io::Result<()> {
        // By its path each time: the journal may have been started anew.
        self.0.send_to(&entry(record), SOCKET).map(drop)
    }
}

/// The level by syslog's numbers.
pub fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

fn entry(record: &Record<'_>) -> Vec<u8> {
    let mut entry = Entry(Vec::with_capacity(256));
    entry.add("MESSAGE", &record.args().to_string());
    entry.add("PRIORITY", &priority(record.level()).to_string());
    entry.add("SYSLOG_IDENTIFIER", "edgekeep");
    entry.add("EDGEKEEP_MODULE", &module(record));
    // Visiting ends only when the visitor says so, and this one never does.
    let _ = record.key_values().visit(&mut entry);
    entry.0
}

struct Entry(Vec<u8>);

impl Entry {
    fn add(&mut self, name: &str, value: &str) {
        self.0.extend(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend((value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl<'kvs> VisitSource<'kvs> for Entry {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        self.add(&format!("EDGEKEEP_{}", key.as_str().to_ascii_uppercase()), &value.to_string());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_level_and_fields() {
        let fields = [("status", 200)];
        let mut record = Record::builder();
        record.level(Level::Warn).target("edgekeep::server::gate").key_values(&fields);
        let told = entry(&record.args(format_args!("full")).build());
        let told = String::from_utf8(told).unwrap();
        assert_eq!(
            told,
            "MESSAGE=full\nPRIORITY=4\nSYSLOG_IDENTIFIER=edgekeep\nEDGEKEEP_MODULE=server.gate\n\
             EDGEKEEP_STATUS=200\n"
        );
    }

    #[test]
    fn a_message_of_several_lines_is_one_message() {
        let told = entry(&Record::builder().args(format_args!("a\nb")).build());
        assert!(told.starts_with(b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n"), "{told:?}");
    }
}
