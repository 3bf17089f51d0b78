//! What is counted and measured of requests.

pub mod routes;
pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use self::routes::Routes;

use crate::base::clock::Clock;
use crate::base::meter::{Gauge, Metered, Readings, Timer};

/// The meters of requests.
pub struct Meters {
    clock: Arc<dyn Clock>,
    in_flight: Gauge,
    handle_request: Timer,
    handle_login_request: Timer,
    /// From the token to what it may do.
    pub fetch_acl_and_token: Timer,
    /// The same, to whether it may do this.
    pub check_token: Timer,
    /// What engines do.
    pub routes: Routes,
}

/// A request that is on its way, until this is dropped.
pub struct Flight<'a>(&'a Meters);

/// Since when a request is carried out.
pub struct Watch {
    begun: Duration,
    /// Whether nobody asks for its token, as for a login.
    pub open: bool,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let timer = || Timer::new(clock);
        Self {
            clock: clock.clone(),
            in_flight: Gauge::default(),
            handle_request: timer(),
            handle_login_request: timer(),
            fetch_acl_and_token: timer(),
            check_token: timer(),
            routes: Routes::new(clock),
        }
    }

    /// A request has come.
    pub fn enter(&self) -> Flight<'_> {
        self.in_flight.count();
        Flight(self)
    }

    /// A request begins.
    pub fn begin(&self) -> Watch {
        Watch { begun: self.clock.boot(), open: false }
    }

    /// It was carried out, or refused.
    pub fn handled(&self, watch: &Watch) {
        let timer = if watch.open { &self.handle_login_request } else { &self.handle_request };
        timer.end(watch.begun);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.drop_one();
    }
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        let in_flight = self.in_flight.get() as f64;
        to.cluster_gauge("vault.core.in_flight_requests", "Requests that run.", [], in_flight);
        for (name, help, timer) in [
            ("vault.core.handle_request", "Milliseconds for a request.", &self.handle_request),
            (
                "vault.core.handle_login_request",
                "Milliseconds for a request that needs no token.",
                &self.handle_login_request,
            ),
            (
                "vault.core.fetch_acl_and_token",
                "Milliseconds to find a request's token and its policies.",
                &self.fetch_acl_and_token,
            ),
            (
                "vault.core.check_token",
                "Milliseconds to find out whether a request may be made.",
                &self.check_token,
            ),
        ] {
            to.summary(name, help, timer.millis());
        }
    }
}
