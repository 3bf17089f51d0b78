//! `data/`: reads versions and makes them.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::{CAS, DATA, OPTIONS, VERSION};
use super::record::{Config, Metadata};
use super::secret::{Place, Secret, nothing_to_patch, version_reply};
use crate::api::call::Call;
use crate::api::convert::convert;
use crate::api::field::{Converted, Fields};
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::merge_patch;

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let number = call.fields.get(&VERSION).copied().unwrap_or(0);
    version_reply(call, number, "data", |value| value.map_or(Value::Null, Value::Object))
}

pub fn write(_: &(), call: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let value = call.fields.get(&DATA).ok_or_else(no_data)?;
    let scope = &mut call.scope;
    let config = Config::load(scope)?;
    let secret = match Secret::load(scope, place)? {
        Some(secret) => secret,
        None => Secret::new(place, scope.now()),
    };
    check_and_set(call.fields, &config, &secret.metadata)?;
    secret.add_version(scope, &config, value)
}

pub fn patch(_: &(), call: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let patch = call.fields.get(&DATA).flatten().ok_or_else(no_data)?;
    let scope = &mut call.scope;
    let Some(secret) = Secret::load(scope, place)? else { return Ok(nothing_to_patch()) };
    let config = Config::load(scope)?;
    check_and_set(call.fields, &config, &secret.metadata)?;
    let Some((number, version)) = secret.metadata.version(0) else {
        return Ok(nothing_to_patch());
    };
    if version.is_gone(scope.expiry_now()) {
        return Ok(Reply::data(secret.metadata.show_version(number, version)).with_status(404));
    }
    let mut value = secret.value(scope, number)?.unwrap_or_default();
    merge_patch::apply(&mut value, patch);
    secret.add_version(scope, &config, Some(&value))
}

pub fn delete(_: &(), call: &mut Call<'_>) -> Outcome {
    if let Some(mut secret) = Secret::of(call)? {
        let latest = secret.metadata.current;
        secret.metadata.delete_version(latest, call.scope.expiry_now());
        secret.save(&mut call.scope)?;
    }
    Ok(Reply::nothing())
}

/// Nothing is there to be written.
pub fn no_data() -> Fault {
    Fault::bad_request("no data provided")
}

/// Refuses a write that was meant for another latest version, or that does not say for which.
fn check_and_set(fields: &Fields<'_>, config: &Config, metadata: &Metadata) -> Result<(), Fault> {
    let options = fields.get(&OPTIONS).flatten();
    let Some(sent) = options.and_then(|options| options.get(CAS.info.name)) else {
        if config.cas_required || metadata.cas_required {
            return Err(Fault::bad_request("check-and-set parameter required for this call"));
        }
        return Ok(());
    };
    match convert(&CAS.info, Cow::Borrowed(sent)) {
        Ok(Some(Converted::Int(wanted))) if u64::try_from(wanted) == Ok(metadata.current) => Ok(()),
        Ok(_) => {
            Err(Fault::bad_request("check-and-set parameter did not match the current version"))
        }
        Err(_) => Err(Fault::bad_request("error parsing check-and-set parameter")),
    }
}
