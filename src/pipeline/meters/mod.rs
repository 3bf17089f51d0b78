//! What is counted and measured of requests.

pub mod bounds;
pub mod routes;
mod statuses;
pub mod tokens;

use std::sync::Arc;

use self::routes::Routes;
use self::statuses::Statuses;
use super::flights::Flight;
use crate::base::clock::Clock;
use crate::base::meter::{Metered, Readings, Timer};

/// The meters of requests.
pub struct Meters {
    handle_request: Timer,
    handle_login_request: Timer,
    statuses: Statuses,
    /// From the token to what it may do.
    pub fetch_acl_and_token: Timer,
    /// The same, to whether it may do this.
    pub check_token: Timer,
    /// What engines do.
    pub routes: Routes,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let timer = || Timer::new(clock);
        Self {
            handle_request: timer(),
            handle_login_request: timer(),
            statuses: Statuses::default(),
            fetch_acl_and_token: timer(),
            check_token: timer(),
            routes: Routes::new(clock),
        }
    }

    /// A request is answered so.
    pub fn answered(&self, status: u16) {
        self.statuses.count(status);
    }

    /// A request was carried out, or refused; `open` where nobody asks for its token, as for a
    /// login.
    pub fn handled(&self, flight: &Flight, open: bool) {
        if open { &self.handle_login_request } else { &self.handle_request }.end(flight.begun);
    }
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        self.statuses.tell(to);
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
