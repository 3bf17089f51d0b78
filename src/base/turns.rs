//! What is done by a few at once, the others waiting for their turn.

use std::sync::{Condvar, Mutex, MutexGuard};

use super::sync::{lock, wait};

/// Lets few in at once.
pub struct Turns {
    at_once: usize,
    present: Mutex<Present>,
    freed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Present {
    running: usize,
    waiting: usize,
}

/// Held while it is done; it goes to another when it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// For so many at once.
    pub fn new(at_once: usize) -> Self {
        Self { at_once, present: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for a turn.
    pub fn wait(&self) -> Turn<'_> {
        self.enter(lock(&self.present))
    }

    /// Waits for a turn; `None` where `most` have one or wait already.
    pub fn wait_among(&self, most: usize) -> Option<Turn<'_>> {
        let present = lock(&self.present);
        let full = present.running + present.waiting >= most;
        (!full).then(|| self.enter(present))
    }

    fn enter(&self, mut present: MutexGuard<'_, Present>) -> Turn<'_> {
        present.waiting += 1;
        while present.running >= self.at_once {
            present = wait(&self.freed, present);
        }
        present.waiting -= 1;
        present.running += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.present).running -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_at_it_at_once() {
        let turns = Turns::new(2);
        let (first, second) = (turns.wait(), turns.wait_among(2).unwrap());
        assert!(turns.wait_among(2).is_none());
        std::thread::scope(|threads| {
            let third = threads.spawn(|| turns.wait_among(3).is_some());
            while lock(&turns.present).waiting == 0 {
                std::thread::yield_now();
            }
            assert!(turns.wait_among(3).is_none(), "who waits counts");
            drop(first);
            assert!(third.join().unwrap());
        });
        drop(second);
        assert_eq!(lock(&turns.present).running, 0);
    }
}
