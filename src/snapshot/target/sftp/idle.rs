//! Sessions that nobody uses at the moment. The next call takes one over, for to log in takes a
//! small machine a second; but none is kept for long, as a client that idles takes as much memory
//! as this server.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::session::Session;
use crate::base::sync::{lock, wait_for};

/// How many sessions are kept.
const MOST: usize = 2;
/// How long they are kept at most when none was given back since.
const KEPT: Duration = Duration::from_secs(20);

/// The sessions of one target.
pub(super) struct Idle {
    state: Mutex<State>,
    closed: Condvar,
    kept: Duration,
}

#[derive(Default)]
struct State {
    sessions: Vec<Session>,
    /// How many were given back so far.
    given: u64,
    /// Whether a thread ends those that are kept too long.
    watched: bool,
    closed: bool,
}

impl Idle {
    /// No sessions yet; none is kept for longer than `patience`.
    pub fn new(patience: Duration) -> Self {
        let (state, closed) = (Mutex::default(), Condvar::new());
        Self { state, closed, kept: KEPT.min(patience) }
    }

    /// A session on which nothing has come and that has not ended, if there is one.
    pub fn take(&self) -> Option<Session> {
        loop {
            let session = lock(&self.state).sessions.pop()?;
            if session.is_idle() {
                return Some(session);
            }
        }
    }

    /// Keeps a session that is whole and has nothing under way.
    pub fn give(self: &Arc<Self>, session: Session) {
        let mut state = lock(&self.state);
        if state.closed || state.sessions.len() >= MOST {
            drop(state);
            return;
        }
        if !state.watched {
            let idle = Arc::clone(self);
            let watch = move || idle.watch();
            state.watched = thread::Builder::new().name("sftp".into()).spawn(watch).is_ok();
        }
        if state.watched {
            state.given += 1;
            state.sessions.push(session);
        }
    }

    /// Ends all of them, for good.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let ended = std::mem::take(&mut state.sessions);
        drop(state);
        self.closed.notify_all();
        drop(ended);
    }

    fn watch(&self) {
        loop {
            let state = lock(&self.state);
            let given = state.given;
            wait_for(&self.closed, state, self.kept, |state| state.closed);
            let mut state = lock(&self.state);
            if state.closed || state.given == given {
                state.watched = false;
                let ended = std::mem::take(&mut state.sessions);
                drop(state);
                drop(ended);
                return;
            }
        }
    }
}
