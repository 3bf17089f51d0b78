//! `sys/leases`, and its older paths `sys/renew` and `sys/revoke`: what lasts for a while only.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::Barrier;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::lease::store as leases;
use crate::pipeline::revoke::{holder, revoke_below, revoke_lease};
use crate::pipeline::tokens::{Found, Tokens};

/// What these endpoints are given.
pub struct Leases {
    /// The life of tokens.
    pub tokens: Arc<Tokens>,
    /// For what takes several transactions.
    pub barrier: Arc<Barrier>,
}

/// The endpoints with their service.
pub fn engine(service: Leases) -> Bound<Leases> {
    Bound::new("What lasts for a while only.", ROUTES, service)
}

const LEASE_ID: Field<String> = Field::new("lease_id", "The lease.");
const URL_LEASE_ID: Field<String> = Field::new("url_lease_id", "The lease.");
const PREFIX: Field<String> = Field::new("prefix", "The path below which the leases are.");
const INCREMENT: Field<Duration> = Field::new("increment", "How long it is to last from now.");
const SYNC: Field<bool> =
    Field::new("sync", "Whether to answer 204 rather than 202; it is done by then either way.");
const TYPE: Field<String> = Field::new("type", "Only `irrevocable` is known.");
const LIMIT: Field<String> = Field::new("limit", "How many to list, or none.");

const BY_ID: &[&FieldInfo] = &[&LEASE_ID.info, &URL_LEASE_ID.info, &INCREMENT.info, &SYNC.info];

const LIST: &[Operation<Leases>] = &[Operation::system(Verb::List, "List leases.", list)];
const RENEW: &[Operation<Leases>] = &[Operation::system(Verb::Write, "Renew a lease.", renew)];
const REVOKE: &[Operation<Leases>] =
    &[Operation::system(Verb::Write, "Revoke a lease.", revoke).essential()];
const BELOW: &[Operation<Leases>] = &[Operation::direct(
    Verb::Write,
    "Revoke all below a path, some hundred at a time: where that is cut short before it is \
     answered, some are revoked and others are not. Send it again.",
    revoke_all,
)
.essential()];

const ROUTES: &[Route<Leases>] = &[
    route(
        "leases/lookup",
        Access::Policy,
        &[&LEASE_ID.info],
        &[Operation::system(Verb::Write, "Look at a lease.", lookup)],
    ),
    route("leases/lookup/{prefix..}", Access::Sudo, &[&PREFIX.info], LIST),
    route("leases/renew", Access::Policy, BY_ID, RENEW),
    route("leases/renew/{url_lease_id..}", Access::Policy, BY_ID, RENEW),
    route("renew", Access::Policy, BY_ID, RENEW),
    route("renew/{url_lease_id..}", Access::Policy, BY_ID, RENEW),
    route("leases/revoke", Access::Policy, BY_ID, REVOKE),
    route("leases/revoke/{url_lease_id..}", Access::Policy, BY_ID, REVOKE),
    route("revoke", Access::Policy, BY_ID, REVOKE),
    route("revoke/{url_lease_id..}", Access::Policy, BY_ID, REVOKE),
    route("leases/revoke-prefix/{prefix..}", Access::Sudo, &[&PREFIX.info, &SYNC.info], BELOW),
    route("revoke-prefix/{prefix..}", Access::Sudo, &[&PREFIX.info, &SYNC.info], BELOW),
    route("leases/revoke-force/{prefix..}", Access::Sudo, &[&PREFIX.info, &SYNC.info], BELOW),
    route("revoke-force/{prefix..}", Access::Sudo, &[&PREFIX.info, &SYNC.info], BELOW),
    route(
        "leases/tidy",
        Access::Policy,
        &[],
        &[Operation::system(
            Verb::Write,
            "Taken, and never needed: nothing is left to tidy.",
            tidy,
        )],
    ),
    route(
        "leases/count",
        Access::Policy,
        &[&TYPE.info],
        &[Operation::system(Verb::Read, "How many leases cannot be revoked.", count)],
    ),
    route(
        "leases",
        Access::Sudo,
        &[&TYPE.info, &LIMIT.info],
        &[Operation::system(Verb::Read, "The leases that cannot be revoked.", irrevocable)],
    ),
];

const fn route(
    path: &'static str,
    access: Access,
    fields: &'static [&'static FieldInfo],
    operations: &'static [Operation<Leases>],
) -> Route<Leases> {
    let synopsis = "Look at, renew and revoke what lasts for a while only.";
    let description = "A lease is named by the path that it comes from. That of a token is ended \
                       here, but renewed at auth/token.";
    Route { path, synopsis, description, fields, access, operations }
}

fn lookup(service: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    let id = sent_id(call)?;
    let found =
        alive(service, call.txn, &id)?.ok_or_else(|| Fault::bad_request("invalid lease"))?;
    let life = &found.token.life;
    let now = call.txn.expiry_now();
    let left = life.expires.map_or(0, |end| end.since(now).as_secs());
    Ok(Reply::data(object([
        ("expire_time", life.expires.map(Timestamp::rfc3339).into()),
        ("id", id.into()),
        ("issue_time", life.created.rfc3339().into()),
        ("last_renewal", life.renewed.map(Timestamp::rfc3339).into()),
        ("renewable", life.renewable.into()),
        ("ttl", left.into()),
    ])))
}

fn list(service: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    let prefix = call.fields.need(&PREFIX)?.trim_matches('/').to_owned();
    let mut living = service.tokens.living(call.txn)?;
    let mut names = Vec::new();
    for name in leases::list(call.txn, &prefix)? {
        let id = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if name.ends_with('/') || living.has_lease(call.txn, &id)? {
            names.push(name);
        }
    }
    Reply::list(names)
}

fn renew(service: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    let id = sent_id(call)?;
    Err(Fault::bad_request(match alive(service, call.txn, &id)? {
        Some(_) => "tokens cannot be renewed through this endpoint",
        None => "lease not found",
    }))
}

fn revoke(service: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    let id = sent_id(call)?;
    revoke_lease(&service.tokens, call.txn, &id)?;
    Ok(done(call.fields.get(&SYNC).copied()))
}

fn revoke_all(service: &Leases, ask: DirectAsk) -> Outcome {
    let fields = ask.fields(&[&SYNC.info])?;
    // `leases/revoke-prefix/PATH` and `revoke-prefix/PATH`.
    let below = ask.path.strip_prefix("leases/").unwrap_or(&ask.path);
    let path = below.split_once('/').map_or("", |(_, path)| path);
    let unsealed = service.barrier.unsealed().ok_or_else(Fault::sealed)?;
    revoke_below(&service.tokens, &unsealed, path)?;
    Ok(done(fields.get(&SYNC).copied()))
}

fn done(sync: Option<bool>) -> Reply {
    match sync {
        Some(false) => Reply::nothing().with_status(202),
        _ => Reply::nothing(),
    }
}

/// Vault looks for leases without a token. There are none here: a token and its lease are made and
/// removed by one change. What is over is removed in the background, within seconds.
fn tidy(_: &Leases, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::tidying())
}

fn count(_: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    asks_irrevocable(call)?;
    Ok(Reply::data(object([("counts", json!({})), ("lease_count", 0.into())])))
}

fn irrevocable(_: &Leases, call: &mut SystemCall<'_>) -> Outcome {
    asks_irrevocable(call)?;
    let limit = call.fields.get(&LIMIT).map_or("none", String::as_str);
    if limit != "none" && limit.parse::<u32>().ok().is_none_or(|limit| limit == 0) {
        return Err(Fault::listed(400, "limit must be 'none' or a positive integer"));
    }
    Ok(Reply::data(object([("lease_count", 0.into()), ("leases", Value::Array(Vec::new()))])))
}

/// Vault counts and lists only leases whose revocation failed. There is none whose revocation can
/// fail here: it is one change of the store.
fn asks_irrevocable(call: &SystemCall<'_>) -> Result<(), Fault> {
    match call.fields.get(&TYPE).map(String::as_str) {
        Some("irrevocable") => Ok(()),
        _ => Err(Fault::not_found()),
    }
}

fn sent_id(call: &SystemCall<'_>) -> Result<String, Fault> {
    let sent = [&LEASE_ID, &URL_LEASE_ID].into_iter().find_map(|field| call.fields.get(field));
    let id = sent.filter(|id| !id.is_empty());
    id.cloned().ok_or_else(|| Fault::bad_request("lease_id must be specified"))
}

/// The token of a lease, if it is alive.
fn alive(service: &Leases, txn: &mut Txn, id: &str) -> Result<Option<Found>, TxnError> {
    let Some(found) = holder(txn, id)? else { return Ok(None) };
    Ok(service.tokens.is_alive(txn, &found.token)?.then_some(found))
}
