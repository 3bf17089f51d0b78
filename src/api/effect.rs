//! What a handler needs done outside of its transaction before it can answer: something slow, or
//! the call of another server.
//!
//! A handler that returns [`Reply::after`](super::reply::Reply::after) is left without a trace; the
//! pipeline runs the effect, with neither a transaction nor a lock held, nor the store, which may
//! be sealed meanwhile; then it calls the handler again, in a new transaction, with what came of
//! it.

use std::any::Any;
use std::fmt;

use crate::base::fault::Fault;

/// Something to be done.
pub struct Effect(Box<dyn FnOnce() -> Result<Done, Fault> + Send>);

/// What came of an effect.
pub struct Done(Box<dyn Any + Send + Sync>);

impl Effect {
    /// `run` does it; what it returns is what [`Done::get`] gives.
    pub fn new<T: Any + Send + Sync>(
        run: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Self {
        Self(Box::new(move || Ok(Done(Box::new(run()?)))))
    }

    /// Does it.
    pub fn run(self) -> Result<Done, Fault> {
        self.0()
    }
}

impl Done {
    /// What came of it, when it was an effect with that result.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Effect(..)")
    }
}
