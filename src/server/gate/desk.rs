//! What all connections of the gate share: bounds, counts, room and scratch.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroize;

use super::answer::{self, Manner};
use super::callers::{Caller, CallerId, Callers};
use super::head::Persistence;
use crate::api::request;
use crate::base::clock::{Clock, Timestamp};
use crate::server::counters::Counters;
use crate::server::limits::Limits;
use crate::server::refusal::Refusal;
use crate::server::rules::Rules;

/// Bytes that are read at once.
const SCRATCH: usize = 64 << 10;

/// Room for one read. Requests and answers pass through it in the clear: what was read is wiped
/// when it was used.
pub struct Scratch(Vec<u8>);

/// What one read has put into the scratch; wiped in the end.
pub struct Filled<'a>(&'a mut [u8]);

impl Scratch {
    /// Where to read to.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The first `n` bytes, which were read.
    pub fn filled(&mut self, n: usize) -> Filled<'_> {
        let n = n.min(self.0.len());
        Filled(&mut self.0[..n])
    }
}

impl Deref for Filled<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl DerefMut for Filled<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Shared by all connections, used by one at a time.
pub struct Desk {
    /// The bounds.
    pub limits: Limits,
    /// The counts.
    pub counters: Arc<Counters>,
    /// Who is connected, for what stands behind the gate.
    pub callers: Arc<Callers>,
    /// For one read.
    pub scratch: Scratch,
    /// The boot clock, read once a turn.
    pub now: Duration,
    /// The `Date` header's text.
    pub date: String,
    /// The server is to end: no connection is kept after its answer.
    pub stopping: bool,
    /// A request found no room: who holds some and lags is to give way to the next.
    pub crowded: bool,
    clock: Arc<dyn Clock>,
    dated: u64,
    held: usize,
}

impl Desk {
    /// An empty desk.
    pub fn new(
        limits: Limits,
        counters: Arc<Counters>,
        callers: Arc<Callers>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut desk = Self {
            limits,
            counters,
            callers,
            scratch: Scratch(vec![0; SCRATCH]),
            now: clock.boot(),
            date: Timestamp::EPOCH.http_date(),
            stopping: false,
            crowded: false,
            clock,
            dated: 0,
            held: 0,
        };
        desk.look_at_the_clock();
        desk
    }

    /// Begins a turn.
    pub fn look_at_the_clock(&mut self) {
        self.now = self.clock.boot();
        let wall = self.clock.wall();
        if wall.as_secs() != self.dated {
            self.dated = wall.as_secs();
            self.date = wall.http_date();
        }
    }

    /// A connection may send requests from now on.
    pub fn enter(
        &self,
        address: Option<SocketAddr>,
        certificates: Vec<Vec<u8>>,
        serial: Option<String>,
        rules: &Arc<Rules>,
    ) -> (CallerId, Arc<Caller>) {
        let peer = request::Peer {
            address: address.map(|address| address.ip().to_canonical()),
            port: address.map(|address| address.port()),
            certificates,
            serial,
            sees_metrics: rules.tells_metrics,
        };
        self.callers.enter(peer, rules.clone())
    }

    /// Makes what one connection holds `wanted` bytes; whether there is room for it.
    pub fn hold(&mut self, held: &mut usize, wanted: usize) -> bool {
        let others = self.held - *held;
        if wanted > *held && others + wanted > self.limits.held_bytes {
            return false;
        }
        self.held = others + wanted;
        *held = wanted;
        true
    }

    /// One connection holds nothing any more.
    pub fn release(&mut self, held: &mut usize) {
        self.held -= std::mem::take(held);
    }

    /// The whole answer that refuses.
    pub fn refusal(&self, refusal: Refusal, bodiless: bool, rules: &Rules) -> Vec<u8> {
        let persistence = Persistence::Closes;
        let (date, headers) = (&self.date, &rules.headers);
        let manner = Manner { date, persistence, bodiless, chunks: false, headers };
        let mut text = Vec::new();
        answer::refuse(refusal, manner, &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_wiped_after_its_use() {
        let mut scratch = Scratch(vec![0; 8]);
        scratch.room().copy_from_slice(b"a secret");
        assert_eq!(&*scratch.filled(7), b"a secre");
        assert_eq!(scratch.room(), b"\0\0\0\0\0\0\0t");
    }
}
