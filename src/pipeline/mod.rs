//! The way of a request: read, locate, authenticate, authorise, dispatch, settle, respond.
//!
//! All of it but the first and the last step happens in one transaction, which is committed, and
//! so durable, before the response is made.

mod authenticate;
mod authorise;
mod dispatch;
mod locate;
mod read;
mod respond;
mod settle;

use std::sync::Arc;

use self::locate::Endpoint;
use crate::api::ask::{Ask, DirectAsk, Verb};
use crate::api::engine::Engine;
use crate::api::reply::{Reply, Response};
use crate::api::request::Request;
use crate::api::route::Access;
use crate::barrier::{Barrier, txn::Txn};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::mount::table::MountCache;

/// An engine of our own with the prefix that it answers under, such as `sys/`.
pub type Builtin = (&'static str, Box<dyn Engine>);

/// What answers requests.
pub struct Pipeline {
    barrier: Arc<Barrier>,
    mounts: Arc<MountCache>,
    builtins: Vec<Builtin>,
    entropy: Arc<dyn Entropy>,
    ttls: Ttls,
}

/// The system's lease times, seconds.
#[derive(Clone, Copy, Debug)]
pub struct Ttls {
    /// Where nothing else says how long a lease lasts.
    pub default: u64,
    /// The longest a lease lasts.
    pub max: u64,
}

impl Pipeline {
    /// Builtins are tried in their order.
    pub fn new(
        barrier: Arc<Barrier>,
        mounts: Arc<MountCache>,
        builtins: Vec<Builtin>,
        entropy: Arc<dyn Entropy>,
        ttls: Ttls,
    ) -> Self {
        Self { barrier, mounts, builtins, entropy, ttls }
    }

    /// Carries a request out.
    pub fn answer(&self, request: Request) -> Response {
        let request_id = self.entropy.uuid();
        match self.carry_out(request, &request_id) {
            Ok(reply) => respond::reply(reply, &request_id),
            Err(fault) => respond::fault(&fault),
        }
    }

    fn carry_out(&self, request: Request, request_id: &str) -> Result<Reply, Fault> {
        let (verb, path) = read::verb(&request)?;
        if let Some(endpoint) = locate::direct(&self.builtins, verb, &path) {
            return self.carry_out_direct(request, verb, &endpoint);
        }
        let ask = read::ask(request, request_id.to_owned())?;
        let unsealed = self.barrier.unsealed().ok_or_else(Fault::sealed)?;
        unsealed.transact(|txn| self.carry_out_in(txn, &ask))
    }

    /// What streams or works while sealed: its rights are checked in a transaction of their own.
    fn carry_out_direct(
        &self,
        request: Request,
        verb: Verb,
        endpoint: &Endpoint<'_, '_>,
    ) -> Result<Reply, Fault> {
        let supported = endpoint.engine.operation(endpoint.found.id, verb).is_some();
        if endpoint.works_sealed() && !supported {
            return Err(Fault::bare(405));
        }
        match (endpoint.found.access, self.barrier.unsealed()) {
            (Access::Sealed, _) | (Access::SudoUnlessSealed, None) => {}
            (_, None) => return Err(Fault::sealed()),
            (access, Some(unsealed)) => unsealed.transact(|txn| {
                let caller = authenticate::caller(txn, request.token.as_ref())?;
                authorise::check(caller.as_ref(), access)
            })?,
        }
        if !supported {
            return Err(Fault::unsupported_operation());
        }
        let captures = endpoint.found.captures.iter();
        let captures = captures.map(|(name, text)| (*name, (*text).to_owned())).collect();
        let Request { query, headers, body, peer, .. } = request;
        let ask = DirectAsk { verb, captures, query, headers, body, peer };
        endpoint.engine.call_direct(endpoint.found.id, ask)
    }

    fn carry_out_in(&self, txn: &mut Txn, ask: &Ask) -> Result<Reply, Fault> {
        let wrap = settle::wanted(ask)?;
        let caller = authenticate::caller(txn, ask.token.as_ref())?;
        let target = locate::target(self, txn, &ask.path)?;
        authorise::check(caller.as_ref(), target.access())?;
        if ask.verb == Verb::Help {
            return dispatch::help(&target);
        }
        let reply = dispatch::run(&target, txn, ask, caller.as_ref())?;
        settle::settle(reply, wrap)
    }
}
