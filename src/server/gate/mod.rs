//! The gate: what faces the network. One thread, one event loop, never a wait for one peer.
//!
//! A peer's bytes become whole requests ([`peer`], [`head`], [`body`]) on its [`wire`]; each
//! goes over a [`line`] to the inner HTTP server, and the answer comes back the same way.

pub mod answer;
pub mod body;
pub mod buffer;
pub mod callers;
mod desk;
mod ending;
pub mod head;
pub mod inherited;
mod line;
pub mod listener;
mod peer;
mod room;
mod slots;
mod source;
mod wire;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use zeroize::Zeroizing;

use self::answer::Manner;
use self::callers::{CallerId, Callers, Note};
use self::desk::Desk;
use self::head::Persistence;
use self::line::{Dead, Line, Progress};
use self::listener::Listener;
use self::peer::{Peer, Phase, Step};
use self::slots::{Key, Slots};
use self::source::Source;
use self::wire::Wire;
use super::counters::Counters;
use super::http::{Connection, WantLine};
use super::limits::Limits;
use super::refusal::Refusal;
use super::rules::Rules;
use crate::base::clock::Clock;

/// Connections accepted, and steps of one peer, before others have their turn.
const FAIR: usize = 64;

/// Bytes that the gate adds to an answer's head at most.
const OWN_HEADERS: usize = 512;

/// Descriptors of a line: both ends, one of them twice.
pub const LINE_DESCRIPTORS: u64 = 3;

/// The event loop's state.
pub struct Gate {
    watch: OwnedFd,
    listeners: Vec<(Listener, bool)>,
    peers: Slots<Box<Peer>>,
    lines: Slots<Line>,
    free: Vec<Key>,
    /// Peers whose requests wait for a line, in their order.
    waiting: VecDeque<Key>,
    /// Peers that have more to do at once.
    eager: Vec<Key>,
    desk: Desk,
    lines_wanted: Sender<WantLine>,
    /// Pieces that went over a line.
    moved: u64,
    next_sweep: Duration,
    /// Accepting failed; the next sweep tries again.
    starved: bool,
    ends_at: Option<Duration>,
    newcomers_until: Duration,
}

impl Gate {
    /// A gate that accepts on `listeners` once it runs, and asks `lines_wanted` for lines, which
    /// come as notes to `callers`.
    pub fn new(
        listeners: Vec<Listener>,
        limits: Limits,
        counters: Arc<Counters>,
        callers: Arc<Callers>,
        clock: Arc<dyn Clock>,
        lines_wanted: Sender<WantLine>,
    ) -> std::io::Result<Self> {
        let watch = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&watch, &*callers, Source::Bell.encode(), edge)?;
        for (at, listener) in listeners.iter().enumerate() {
            epoll::add(&watch, listener, Source::Listener(at).encode(), edge)?;
        }
        let desk = Desk::new(limits, counters, callers, clock);
        Ok(Self {
            watch,
            listeners: listeners.into_iter().map(|listener| (listener, true)).collect(),
            peers: Slots::new(),
            lines: Slots::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            eager: Vec::new(),
            moved: 0,
            next_sweep: desk.now,
            desk,
            lines_wanted,
            starved: false,
            ends_at: None,
            newcomers_until: Duration::ZERO,
        })
    }

    /// Runs until it is told to stop and all requests have ended or their time is up.
    pub fn run(mut self) {
        let mut events = Vec::with_capacity(256);
        while !self.is_done() {
            let timeout = self.timeout();
            events.clear();
            match epoll::wait(
                &self.watch,
                rustix::buffer::spare_capacity(&mut events),
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    log::error!("the gate cannot wait for its sockets and ends: {error}");
                    return;
                }
            }
            self.desk.look_at_the_clock();
            for key in std::mem::take(&mut self.eager) {
                self.guarded(Source::Peer(key), Self::drive);
            }
            for event in &events {
                let (data, flags) = (event.data, event.flags);
                self.note_readiness(Source::decode(data), flags);
            }
            self.make_room();
            if self.desk.now >= self.next_sweep {
                self.sweep();
            }
            self.accept();
        }
    }

    /// How long nothing needs to be done: none is for ever.
    fn timeout(&self) -> Option<Timespec> {
        let now = self.desk.now;
        let wait = if !self.eager.is_empty() || self.listeners.iter().any(|(_, ready)| *ready) {
            Duration::ZERO
        } else if self.answers_wait_for_room() {
            room::PATIENCE
        } else if self.peers.len() > 0 || self.starved || self.ends_at.is_some() {
            self.next_sweep.saturating_sub(now) + Duration::from_millis(1)
        } else {
            return None;
        };
        Timespec::try_from(wait).ok()
    }

    /// What the kernel said of one socket.
    fn note_readiness(&mut self, source: Source, flags: epoll::EventFlags) {
        use epoll::EventFlags;
        let readable = flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP);
        let writable = flags.contains(EventFlags::OUT);
        let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        match source {
            Source::Bell => self.read_notes(),
            Source::Listener(at) => {
                if let Some((_, ready)) = self.listeners.get_mut(at) {
                    *ready = true;
                }
            }
            Source::Peer(key) => {
                let Some(peer) = self.peers.get_mut(key) else { return };
                if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
                    return self.close(key);
                }
                peer.wire.readable |= readable;
                peer.wire.writable |= writable;
                peer.wire.hung_up |= hung_up;
                self.guarded(source, Self::drive);
            }
            Source::Line(key) => {
                let Some(line) = self.lines.get_mut(key) else { return };
                line.readable |= readable;
                line.writable |= writable;
                line.hung_up |= hung_up;
                self.guarded(source, Self::serve);
            }
        }
    }

    /// Does something for one connection; should that panic, the connection alone is lost.
    fn guarded(&mut self, source: Source, work: fn(&mut Self, Key)) {
        let (Source::Peer(key) | Source::Line(key)) = source else { return };
        if catch_unwind(AssertUnwindSafe(|| work(self, key))).is_err() {
            self.desk.counters.panics.count();
            match source {
                Source::Peer(key) => self.close(key),
                _ => self.lose_line(key, Refusal::Failed),
            }
        }
    }

    fn read_notes(&mut self) {
        for note in self.desk.callers.notes() {
            match note {
                Note::Line(connection) => self.add_line(connection),
                // A request that runs comes before peers that idle.
                Note::Cramped => drop((0..LINE_DESCRIPTORS).all(|_| self.evict())),
                Note::Broken(id) => self.cut(id),
                Note::Look(to) => drop(to.send(self.look())),
                Note::Stop => self.stop(),
            }
        }
    }

    // Peers.

    fn accept(&mut self) {
        for at in 0..self.listeners.len() {
            for _ in 0..FAIR {
                let Some((listener, ready)) = self.listeners.get_mut(at) else { return };
                if !*ready {
                    break;
                }
                match listener.accept() {
                    Ok((socket, address)) => {
                        let tls = listener.tls.as_ref();
                        let verified = tls.is_some_and(|tls| tls.verifies_clients());
                        let rules = listener.rules.clone();
                        match tls.map(|tls| tls.session()).transpose() {
                            Ok(tls) => {
                                self.welcome(Wire::new(socket, tls, verified), address, rules);
                            }
                            Err(error) => log::error!("no TLS session can be made: {error}"),
                        }
                    }
                    Err(Errno::AGAIN) => *ready = false,
                    Err(Errno::INTR | Errno::CONNABORTED) => {}
                    Err(error) => {
                        // Out of descriptors or memory: one goes, and the next sweep tries again.
                        *ready = false;
                        self.starved = true;
                        log::warn!("a connection could not be accepted: {error}");
                        self.desk.counters.accept_failures.count();
                        self.evict();
                        break;
                    }
                }
            }
        }
    }

    fn welcome(&mut self, wire: Wire, address: Option<std::net::SocketAddr>, rules: Arc<Rules>) {
        self.desk.counters.accepted.count();
        if self.peers.len() >= self.desk.limits.connections && !self.evict() {
            return;
        }
        let key = self.peers.next_key();
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        if let Err(error) =
            epoll::add(&self.watch, wire.socket(), Source::Peer(key).encode(), flags)
        {
            log::warn!("a connection cannot be watched: {error}");
            return;
        }
        self.desk.counters.open.count();
        self.peers.insert(Box::new(Peer::new(wire, address, rules, self.desk.now)));
    }

    /// Sends the idle peer of least merit away; whether there was one.
    fn evict(&mut self) -> bool {
        let idle = self.peers.iter().filter(|(_, peer)| peer.is_idle());
        let first = idle.min_by_key(|(_, peer)| peer.merit()).map(|(key, _)| key);
        let Some(key) = first else { return false };
        self.desk.counters.evicted.count();
        self.close(key);
        true
    }

    /// Looks for peers whose time is up, or who keep others waiting.
    fn sweep(&mut self) {
        let now = self.desk.now;
        let limits = &self.desk.limits;
        let shortest = if self.desk.stopping { limits.resting } else { limits.shortest() };
        self.next_sweep = now + shortest / 4;
        let late: Vec<Key> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.deadline(&self.desk).is_some_and(|end| end <= now))
            .map(|(key, _)| key)
            .collect();
        for key in late {
            self.desk.counters.timeouts.count();
            self.close(key);
        }
        self.free_workers();
        self.send_newcomers_away();
        if std::mem::take(&mut self.starved) {
            self.listeners.iter_mut().for_each(|(_, ready)| *ready = true);
        }
    }

    fn drive(&mut self, key: Key) {
        for _ in 0..FAIR {
            let Some(peer) = self.peers.get_mut(key) else { return };
            match peer.advance(&mut self.desk) {
                Ok(Step::Rest) => return,
                Ok(Step::Ready) => {
                    self.waiting.push_back(key);
                    self.assign();
                }
                Ok(Step::Serve(line)) => return self.serve(line),
                Ok(Step::Close) | Err(_) => return self.close(key),
            }
        }
        self.eager.push(key);
    }

    /// Closes a peer's connection, whatever it is at.
    fn close(&mut self, key: Key) {
        let Some(mut peer) = self.peers.remove(key) else { return };
        self.desk.counters.open.drop_one();
        self.desk.release(&mut peer.held);
        if let Some((id, _)) = &peer.caller {
            self.desk.callers.leave(*id);
        }
        match peer.phase {
            // The handler must see that its body was cut.
            Phase::Running(line, Some(_)) => self.lose_line(line, Refusal::Failed),
            Phase::Running(key, None) => {
                let Some(line) = self.lines.get_mut(key) else { return };
                line.peer = None;
                // An answer that nobody takes would block its worker. One that has not begun is
                // waited for: the line would be of no use before.
                if line.readable || line.progress != Progress::Head {
                    self.lose_line(key, Refusal::Failed);
                }
            }
            _ => {}
        }
    }

    /// Cuts the connection whose answer failed in the middle.
    fn cut(&mut self, id: CallerId) {
        let found = self
            .peers
            .iter()
            .find(|(_, peer)| peer.caller.as_ref().is_some_and(|(known, _)| *known == id));
        let Some((key, peer)) = found else { return };
        self.desk.counters.broken.count();
        let line = match peer.phase {
            Phase::Running(line, _) => Some(line),
            _ => None,
        };
        self.close(key);
        if let Some(line) = line {
            self.lose_line(line, Refusal::Failed);
        }
    }

    // Lines.

    fn add_line(&mut self, connection: Connection) {
        let line = Line::new(connection);
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        let key = self.lines.next_key();
        match epoll::add(&self.watch, line.socket(), Source::Line(key).encode(), flags) {
            Ok(()) => {
                self.lines.insert(line);
                self.free.push(key);
                self.assign();
            }
            Err(error) => {
                log::warn!("a line to the inner server cannot be watched: {error}");
                self.want_line();
            }
        }
    }

    fn want_line(&self) {
        // Nobody listens only when the server ends.
        let _ = self.lines_wanted.send(WantLine);
    }

    /// Gives waiting requests to free lines.
    fn assign(&mut self) {
        while let Some(&line_key) = self.free.last() {
            let Some(key) = self.waiting.pop_front() else { return };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let Phase::Waiting(request, upload) = &mut peer.phase else { continue };
            let (request, upload) = (std::mem::take(request), upload.take());
            let last = upload.is_some();
            peer.phase = Phase::Running(line_key, upload);
            self.free.pop();
            self.desk.counters.requests.count();
            let Some(line) = self.lines.get_mut(line_key) else { continue };
            line.begin(key, request, last);
            if last {
                self.eager.push(key);
            }
        }
    }

    /// Moves what can be moved between a line and its peer.
    fn serve(&mut self, key: Key) {
        let Some(line) = self.lines.get_mut(key) else { return };
        let Some(peer_key) = line.peer else {
            // It is free, and nothing is to be read but its end; or its peer has left.
            return if line.readable {
                self.lose_line(key, Refusal::Failed)
            };
        };
        line.flush();
        if let Err(refusal) = self.upload(key, peer_key) {
            return self.lose_line(key, refusal);
        }
        match self.relay(key, peer_key) {
            Ok(true) => self.finish(key, peer_key),
            Ok(false) => {}
            Err(Failure::Peer) => self.close(peer_key),
            Err(Failure::Line) => self.lose_line(key, Refusal::Failed),
        }
    }

    /// Passes a body without bound from the peer to the line.
    fn upload(&mut self, key: Key, peer_key: Key) -> Result<(), Refusal> {
        let (Some(line), Some(peer)) = (self.lines.get_mut(key), self.peers.get_mut(peer_key))
        else {
            return Ok(());
        };
        while peer.is_uploading() {
            let room = line.room();
            if room == 0 {
                peer.excuse(self.desk.now);
                return Ok(());
            }
            self.moved += 1;
            peer.upload(&mut self.desk, room, |chunk| line.send_chunk(chunk))?;
            line.flush();
            if !peer.is_eager() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Passes the answer from the line to the peer; whether its end was passed on.
    fn relay(&mut self, key: Key, peer_key: Key) -> Result<bool, Failure> {
        let (Some(line), Some(peer)) = (self.lines.get_mut(key), self.peers.get_mut(peer_key))
        else {
            return Ok(false);
        };
        loop {
            peer.flush(&mut self.desk).map_err(|_| Failure::Peer)?;
            if line.progress == Progress::Endless && peer.wire.hung_up {
                // It would not be noticed otherwise as long as there is nothing to send.
                return Err(Failure::Peer);
            }
            if !line.readable || peer.is_full() {
                return Ok(false);
            }
            let Some(read) = line.read(&mut self.desk.scratch).map_err(|Dead| Failure::Line)?
            else {
                continue;
            };
            let first = line.progress == Progress::Head;
            let manner = Manner {
                date: &self.desk.date,
                persistence: peer.persistence,
                bodiless: peer.bodiless,
                chunks: peer.chunks,
                headers: &peer.rules.headers,
            };
            let mut piece = Zeroizing::new(Vec::with_capacity(read.len() + OWN_HEADERS));
            line.pass(&read, manner, &mut piece).map_err(|Dead| Failure::Line)?;
            drop(read);
            self.moved += 1;
            peer.send(&piece, self.desk.now).map_err(|_| Failure::Peer)?;
            match line.progress {
                Progress::Endless if !line.replaced => {
                    line.replaced = true;
                    // Nobody listens only when the server ends.
                    let _ = self.lines_wanted.send(WantLine);
                    if !peer.chunks {
                        peer.persistence = Persistence::Closes;
                    }
                }
                Progress::Body(0) => {
                    peer.flush(&mut self.desk).map_err(|_| Failure::Peer)?;
                    return Ok(true);
                }
                // A slow reader must not hold the worker: its answer waits here, if it has room.
                // A stream's worker waits: holding what it would read piece by piece is worse.
                Progress::Body(left)
                    if first && !line.streamed && left <= self.desk.limits.body_bytes =>
                {
                    let whole = peer.wire.unsent() + usize::try_from(left).unwrap_or(usize::MAX);
                    if whole > self.desk.limits.small_bytes {
                        let wanted = whole + whole / 64 + peer.size();
                        if !self.desk.hold(&mut peer.held, wanted)
                            && wanted <= self.desk.limits.held_bytes
                        {
                            line.wanted = wanted;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// An answer was passed on whole.
    fn finish(&mut self, key: Key, peer_key: Key) {
        if let Some(peer) = self.peers.get_mut(peer_key) {
            peer.finish(&mut self.desk);
            if !peer.is_between_requests() || peer.is_eager() {
                self.eager.push(peer_key);
            }
        }
        let Some(line) = self.lines.get_mut(key) else { return };
        line.peer = None;
        if line.is_reusable() {
            self.free.push(key);
            self.assign();
        } else {
            self.lose_line(key, Refusal::Failed);
        }
    }

    /// Gives a line up and asks for another; what it carried is refused, or cut when its answer
    /// has begun.
    fn lose_line(&mut self, key: Key, refusal: Refusal) {
        let Some(line) = self.lines.remove(key) else { return };
        self.free.retain(|free| *free != key);
        if !line.replaced {
            self.want_line();
        }
        let Some(peer_key) = line.peer else { return };
        let Some(peer) = self.peers.get_mut(peer_key) else { return };
        let unanswered = line.progress == Progress::Head;
        if unanswered && peer.refuse(refusal, &mut self.desk).is_ok() {
            self.eager.push(peer_key);
        } else {
            self.desk.counters.broken.count();
            self.close(peer_key);
        }
    }
}

/// Which side of an answer failed.
enum Failure {
    Peer,
    Line,
}
