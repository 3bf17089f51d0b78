//! `metadata/`: what is known of a secret beside its values.

use std::time::Duration;

use serde_json::{Map, Value};

use super::custom;
use super::fields::{CAS_REQUIRED, DELETE_AFTER, PATH, max_versions};
use super::record::{Config, Metadata};
use super::secret::{Place, Secret, nothing_to_patch};
use crate::api::call::Call;
use crate::api::field::Fields;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let secret = Secret::of(call)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(show(&secret.metadata)))
}

pub fn write(_: &(), call: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let change = Change::read(call.fields, custom::replace)?;
    if change.is_empty() {
        return Ok(Reply::nothing());
    }
    let now = call.scope.now();
    let secret = Secret::load(&mut call.scope, place)?;
    change.make(call, secret.unwrap_or_else(|| Secret::new(place, now)))
}

pub fn patch(_: &(), call: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let change = Change::read(call.fields, custom::merge)?;
    match Secret::load(&mut call.scope, place)? {
        None => Ok(nothing_to_patch()),
        Some(_) if change.is_empty() => Ok(Reply::nothing()),
        Some(secret) => change.make(call, secret),
    }
}

pub fn delete(_: &(), call: &mut Call<'_>) -> Outcome {
    if let Some(secret) = Secret::of(call)? {
        secret.remove(&mut call.scope)?;
    }
    Ok(Reply::nothing())
}

pub fn list(_: &(), call: &mut Call<'_>) -> Outcome {
    let mut names = call.scope.list(call.fields.need(&PATH)?)?;
    // The entry without a name is the mount's configuration.
    names.retain(|name| !name.is_empty());
    Reply::list(names)
}

/// What a write or a patch changes; what was not sent stays.
struct Change {
    max_versions: Option<u32>,
    cas_required: Option<bool>,
    delete_after: Option<Duration>,
    custom: Option<custom::Change>,
}

impl Change {
    fn read(fields: &Fields<'_>, custom: custom::Reader) -> Result<Self, Fault> {
        Ok(Self {
            max_versions: max_versions(fields)?,
            cas_required: fields.get(&CAS_REQUIRED).copied(),
            delete_after: fields.get(&DELETE_AFTER).copied(),
            custom: custom::sent(fields, custom)?,
        })
    }

    fn is_empty(&self) -> bool {
        let Self { max_versions, cas_required, delete_after, custom } = self;
        max_versions.is_none()
            && cas_required.is_none()
            && delete_after.is_none()
            && custom.is_none()
    }

    fn make(self, call: &mut Call<'_>, mut secret: Secret<'_>) -> Outcome {
        let mut reply = Reply::nothing();
        let metadata = &mut secret.metadata;
        if let Some(sent) = self.max_versions {
            metadata.max_versions = sent;
        }
        if let Some(sent) = self.cas_required {
            metadata.cas_required = sent;
            if !sent && Config::load(&mut call.scope)?.cas_required {
                reply = reply.warn(
                    "\"cas_required\" set to false, but is mandated by backend config. This value \
                     will be ignored.",
                );
            }
        }
        if let Some(sent) = self.delete_after {
            metadata.delete_after = sent;
        }
        if let Some(sent) = self.custom {
            sent.make(&mut metadata.custom);
        }
        metadata.updated = call.scope.now();
        secret.save(&mut call.scope)?;
        Ok(reply)
    }
}

/// What a read answers.
pub fn show(metadata: &Metadata) -> Map<String, Value> {
    let shown = |time: Timestamp| Value::from(time.rfc3339());
    let versions: Map<String, Value> = metadata
        .versions
        .iter()
        .map(|(number, version)| (number.to_string(), version.show().into()))
        .collect();
    object([
        ("cas_required", metadata.cas_required.into()),
        ("created_time", shown(metadata.created)),
        ("current_version", metadata.current.into()),
        ("custom_metadata", metadata.show_custom()),
        ("delete_version_after", Ttl::from(metadata.delete_after).to_string().into()),
        ("max_versions", metadata.max_versions.into()),
        ("oldest_version", metadata.oldest.into()),
        ("updated_time", shown(metadata.updated)),
        ("versions", versions.into()),
    ])
}
