//! What is counted and measured of snapshots.

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::meter::{Counter, Metered, Readings, Timer};

/// The meters of snapshots.
pub struct Meters {
    taken: Timer,
    bytes: Counter,
    failures: Counter,
    /// Those that were restored, from the first byte that came.
    pub restored: Timer,
}

/// A snapshot that is being taken. Dropped before it is whole, it has failed.
pub struct Taking {
    meters: Arc<Meters>,
    begun: Duration,
    bytes: Option<u64>,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let (bytes, failures) = Default::default();
        Self { taken: Timer::new(clock), bytes, failures, restored: Timer::new(clock) }
    }

    /// One is begun.
    pub fn begin(self: &Arc<Self>) -> Taking {
        Taking { meters: self.clone(), begun: self.taken.now(), bytes: None }
    }
}

impl Taking {
    /// Its last byte was sent.
    pub fn is_whole(mut self, bytes: u64) {
        self.bytes = Some(bytes);
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        match self.bytes {
            Some(bytes) => {
                self.meters.taken.end(self.begun);
                self.meters.bytes.add(bytes);
            }
            None => self.meters.failures.count(),
        }
    }
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        let help = "Seconds for a snapshot, from its instant to its last byte.";
        to.summary("edgekeep.snapshot.taken_seconds", help, self.taken.seconds());
        let help = "Bytes of the snapshots that were taken.";
        to.counter("edgekeep.snapshot.taken_bytes_total", help, self.bytes.get());
        let help = "Snapshots that were begun and not sent whole.";
        to.counter("edgekeep.snapshot.failures_total", help, self.failures.get());
        let help = "Seconds to take a snapshot in and restore it.";
        to.summary("edgekeep.snapshot.restored_seconds", help, self.restored.seconds());
    }
}
