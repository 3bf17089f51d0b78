//! Can the server listen where it is told to, or does it already?

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::Subject;
use super::finding::Finding;
use super::running::{Met, PATIENCE, Running, meet};
use super::socket::Process;
use crate::config::{self, Listener, Storage};
use crate::server::gate::listener::Address;

/// Looks at each listener.
pub fn look(subject: &Subject) -> Vec<Finding> {
    subject.config.listeners.iter().map(|listener| of_listener(subject, listener)).collect()
}

fn of_listener(subject: &Subject, listener: &Listener) -> Finding {
    let error = match &*listener.address {
        Address::Tcp(text) => try_tcp(text).err(),
        Address::Unix { path, .. } => try_unix(path).err(),
    };
    match (error, &subject.running) {
        (Some(error), _) if error.kind() == io::ErrorKind::AddrInUse => taken(subject, listener),
        (Some(error), _) => match config::unlistened(&subject.config, &listener.address, &error) {
            Some(error) => error.into(),
            None => Finding::fail(format!("{}: {error}", *listener.address), ""),
        },
        (None, None) => Finding::ok(format!("{} is free", *listener.address)),
        (None, Some(Running { pid })) => Finding::warn(
            format!("the server runs (process {pid}) and does not listen on {}", *listener.address),
            "has the configuration changed since its start? Start it anew",
        ),
    }
}

/// Takes the address for a moment, without listening: nobody can connect to it.
fn try_tcp(text: &str) -> io::Result<()> {
    for address in text.to_socket_addrs()? {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // As the server does: connections that have just ended are no hindrance.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
    }
    Ok(())
}

/// A socket on which somebody listens is taken.
fn try_unix(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(_) => Ok(()),
    }
}

fn taken(subject: &Subject, listener: &Listener) -> Finding {
    let address = &*listener.address;
    let process = match address {
        Address::Tcp(text) => Process::listening(text),
        Address::Unix { .. } => None,
    };
    let met = meet(listener);
    // One that wants a certificate of its clients answers nobody here.
    let ours = met == Met::Edgekeep || process.as_ref().is_some_and(Process::is_edgekeep);
    match (&subject.running, ours) {
        (_, true) if met == Met::Silent => Finding::warn(
            format!(
                "an Edgekeep listens on {address}{} and does not answer in {} s",
                numbered(process.as_ref()),
                PATIENCE.as_secs()
            ),
            "is it stopped (ps shows it as T; kill -CONT lets it go on), or overloaded? Look into \
             its log",
        ),
        (Some(Running { pid }), true) => {
            Finding::ok(format!("the server listens on {address} (process {pid})"))
        }
        (Some(Running { pid }), false) => Finding::warn(
            format!(
                "something listens on {address} that does not answer as Edgekeep, while the server \
                 runs (process {pid})"
            ),
            "look who has the address: ss -ltnp",
        ),
        // A store in memory is held by nobody who could be found by it.
        (None, true) if matches!(subject.config.storage, Storage::Memory) => Finding::ok(format!(
            "an Edgekeep listens on {address}{}: the server, if it was started with this \
             configuration",
            numbered(process.as_ref())
        )),
        (None, true) => Finding::fail(
            format!(
                "another Edgekeep listens on {address}, with another store{}",
                numbered(process.as_ref())
            ),
            "stop it, or name another address",
        ),
        (None, false) => Finding::fail(
            format!("another program listens on {address}{}", named(process.as_ref())),
            "stop it (ss -ltnp shows which it is), or name another address",
        ),
    }
}

fn numbered(process: Option<&Process>) -> String {
    process.map(|process| format!(" (process {})", process.pid)).unwrap_or_default()
}

fn named(process: Option<&Process>) -> String {
    process.map(|Process { pid, name }| format!(" ({name}, process {pid})")).unwrap_or_default()
}
