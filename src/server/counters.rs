//! What the front counts.

use crate::base::meter::{Counter, Gauge, Histogram, Metered, Readings};

/// The front's numbers since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that are open now.
    pub open: Gauge,
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
    /// The sizes of requests' bodies whose length was told.
    pub bodies: Histogram,
    /// Bytes received, as they were on the wire.
    pub bytes_in: Counter,
    /// Bytes sent, as they were on the wire.
    pub bytes_out: Counter,
    /// Handlers that panicked.
    pub panics: Counter,
    /// Times that the inner HTTP server had to be built anew.
    pub rebuilt: Counter,
}

impl Metered for Counters {
    fn tell(&self, to: &mut Readings) {
        let open = self.open.get() as f64;
        to.gauge("edgekeep.gate.connections", "Connections that are open.", open);
        for (name, help, counter) in [
            ("edgekeep.gate.accepted_total", "Connections accepted.", &self.accepted),
            (
                "edgekeep.gate.evicted_total",
                "Connections closed because a newer one needed the room.",
                &self.evicted,
            ),
            (
                "edgekeep.gate.accept_failures_total",
                "Times that accepting a connection failed.",
                &self.accept_failures,
            ),
            (
                "edgekeep.gate.handshake_failures_total",
                "TLS handshakes that failed.",
                &self.handshake_failures,
            ),
            ("edgekeep.gate.requests_total", "Requests passed on.", &self.requests),
            (
                "edgekeep.gate.refused_total",
                "Requests refused by the gate: malformed, too large, no room.",
                &self.refused,
            ),
            (
                "edgekeep.gate.timeouts_total",
                "Connections closed because a time limit passed.",
                &self.timeouts,
            ),
            (
                "edgekeep.gate.crowded_out_total",
                "Connections cut because they read too slowly while others waited for room.",
                &self.crowding,
            ),
            (
                "edgekeep.gate.broken_answers_total",
                "Answers cut short because what wrote them failed.",
                &self.broken,
            ),
            ("edgekeep.gate.received_bytes_total", "Bytes received.", &self.bytes_in),
            ("edgekeep.gate.sent_bytes_total", "Bytes sent.", &self.bytes_out),
            ("edgekeep.gate.panics_total", "Handlers that panicked.", &self.panics),
            (
                "edgekeep.gate.rebuilds_total",
                "Times that the inner HTTP server was built anew.",
                &self.rebuilt,
            ),
        ] {
            to.counter(name, help, counter.get());
        }
        let help = "Bytes of requests' bodies whose length was told.";
        to.summary("edgekeep.gate.body_bytes", help, self.bodies.read());
    }
}
