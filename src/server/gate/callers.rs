//! Who is connected: what a connection's id means to the two sides of the inner socket.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use rustix::event::{EventfdFlags, eventfd};

use crate::api::request::Peer;
use crate::base::entropy::Entropy;
use crate::base::sync::lock;
use crate::server::http::Connection;
use crate::server::rules::Rules;

/// A connection's name between the gate and what stands behind it: random, so that nobody who
/// gets a request line past the gate could speak for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerId(u128);

impl CallerId {
    /// Reads what [`Display`](std::fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl std::fmt::Display for CallerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One connection as what stands behind the gate sees it.
pub struct Caller {
    /// Its other end.
    pub peer: Peer,
    /// Those of the listener that it came to.
    pub rules: Arc<Rules>,
    /// Bytes of the unbounded body that is being sent, once its end has arrived.
    upload: AtomicU64,
}

/// No end has arrived.
const OPEN: u64 = u64::MAX;

impl Caller {
    /// A body without bound begins.
    pub fn begin_upload(&self) {
        self.upload.store(OPEN, Ordering::Release);
    }

    /// Its end has arrived, after that many bytes.
    pub fn end_upload(&self, bytes: u64) {
        self.upload.store(bytes, Ordering::Release);
    }

    /// Whether a body that read as that many bytes is whole.
    pub fn is_whole(&self, bytes: u64) -> bool {
        self.upload.load(Ordering::Acquire) == bytes
    }
}

/// A word to the gate from another thread.
pub enum Note {
    /// A connection to the inner server, ready for requests.
    Line(Connection),
    /// No line could be made, for want of descriptors perhaps.
    Cramped,
    /// What answered this connection failed in the middle: cut it.
    Broken(CallerId),
    /// Say how you get on.
    Look(Sender<Look>),
    /// Accept no more, let run what runs, end.
    Stop,
}

/// How the gate gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether requests wait for a line.
    pub waiting: bool,
    /// How often a piece of a request or of an answer went over a line. While some wait, a count
    /// that stays the same says that nobody behind the gate gets on.
    pub moved: u64,
}

/// What the gate and the inner server share.
pub struct Callers {
    entropy: Arc<dyn Entropy>,
    known: Mutex<HashMap<CallerId, Arc<Caller>>>,
    notes: Mutex<Vec<Note>>,
    bell: OwnedFd,
}

impl Callers {
    /// Nobody is connected.
    pub fn new(entropy: Arc<dyn Entropy>) -> std::io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let (known, notes) = (Mutex::default(), Mutex::default());
        Ok(Self { entropy, known, notes, bell })
    }

    /// A new connection.
    pub fn enter(&self, peer: Peer, rules: Arc<Rules>) -> (CallerId, Arc<Caller>) {
        let id = CallerId(u128::from_be_bytes(self.entropy.bytes()));
        let caller = Arc::new(Caller { peer, rules, upload: AtomicU64::new(0) });
        lock(&self.known).insert(id, caller.clone());
        (id, caller)
    }

    /// The connection of that name, while it lasts.
    pub fn find(&self, id: CallerId) -> Option<Arc<Caller>> {
        lock(&self.known).get(&id).cloned()
    }

    /// A connection is gone.
    pub fn leave(&self, id: CallerId) {
        let mut known = lock(&self.known);
        known.remove(&id);
        if known.capacity() > 64 && known.len() < known.capacity() / 8 {
            known.shrink_to_fit();
        }
    }

    /// Leaves a word for the gate.
    pub fn tell(&self, note: Note) {
        lock(&self.notes).push(note);
        // The bell's count cannot overflow: each reading sets it back.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// The words left for the gate.
    pub fn notes(&self) -> Vec<Note> {
        // It may have rung for a word that is already taken.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *lock(&self.notes))
    }
}

impl AsFd for Callers {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
