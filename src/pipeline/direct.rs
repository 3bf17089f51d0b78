//! The way of a request to what streams or works while sealed: its rights are checked in a
//! transaction of their own.

use super::flights::Flight;
use super::locate::Endpoint;
use super::read::Data;
use super::settle::Settled;
use super::way::Way;
use super::wrapping::Wanted;
use super::{Pipeline, authorise, read, respond, settle};
use crate::api::ask::{Ask, Verb};
use crate::api::call::Caller;
use crate::api::reply::Reply;
use crate::api::request::{Bound, Request};
use crate::api::route::Access;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;

impl Pipeline {
    /// What streams or works while sealed: its rights are checked in a transaction of their own.
    pub(super) fn carry_out_direct(
        &self,
        flight: &Flight,
        ask: &Ask,
        wanted: Result<Wanted, Fault>,
        request: Request,
        endpoint: &Endpoint<'_, '_>,
    ) -> Result<Settled, Fault> {
        let supported = endpoint.engine.operation(endpoint.found.id, ask.verb).is_some();
        if endpoint.works_sealed() && !supported {
            return Err(Fault::bare(405));
        }
        let access = endpoint.found.access;
        let guarded = match (access, self.barrier.unsealed()) {
            (Access::Sealed, _) => None,
            (Access::SudoUnlessSealed, store) => store,
            (_, store) => Some(store.ok_or_else(Fault::sealed)?),
        };
        let Some(store) = guarded else {
            return self.carry_out_open(flight, ask, request, endpoint);
        };
        read::refuse_folder(ask.verb, &ask.path)?;
        let mut way = Way { direct: true, ..self.way(flight, ask, wanted?, request) };
        let let_in = self.transact(store, &mut way, |txn, way| Ok(self.let_in(txn, way, access)?));
        let outcome = let_in
            .and_then(|()| match supported {
                true => {
                    let _running = self.meters.routes.begin_own(ask.verb, &ask.path);
                    call_direct(endpoint, ask.verb, &mut way.data)
                }
                false => Err(Fault::unsupported_operation()),
            })
            .and_then(|reply| self.settle_direct(&way, reply));
        self.tell_answer(way, outcome)
    }

    /// What anybody may ask for.
    fn carry_out_open(
        &self,
        flight: &Flight,
        ask: &Ask,
        request: Request,
        endpoint: &Endpoint<'_, '_>,
    ) -> Result<Settled, Fault> {
        if let Err(fault) = self.quotas.admit_stranger(&ask.path, false, &ask.peer) {
            return Err(self.refuse(flight, ask, request, fault));
        }
        request.body.check(Bound::ANYBODY)?;
        if endpoint.found.access == Access::SudoUnlessSealed {
            // Nobody was asked for rights: what is sealed stays as it is, and what is being opened
            // is opened.
            return match self.barrier.is_opening() || self.barrier.unsealed().is_some() {
                true => Err(Fault::opening()),
                false => Ok(Settled::plain(Reply::nothing(), ask)),
            };
        }
        let mut data = Data::of(ask.verb, request, flight.share.clone());
        let reply = call_direct(endpoint, ask.verb, &mut data)?;
        Ok(Settled::plain(reply, ask))
    }

    /// The rights of a request that is carried out without a transaction.
    pub(super) fn let_in(&self, txn: &mut Txn, way: &mut Way, access: Access) -> Result<(), Fault> {
        self.look(txn, way)?;
        self.admit_stranger(way, access, false)?;
        let checking = self.meters.check_token.begin();
        let sender = self.authenticate(txn, way, access)?;
        let updates = |_: &mut Txn, _: &Caller| Ok(true);
        let Way { ask, data, .. } = &mut *way;
        authorise::check(txn, ask, sender.as_ref(), access, updates, || data.peek())?;
        drop(checking);
        if let Some(trail) = &mut way.trail {
            trail.allow(false);
        }
        self.let_go(txn, sender.as_ref())
    }

    fn settle_direct(&self, way: &Way, reply: Reply) -> Result<Settled, Fault> {
        let settled = Settled::plain(reply, way.ask);
        match (way.wanted.ttl(), self.barrier.unsealed()) {
            (Some(ttl), Some(unsealed)) => match respond::document(settled) {
                Ok(document) => {
                    let settled = unsealed
                        .transact(|txn| settle::wrap(&self.tokens, txn, way.ask, ttl, &document))?;
                    Ok(settled.holding(document))
                }
                Err(settled) => Ok(*settled),
            },
            _ => Ok(settled),
        }
    }
}

fn call_direct(endpoint: &Endpoint<'_, '_>, verb: Verb, data: &mut Data) -> Result<Reply, Fault> {
    let path = endpoint.below.to_owned();
    endpoint.engine.call_direct(endpoint.found.id, data.give(verb, path))
}
