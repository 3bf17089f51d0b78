//! The sockets that the service manager opened for this process (sd_listen_fds(3)).

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

/// Those that were handed over and that no listener has yet.
#[derive(Default)]
pub struct Inherited {
    /// With the address or the path that each is bound to.
    sockets: Vec<(String, OwnedFd)>,
    /// What was handed over and cannot be listened on.
    odd: Vec<String>,
    /// How many were promised and are not there.
    absent: usize,
}

/// One of what was handed over.
enum Handed {
    Socket(String, OwnedFd),
    Odd(String),
    Absent,
}

impl Inherited {
    /// Takes them over; none when there are none. To be called before anything else is opened: a
    /// manager that says too large a number would have us take our own descriptors for its.
    pub fn take() -> Self {
        let mut handed = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..handed.len() {
            match Handed::take(&mut handed, index) {
                Handed::Socket(name, socket) => inherited.sockets.push((name, socket)),
                Handed::Odd(what) => inherited.odd.push(what),
                Handed::Absent => inherited.absent += 1,
            }
        }
        inherited
    }

    /// Tells what nobody listens on.
    pub fn warn(&self) {
        for (name, _) in &self.sockets {
            log::warn!("systemd hands over a socket on {name}, but no listener names it");
        }
        for what in &self.odd {
            log::warn!("systemd hands over {what}, and nobody can listen on that");
        }
        if self.absent > 0 {
            log::warn!("LISTEN_FDS counts {} sockets too many", self.absent);
        }
    }

    /// The socket of that name.
    pub fn claim(&mut self, name: &str) -> Option<OwnedFd> {
        let at = self.sockets.iter().position(|(known, _)| known == name)?;
        Some(self.sockets.swap_remove(at).1)
    }

    /// The name of one that has this port.
    pub fn on_port(&self, port: &str) -> Option<&str> {
        let mut names = self.sockets.iter().map(|(name, _)| name.as_str());
        names.find(|name| name.rsplit_once(':').is_some_and(|(_, known)| known == port))
    }
}

impl Handed {
    fn take(handed: &mut ListenFd, index: usize) -> Self {
        if let Ok(Some(tcp)) = handed.take_tcp_listener(index) {
            return match tcp.local_addr() {
                Ok(address) => Self::Socket(address.to_string(), tcp.into()),
                Err(error) => Self::Odd(format!("a socket without an address ({error})")),
            };
        }
        if let Ok(Some(unix)) = handed.take_unix_listener(index) {
            return match path(&unix) {
                Some(path) => Self::Socket(path, unix.into()),
                None => Self::Odd("a Unix socket without a path".to_owned()),
            };
        }
        // These are closed by that. What is no socket at all stays as it is.
        if handed.take_udp_socket(index).is_ok() || handed.take_unix_datagram(index).is_ok() {
            return Self::Odd("a socket for datagrams".to_owned());
        }
        let Ok(Some(number)) = handed.take_raw_fd(index) else { return Self::Absent };
        match fs::read_link(format!("/proc/self/fd/{number}")) {
            Ok(what) => Self::Odd(format!("descriptor {number} ({})", what.display())),
            Err(_) => Self::Absent,
        }
    }
}

fn path(listener: &UnixListener) -> Option<String> {
    listener.local_addr().ok()?.as_pathname().map(|path| path.display().to_string())
}
