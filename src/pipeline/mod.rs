//! The way of a request: read, locate, authenticate, authorise, dispatch, settle, respond. Its
//! data is read only once it is authorised.
//!
//! All of it but the first and the last step happens in one transaction, which is committed, and
//! so durable, before the response is made.

mod authenticate;
mod authorise;
mod dispatch;
mod locate;
pub mod login;
mod read;
pub mod renew;
mod respond;
pub mod revoke;
pub mod rights;
mod settle;
pub mod tokens;
pub mod wrapping;

use std::sync::Arc;

use serde_json::Map;

pub use self::respond::fault as refusal;

use self::locate::Endpoint;
use self::read::Data;
use self::rights::{Rights, Sender};
use self::settle::Settled;
use self::tokens::{Found, Tokens};
use self::wrapping::Wanted;
use crate::api::ask::{Ask, DirectAsk, Verb};
use crate::api::call::Caller;
use crate::api::engine::Engine;
use crate::api::reply::Response;
use crate::api::request::{Bound, Request};
use crate::api::route::Access;
use crate::barrier::{Barrier, Unsealed, txn::Txn};
use crate::base::fault::Fault;
use crate::mount::config::Ttls;

/// An engine of our own with the prefix that it answers under, such as `sys/`.
pub type Builtin = (&'static str, Box<dyn Engine>);

/// What answers requests.
pub struct Pipeline {
    barrier: Arc<Barrier>,
    tokens: Arc<Tokens>,
    rights: Arc<Rights>,
    builtins: Vec<Builtin>,
    ttls: Ttls,
}

impl Pipeline {
    /// Builtins are tried in their order.
    pub fn new(
        barrier: Arc<Barrier>,
        tokens: Arc<Tokens>,
        rights: Arc<Rights>,
        builtins: Vec<Builtin>,
        ttls: Ttls,
    ) -> Self {
        Self { barrier, tokens, rights, builtins, ttls }
    }

    /// Carries a request out.
    pub fn answer(&self, request: Request) -> Response {
        match self.carry_out(request) {
            Ok(settled) => respond::settled(settled),
            Err(fault) => respond::fault(&fault),
        }
    }

    fn carry_out(&self, mut request: Request) -> Result<Settled, Fault> {
        let (verb, path) = read::verb(&request)?;
        if let Some(endpoint) = locate::direct(&self.builtins, verb, &path) {
            return self.carry_out_direct(request, verb, path.clone(), &endpoint);
        }
        let wanted = Wanted::read(&request);
        let peer = std::mem::take(&mut request.peer);
        let token = request.token.take();
        let mut data = Data::of(verb, request);
        let Some(unsealed) = self.barrier.unsealed() else { return Err(data.refuse_sealed()) };
        let wanted = wanted?;
        let ask = Ask { verb, path, token, peer, wrap_ttl: wanted.ttl() };
        self.transact(&unsealed, |txn, sent_by| {
            self.carry_out_in(txn, &ask, &mut data, wanted, sent_by)
        })
    }

    /// What streams or works while sealed: its rights are checked in a transaction of their own.
    fn carry_out_direct(
        &self,
        mut request: Request,
        verb: Verb,
        path: String,
        endpoint: &Endpoint<'_, '_>,
    ) -> Result<Settled, Fault> {
        let supported = endpoint.engine.operation(endpoint.found.id, verb).is_some();
        if endpoint.works_sealed() && !supported {
            return Err(Fault::bare(405));
        }
        let access = endpoint.found.access;
        let peer = std::mem::take(&mut request.peer);
        let mut ask = Ask { verb, path, token: request.token.take(), peer, wrap_ttl: None };
        let wanted = match (access, self.barrier.unsealed()) {
            (Access::Sealed, _) => {
                request.body.check(Bound::ANYBODY)?;
                Wanted::NOT
            }
            (Access::SudoUnlessSealed, None) => Wanted::NOT,
            (_, None) => return Err(Fault::sealed()),
            (access, Some(unsealed)) => {
                let wanted = Wanted::read(&request)?;
                ask.wrap_ttl = wanted.ttl();
                // Its body is not read yet: to a rule on parameters it has none.
                let nothing = Map::new();
                self.transact(&unsealed, |txn, sent_by| {
                    let sender = self.authenticate(txn, &ask, access, sent_by)?;
                    let updates = |_: &mut Txn, _: &Caller| Ok(true);
                    let no_data = || Ok(&nothing);
                    authorise::check(txn, &ask, sender.as_ref(), access, updates, no_data)?;
                    self.let_go(txn, sender.as_ref())
                })?;
                wanted
            }
        };
        if !supported {
            return Err(Fault::unsupported_operation());
        }
        let Request { query, body, .. } = request;
        let path = endpoint.below.to_owned();
        let direct = DirectAsk { verb, path, query, body };
        let reply = endpoint.engine.call_direct(endpoint.found.id, direct)?;
        let settled = Settled::plain(reply, &*self.tokens.entropy);
        match (wanted.ttl(), self.barrier.unsealed()) {
            (Some(ttl), Some(unsealed)) => match respond::document(settled) {
                Ok(document) => {
                    unsealed.transact(|txn| settle::wrap(&self.tokens, txn, &ask, ttl, &document))
                }
                Err(settled) => Ok(*settled),
            },
            _ => Ok(settled),
        }
    }

    fn carry_out_in(
        &self,
        txn: &mut Txn,
        ask: &Ask,
        data: &mut Data,
        wanted: Wanted,
        sent_by: &mut Option<Found>,
    ) -> Result<Settled, Fault> {
        let target = locate::target(self, txn, &ask.path)?;
        let access = target.access();
        if access == Access::Unwrap {
            wrapping::verify(&self.tokens, txn, ask, data.get()?)?;
        }
        let sender = self.authenticate(txn, ask, access, sent_by)?;
        let exists = |txn: &mut Txn, caller: &Caller| dispatch::exists(&target, txn, ask, caller);
        let caller = authorise::check(txn, ask, sender.as_ref(), access, exists, || data.get())?;
        if ask.verb == Verb::Help {
            let help = dispatch::help(&self.builtins, &target, &ask.path)?;
            self.let_go(txn, sender.as_ref())?;
            return Ok(Settled::plain(help, &*self.tokens.entropy));
        }
        let reply = dispatch::run(&target, txn, ask, data.get()?, caller.as_ref());
        let reply = reply.map_err(|fault| match access {
            Access::Unauthenticated => fault.unlisted(),
            _ => fault,
        })?;
        let settled = settle::settle(self, txn, ask, &target, reply, wanted)?;
        self.let_go(txn, sender.as_ref())?;
        Ok(settled)
    }

    /// Who sends it, where that matters.
    fn authenticate(
        &self,
        txn: &mut Txn,
        ask: &Ask,
        access: Access,
        sent_by: &mut Option<Found>,
    ) -> Result<Option<Sender>, Fault> {
        match access {
            Access::Sealed => Ok(None),
            Access::Unauthenticated => {
                let Some(found) = authenticate::guest(&self.tokens, txn, ask)? else {
                    return Ok(None);
                };
                match self.rights.sender(txn, found) {
                    Err(fault) if fault.status == 403 => Ok(None),
                    sender => sender.map(Some),
                }
            }
            _ => {
                let found = authenticate::sender(&self.tokens, txn, ask)?;
                sent_by.clone_from(&found);
                found.map(|found| self.rights.sender(txn, found)).transpose()
            }
        }
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

    /// Runs a request in a transaction. One that is refused leaves nothing behind but this: that
    /// its token was used.
    fn transact<T>(
        &self,
        unsealed: &Arc<Unsealed>,
        mut job: impl FnMut(&mut Txn, &mut Option<Found>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut sent_by = None;
        let outcome = unsealed.transact(|txn| {
            sent_by = None;
            job(txn, &mut sent_by)
        });
        if outcome.is_err()
            && let Some(found) = sent_by.filter(|found| found.token.uses.is_counted())
        {
            unsealed.transact(|txn| self.tokens.count_refused(txn, found.key))?;
        }
        outcome
    }
}
