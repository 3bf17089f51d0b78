//! How the gate gets on, and how it ends.

use super::callers::Look;
use super::head::Persistence;
use super::slots::Key;
use super::{Gate, Source};

impl Gate {
    /// What whoever watches the server wants to know.
    pub(super) fn look(&self) -> Look {
        Look { waiting: !self.waiting.is_empty(), moved: self.moved }
    }

    /// Accepts no more. Whoever was accepted is answered one request yet, unless it comes late.
    pub(super) fn stop(&mut self) {
        self.desk.stopping = true;
        self.listeners.clear();
        self.ends_at = Some(self.desk.now + self.desk.limits.drain);
        self.newcomers_until = self.desk.now + self.desk.limits.newcomers;
        let resting = self.peers.iter().filter(|(_, peer)| peer.is_resting());
        for key in resting.map(|(key, _)| key).collect::<Vec<Key>>() {
            // Its next request may have arrived already.
            if let Some(peer) = self.peers.get_mut(key) {
                peer.wire.readable = true;
            }
            self.guarded(Source::Peer(key), Self::drive);
        }
        // Who rests for long goes at once.
        self.next_sweep = self.desk.now;
        for peer in self.peers.values_mut() {
            peer.persistence = Persistence::Closes;
        }
    }

    /// Waits no longer for those who came just before the end and never asked.
    pub(super) fn send_newcomers_away(&mut self) {
        if self.ends_at.is_none() || self.desk.now < self.newcomers_until {
            return;
        }
        let new = self.peers.iter().filter(|(_, peer)| peer.is_new());
        for key in new.map(|(key, _)| key).collect::<Vec<Key>>() {
            self.close(key);
        }
    }

    /// Whether all has ended, or its time is up.
    pub(super) fn is_done(&self) -> bool {
        self.ends_at.is_some_and(|end| self.peers.len() == 0 || self.desk.now >= end)
    }
}
