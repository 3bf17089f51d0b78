//! The way of a request: read, admit, locate, authenticate, authorise, dispatch, settle, respond.
//! Its data is read only once it is authorised.
//!
//! All of it but the first two and the last step happens in one transaction, which is committed,
//! and so durable, before the response is made.

mod admit;
pub mod alone;
mod authenticate;
mod authorise;
mod direct;
mod dispatch;
pub mod flights;
mod headers;
mod leases;
mod living;
mod locate;
pub mod lockout;
pub mod login;
pub mod meters;
mod past;
mod read;
pub mod renew;
mod respond;
pub mod revoke;
pub mod rights;
mod settle;
pub mod tokens;
mod trail;
mod way;
pub mod wrapping;

use std::sync::Arc;

pub use self::past::{may_read_setting, may_read_there};
pub use self::respond::fault as refusal;

use self::flights::{Flight, Flights};
use self::lockout::Lockouts;
use self::meters::Meters;
use self::past::Asked;
use self::read::Data;
use self::rights::{Rights, Sender};
use self::settle::Settled;
use self::tokens::Tokens;
use self::way::{Stop, Way};
use self::wrapping::Wanted;
use crate::api::ask::{Ask, Verb};
use crate::api::call::Caller;
use crate::api::engine::Engine;
use crate::api::reply::Response;
use crate::api::request::Request;
use crate::api::route::Access;
use crate::audit::devices::Audit;
use crate::barrier::{Barrier, txn::Txn};
use crate::base::fault::Fault;
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

impl Pipeline {
    /// Carries a request out.
    pub fn answer(&self, request: Request) -> Response {
        let flight = self.flights.enter(&request);
        let response = self.answer_in(&flight, request);
        self.meters.answered(response.status);
        flight.answered(response)
    }

    fn answer_in(&self, flight: &Flight, mut request: Request) -> Response {
        let (verb, path) = match read::verb(&request) {
            Ok(asked) => asked,
            Err(fault) => return respond::fault(&fault),
        };
        let wanted = headers::read(&request);
        let snapshot = match read::snapshot(&request, verb) {
            Ok(snapshot) => snapshot,
            Err(fault) => return respond::fault(&fault),
        };
        let ask = Ask { snapshot, ..self.ask(&mut request, verb, path, &wanted) };
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
            past::refuse(ask)?;
            return self.carry_out_direct(flight, ask, wanted, request, &endpoint);
        }
        let Some(store) = self.barrier.unsealed() else {
            return Err(Data::of(ask.verb, request, flight.share.clone()).refuse_sealed());
        };
        read::refuse_folder(ask.verb, &ask.path)?;
        let mut way = self.way(flight, ask, wanted?, request);
        let outcome = self.transact(store, &mut way, |txn, way| self.carry_out_in(txn, way));
        let outcome = self.count_login(&mut way, outcome);
        self.tell_answer(way, outcome)
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
        let Way { wanted, data, trail, done, login, flight, .. } = way;
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
        let (data, caller) = (data.get()?, caller.as_ref());
        let reply = match &ask.snapshot {
            None => dispatch::run(&target, txn, ask, data, caller, done.as_ref()),
            Some(of) => {
                let (sender, share) = (sender.as_ref(), flight.share.clone());
                let asked = Asked { ask, of, data, caller, sender, share };
                self.answer_past(txn, &target, &asked)
            }
        };
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
        Ask { id, verb, path, token, peer, wrap_ttl, wrap_format, snapshot: None }
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
}
