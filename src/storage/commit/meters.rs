//! What is counted and measured of commits.

use std::sync::Arc;

use super::Changes;
use crate::base::clock::Clock;
use crate::base::meter::{Counter, Histogram, Metered, Readings, Running, Timer};

/// The meters of commits.
pub struct Meters {
    commits: Timer,
    requests: Histogram,
    bytes: Histogram,
    /// Requests whose reads another has changed.
    pub conflicts: Counter,
    /// Commits that the store did not take.
    pub failures: Counter,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            commits: Timer::new(clock),
            requests: Histogram::default(),
            bytes: Histogram::default(),
            conflicts: Counter::default(),
            failures: Counter::default(),
        }
    }

    /// A commit of these begins.
    pub(super) fn begin(&self, group: &[&Changes]) -> Running<'_> {
        self.requests.record(group.len() as u64);
        self.bytes.record(group.iter().map(|changes| changes.bytes() as u64).sum());
        self.commits.begin()
    }
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        let help = "Seconds for a commit, from its first write to its sync.";
        to.summary("edgekeep.storage.commit_seconds", help, self.commits.seconds());
        let help = "Requests whose writes one commit takes.";
        to.summary("edgekeep.storage.commit_requests", help, self.requests.read());
        let help = "Bytes of the keys and values that one commit writes.";
        to.summary("edgekeep.storage.commit_bytes", help, self.bytes.read());
        let help = "Requests run again because another changed what they had read.";
        to.counter("edgekeep.storage.conflicts_total", help, self.conflicts.get());
        let help = "Commits that the store did not take.";
        to.counter("edgekeep.storage.failures_total", help, self.failures.get());
    }
}
