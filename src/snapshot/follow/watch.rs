//! For how long a target has not answered.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Find;
use crate::base::clock::Clock;
use crate::base::sync::lock;
use crate::snapshot::target::{Listed, Name, Target, TargetError, Visit};

/// Tells since when the one call of a target hangs that is made.
#[derive(Clone)]
pub struct Watch {
    clock: Arc<dyn Clock>,
    /// By the boot clock, while somebody waits for it.
    since: Arc<Mutex<Option<Duration>>>,
}

impl Watch {
    /// Of a target that nobody waits for.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, since: Arc::default() }
    }

    /// For how long it has been waited for an answer.
    pub fn silence(&self) -> Duration {
        let since = *lock(&self.since);
        since.map_or(Duration::ZERO, |since| self.clock.boot().saturating_sub(since))
    }

    fn over<T>(&self, call: impl FnOnce() -> T) -> T {
        *lock(&self.since) = Some(self.clock.boot());
        let outcome = call();
        *lock(&self.since) = None;
        outcome
    }
}

/// A target that is watched.
pub struct Watched {
    target: Arc<dyn Target>,
    watch: Watch,
}

impl Watched {
    /// Has a target watched, also while it is found.
    pub fn found(find: &Find, watch: Watch) -> Self {
        Self { target: watch.over(find), watch }
    }
}

impl Target for Watched {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.watch.over(|| self.target.put(name, length, content))
    }

    fn must_fit(&self, length: u64) -> Result<(), TargetError> {
        self.watch.over(|| self.target.must_fit(length))
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let content = self.watch.over(|| self.target.get(name))?;
        Ok(Box::new(Content { content, watch: self.watch.clone() }))
    }

    fn is_closed(&self, name: &Name) -> bool {
        self.watch.over(|| self.target.is_closed(name))
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        self.watch.over(|| self.target.list(under))
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.watch.over(|| self.target.delete(name))
    }

    fn mark(&self) -> Result<(), TargetError> {
        self.watch.over(|| self.target.mark())
    }

    fn url(&self, name: &Name) -> String {
        self.target.url(name)
    }

    fn visit(&self) -> Option<Visit> {
        self.target.visit()
    }

    fn rest(&self, visit: &Visit) -> Result<(), TargetError> {
        self.watch.over(|| self.target.rest(visit))
    }
}

/// What is read of it.
struct Content {
    content: Box<dyn Read + Send>,
    watch: Watch,
}

impl Read for Content {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.watch.over(|| self.content.read(into))
    }
}
