//! The way of a request: read, authenticate, locate, authorise, dispatch, settle, respond. Its
//! data is read only once it is authorised.
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

pub use self::respond::fault as refusal;

use self::locate::Endpoint;
use self::read::Data;
use crate::api::ask::{Ask, DirectAsk, Verb};
use crate::api::engine::Engine;
use crate::api::reply::{Reply, Response};
use crate::api::request::{Bound, Request};
use crate::api::route::Access;
use crate::barrier::{Barrier, txn::Txn};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::mount::config::Ttls;
use crate::mount::store::MountStore;

/// An engine of our own with the prefix that it answers under, such as `sys/`.
pub type Builtin = (&'static str, Box<dyn Engine>);

/// What answers requests.
pub struct Pipeline {
    barrier: Arc<Barrier>,
    mounts: Arc<MountStore>,
    builtins: Vec<Builtin>,
    entropy: Arc<dyn Entropy>,
    ttls: Ttls,
}

impl Pipeline {
    /// Builtins are tried in their order.
    pub fn new(
        barrier: Arc<Barrier>,
        mounts: Arc<MountStore>,
        builtins: Vec<Builtin>,
        entropy: Arc<dyn Entropy>,
        ttls: Ttls,
    ) -> Self {
        Self { barrier, mounts, builtins, entropy, ttls }
    }

    /// Carries a request out.
    pub fn answer(&self, request: Request) -> Response {
        match self.carry_out(request) {
            Ok(reply) => respond::reply(reply, &self.entropy.uuid()),
            Err(fault) => respond::fault(&fault),
        }
    }

    fn carry_out(&self, mut request: Request) -> Result<Reply, Fault> {
        let (verb, path) = read::verb(&request)?;
        if let Some(endpoint) = locate::direct(&self.builtins, verb, &path) {
            return self.carry_out_direct(request, verb, &endpoint);
        }
        let wrap = settle::wanted(&request);
        let peer = std::mem::take(&mut request.peer);
        let ask = Ask { verb, path, token: request.token.take(), peer };
        let mut data = Data::of(verb, request);
        let Some(unsealed) = self.barrier.unsealed() else { return Err(data.refuse_sealed()) };
        let wrap = wrap?;
        unsealed.transact(|txn| {
            let reply = self.carry_out_in(txn, &ask, &mut data)?;
            settle::settle(reply, wrap)
        })
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
            (Access::Sealed, _) => request.body.check(Bound::ANYBODY)?,
            (Access::SudoUnlessSealed, None) => {}
            (_, None) => return Err(Fault::sealed()),
            (access, Some(unsealed)) => {
                unsealed.transact(|txn| {
                    let caller = authenticate::caller(txn, request.token.as_ref())?;
                    authorise::check(caller.as_ref(), access)
                })?;
                settle::wanted(&request)?.refuse()?;
            }
        }
        if !supported {
            return Err(Fault::unsupported_operation());
        }
        let Request { query, body, .. } = request;
        let path = endpoint.below.to_owned();
        endpoint.engine.call_direct(endpoint.found.id, DirectAsk { verb, path, query, body })
    }

    fn carry_out_in(&self, txn: &mut Txn, ask: &Ask, data: &mut Data) -> Result<Reply, Fault> {
        let caller = authenticate::caller(txn, ask.token.as_ref())?;
        let target = locate::target(self, txn, &ask.path)?;
        authorise::check(caller.as_ref(), target.access())?;
        if ask.verb == Verb::Help {
            return dispatch::help(&self.builtins, &target, &ask.path);
        }
        dispatch::run(&target, txn, ask, data.get()?, caller.as_ref())
    }
}
