//! The front door: listeners, TLS, the gate, and the HTTP server behind it.
//!
//! Nothing past this folder sees a type of tiny_http, rustls or httparse: a request comes out as
//! [`Request`], and goes back as [`Response`].

pub mod certificate;
pub mod chain;
pub mod counters;
pub mod gate;
mod http;
pub mod limits;
pub mod refusal;
pub mod rules;
pub mod target;
mod tickets;
pub mod tls;
mod translate;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::counters::Counters;
use self::gate::callers::{Callers, Look, Note};
use self::gate::inherited::Inherited;
use self::gate::listener::{Address, Listener};
use self::gate::{Gate, LINE_DESCRIPTORS};
use self::http::Http;
use self::limits::Limits;
use self::rules::Rules;
use self::tls::{Tls, TlsError, TlsSettings};
use self::translate::Translator;
use crate::api::reply::Response;
use crate::api::request::Request;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;

/// Descriptors that are kept for the store, its snapshots, the log, and those who listen to it.
const OTHER_DESCRIPTORS: u64 = 64;

/// What answers requests.
pub trait Service: Send + Sync {
    /// Answers one. Called by several threads at once; a panic is answered 500.
    fn call(&self, request: Request) -> Response;
}

/// One listener as it is configured.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Where it listens.
    pub address: Address,
    /// Its TLS; none with `tls_disable`, and on a Unix socket.
    pub tls: Option<TlsSettings>,
    /// What holds for its requests.
    pub rules: Rules,
}

/// How the front is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub listeners: Vec<ListenerSettings>,
    /// What it bears.
    pub limits: Limits,
    /// A folder for sockets, such as `/run/edgekeep`; its path has at most 60 bytes. The front
    /// makes a folder of its own in it, mode 0700, and removes it at the end.
    pub run_folder: PathBuf,
}

/// What the front needs from the rest of the program.
#[derive(Clone)]
pub struct Surroundings {
    /// Answers the requests.
    pub service: Arc<dyn Service>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub entropy: Arc<dyn Entropy>,
    /// Where the front counts.
    pub counters: Arc<Counters>,
}

/// The front, serving.
pub struct Front {
    names: Vec<String>,
    addresses: Vec<SocketAddr>,
    tls: Vec<Arc<Tls>>,
    counters: Arc<Counters>,
    callers: Arc<Callers>,
    gate: JoinHandle<()>,
    http: Http,
}

impl Front {
    /// Opens the listeners, on the sockets that were handed over where there are some, and serves.
    pub fn start(
        settings: Settings,
        mut inherited: Inherited,
        around: Surroundings,
    ) -> Result<Self, FrontError> {
        let mut limits = settings.limits;
        limits.connections = limits.connections.min(room_for_connections(limits.workers)?);
        let mut listeners = Vec::new();
        for wanted in settings.listeners {
            let tls = wanted.tls.map(Tls::new).transpose().map_err(FrontError::Tls)?.map(Arc::new);
            let opened = Listener::open(&wanted.address, tls, wanted.rules, &mut inherited);
            listeners.push(opened.map_err(|e| unlistened(wanted.address, e, &inherited))?);
        }
        inherited.warn();
        let counters = around.counters;
        let callers = Arc::new(Callers::new(around.entropy.clone())?);
        let translator = Translator {
            service: around.service,
            callers: callers.clone(),
            counters: counters.clone(),
            clock: around.clock.clone(),
        };
        let own = format!("front-{}", around.entropy.base62(12));
        let folder = settings.run_folder.join(own);
        let (http, lines_wanted) = Http::start(folder, limits.workers, translator)?;
        let names = listeners.iter().map(|listener| listener.name.clone()).collect();
        let addresses = listeners.iter().filter_map(|listener| listener.address).collect();
        let tls = listeners.iter().filter_map(|listener| listener.tls.clone()).collect();
        let gate = Gate::new(
            listeners,
            limits,
            counters.clone(),
            callers.clone(),
            around.clock,
            lines_wanted,
        )?;
        let gate = thread::Builder::new().name("gate".into()).spawn(move || gate.run())?;
        Ok(Self { names, addresses, tls, counters, callers, gate, http })
    }

    /// What is listened on, in the order of the settings: host:port, or a path.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The TCP addresses that are listened on, in the order of the settings.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The front's numbers.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Reads all certificates again. Connections that are open keep theirs; a listener whose
    /// files cannot be read keeps its certificate, and the first such error is returned.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.iter().map(|tls| tls.reload()).fold(Ok(()), Result::and)
    }

    /// How the gate gets on; none when it does not say so within `patience`.
    pub fn look(&self, patience: Duration) -> Option<Look> {
        let (to, answer) = channel();
        self.callers.tell(Note::Look(to));
        answer.recv_timeout(patience).ok()
    }

    /// Accepts no more, lets what runs end within [`Limits::drain`], and ends.
    pub fn stop(self) {
        self.callers.tell(Note::Stop);
        // A gate that panicked has ended too.
        let _ = self.gate.join();
        self.http.stop();
    }
}

/// Descriptors that are no connections.
pub const fn reserved_descriptors(workers: usize) -> u64 {
    OTHER_DESCRIPTORS + workers as u64 * LINE_DESCRIPTORS
}

/// How many connections the descriptors suffice for. The limit is raised as far as it goes.
fn room_for_connections(workers: usize) -> io::Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let usable = if raised.is_ok() { limit.maximum } else { limit.current };
    let reserved = reserved_descriptors(workers);
    let room = usable.unwrap_or(u64::MAX).saturating_sub(reserved);
    if room == 0 {
        return Err(io::Error::other(format!(
            "too few descriptors: raise LimitNOFILE (ulimit -n) above {reserved}"
        )));
    }
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Why there is no listener on that address.
fn unlistened(address: Address, error: io::Error, inherited: &Inherited) -> FrontError {
    let taken = error.kind() == io::ErrorKind::AddrInUse;
    let port = match &address {
        Address::Tcp(text) if taken => text.rsplit_once(':').map(|(_, port)| port),
        _ => None,
    };
    match port.and_then(|port| inherited.on_port(port)).map(str::to_owned) {
        Some(by) => FrontError::Held { address, by },
        None => FrontError::Listen(address, error),
    }
}

/// Why the front cannot serve.
#[derive(Debug)]
pub enum FrontError {
    /// A listener that cannot be opened.
    Listen(Address, io::Error),
    /// One whose port systemd holds a socket of, on another address.
    Held {
        /// The listener's.
        address: Address,
        /// The socket's.
        by: String,
    },
    /// A listener's TLS.
    Tls(TlsError),
    /// The inner server, its threads or sockets.
    Inner(io::Error),
}

impl From<io::Error> for FrontError {
    fn from(error: io::Error) -> Self {
        Self::Inner(error)
    }
}

impl fmt::Display for FrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Held { address, by } => {
                write!(f, "cannot listen on {address}: systemd holds a socket on {by}")
            }
            Self::Tls(error) => error.fmt(f),
            Self::Inner(error) => write!(f, "the HTTP server cannot be started: {error}"),
        }
    }
}

impl std::error::Error for FrontError {}
