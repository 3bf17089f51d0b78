//! What the service manager is told while the server serves: its state, and that it gets on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::barrier::Barrier;
use crate::barrier::seal::Settings;
use crate::base::clock::Clock;
use crate::base::sync::lock;
use crate::base::systemd::{self, Word};
use crate::server::Front;
use crate::server::gate::callers::Look;
use crate::snapshot::follow::Follower;
use crate::storage::commit::Pulse;
use crate::sys::unsealing::{Unsealing, Waiting};

/// How long the gate may take to say how it gets on. It waits for nobody, but a board may be busy.
const GATE: Duration = Duration::from_secs(5);

/// No manager is told more often than so.
const SHORTEST: Duration = Duration::from_millis(10);

/// What the server's state is made of.
#[derive(Clone)]
pub struct State {
    pub barrier: Arc<Barrier>,
    pub unsealing: Arc<Unsealing>,
    pub follower: Option<Arc<Follower>>,
    /// What the last reload found.
    pub flaws: Arc<Mutex<Vec<&'static str>>>,
}

impl State {
    /// The state in a few words, as `systemctl status` shows it.
    pub fn told(&self) -> String {
        let mut told = self.serving();
        for flaw in &*lock(&self.flaws) {
            told.push_str("; ");
            told.push_str(flaw);
        }
        told
    }

    pub fn set_flaws(&self, flaws: Vec<&'static str>) {
        *lock(&self.flaws) = flaws;
    }

    fn serving(&self) -> String {
        if let Some(standby) = self.follower.as_ref().filter(|standby| standby.is_following()) {
            return format!("standby, follows {}", standby.name());
        }
        if self.barrier.is_opening() {
            return "opens the store".to_owned();
        }
        if self.barrier.unsealed().is_some() {
            return "unsealed".to_owned();
        }
        let waiting = |settings: Settings| {
            (self.unsealing.waiting(&settings.kind), settings.kind.split().threshold())
        };
        match self.barrier.settings().map(|settings| settings.map(waiting)) {
            Ok(None) => "not initialised".to_owned(),
            Ok(Some((waiting, needed))) => self.sealed(waiting, needed),
            Err(error) => format!("sealed, and the store cannot be read: {error}"),
        }
    }

    fn sealed(&self, waiting: Waiting, needed: u8) -> String {
        let given = self.unsealing.given().as_ref().map_or(0, |given| given.gathering.progress());
        match waiting {
            Waiting::Shares => format!("sealed, {given} of {needed} keys"),
            Waiting::Migration => format!("sealed, {given} of {needed} keys to change its seal"),
            Waiting::Request => format!("sealed by request, {given} of {needed} recovery keys"),
            Waiting::Seal(name) if given == 0 => format!("sealed, waits for its seal {name}"),
            Waiting::Seal(name) => {
                format!("sealed, waits for its seal {name}, {given} of {needed} recovery keys")
            }
        }
    }
}

/// Looks after what the service manager knows.
pub struct Supervision {
    state: State,
    front: Arc<Front>,
    clock: Arc<dyn Clock>,
    told: String,
    watchdog: Option<Watchdog>,
}

/// Tells the manager that the server gets on, when it does: a server that does not say so for as
/// long as the manager waits is killed and started anew.
struct Watchdog {
    /// Long enough before that.
    every: Duration,
    next: Duration,
    seen: Seen,
    /// Since when it does not get on.
    stuck: Option<Duration>,
}

/// How far the server had got when it was looked at.
#[derive(Default)]
struct Seen {
    writer: Option<Pulse>,
    gate: Option<Look>,
}

impl Supervision {
    /// None where no manager wants to be told.
    pub fn new(state: State, front: Arc<Front>, clock: Arc<dyn Clock>) -> Option<Self> {
        let watchdog = systemd::watchdog().map(|patience| Watchdog {
            every: (patience / 4).max(SHORTEST),
            next: Duration::ZERO,
            seen: Seen::default(),
            stuck: None,
        });
        let told = String::new();
        systemd::listens().then_some(Self { state, front, clock, told, watchdog })
    }

    /// How often it is looked.
    pub fn rest(&self) -> Duration {
        const OFTEN: Duration = Duration::from_secs(1);
        self.watchdog.as_ref().map_or(OFTEN, |watchdog| watchdog.every.min(OFTEN))
    }

    /// Looks once.
    pub fn round(&mut self) {
        let state = self.state.told();
        if state != self.told {
            systemd::tell(&[Word::Status(&state)]);
            self.told = state;
        }
        let now = self.clock.boot();
        let Some(watchdog) = self.watchdog.as_mut().filter(|watchdog| now >= watchdog.next) else {
            return;
        };
        watchdog.next = now + watchdog.every;
        let writer = self.state.barrier.unsealed().and_then(|unsealed| unsealed.pulse());
        let now_seen = Seen { writer, gate: self.front.look(GATE) };
        let hindrance = now_seen.hindrance(&watchdog.seen);
        watchdog.seen = now_seen;
        let Some(hindrance) = hindrance else {
            watchdog.stuck = None;
            return systemd::tell(&[Word::Alive, Word::Status(&self.told)]);
        };
        if watchdog.stuck.is_none() {
            log::error!("{hindrance}: the service manager is not told that the server is well");
            watchdog.stuck = Some(now);
        }
    }
}

impl Seen {
    /// What does not get on since it was seen so.
    fn hindrance(&self, before: &Self) -> Option<&'static str> {
        let Some(gate) = self.gate else { return Some("the gate does not answer") };
        if self.writer.is_some() && self.writer == before.writer {
            return Some("the writer hangs");
        }
        // Requests may well wait for a long job of the writer.
        let stuck = gate.waiting && self.gate == before.gate && self.writer.is_none();
        stuck.then_some("requests wait, and none is answered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(writer: Option<(u64, u64)>, gate: Option<(bool, u64)>) -> Seen {
        Seen {
            writer: writer.map(|(turns, written)| Pulse { turns, written }),
            gate: gate.map(|(waiting, moved)| Look { waiting, moved }),
        }
    }

    #[test]
    fn what_does_not_get_on_is_told_from_what_rests_and_what_takes_long() {
        let (rests, quiet) = (None, Some((false, 7)));
        for (before, now, hindrance) in [
            (seen(rests, quiet), seen(rests, quiet), None),
            (seen(rests, quiet), seen(Some((1, 0)), quiet), None),
            (seen(Some((1, 0)), quiet), seen(Some((1, 0)), quiet), Some("the writer hangs")),
            // Others had their turn, or a long job has written.
            (seen(Some((1, 0)), quiet), seen(Some((2, 0)), quiet), None),
            (seen(Some((1, 0)), quiet), seen(Some((1, 9)), quiet), None),
            (seen(rests, quiet), seen(rests, None), Some("the gate does not answer")),
            (
                seen(rests, Some((true, 7))),
                seen(rests, Some((true, 7))),
                Some("requests wait, and none is answered"),
            ),
            (seen(rests, Some((true, 7))), seen(rests, Some((true, 8))), None),
            (seen(rests, quiet), seen(rests, Some((true, 7))), None),
            // They may wait for the writer.
            (seen(Some((1, 0)), Some((true, 7))), seen(Some((1, 9)), Some((true, 7))), None),
        ] {
            assert_eq!(now.hindrance(&before), hindrance);
        }
    }
}
