//! A request on its way, and the transaction that it is carried out in.

use std::sync::{Arc, Weak};

use super::Pipeline;
use super::admit::Admission;
use super::flights::Flight;
use super::lockout::Login;
use super::read::Data;
use super::settle::Settled;
use super::tokens::Found;
use super::trail::Trail;
use super::wrapping::Wanted;
use crate::api::ask::Ask;
use crate::api::effect::{Done, Effect};
use crate::api::request::Request;
use crate::barrier::Unsealed;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::{Cause, Fault};

/// How often a request waits for memory when it is the first in the queue for it.
const WAITS: u32 = 3;

/// A request on its way.
pub struct Way<'a> {
    /// Where it is carried out. It is not held while the request waits for somebody outside.
    pub store: Weak<Unsealed>,
    pub ask: &'a Ask,
    pub wanted: Wanted,
    pub data: Data,
    pub admission: Admission,
    /// The token that it uses.
    pub uses: Option<Found>,
    /// What came of the effect that its handler asked for.
    pub done: Option<Done>,
    /// Whether room was made for a lease.
    pub made_room: bool,
    /// The login that it is.
    pub login: Option<Login>,
    pub trail: Option<Trail>,
    pub flight: &'a Flight,
    /// Whether nobody asks for its token.
    pub open: bool,
    /// Whether a transaction only lets it in: a device that it enables is told of its answer.
    pub direct: bool,
}

/// Why a run of a request is left without a trace.
pub enum Stop {
    /// It is refused.
    Fault(Fault),
    /// It is to be carried out again once that is done.
    Effect(Effect),
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Pipeline {
    pub(super) fn way<'a>(
        &self,
        flight: &'a Flight,
        ask: &'a Ask,
        wanted: Wanted,
        request: Request,
    ) -> Way<'a> {
        Way {
            store: Weak::new(),
            ask,
            wanted,
            data: Data::of(ask.verb, request, flight.share.clone()),
            admission: Admission::Open,
            uses: None,
            done: None,
            made_room: false,
            login: None,
            trail: None,
            flight,
            open: false,
            direct: false,
        }
    }

    /// Runs a request in a transaction of `store`, which is committed only after the audit log was
    /// told; so is an effect that it asks for, after which it is run again. One that is refused
    /// leaves nothing behind but this: that its token was used.
    ///
    /// An effect may last, and the store be sealed meanwhile: nothing of it is held then, and the
    /// request goes on only where it is still served. Where a restore puts another store in its
    /// place, a request of which nothing came yet is carried out in that.
    pub(super) fn transact<T>(
        &self,
        mut store: Arc<Unsealed>,
        way: &mut Way,
        mut job: impl FnMut(&mut Txn, &mut Way) -> Result<T, Stop>,
    ) -> Result<T, Fault> {
        let mut run = |way: &mut Way, txn: &mut Txn| {
            way.uses = None;
            txn.take_into(way.data.share());
            job(txn, way)
        };
        let share = way.flight.share.clone();
        let (mut turn, mut waits) = (None, 0);
        let fault = loop {
            let ready = |way: &mut Way| Ok(way.tell(None)?);
            let entered = self.enter(way, &store).map_err(Stop::from);
            match entered.and_then(|()| store.transact_with(way, &mut run, ready)) {
                Ok(outcome) => return Ok(outcome),
                Err(Stop::Fault(fault)) if fault.cause == Cause::Gone && way.is_new() => {
                    match self.barrier.after(&store) {
                        Some(next) => store = next,
                        None if self.barrier.is_opening() => break Fault::opening(),
                        None => break fault,
                    }
                }
                Err(Stop::Fault(fault)) if fault.cause == Cause::Crowded && !way.made_room => {
                    way.made_room = true;
                    if !self.make_room(&store)? {
                        break fault;
                    }
                }
                Err(Stop::Fault(fault)) if fault.cause == Cause::NoRoom && waits < WAITS => {
                    waits += 1;
                    // What this run has taken beside its data is given back.
                    drop(way.data.share());
                    turn = turn.or_else(|| share.queue());
                    if turn.is_none() {
                        break fault;
                    }
                    share.wait_for_room();
                }
                Err(Stop::Fault(fault)) => break fault,
                Err(Stop::Effect(effect)) => {
                    way.tell(None)?;
                    drop(store);
                    let done = effect.run();
                    store = self.barrier.still(&way.store)?;
                    match done {
                        Ok(done) => way.done = Some(done),
                        Err(fault) => break fault,
                    }
                }
            }
        };
        let used = way.uses.take().filter(|found| found.token.uses.is_counted());
        let fault = match used {
            Some(found) if !store.transact(|txn| self.tokens.count_refused(txn, found.key))? => {
                Fault::denied()
            }
            _ => fault,
        };
        way.tell(Some(&fault))?;
        Err(fault)
    }

    /// From now on a request is one to that store, and its devices are told of it.
    fn enter(&self, way: &mut Way, store: &Arc<Unsealed>) -> Result<(), TxnError> {
        let of = Arc::downgrade(store);
        if !of.ptr_eq(&way.store) {
            let devices = self.audit.devices(store)?;
            let told = way.direct || devices.is_some();
            way.trail = told.then(|| Trail::new(store, devices, way.ask));
            way.store = of;
        }
        Ok(())
    }

    /// Looks what the audit log is told of the request, where it is told.
    pub(super) fn look(&self, txn: &mut Txn, way: &mut Way) -> Result<(), Fault> {
        match &mut way.trail {
            Some(trail) => trail.look(txn, &self.audit, &self.tokens.mounts, way.data.headers()),
            None => Ok(()),
        }
    }

    /// Tells the audit log of the answer. One that it cannot be told of is not sent, though what
    /// was asked is done. Of what is over a limit only the request is told.
    pub(super) fn tell_answer(
        &self,
        mut way: Way,
        outcome: Result<Settled, Fault>,
    ) -> Result<Settled, Fault> {
        self.meters.handled(way.flight, way.open);
        if let Some(trail) = way.trail.as_ref().filter(|_| way.admission != Admission::Over) {
            trail.tell_answer(&self.audit, way.data.told(true)?, &outcome)?;
        }
        outcome
    }
}

impl Way<'_> {
    /// Whether nothing came of it yet, and nobody was told of it.
    fn is_new(&self) -> bool {
        self.done.is_none() && !self.trail.as_ref().is_some_and(Trail::is_told)
    }

    /// Tells the audit log of the request, once.
    fn tell(&mut self, fault: Option<&Fault>) -> Result<(), Fault> {
        match &mut self.trail {
            Some(trail) if !trail.is_told() => trail.tell(self.data.told(fault.is_some())?, fault),
            _ => Ok(()),
        }
    }
}
