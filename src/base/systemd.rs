//! The service manager: what it is told of this server (sd_notify(3)). Where there is none that
//! listens, nobody is told.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Once;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a manager that does not read may hinder who tells it something.
const PATIENCE: Duration = Duration::from_secs(1);

/// A word to the service manager.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// It serves, or serves again after [`Reloading`](Self::Reloading).
    Ready,
    /// It reads its files anew.
    Reloading,
    /// It ends.
    Stopping,
    /// It was looked whether the server gets on, and it does.
    Alive,
    /// What takes long now may take so long from now on.
    Patience(Duration),
    /// What `systemctl status` shows.
    Status(&'a str),
}

impl Word<'_> {
    /// Adds its lines to a message.
    fn add_to(self, message: &mut String) {
        let _ = match self {
            Self::Ready => writeln!(message, "READY=1"),
            Self::Reloading => {
                // By its time the manager knows which of several reloads that is.
                let now = clock_gettime(ClockId::Monotonic);
                let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
                writeln!(message, "RELOADING=1\nMONOTONIC_USEC={micros}")
            }
            Self::Stopping => writeln!(message, "STOPPING=1"),
            Self::Alive => writeln!(message, "WATCHDOG=1"),
            Self::Patience(span) => {
                writeln!(message, "EXTEND_TIMEOUT_USEC={}", span.as_micros())
            }
            Self::Status(text) => writeln!(message, "STATUS={}", text.replace('\n', " ")),
        };
    }
}

/// Whether there is one that wants to be told.
pub fn listens() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

/// How long it waits for the next [`Word::Alive`] before it takes the server for hung; none where
/// it does not wait.
pub fn watchdog() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().ok());
    let of_another = number("WATCHDOG_PID").is_some_and(|id| id != Some(process::id().into()));
    let patience = number("WATCHDOG_USEC").flatten().filter(|micros| *micros > 0 && !of_another);
    patience.map(Duration::from_micros)
}

/// Tells it, all in one message. A manager that cannot be told is none of the server's trouble; the
/// first time that is logged.
pub fn tell(words: &[Word<'_>]) {
    static TROUBLE: Once = Once::new();
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    let mut message = String::new();
    words.iter().for_each(|word| word.add_to(&mut message));
    if let Err(error) = send(&socket, message.as_bytes()) {
        TROUBLE.call_once(|| {
            let shown = socket.display();
            log::warn!("the service manager cannot be told anything at {shown}: {error}");
        });
    }
}

/// Sends a message to a path, or to an abstract name: one after an `@`.
fn send(socket: &OsStr, message: &[u8]) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_write_timeout(Some(PATIENCE))?;
    sender.send_to_addr(message, &address).map(drop)
}
