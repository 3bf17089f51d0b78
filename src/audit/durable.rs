//! Entries on the disk: those of requests that wait at the same time are brought there together.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use crate::base::sync::{lock, wait};

/// How far the entries of a file are on the disk. Entries are counted from 1.
#[derive(Default)]
pub struct Durable {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// All entries up to this one are on the disk, but for those that failed.
    reached: u64,
    /// Of these it is not known whether they are: once it failed, the kernel tells no more.
    failed: Option<(u64, u64, io::ErrorKind)>,
    /// Whether somebody is at it.
    busy: bool,
}

impl Durable {
    /// Returns once entry `number` is on the disk. Who comes first brings all there that are
    /// written by then, to the file that `latest` names; the others wait for that.
    pub fn wait(
        &self,
        number: u64,
        latest: impl Fn() -> (Option<Arc<File>>, u64),
    ) -> io::Result<()> {
        let mut state = lock(&self.state);
        loop {
            if let Some(outcome) = state.outcome(number) {
                return outcome;
            }
            if state.busy {
                state = wait(&self.changed, state);
                continue;
            }
            state.busy = true;
            let from = state.reached + 1;
            drop(state);
            let (file, written) = latest();
            let outcome = file.map_or(Err(io::ErrorKind::NotFound.into()), |file| sync(&file));
            state = lock(&self.state);
            state.busy = false;
            state.note(from, written, outcome);
            self.changed.notify_all();
        }
    }

    /// Brings everything in a file there that will be written to no more: all entries up to
    /// `written`.
    pub fn finish(&self, file: &File, written: u64) {
        let from = lock(&self.state).reached + 1;
        let outcome = sync(file);
        lock(&self.state).note(from, written, outcome);
        self.changed.notify_all();
    }
}

impl State {
    /// What became of an entry, if that is known.
    fn outcome(&self, number: u64) -> Option<io::Result<()>> {
        match self.failed {
            Some((from, to, kind)) if (from..=to).contains(&number) => Some(Err(kind.into())),
            _ => (self.reached >= number).then_some(Ok(())),
        }
    }

    /// The entries from `from` up to `to` are there, or have failed.
    fn note(&mut self, from: u64, to: u64, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            // What failed before, and between, is said again rather than forgotten.
            let (first, last, _) = self.failed.unwrap_or((from, to, error.kind()));
            self.failed = Some((from.min(first), to.max(last), error.kind()));
        }
        self.reached = self.reached.max(to);
    }
}

/// A device that keeps nothing, such as a terminal, has nothing to bring anywhere.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_never_said_to_be_there() {
        let mut state = State::default();
        let kinds = |state: &State| [1, 2, 3, 4].map(|n| state.outcome(n).map(|o| o.is_ok()));
        state.note(1, 1, Ok(()));
        assert_eq!(kinds(&state), [Some(true), None, None, None]);
        state.note(2, 3, Err(io::ErrorKind::Other.into()));
        assert_eq!(kinds(&state), [Some(true), Some(false), Some(false), None]);
        state.note(4, 4, Ok(()));
        assert_eq!(kinds(&state), [Some(true), Some(false), Some(false), Some(true)]);
        // Somebody else brought it there, but the kernel told of a failure to who was slower.
        state.note(1, 1, Err(io::ErrorKind::Other.into()));
        assert_eq!(kinds(&state), [Some(false), Some(false), Some(false), Some(true)]);
    }
}
