//! The sockets that peers connect to: TCP, Unix, and those that systemd hands over.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, acceptfrom_with, sockopt,
};

use super::inherited::Inherited;
use crate::server::rules::Rules;
use crate::server::tls::Tls;

/// Connections that wait to be accepted; the kernel bounds it by `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `listener "tcp"`: host or address, and port; port 0 is any free one.
    Tcp(String),
    /// `listener "unix"`.
    Unix {
        /// Where the socket is made; one that nobody listens on is replaced.
        path: PathBuf,
        /// Its permissions (`socket_mode`), 0600 when not said.
        mode: Option<u32>,
        /// The number of its owner (`socket_user`).
        owner: Option<u32>,
        /// That of its group (`socket_group`).
        group: Option<u32>,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix { path, .. } => path.display().fmt(f),
        }
    }
}

/// An open listener.
pub struct Listener {
    socket: OwnedFd,
    /// What it is bound to: host:port or a path.
    pub name: String,
    /// The address it is bound to; none on a Unix socket.
    pub address: Option<SocketAddr>,
    /// TLS, when it is spoken.
    pub tls: Option<Arc<Tls>>,
    /// What holds for its requests.
    pub rules: Arc<Rules>,
    /// The path to take away at the end: a Unix socket that we made.
    made: Option<PathBuf>,
}

impl Listener {
    /// Listens there, on the inherited socket of that address if there is one.
    pub fn open(
        address: &Address,
        tls: Option<Arc<Tls>>,
        rules: Rules,
        inherited: &mut Inherited,
    ) -> io::Result<Self> {
        let rules = Arc::new(rules);
        let listener = match address {
            Address::Tcp(text) => Self::open_tcp(text, tls, rules, inherited)?,
            Address::Unix { path, mode, owner, group } => {
                let name = path.display().to_string();
                let (socket, made) = match inherited.claim(&name) {
                    Some(socket) => (socket, None),
                    None => (bind_unix(path)?, Some(path.clone())),
                };
                let listener = Self { socket, name, address: None, tls, rules, made };
                if listener.made.is_some() {
                    // It does not listen yet: nobody can connect before the mode is set.
                    if owner.is_some() || group.is_some() {
                        chown(path, *owner, *group)?;
                    }
                    let mode = fs::Permissions::from_mode(mode.unwrap_or(0o600));
                    fs::set_permissions(path, mode)?;
                }
                listener
            }
        };
        rustix::net::listen(&listener.socket, BACKLOG)?;
        rustix::io::ioctl_fionbio(&listener.socket, true)?;
        Ok(listener)
    }

    fn open_tcp(
        text: &str,
        tls: Option<Arc<Tls>>,
        rules: Arc<Rules>,
        inherited: &mut Inherited,
    ) -> io::Result<Self> {
        let wanted: Vec<SocketAddr> = text.to_socket_addrs()?.collect();
        let handed = wanted.iter().find_map(|address| inherited.claim(&address.to_string()));
        let tcp = match handed {
            Some(socket) => TcpListener::from(socket),
            None => TcpListener::bind(wanted.as_slice())?,
        };
        let address = tcp.local_addr()?;
        Ok(Self {
            socket: tcp.into(),
            name: address.to_string(),
            address: Some(address),
            tls,
            rules,
            made: None,
        })
    }

    /// The next connection that waits, and its peer's address.
    pub fn accept(&self) -> rustix::io::Result<(OwnedFd, Option<SocketAddr>)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = acceptfrom_with(&self.socket, flags)?;
        let peer = peer.and_then(|any| SocketAddr::try_from(any).ok());
        if self.address.is_some() {
            // An answer must not wait for the peer's acknowledgement of the one before.
            sockopt::set_tcp_nodelay(&socket, true)?;
        }
        Ok((socket, peer))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // Whoever took it away before us has done our work.
            let _ = fs::remove_file(path);
        }
    }
}

/// Binds a Unix socket, which does not listen yet; what a server that is gone left there is
/// replaced.
fn bind_unix(path: &Path) -> io::Result<OwnedFd> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let address = SocketAddrUnix::new(path)?;
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}
