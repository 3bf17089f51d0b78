//! What is counted and measured of the audit log.

use std::sync::Arc;

use super::entry::Entry;
use crate::base::clock::Clock;
use crate::base::meter::{Counter, Labels, Readings, Running, Timer, Value};

/// The meters of a device, or of all of them together.
pub struct Meters {
    request: Timer,
    response: Timer,
    request_failure: Counter,
    response_failure: Counter,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            request: Timer::new(clock),
            response: Timer::new(clock),
            request_failure: Counter::default(),
            response_failure: Counter::default(),
        }
    }

    /// An entry is to be written.
    pub fn begin(&self, entry: &Entry<'_>) -> Running<'_> {
        if entry.answer.is_some() { &self.response } else { &self.request }.begin()
    }

    /// It was not.
    pub fn failed(&self, entry: &Entry<'_>) {
        let answer = entry.answer.is_some();
        if answer { &self.response_failure } else { &self.request_failure }.count();
    }

    /// Tells them; `device` is empty, or a device's path with a dot behind it.
    pub fn tell(&self, device: &str, to: &mut Readings) {
        let name = |what: &str| format!("vault.audit.{device}{what}");
        for (what, help, timer) in [
            ("log_request", "Milliseconds to write of a request.", &self.request),
            ("log_response", "Milliseconds to write of an answer.", &self.response),
        ] {
            to.add(name(what), help, Labels::new(), Value::Summary(timer.millis()));
        }
        for (what, help, failures) in [
            (
                "log_request_failure",
                "Requests that could not be written of.",
                &self.request_failure,
            ),
            (
                "log_response_failure",
                "Answers that could not be written of.",
                &self.response_failure,
            ),
        ] {
            to.add(name(what), help, Labels::new(), Value::Counter(failures.get()));
        }
    }
}
