//! What was written lately: the memory against which reads are checked.

use std::collections::VecDeque;

use super::Reads;
use crate::storage::Key;

/// A transaction whose base lies further back than this many commits is run again.
const MOST_COMMITS: usize = 1024;

/// The same in bytes of keys, so that a few huge commits do not fill the memory of a board.
const MOST_BYTES: usize = 256 << 10;

/// The keys of the last commits.
#[derive(Default)]
pub struct Recent {
    /// Each commit's keys in order; the last is that of `newest`.
    commits: VecDeque<Vec<Key>>,
    bytes: usize,
    newest: u64,
}

impl Recent {
    /// Whether something that `reads` names was written after `base`, or that is not known.
    pub fn conflict(&self, base: u64, reads: &Reads) -> bool {
        let since = usize::try_from(self.newest.saturating_sub(base)).unwrap_or(usize::MAX);
        match self.commits.len().checked_sub(since) {
            Some(known) => self.commits.range(known..).any(|keys| reads.meet(keys)),
            None => true,
        }
    }

    /// Notes a commit of `keys` (in any order, each as often as it was written) and returns its
    /// number.
    pub fn push(&mut self, mut keys: Vec<Key>) -> u64 {
        keys.sort_unstable();
        keys.dedup();
        self.newest += 1;
        self.bytes += length(&keys);
        self.commits.push_back(keys);
        while self.commits.len() > MOST_COMMITS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.commits.pop_front() else { break };
            self.bytes -= length(&oldest);
        }
        self.newest
    }

    /// Notes a commit that replaced everything and returns its number.
    pub fn forget(&mut self) -> u64 {
        self.newest += 1;
        self.bytes = 0;
        self.commits.clear();
        self.newest
    }
}

fn length(keys: &[Key]) -> usize {
    keys.iter().map(|key| key.len() + size_of::<Key>()).sum()
}
