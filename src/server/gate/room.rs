//! Room for requests and answers, and workers: while one finds no room, or most workers wait for
//! their peers, who sends or reads too slowly gives way.

use std::time::Duration;

use super::slots::Key;
use super::{Gate, Source};

/// How long until who holds room is looked at again while an answer waits.
pub const PATIENCE: Duration = Duration::from_millis(100);

impl Gate {
    /// Whether answers wait until they find room.
    pub(super) fn answers_wait_for_room(&self) -> bool {
        self.lines.iter().any(|(_, line)| line.peer.is_some() && line.wanted > 0)
    }

    /// Gives room to the answers that wait for it, and to the request after one that found none,
    /// and cuts whom that takes.
    pub(super) fn make_room(&mut self) {
        if std::mem::take(&mut self.desk.crowded)
            && let Some(slow) = self.slow_holder(None)
        {
            self.desk.counters.crowding.count();
            self.close(slow);
        }
        let waiting: Vec<(Key, Key, usize)> = self
            .lines
            .iter()
            .filter(|(_, line)| line.wanted > 0)
            .filter_map(|(key, line)| Some((key, line.peer?, line.wanted)))
            .collect();
        for (line_key, peer_key, wanted) in waiting {
            while let Some(peer) = self.peers.get_mut(peer_key)
                && peer.is_full()
            {
                if self.desk.hold(&mut peer.held, wanted) {
                    if let Some(line) = self.lines.get_mut(line_key) {
                        line.wanted = 0;
                    }
                    self.guarded(Source::Line(line_key), Self::serve);
                    break;
                }
                let Some(slow) = self.slow_holder(Some(peer_key)) else { break };
                self.desk.counters.crowding.count();
                self.close(slow);
            }
        }
    }

    /// Leaves half of the workers to others than those who read too slowly: an answer that is too
    /// large to wait here, or made as it goes out, keeps its worker until it is read.
    pub(super) fn free_workers(&mut self) {
        let mut slow: Vec<(bool, Key)> = self
            .lines
            .iter()
            // One that another has replaced keeps none.
            .filter(|(_, line)| !line.replaced)
            .filter_map(|(_, line)| Some((line.streamed, line.peer?)))
            .filter(|(_, key)| {
                self.peers.get(*key).is_some_and(|peer| peer.is_full() && peer.lags(&self.desk))
            })
            .collect();
        let bearable = (self.desk.limits.workers / 2).max(1);
        // Streams are few, and their peers slow by right: they go last.
        slow.sort_by_key(|(streamed, _)| *streamed);
        for (_, key) in slow.iter().take(slow.len().saturating_sub(bearable)) {
            self.desk.counters.crowding.count();
            self.close(*key);
        }
    }

    /// Who holds most room of those that are too slow, or else who waits, when it is as slow: it
    /// holds a worker.
    fn slow_holder(&self, waiting: Option<Key>) -> Option<Key> {
        self.peers
            .iter()
            .filter(|(key, peer)| (peer.held > 0 || Some(*key) == waiting) && peer.lags(&self.desk))
            .max_by_key(|(_, peer)| peer.held)
            .map(|(key, _)| key)
    }
}
