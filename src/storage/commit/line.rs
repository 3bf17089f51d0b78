//! The line in which transactions wait for the one writer.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

use super::{Changes, CommitError};
use crate::base::sync::{self, lock};
use crate::storage::StorageError;

/// A group takes no further member once its keys and values are this long, in bytes: what one
/// storage transaction holds in memory stays bounded.
const GROUP_BYTES: usize = 8 << 20;

/// Those who wait to commit, in the order in which they came.
#[derive(Default)]
pub struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    led: bool,
    /// How often the right to write was given.
    turns: u64,
    waiting: VecDeque<Waiting>,
}

enum Waiting {
    Member(Member),
    Alone(Arc<Place>),
}

/// The right to write, held by one thread at a time; dropped, it goes to the next in the line.
pub struct Lead<'a>(&'a Line);

/// A transaction in the line. Whatever becomes of its leader, it is answered.
pub struct Member {
    /// What it wants.
    pub changes: Changes,
    place: Arc<Place>,
    answer: Result<(), CommitError>,
}

/// Where a waiting thread is called.
#[derive(Default)]
struct Place {
    call: Mutex<Option<Call>>,
    called: Condvar,
}

enum Call {
    Lead,
    Done(Result<(), CommitError>),
}

impl Line {
    /// Waits with `changes` until they are settled, leading (by `lead`) when it comes to that.
    pub fn settle(&self, changes: Changes, lead: impl Fn(&Lead<'_>)) -> Result<(), CommitError> {
        let place = Arc::new(Place::default());
        let lost = StorageError::Aborted("the commit was broken off: see the log".into());
        let member = Member { changes, place: Arc::clone(&place), answer: Err(lost.into()) };
        self.join(Waiting::Member(member));
        loop {
            match place.wait() {
                Call::Lead => lead(&Lead(self)),
                Call::Done(answer) => return answer,
            }
        }
    }

    /// Waits until nobody else writes.
    pub fn alone(&self) -> Lead<'_> {
        let place = Arc::new(Place::default());
        self.join(Waiting::Alone(Arc::clone(&place)));
        place.wait();
        Lead(self)
    }

    /// How often the right to write was given, while somebody has it or waits for it.
    pub fn turns(&self) -> Option<u64> {
        let state = lock(&self.state);
        (state.led || !state.waiting.is_empty()).then_some(state.turns)
    }

    fn join(&self, waiting: Waiting) {
        let mut state = lock(&self.state);
        state.waiting.push_back(waiting);
        if !state.led {
            state.call_next();
        }
    }
}

impl Lead<'_> {
    /// Takes all who wait in front of the first that wants to be alone, as far as memory allows.
    pub fn take_group(&self) -> Vec<Member> {
        let mut state = lock(&self.0.state);
        let mut group = Vec::new();
        let mut bytes = 0;
        while bytes < GROUP_BYTES
            && matches!(state.waiting.front(), Some(Waiting::Member(_)))
            && let Some(Waiting::Member(member)) = state.waiting.pop_front()
        {
            bytes += member.changes.bytes();
            group.push(member);
        }
        group
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).call_next();
    }
}

impl State {
    fn call_next(&mut self) {
        self.led = !self.waiting.is_empty();
        self.turns += 1;
        match self.waiting.front() {
            Some(Waiting::Member(member)) => member.place.call(Call::Lead),
            Some(Waiting::Alone(place)) => {
                place.call(Call::Lead);
                self.waiting.pop_front();
            }
            None => {}
        }
    }
}

impl Member {
    /// Wakes it with `answer`.
    pub fn answer(mut self, answer: Result<(), CommitError>) {
        self.answer = answer;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.place.call(Call::Done(std::mem::replace(&mut self.answer, Ok(()))));
    }
}

impl Place {
    fn call(&self, call: Call) {
        *lock(&self.call) = Some(call);
        self.called.notify_one();
    }

    fn wait(&self) -> Call {
        let mut call = lock(&self.call);
        loop {
            if let Some(call) = call.take() {
                return call;
            }
            call = sync::wait(&self.called, call);
        }
    }
}
