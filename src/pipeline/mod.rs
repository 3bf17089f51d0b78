//! The way of a request: read, admit, locate, authenticate, authorise, dispatch, settle, respond.
//! Its data is read only once it is authorised.
//!
//! All of it but the first two and the last step happens in one transaction, which is committed,
//! and so durable, before the response is made.

mod admit;
mod authenticate;
mod authorise;
mod dispatch;
pub mod flights;
mod headers;
mod leases;
mod living;
mod locate;
pub mod lockout;
pub mod login;
pub mod meters;
mod read;
pub mod renew;
mod respond;
pub mod revoke;
pub mod rights;
mod settle;
pub mod tokens;
mod trail;
pub mod wrapping;

use std::sync::Arc;

pub use self::respond::fault as refusal;

use self::admit::Admission;
use self::flights::{Flight, Flights};
use self::locate::Endpoint;
use self::lockout::{Lockouts, Login};
use self::meters::Meters;
use self::read::Data;
use self::rights::{Rights, Sender};
use self::settle::Settled;
use self::tokens::{Found, Tokens};
use self::trail::Trail;
use self::wrapping::Wanted;
use crate::api::ask::{Ask, Verb};
use crate::api::call::Caller;
use crate::api::effect::{Done, Effect};
use crate::api::engine::Engine;
use crate::api::reply::{Reply, Response};
use crate::api::request::{Bound, Request};
use crate::api::route::Access;
use crate::audit::devices::Audit;
use crate::barrier::{Barrier, Unsealed, txn::Txn};
use crate::base::fault::{Cause, Fault};
use crate::mount::config::Ttls;
use crate::quota::limiter::{Quotas, Standing};

/// An engine of our own with the prefix that it answers under, such as `sys/`.
pub type Builtin = (&'static str, Box<dyn Engine>);

/// What answers requests.
pub struct Pipeline {
    /// The store, sealed or not.
    pub barrier: Arc<Barrier>,
    /// Tokens, and the mounts that they were made by.
    pub tokens: Arc<Tokens>,
    /// Who may do what.
    pub rights: Arc<Rights>,
    /// What is told of each request.
    pub audit: Arc<Audit>,
    /// Those that run.
    pub flights: Arc<Flights>,
    /// What is counted of them.
    pub meters: Arc<Meters>,
    /// The limits that they meet.
    pub quotas: Arc<Quotas>,
    /// Who is locked out.
    pub lockouts: Arc<Lockouts>,
    /// Tried in their order.
    pub builtins: Vec<Builtin>,
    /// Of leases that name none.
    pub ttls: Ttls,
}

/// Why a run of a request is left without a trace.
enum Stop {
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

/// A request on its way.
struct Way<'a> {
    ask: &'a Ask,
    wanted: Wanted,
    data: Data,
    admission: Admission,
    /// The token that it uses.
    uses: Option<Found>,
    /// What came of the effect that its handler asked for.
    done: Option<Done>,
    /// Whether room was made for a lease.
    made_room: bool,
    /// The login that it is.
    login: Option<Login>,
    trail: Option<Trail>,
    flight: &'a Flight,
    /// Whether nobody asks for its token.
    open: bool,
}

impl Pipeline {
    /// Carries a request out.
    pub fn answer(&self, request: Request) -> Response {
        let flight = self.flights.enter(&request);
        let response = self.answer_in(&flight, request);
        flight.answered(response)
    }

    fn answer_in(&self, flight: &Flight, mut request: Request) -> Response {
        let (verb, path) = match read::verb(&request) {
            Ok(asked) => asked,
            Err(fault) => return respond::fault(&fault),
        };
        let wanted = headers::read(&request);
        let ask = self.ask(&mut request, verb, path, &wanted);
        let (outcome, standing) = match self.admit(&ask, &request) {
            Ok(standing) => (self.carry_out(flight, &ask, wanted, request), standing),
            Err(fault) => (Err(self.refuse(flight, &ask, request, fault)), Standing::new()),
        };
        let mut response = match outcome {
            Ok(settled) => respond::settled(settled),
            Err(fault) => respond::fault(&fault),
        };
        response.headers.extend(standing);
        response
    }

    fn carry_out(
        &self,
        flight: &Flight,
        ask: &Ask,
        wanted: Result<Wanted, Fault>,
        request: Request,
    ) -> Result<Settled, Fault> {
        if let Some(endpoint) = locate::direct(&self.builtins, ask.verb, &ask.path) {
            return self.carry_out_direct(flight, ask, wanted, request, &endpoint);
        }
        let Some(unsealed) = self.barrier.unsealed() else {
            return Err(Data::of(ask.verb, request, flight.share.clone()).refuse_sealed());
        };
        read::refuse_folder(ask.verb, &ask.path)?;
        let wanted = wanted?;
        let devices = self.audit.devices(&unsealed)?;
        let trail = devices.map(|devices| Trail::new(Some(devices), ask));
        let mut way = self.way(flight, ask, wanted, request, trail);
        let outcome = self.transact(&unsealed, &mut way, |txn, way| self.carry_out_in(txn, way));
        let outcome = self.count_login(&unsealed, way.login.take(), outcome);
        self.tell_answer(&unsealed, way, outcome)
    }

    /// What streams or works while sealed: its rights are checked in a transaction of their own.
    fn carry_out_direct(
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
            (Access::SudoUnlessSealed, unsealed) => unsealed,
            (_, unsealed) => Some(unsealed.ok_or_else(Fault::sealed)?),
        };
        let Some(unsealed) = guarded else {
            return self.carry_out_open(flight, ask, request, endpoint);
        };
        read::refuse_folder(ask.verb, &ask.path)?;
        // The first device that is enabled is told of that.
        let trail = Some(Trail::new(self.audit.devices(&unsealed)?, ask));
        let mut way = self.way(flight, ask, wanted?, request, trail);
        let outcome = self
            .transact(&unsealed, &mut way, |txn, way| Ok(self.let_in(txn, way, access)?))
            .and_then(|()| match supported {
                true => {
                    let _running = self.meters.routes.begin_own(ask.verb, &ask.path);
                    call_direct(endpoint, ask.verb, &mut way.data)
                }
                false => Err(Fault::unsupported_operation()),
            })
            .and_then(|reply| self.settle_direct(&way, reply));
        self.tell_answer(&unsealed, way, outcome)
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
        let mut data = Data::of(ask.verb, request, flight.share.clone());
        let reply = call_direct(endpoint, ask.verb, &mut data)?;
        Ok(Settled::plain(reply, ask))
    }

    fn way<'a>(
        &self,
        flight: &'a Flight,
        ask: &'a Ask,
        wanted: Wanted,
        request: Request,
        trail: Option<Trail>,
    ) -> Way<'a> {
        let (data, admission) =
            (Data::of(ask.verb, request, flight.share.clone()), Admission::Open);
        Way {
            ask,
            wanted,
            data,
            admission,
            uses: None,
            done: None,
            made_room: false,
            login: None,
            trail,
            flight,
            open: false,
        }
    }

    /// The rights of a request that is carried out without a transaction.
    fn let_in(&self, txn: &mut Txn, way: &mut Way, access: Access) -> Result<(), Fault> {
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

    fn carry_out_in(&self, txn: &mut Txn, way: &mut Way) -> Result<Settled, Stop> {
        self.look(txn, way)?;
        let ask = way.ask;
        let target = locate::target(self, txn, &ask.path)?;
        let access = target.access();
        self.admit_stranger(way, access, target.is_slow(ask.verb))?;
        if access == Access::Unwrap {
            wrapping::verify(&self.tokens, txn, ask, way.data.get()?)?;
        }
        let checking = self.meters.check_token.begin();
        let sender = self.authenticate(txn, way, access)?;
        let Way { wanted, data, trail, done, login, .. } = way;
        let exists = |txn: &mut Txn, caller: &Caller| dispatch::exists(&target, txn, ask, caller);
        let caller = authorise::check(txn, ask, sender.as_ref(), access, exists, || data.get())?;
        drop(checking);
        if let Some(trail) = trail {
            trail.allow(dispatch::creates(&target, txn, ask, caller.as_ref()));
        }
        if ask.verb == Verb::Help {
            let help = dispatch::help(&self.builtins, &target, &ask.path)?;
            self.let_go(txn, sender.as_ref())?;
            return Ok(Settled::plain(help, ask));
        }
        *login = self.refuse_locked(txn, &target, ask, data.get()?)?;
        let running = self.meters.routes.begin(&target, ask.verb, &ask.path);
        let reply = dispatch::run(&target, txn, ask, data.get()?, caller.as_ref(), done.as_ref());
        drop(running);
        let mut reply = reply.map_err(|fault| match access {
            Access::Unauthenticated | Access::Guest => fault.unlisted(),
            _ => fault,
        })?;
        if let Some(effect) = reply.effect.take() {
            return Err(Stop::Effect(effect));
        }
        let settled = settle::settle(self, txn, ask, &target, reply, *wanted)?;
        self.let_go(txn, sender.as_ref())?;
        Ok(settled)
    }

    fn ask(
        &self,
        request: &mut Request,
        verb: Verb,
        path: String,
        wanted: &Result<Wanted, Fault>,
    ) -> Ask {
        let (token, peer) = (request.token.take(), std::mem::take(&mut request.peer));
        let id = self.tokens.entropy.uuid();
        let asked = wanted.as_ref().ok();
        let wrap_ttl = asked.and_then(|wanted| wanted.ttl());
        let wrap_format = asked.map(|wanted| wanted.format()).unwrap_or_default();
        Ask { id, verb, path, token, peer, wrap_ttl, wrap_format }
    }

    /// Who sends it, where that matters.
    fn authenticate(
        &self,
        txn: &mut Txn,
        way: &mut Way,
        access: Access,
    ) -> Result<Option<Sender>, Fault> {
        way.open = matches!(access, Access::Unauthenticated | Access::Guest);
        let _fetching = self.meters.fetch_acl_and_token.begin();
        let sender = match access {
            Access::Sealed => None,
            Access::Unauthenticated => match authenticate::guest(&self.tokens, txn, way.ask)? {
                None => None,
                Some(found) => match self.rights.sender(txn, found) {
                    Err(fault) if fault.status == 403 => None,
                    sender => Some(sender?),
                },
            },
            _ => {
                let found = authenticate::sender(&self.tokens, txn, way.ask)?;
                way.uses.clone_from(&found);
                found.map(|found| self.rights.sender(txn, found)).transpose()?
            }
        };
        if let (Some(trail), Some(sender)) = (&mut way.trail, &sender) {
            trail.sent_by(sender);
        }
        if let Some(sender) = &sender {
            way.flight.sent_by(sender);
        }
        Ok(sender)
    }

    /// Ends a token whose last use this was.
    fn let_go(&self, txn: &mut Txn, sender: Option<&Sender>) -> Result<(), Fault> {
        match sender {
            Some(sender) if sender.found.token.uses.is_spent() => {
                Ok(self.tokens.end(txn, &sender.found)?)
            }
            _ => Ok(()),
        }
    }

    /// Runs a request in a transaction, which is committed only after the audit log was told; so is
    /// an effect that it asks for, after which it is run again. One that is refused leaves nothing
    /// behind but this: that its token was used.
    fn transact<T>(
        &self,
        unsealed: &Arc<Unsealed>,
        way: &mut Way,
        mut job: impl FnMut(&mut Txn, &mut Way) -> Result<T, Stop>,
    ) -> Result<T, Fault> {
        let mut run = |way: &mut Way, txn: &mut Txn| {
            way.uses = None;
            txn.take_into(way.data.share());
            job(txn, way)
        };
        let fault = loop {
            let ready = |way: &mut Way| Ok(way.tell(unsealed, None)?);
            match unsealed.transact_with(way, &mut run, ready) {
                Ok(outcome) => return Ok(outcome),
                Err(Stop::Fault(fault)) if fault.cause == Cause::Crowded && !way.made_room => {
                    way.made_room = true;
                    if !self.make_room(unsealed)? {
                        break fault;
                    }
                }
                Err(Stop::Fault(fault)) => break fault,
                Err(Stop::Effect(effect)) => {
                    way.tell(unsealed, None)?;
                    match effect.run() {
                        Ok(done) => way.done = Some(done),
                        Err(fault) => break fault,
                    }
                }
            }
        };
        let used = way.uses.take().filter(|found| found.token.uses.is_counted());
        let fault = match used {
            Some(found)
                if !unsealed.transact(|txn| self.tokens.count_refused(txn, found.key))? =>
            {
                Fault::denied()
            }
            _ => fault,
        };
        way.tell(unsealed, Some(&fault))?;
        Err(fault)
    }

    /// Looks what the audit log is told of the request, where it is told.
    fn look(&self, txn: &mut Txn, way: &mut Way) -> Result<(), Fault> {
        match &mut way.trail {
            Some(trail) => trail.look(txn, &self.audit, &self.tokens.mounts, way.data.headers()),
            None => Ok(()),
        }
    }

    /// Tells the audit log of the answer. One that it cannot be told of is not sent, though what
    /// was asked is done. Of what is over a limit only the request is told.
    fn tell_answer(
        &self,
        unsealed: &Arc<Unsealed>,
        mut way: Way,
        outcome: Result<Settled, Fault>,
    ) -> Result<Settled, Fault> {
        self.meters.handled(way.flight, way.open);
        if let Some(trail) = way.trail.as_ref().filter(|_| way.admission != Admission::Over) {
            trail.tell_answer(&self.audit, unsealed, way.data.told(true)?, &outcome)?;
        }
        outcome
    }
}

impl Way<'_> {
    /// Tells the audit log of the request, once.
    fn tell(&mut self, unsealed: &Unsealed, fault: Option<&Fault>) -> Result<(), Fault> {
        match &mut self.trail {
            Some(trail) if !trail.is_told() => {
                trail.tell(unsealed, self.data.told(fault.is_some())?, fault)
            }
            _ => Ok(()),
        }
    }
}

fn call_direct(endpoint: &Endpoint<'_, '_>, verb: Verb, data: &mut Data) -> Result<Reply, Fault> {
    let path = endpoint.below.to_owned();
    endpoint.engine.call_direct(endpoint.found.id, data.give(verb, path))
}
