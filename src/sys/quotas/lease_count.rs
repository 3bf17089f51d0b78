//! `sys/quotas/lease-count`.

use serde_json::{Map, Value};

use super::Service;
use super::fields::{self, MAX_LEASES};
use crate::api::call::SystemCall;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::quota::record::{LeaseCount, Quota};
use crate::quota::store;

pub fn read(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = fields::name(call.fields)?;
    let count: LeaseCount = store::read(call.txn, name)?.ok_or_else(Fault::not_found)?;
    let mut shown = shown(name, &count);
    // How many there were then is counted nowhere.
    if !call.is_past() {
        let counter = service.tokens.lease_count(call.txn, name)?;
        shown.insert("counter".to_owned(), counter.into());
    }
    Ok(Reply::data(shown))
}

/// As it is shown.
pub fn shown(name: &str, count: &LeaseCount) -> Map<String, Value> {
    object([
        ("name", name.into()),
        ("type", LeaseCount::KIND.into()),
        ("path", count.place.path().into()),
        ("role", count.place.role().into()),
        ("max_leases", count.max_leases.into()),
    ])
}

pub fn write(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let most = call.fields.get(&MAX_LEASES).copied().unwrap_or_default();
    let max_leases = u64::try_from(most).ok().filter(|most| *most > 0);
    let max_leases = max_leases.ok_or_else(|| Fault::bad_request("'max_leases' is invalid"))?;
    let place = fields::sent_place(service, call)?;
    super::write(service, call, &LeaseCount { place, max_leases })
}

pub fn recover(service: &Service, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let count: LeaseCount = super::kept(service, call, then)?;
    super::write(service, call, &count)
}
