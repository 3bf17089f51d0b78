//! What all connections of the gate share: bounds, counts, room and scratch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{self, Manner};
use super::callers::{Caller, CallerId, Callers};
use super::head::Persistence;
use crate::api::request;
use crate::base::clock::{Clock, Timestamp};
use crate::server::counters::Counters;
use crate::server::limits::Limits;
use crate::server::refusal::Refusal;

/// Bytes that are read at once.
const SCRATCH: usize = 64 << 10;

/// Shared by all connections, used by one at a time.
pub struct Desk {
    /// The bounds.
    pub limits: Limits,
    /// The counts.
    pub counters: Arc<Counters>,
    /// Who is connected, for what stands behind the gate.
    pub callers: Arc<Callers>,
    /// For one read.
    pub scratch: Vec<u8>,
    /// For one piece of an answer.
    pub piece: Vec<u8>,
    /// The boot clock, read once a turn.
    pub now: Duration,
    /// The `Date` header's text.
    pub date: String,
    /// The server is to end: no connection is kept after its answer.
    pub stopping: bool,
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
            scratch: vec![0; SCRATCH],
            piece: Vec::new(),
            now: clock.boot(),
            date: Timestamp::EPOCH.http_date(),
            stopping: false,
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
    ) -> (CallerId, Arc<Caller>) {
        self.callers.enter(request::Peer {
            address: address.map(|address| address.ip().to_canonical()),
            port: address.map(|address| address.port()),
            certificates,
        })
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
    pub fn refusal(&self, refusal: Refusal, bodiless: bool) -> Vec<u8> {
        let manner = Manner { date: &self.date, persistence: Persistence::Closes, bodiless };
        let mut text = Vec::new();
        answer::refuse(refusal, manner, &mut text);
        text
    }
}
