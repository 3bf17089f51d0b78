//! Whether a request is within the limits that it meets, which is asked before anything else is
//! done for it. One that is not is audited only where that is configured.

use std::sync::Arc;

use super::Pipeline;
use super::flights::Flight;
use super::locate::{self, Target};
use super::read::{self, Data};
use super::trail::Trail;
use super::way::Way;
use crate::api::ask::{Ask, Verb};
use crate::api::call::Call;
use crate::api::request::{Bound, Request};
use crate::api::route::Access;
use crate::barrier::Unsealed;
use crate::base::fault::Fault;
use crate::quota::limiter::Standing;

/// What is known of a request and the limit for those that need no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is not counted yet.
    Open,
    /// It was counted, however often it is run from now on.
    Within,
    /// It was one too many.
    Over,
}

impl Pipeline {
    /// Counts a request against the quota that it meets. What is limited is not known while the
    /// server is sealed.
    pub(super) fn admit(&self, ask: &Ask, request: &Request) -> Result<Standing, Fault> {
        let Some(unsealed) = self.barrier.unsealed() else { return Ok(Standing::new()) };
        let role = match self.quotas.want_role(&unsealed, &ask.path)? {
            true => self.role(&unsealed, ask, request)?,
            false => None,
        };
        self.quotas.admit(&unsealed, &ask.path, role.as_deref(), &ask.peer)
    }

    /// Counts a request that needs no token, and bounds what it may send.
    pub(super) fn admit_stranger(
        &self,
        way: &mut Way,
        access: Access,
        slow: bool,
    ) -> Result<(), Fault> {
        // A token that is sent there must be a good one.
        let known = access == Access::Guest && way.ask.token.is_some();
        if way.admission != Admission::Open || !access.is_open() || known {
            return Ok(());
        }
        let counted = self.quotas.admit_stranger(&way.ask.path, slow, &way.ask.peer);
        way.admission = match counted {
            Ok(()) => Admission::Within,
            Err(_) => Admission::Over,
        };
        if counted.is_err() && !self.quotas.audit_refusals() {
            way.trail = None;
        }
        counted?;
        way.data.check(Bound::ANYBODY)
    }

    /// Refuses a request before its transaction.
    pub(super) fn refuse(
        &self,
        flight: &Flight,
        ask: &Ask,
        request: Request,
        fault: Fault,
    ) -> Fault {
        if self.quotas.audit_refusals()
            && let Err(error) = self.tell_refused(flight, ask, request, &fault)
        {
            log::warn!("a request over its limit is not in the audit log: {error}");
        }
        fault
    }

    fn tell_refused(
        &self,
        flight: &Flight,
        ask: &Ask,
        request: Request,
        fault: &Fault,
    ) -> Result<(), Fault> {
        let Some(unsealed) = self.barrier.unsealed() else { return Ok(()) };
        let Some(devices) = self.audit.devices(&unsealed)? else { return Ok(()) };
        let mut trail = Trail::new(&unsealed, Some(devices), ask);
        let mut data = Data::of(ask.verb, request, flight.share.clone());
        let mounts = &self.tokens.mounts;
        unsealed.transact(|txn| trail.look(txn, &self.audit, mounts, data.headers()))?;
        trail.tell(data.told(true)?, Some(fault))
    }

    /// The role that a login is made as; `None` where it is no login, or a wrong one.
    fn role(
        &self,
        unsealed: &Arc<Unsealed>,
        ask: &Ask,
        request: &Request,
    ) -> Result<Option<String>, Fault> {
        let Some(data) = read::ahead(request).filter(|_| ask.verb == Verb::Write) else {
            return Ok(None);
        };
        let mut txn = unsealed.begin()?;
        let target = locate::target(self, &mut txn, &ask.path)?;
        let Target::Mounted { view, id, engine, found: Some(found), below } = &target else {
            return Ok(None);
        };
        let Ok(fields) = engine.fields(found, ask.verb, &data) else { return Ok(None) };
        engine.role(
            found.id,
            &mut Call {
                ask,
                data: &data,
                path: below,
                fields: &fields,
                mount: view,
                caller: None,
                done: None,
                scope: txn.scope(*id),
            },
        )
    }
}
