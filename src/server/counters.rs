//! What the front counts, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that threads add to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// One less.
    pub fn drop_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The front's numbers since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that are open now.
    pub open: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed because a newer one needed the room.
    pub evicted: Counter,
    /// Times that accepting failed (out of descriptors, mostly).
    pub accept_failures: Counter,
    /// TLS handshakes that failed.
    pub handshake_failures: Counter,
    /// Requests passed on.
    pub requests: Counter,
    /// Requests answered by the gate itself: malformed, too large, no room.
    pub refused: Counter,
    /// Connections closed because a time limit passed.
    pub timeouts: Counter,
    /// Connections cut because they read too slowly while another's answer waited for room, or
    /// while most workers waited for such.
    pub crowding: Counter,
    /// Answers cut short because what wrote them failed.
    pub broken: Counter,
    /// Bytes received, as they were on the wire.
    pub bytes_in: Counter,
    /// Bytes sent, as they were on the wire.
    pub bytes_out: Counter,
    /// Handlers that panicked.
    pub panics: Counter,
    /// Times that the inner HTTP server had to be built anew.
    pub rebuilt: Counter,
}
