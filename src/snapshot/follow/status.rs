//! How a standby stands, as health and metrics tell it.

use std::time::Duration;

use super::Follower;
use crate::barrier::root::Timeline;
use crate::base::clock::{Clock, Timestamp};
use crate::base::meter::{Metered, Readings};

/// How a standby stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// The store that it follows, once that is known.
    pub store_id: Option<String>,
    /// Where it is; `None` while it has nothing.
    pub place: Option<Place>,
    /// The last commit of that history of which the target knows.
    pub known: u64,
    /// When the target was last seen to have no more.
    pub looked: Option<Timestamp>,
    /// What is wrong at present.
    pub trouble: Option<String>,
    /// How often something was.
    pub errors: u64,
    /// By the boot clock: since when it is not known to have all.
    pub(super) since: Duration,
    /// By the boot clock: when the target last answered; at first, when this began.
    pub(super) contact: Duration,
    /// By the boot clock: when it looks again.
    pub(super) next: Duration,
    /// How many rounds have failed, the last ones.
    pub(super) failed: u32,
}

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The history.
    pub timeline: Timeline,
    /// The last commit.
    pub revision: u64,
    /// A time at which it was the last one, as far as that was told.
    pub time: Option<Timestamp>,
}

impl Status {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self {
            store_id: None,
            place: None,
            known: 0,
            looked: None,
            trouble: None,
            errors: 0,
            since: clock.boot(),
            contact: clock.boot(),
            next: Duration::ZERO,
            failed: 0,
        }
    }

    /// How many commits it lacks of those that the target knows of.
    pub fn behind(&self) -> u64 {
        self.known.saturating_sub(self.place.map_or(0, |place| place.revision))
    }

    /// For how long it is not known to have all that the target has.
    pub fn unsure(&self, clock: &dyn Clock) -> Duration {
        clock.boot().saturating_sub(self.since)
    }
}

impl Metered for Follower {
    fn tell(&self, to: &mut Readings) {
        let status = self.status();
        let mut gauge = |name, help, value: f64| to.gauge(name, help, value);
        let following = f64::from(u8::from(self.is_following()));
        let help = "1 while a server that was started with -follow is a standby, else 0.";
        gauge("edgekeep.standby.following", help, following);
        if !self.is_following() {
            return;
        }
        let good = f64::from(u8::from(status.trouble.is_none()));
        gauge("edgekeep.standby.good", "1 when a standby can follow, else 0.", good);
        let revision = status.place.map_or(0, |place| place.revision);
        gauge("edgekeep.standby.revision", "The last commit that a standby has.", revision as f64);
        let help = "How many commits it lacks of those that its target knows of.";
        gauge("edgekeep.standby.behind", help, status.behind() as f64);
        let help = "Seconds since it was last seen to have all that its target has.";
        let unsure = status.unsure(&*self.means.clock).as_secs_f64();
        gauge("edgekeep.standby.unsure_seconds", help, unsure);
        let silent = self.means.clock.boot().saturating_sub(status.contact).as_secs_f64();
        let help = "Seconds since its target last answered.";
        gauge("edgekeep.standby.silent_seconds", help, silent);
        let help = "How often a standby could not follow.";
        to.counter("edgekeep.standby.errors_total", help, status.errors);
    }
}
