//! Entries in the machine's log: a packet each to its socket, in the form of RFC 3164 that local
//! daemons read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::options::Peer;
use super::socket::Socket;
use crate::base::clock::{Clock, Timestamp};

/// Where daemons listen.
const PLACES: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];
/// How long a daemon may take for an entry.
const PATIENCE: Duration = Duration::from_secs(2);
/// `info` of RFC 5424, section 6.2.1.
const INFO: u8 = 6;

/// The machine's log.
pub struct Syslog {
    facility: Facility,
    tag: String,
    socket: Socket,
}

/// What kind of program speaks: RFC 5424, section 6.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    const NAMES: [&str; 12] = [
        "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON",
        "AUTHPRIV", "FTP",
    ];

    /// By its name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if let Some(place) = Self::NAMES.iter().position(|known| *known == name) {
            return u8::try_from(place).ok().map(Self);
        }
        match name.strip_prefix("LOCAL")?.as_bytes() {
            [digit @ b'0'..=b'7'] => Some(Self(16 + digit - b'0')),
            _ => None,
        }
    }
}

impl Syslog {
    /// Nothing is connected yet.
    pub fn new(
        facility: Facility,
        tag: String,
        address: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let places = match address {
            Some(address) => vec![address],
            None => PLACES.map(PathBuf::from).into(),
        };
        let peers = places.into_iter().map(Peer::UnixDatagram).collect();
        Self { facility, tag, socket: Socket::new(peers, PATIENCE, clock) }
    }

    /// Sends an entry.
    pub fn write(&self, line: &[u8], now: Timestamp) -> io::Result<()> {
        self.socket.write(&self.packet(line, now))
    }

    /// Connects anew with the next entry.
    pub fn reopen(&self) {
        self.socket.reopen();
    }

    fn packet(&self, line: &[u8], now: Timestamp) -> Vec<u8> {
        let priority = self.facility.0 * 8 + INFO;
        let (time, tag, id) = (now.syslog_date(), &self.tag, std::process::id());
        let mut packet = format!("<{priority}>{time} {tag}[{id}]: ").into_bytes();
        packet.extend_from_slice(line);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn facilities_have_the_numbers_of_the_rfc() {
        for (name, number) in [("kern", 0), ("AUTH", 4), ("AuthPriv", 10), ("LOCAL7", 23)] {
            assert_eq!(Facility::named(name), Some(Facility(number)), "{name}");
        }
        for name in ["", "LOCAL8", "LOCAL", "LOCAL77", "NOBODY"] {
            assert_eq!(Facility::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_packet_is_in_the_form_of_the_rfc() {
        let clock = Arc::new(ManualClock::at(Timestamp::EPOCH));
        let syslog = Syslog::new(Facility(4), "vault".to_owned(), None, clock);
        let packet = syslog.packet(b"{}", Timestamp::from_secs(1_646_095_505));
        let expected = format!("<38>Mar  1 00:45:05 vault[{}]: {{}}", std::process::id());
        assert_eq!(String::from_utf8(packet).unwrap(), expected);
    }
}
