//! The store that is served: which it is while another takes its place, and what is done with it
//! before anybody has it.

use std::sync::{Arc, Weak};

use super::txn::TxnError;
use super::{Barrier, UnsealError, Unsealed, lock, read, try_read};

/// What is done with a store that was opened before anybody else has it.
pub(super) type Opening<T = ()> = dyn Fn(&Arc<Unsealed>) -> T + Send + Sync;

/// The same each time that it is opened, and whether that will take long.
pub(super) struct WhenOpened {
    is_long: Box<Opening<Result<bool, TxnError>>>,
    then: Box<Opening<Result<(), TxnError>>>,
}

impl Barrier {
    /// Has this be done with the store each time that it is opened, before anybody else has it; now
    /// too, if it is open. Where it fails the store is not opened. Where it `is_long`
    /// nobody waits until a [restore](Self::restore) has done it. For one caller: a second one is
    /// not heard.
    pub fn when_opened(
        &self,
        is_long: impl Fn(&Arc<Unsealed>) -> Result<bool, TxnError> + Send + Sync + 'static,
        then: impl Fn(&Arc<Unsealed>) -> Result<(), TxnError> + Send + Sync + 'static,
    ) -> Result<(), TxnError> {
        self.unsealed().iter().try_for_each(&then)?;
        let (is_long, then) = (Box::new(is_long), Box::new(then));
        let _ = self.when_opened.set(WhenOpened { is_long, then });
        Ok(())
    }

    /// Has this be done with a sealed store each time that it is opened, before anybody has it:
    /// what must come before the first request. For one caller, too.
    pub fn when_unsealed(&self, then: impl Fn(&Arc<Unsealed>) + Send + Sync + 'static) {
        let _ = self.when_unsealed.set(Box::new(then));
    }

    /// Whether nothing is served because it is being opened, which lasts where something is to be
    /// done before anybody has it.
    pub fn is_opening(&self) -> bool {
        // Whoever holds this is about to end it.
        let _place = read(&self.unsealed);
        try_read(&self.opening).is_none()
    }

    /// That store, as long as it is the one that is served.
    pub fn still(&self, store: &Weak<Unsealed>) -> Result<Arc<Unsealed>, TxnError> {
        let now = self.unsealed().ok_or(TxnError::Sealed)?;
        if store.ptr_eq(&Arc::downgrade(&now)) { Ok(now) } else { Err(TxnError::Gone) }
    }

    /// The store that took the place of one that is [gone](TxnError::Gone), once it is open; none
    /// where that takes longer, or it is sealed.
    pub fn after(&self, gone: &Arc<Unsealed>) -> Option<Arc<Unsealed>> {
        let next = || self.unsealed().filter(|now| !Arc::ptr_eq(now, gone));
        next().or_else(|| {
            drop(lock(&self.turn));
            next()
        })
    }

    /// Does something in the store that is served; where a restore puts another in its place
    /// meanwhile, once more in that.
    pub fn in_served<T>(
        &self,
        mut act: impl FnMut(&Arc<Unsealed>) -> Result<T, TxnError>,
    ) -> Result<T, TxnError> {
        let mut store = self.unsealed().ok_or(TxnError::Sealed)?;
        loop {
            match act(&store) {
                Err(TxnError::Gone) => store = self.after(&store).ok_or(TxnError::Gone)?,
                done => return done,
            }
        }
    }

    /// Does what is to be done with it before anybody has it.
    pub(super) fn make_ready(&self, unsealed: &Arc<Unsealed>) -> Result<(), UnsealError> {
        let done = self.when_opened.get().map_or(Ok(()), |it| (it.then)(unsealed));
        done.map_err(UnsealError::NotReady)
    }

    /// Whether that will take long.
    pub(super) fn is_long(&self, unsealed: &Arc<Unsealed>) -> Result<bool, UnsealError> {
        let is_long = self.when_opened.get().map_or(Ok(false), |it| (it.is_long)(unsealed));
        is_long.map_err(UnsealError::NotReady)
    }
}
