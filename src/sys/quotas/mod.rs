//! `sys/quotas`: how many requests a client may make, and how many leases there may be.

mod config;
mod fields;
mod lease_count;
mod rate_limit;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::fields::{
    AUDIT, BLOCK_INTERVAL, EXEMPT, HEADERS, INTERVAL, MAX_LEASES, NAME, PATH, RATE, ROLE, TYPE,
};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::mount::store::MountStore;
use crate::pipeline::tokens::Tokens;
use crate::quota::limiter::Quotas;
use crate::quota::record::{LeaseCount, Quota, RateLimit};
use crate::quota::store;
use crate::sys::settings::Settings;

/// What these endpoints are given.
pub struct Service {
    /// Is told of changes.
    pub quotas: Arc<Quotas>,
    /// Counts leases.
    pub tokens: Arc<Tokens>,
    /// Says where a path is.
    pub mounts: Arc<MountStore>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The endpoints with their service.
pub fn engine(service: Service) -> Bound<Service> {
    Bound::new("How many requests and leases there may be.", ROUTES, service)
}

const RATE_LIMITS: &str = "Each client, an IPv4 address or an IPv6 /64, may make so many requests \
                           in each interval where the quota holds; of all quotas, the one in the \
                           narrowest place counts.";
const LEASE_COUNTS: &str = "There may be so many leases where the quota holds; a request that \
                            would make one more is refused. Of all quotas, the one in the \
                            narrowest place counts.";

const ROUTES: &[Route<Service>] = &[
    Route {
        path: "quotas/config",
        synopsis: "What is said of all rate limits together.",
        description: "A write sets all of it: what is not sent is as if it were empty.",
        fields: &[&EXEMPT.info, &AUDIT.info, &HEADERS.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read it.", config::read).stored(),
            Operation::system(Verb::Write, "Set it.", config::write),
            Operation::recover_system("Bring it back.", config::recover),
        ],
    },
    Route {
        path: "quotas/rate-limit/?",
        synopsis: "List the rate limits.",
        description: RATE_LIMITS,
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::List, "List their names.", list::<RateLimit>).stored()
        ],
    },
    Route {
        path: "quotas/rate-limit/{name}",
        synopsis: "How many requests a client may make.",
        description: RATE_LIMITS,
        fields: &[
            &NAME.info,
            &TYPE.info,
            &PATH.info,
            &ROLE.info,
            &RATE.info,
            &INTERVAL.info,
            &BLOCK_INTERVAL.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a rate limit.", rate_limit::read).stored(),
            Operation::system(Verb::Write, "Set a rate limit.", rate_limit::write),
            Operation::recover_system("Bring a rate limit back.", rate_limit::recover),
            Operation::system(Verb::Delete, "Remove a rate limit.", delete::<RateLimit>),
        ],
    },
    Route {
        path: "quotas/lease-count/?",
        synopsis: "List the lease counts.",
        description: LEASE_COUNTS,
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::List, "List their names.", list::<LeaseCount>).stored()
        ],
    },
    Route {
        path: "quotas/lease-count/{name}",
        synopsis: "How many leases there may be.",
        description: LEASE_COUNTS,
        fields: &[&NAME.info, &TYPE.info, &PATH.info, &ROLE.info, &MAX_LEASES.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a lease count.", lease_count::read).stored(),
            Operation::system(Verb::Write, "Set a lease count.", lease_count::write),
            Operation::recover_system("Bring a lease count back.", lease_count::recover),
            Operation::system(Verb::Delete, "Remove a lease count.", delete::<LeaseCount>),
        ],
    },
];

/// What is set at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    if entry == store::CONFIG {
        return Ok([("quotas/config".to_owned(), config::shown(store::config(txn)?))].into());
    }
    let mut all = set::<RateLimit>(entry, txn, rate_limit::shown)?;
    all.extend(set::<LeaseCount>(entry, txn, lease_count::shown)?);
    Ok(all)
}

fn set<Q: Quota>(
    entry: &str,
    txn: &mut Txn,
    shown: fn(&str, &Q) -> Map<String, Value>,
) -> Result<Settings, TxnError> {
    let Some(name) = store::name_at::<Q>(entry) else { return Ok(Settings::new()) };
    let quota: Option<Q> = store::read(txn, name)?;
    let told = |quota| (format!("quotas/{}/{name}", Q::KIND), shown(name, &quota));
    Ok(quota.map(told).into_iter().collect())
}

fn list<Q: Quota>(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(store::list::<Q>(call.txn)?)
}

fn delete<Q: Quota>(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    store::delete::<Q>(call.txn, fields::name(call.fields)?)?;
    service.quotas.changed(call.txn);
    Ok(Reply::nothing())
}

/// The quota that a snapshot has, in the place that its path and its role say now.
fn kept<Q: Quota>(
    service: &Service,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Result<Q, Fault> {
    let kept: Q =
        store::read(then.txn, fields::name(then.fields)?)?.ok_or_else(Fault::not_in_snapshot)?;
    let place =
        fields::place(service, call.txn, kept.place().path().as_str(), kept.place().role())?;
    Ok(kept.moved(place))
}

/// Sets a quota, unless another of its kind holds in the same place.
fn write<Q: Quota>(service: &Service, call: &mut SystemCall<'_>, quota: &Q) -> Outcome {
    let name = fields::name(call.fields)?;
    let others = store::all::<Q>(call.txn)?;
    let same = |(other, held): &&(String, Q)| other != name && held.place() == quota.place();
    if let Some((other, _)) = others.iter().find(same) {
        let text = format!("quota rule with similar properties exists under the name {other:?}");
        return Err(Fault::bad_request(text));
    }
    store::write(call.txn, name, quota)?;
    service.quotas.changed(call.txn);
    Ok(Reply::nothing())
}
