//! Entries to somebody else, over a connection or in packets. Whoever listens and is slow, or gone
//! without a word, holds nobody up for longer than it may. Nobody says that entries have arrived:
//! who must not lose any when a peer dies has a file beside it.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, socket_with,
};

use super::options::Peer;
use crate::base::clock::Clock;
use crate::base::sync::lock;

/// Sends entries, one at a time.
pub struct Socket {
    /// The first that can be reached is taken.
    peers: Vec<Peer>,
    /// How long an entry may take, all in all.
    patience: Duration,
    clock: Arc<dyn Clock>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    connection: Option<Connection>,
    /// On the boot clock: until then nothing is tried, after an entry that took too long. So
    /// requests that wait for each other do not wait for that one after the other.
    rests_until: Duration,
}

enum Connection {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Unix(UnixStream),
    UnixDatagram(UnixDatagram),
}

impl Socket {
    /// Nothing is connected yet.
    pub fn new(peers: Vec<Peer>, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { peers, patience, clock, line: Mutex::default() }
    }

    /// Sends an entry. A peer that was started anew is found again.
    pub fn write(&self, entry: &[u8]) -> io::Result<()> {
        let mut line = lock(&self.line);
        let now = self.clock.boot();
        if now < line.rests_until {
            return Err(io::Error::new(ErrorKind::TimedOut, "it has just been too slow"));
        }
        let outcome = self.send(&mut line.connection, entry, now + self.patience);
        if outcome.as_ref().is_err_and(is_timeout) {
            line.connection = None;
            line.rests_until = self.clock.boot() + self.patience;
        }
        outcome
    }

    /// Connects anew with the next entry.
    pub fn reopen(&self) {
        *lock(&self.line) = Line::default();
    }

    fn send(
        &self,
        known: &mut Option<Connection>,
        entry: &[u8],
        deadline: Duration,
    ) -> io::Result<()> {
        if let Some(connection) = known.take_if(|connection| !connection.is_closed()) {
            match self.send_over(&connection, entry, deadline) {
                Err(error) if !is_timeout(&error) => {}
                outcome => {
                    *known = Some(connection);
                    return outcome;
                }
            }
        }
        *known = None;
        let connection = self.connect(deadline)?;
        self.send_over(&connection, entry, deadline)?;
        *known = Some(connection);
        Ok(())
    }

    fn send_over(
        &self,
        connection: &Connection,
        entry: &[u8],
        deadline: Duration,
    ) -> io::Result<()> {
        let mut rest = entry;
        while !rest.is_empty() {
            connection.set_patience(self.left(deadline)?)?;
            match connection.send(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn connect(&self, deadline: Duration) -> io::Result<Connection> {
        let mut outcome = Err(ErrorKind::NotFound.into());
        for peer in &self.peers {
            outcome = self.connect_to(peer, deadline);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn connect_to(&self, peer: &Peer, deadline: Duration) -> io::Result<Connection> {
        match peer {
            Peer::Tcp(name) => {
                let mut outcome = Err(ErrorKind::NotFound.into());
                for address in resolve(name, self.left(deadline)?)? {
                    outcome = TcpStream::connect_timeout(&address, self.left(deadline)?);
                    if outcome.is_ok() {
                        break;
                    }
                }
                let stream = outcome?;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }
            Peer::Udp(name) => {
                let addresses = resolve(name, self.left(deadline)?)?;
                let address = addresses.first().ok_or(ErrorKind::NotFound)?;
                let any = match address {
                    SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
                    SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Connection::Udp(socket))
            }
            Peer::Unix(path) => connect_unix(path).map(Connection::Unix),
            Peer::UnixDatagram(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Connection::UnixDatagram(socket))
            }
        }
    }

    fn left(&self, deadline: Duration) -> io::Result<Duration> {
        let left = deadline.saturating_sub(self.clock.boot());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Connection {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(patience)),
            Self::Udp(socket) => socket.set_write_timeout(Some(patience)),
            Self::Unix(stream) => stream.set_write_timeout(Some(patience)),
            Self::UnixDatagram(socket) => socket.set_write_timeout(Some(patience)),
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*stream).write(bytes),
            Self::Udp(socket) => socket.send(bytes),
            Self::Unix(stream) => (&*stream).write(bytes),
            Self::UnixDatagram(socket) => socket.send(bytes),
        }
    }

    /// Whether the peer has closed it: what is sent then is taken and lost without a word. What
    /// the peer says is not listened to.
    fn is_closed(&self) -> bool {
        let socket = match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Udp(_) | Self::UnixDatagram(_) => return false,
        };
        matches!(recv(socket, &mut [0; 512], RecvFlags::DONTWAIT), Ok((0, _)))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// The addresses of `host:port`. The system's resolver knows no time limit, so that names are left
/// to a thread that is not waited for any longer.
fn resolve(name: &str, patience: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let (tell, told) = channel();
    let name = name.to_owned();
    thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        // Nobody listens any more when it came too late.
        let _ = tell.send(name.to_socket_addrs().map(Iterator::collect));
    })?;
    told.recv_timeout(patience).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Connects, and does not wait for a listener who takes nobody in.
fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}
