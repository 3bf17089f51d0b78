//! `config`: what holds for all secrets of the mount.

use super::fields::{CAS_REQUIRED, MOUNT_DELETE_AFTER, max_versions};
use super::record::{Config, MountDeleteAfter};
use crate::api::call::Call;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let config = Config::load(&mut call.scope)?;
    Ok(Reply::data(object([
        ("cas_required", config.cas_required.into()),
        ("delete_version_after", config.delete_after.shown().into()),
        ("max_versions", config.max_versions.into()),
    ])))
}

pub fn write(_: &(), call: &mut Call<'_>) -> Outcome {
    let mut config = Config::load(&mut call.scope)?;
    if let Some(sent) = max_versions(call.fields)? {
        config.max_versions = sent;
    }
    if let Some(sent) = call.fields.get(&CAS_REQUIRED) {
        config.cas_required = *sent;
    }
    if let Some(sent) = call.fields.get(&MOUNT_DELETE_AFTER) {
        config.delete_after = MountDeleteAfter::from(*sent);
    }
    config.store(&mut call.scope)?;
    Ok(Reply::nothing())
}
