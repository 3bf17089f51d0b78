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

use crate::api::ask::{Ask, DirectAsk, Verb};
use crate::api::engine::{Engine, Form};
use crate::api::reply::{Reply, Response};
use crate::api::request::Request;
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
        if let Some(endpoint) = locate::builtin(&self.builtins, &path)
            && endpoint.is_direct(verb)
        {
            return self.carry_out_direct(request, verb, &path);
        }
        let ask = read::ask(request, request_id.to_owned())?;
        let unsealed = self.barrier.unsealed().ok_or_else(Fault::sealed)?;
        unsealed.transact(|txn| self.carry_out_in(txn, &ask))
    }

    /// What streams or works while sealed: its rights are checked in a transaction of their own.
    fn carry_out_direct(&self, request: Request, verb: Verb, path: &str) -> Result<Reply, Fault> {
        let endpoint = locate::builtin(&self.builtins, path).ok_or_else(Fault::not_found)?;
        if endpoint.needs_token() {
            let unsealed = self.barrier.unsealed().ok_or_else(Fault::sealed)?;
            unsealed.transact(|txn| {
                let caller = authenticate::caller(txn, request.token.as_ref())?;
                authorise::check(caller.as_ref(), endpoint.found.access)
            })?;
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

/// Whether an operation is called without a transaction.
fn is_direct(engine: &dyn Engine, id: crate::api::engine::RouteId, verb: Verb) -> bool {
    // A route is direct as a whole: the verbs that it lacks are refused there, too.
    let verbs = [Verb::Read, Verb::Write, Verb::List, Verb::Delete, Verb::Patch];
    let form = |verb| engine.operation(id, verb).map(|(form, _)| form);
    form(verb).map_or_else(|| verbs.into_iter().find_map(form), Some) == Some(Form::Direct)
}
