//! By what a TLS session is resumed: its state, sealed, which the client keeps for the server.
//!
//! rustls has this, too, but asks the standard library what time it is: on 32 bits that ends in
//! January 2038.

use std::fmt;
use std::mem::replace;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustls::server::ProducesTickets;

use crate::barrier::envelope::{self, NO_TERM};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::sync::lock;

/// How long a key seals; for as long again it opens what it has sealed.
const TERM: Duration = Duration::from_secs(6 * 60 * 60);

/// Bound to what is sealed, so that it is taken for nothing else.
const PLACE: &[u8] = b"tls/ticket";

/// Seals tickets, by a key that is in this process alone and is soon replaced: who steals it does
/// not read what was said long before.
pub(super) struct Tickets<C, E> {
    clock: C,
    entropy: E,
    keys: Mutex<Keys>,
}

struct Keys {
    current: Key<32>,
    before: Option<Key<32>>,
    /// When the current one was made, by the boot clock.
    made: Duration,
}

impl<C: Clock, E: Entropy> Tickets<C, E> {
    /// Tickets that nobody has sealed before.
    pub fn new(clock: C, entropy: E) -> Self {
        let keys = Keys { current: Key::random(&entropy), before: None, made: clock.boot() };
        Self { clock, entropy, keys: Mutex::new(keys) }
    }

    /// The keys of this time.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        let mut keys = lock(&self.keys);
        let now = self.clock.boot();
        let age = now.saturating_sub(keys.made);
        if age >= TERM {
            let last = replace(&mut keys.current, Key::random(&self.entropy));
            keys.before = (age < 2 * TERM).then_some(last);
            keys.made = now;
        }
        keys
    }
}

impl<C: Clock, E: Entropy> ProducesTickets for Tickets<C, E> {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        2 * TERM.as_secs() as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(envelope::seal(&self.keys().current, NO_TERM, PLACE, plain, &self.entropy))
    }

    fn decrypt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys();
        let mut opened = [Some(&keys.current), keys.before.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|key| envelope::open(key, PLACE, sealed).ok());
        opened.next().map(|plain| plain.to_vec())
    }
}

impl<C, E> fmt::Debug for Tickets<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{ManualClock, Timestamp};
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn a_ticket_opens_for_two_terms_and_no_longer() {
        let clock = ManualClock::at(Timestamp::EPOCH);
        let tickets = Tickets::new(clock, SeededEntropy::new(1));
        let wait = |span| tickets.clock.advance(span);
        let second = Duration::from_secs(1);
        let first = tickets.encrypt(b"first").unwrap();
        assert_eq!(tickets.decrypt(&first).unwrap(), b"first");
        assert_eq!(tickets.decrypt(&first[1..]), None);

        wait(TERM - second);
        let late = tickets.encrypt(b"late").unwrap();
        wait(second);
        let next = tickets.encrypt(b"next").unwrap();
        for (ticket, plain) in [(&first, "first"), (&late, "late"), (&next, "next")] {
            assert_eq!(tickets.decrypt(ticket).unwrap(), plain.as_bytes());
        }

        wait(TERM);
        assert_eq!(tickets.decrypt(&late), None);
        assert_eq!(tickets.decrypt(&next).unwrap(), b"next");

        // Nobody came for long: the key that sealed last is too old, too.
        wait(2 * TERM);
        assert_eq!(tickets.decrypt(&next), None);
    }
}
