//! `sys/quotas/config`.

use serde_json::{Map, Value};

use super::Service;
use super::fields::{AUDIT, EXEMPT, HEADERS};
use crate::api::call::SystemCall;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::quota::record::Config;
use crate::quota::store;

pub fn read(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(shown(store::config(call.txn)?)))
}

/// As it is shown.
pub fn shown(Config { audit, headers, exempt }: Config) -> Map<String, Value> {
    object([
        (AUDIT.info.name, audit.into()),
        (HEADERS.info.name, headers.into()),
        (EXEMPT.info.name, exempt.into()),
    ])
}

pub fn write(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let flag = |field: &Field<bool>| call.fields.get(field).copied().unwrap_or_default();
    let exempt = call.fields.get(&EXEMPT).cloned().unwrap_or_default();
    set(service, call, &Config { audit: flag(&AUDIT), headers: flag(&HEADERS), exempt })
}

/// Sets it as it was, also where nothing was set.
pub fn recover(service: &Service, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    set(service, call, &store::config(then.txn)?)
}

fn set(service: &Service, call: &mut SystemCall<'_>, config: &Config) -> Outcome {
    store::set_config(call.txn, config)?;
    service.quotas.changed(call.txn);
    Ok(Reply::nothing())
}
