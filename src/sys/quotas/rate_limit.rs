//! `sys/quotas/rate-limit`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Service;
use super::fields::{self, BLOCK_INTERVAL, INTERVAL, RATE};
use crate::api::call::SystemCall;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::quota::record::{Quota, RateLimit};
use crate::quota::store;

pub fn read(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = fields::name(call.fields)?;
    let limit: RateLimit = store::read(call.txn, name)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(shown(name, &limit)))
}

/// As it is shown.
pub fn shown(name: &str, limit: &RateLimit) -> Map<String, Value> {
    object([
        ("name", name.into()),
        ("type", RateLimit::KIND.into()),
        ("path", limit.place.path().into()),
        ("role", limit.place.role().into()),
        ("rate", number(limit.rate)),
        ("interval", limit.interval.as_secs().into()),
        ("block_interval", limit.block_interval.as_secs().into()),
    ])
}

pub fn write(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let rate = call.fields.get(&RATE).copied().unwrap_or_default();
    if !rate.is_finite() || rate <= 0.0 {
        return Err(Fault::bad_request("'rate' is invalid"));
    }
    let span = |field: &Field<Duration>| call.fields.get(field).copied().unwrap_or(Duration::ZERO);
    let interval = match span(&INTERVAL) {
        Duration::ZERO => Duration::from_secs(1),
        interval => interval,
    };
    let block_interval = span(&BLOCK_INTERVAL);
    let place = fields::sent_place(service, call)?;
    let id = new_id(service);
    super::write(service, call, &RateLimit { id, place, rate, interval, block_interval })
}

pub fn recover(service: &Service, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let limit: RateLimit = super::kept(service, call, then)?;
    super::write(service, call, &RateLimit { id: new_id(service), ..limit })
}

fn new_id(service: &Service) -> u64 {
    u64::from_le_bytes(service.entropy.bytes())
}

/// A number as Go writes it in JSON: whole ones without a point.
fn number(number: f64) -> Value {
    /// Up to here every whole number is one of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        return (number as i64).into();
    }
    number.into()
}
