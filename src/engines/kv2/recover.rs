//! What a loaded snapshot has is brought back: by `data/` the value of a version, which becomes a
//! new version of the secret as it is now; by `metadata/` the secret as it was, with all that was
//! known of it and all of its versions, in the place of what is there now; by `config` the mount's
//! settings.

use super::data::no_data;
use super::fields::VERSION;
use super::record::{Config, Metadata};
use super::secret::{Place, Secret};
use crate::api::call::Call;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::base::fault::Fault;

/// Makes a version of the one that was the latest, or of the one that is named. A check-and-set
/// is not asked for: what is there now stays, as a version before.
pub fn value(_: &(), call: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let number = then.fields.get(&VERSION).copied().unwrap_or(0);
    let old = Secret::of(then)?.ok_or_else(Fault::not_in_snapshot)?;
    let (number, version) = old.metadata.version(number).ok_or_else(Fault::not_in_snapshot)?;
    if version.is_gone(then.scope.expiry_now()) {
        return Err(Fault::new(404, "the snapshot has that version as deleted or destroyed"));
    }
    let value = old.value(&mut then.scope, number)?.ok_or_else(no_data)?;
    let scope = &mut call.scope;
    let config = Config::load(scope)?;
    let secret = match Secret::load(scope, place)? {
        Some(secret) => secret,
        None => Secret::new(place, scope.now()),
    };
    secret.add_version(scope, &config, Some(&value))
}

/// Puts the secret as it was in the place of what is there now.
pub fn secret(_: &(), call: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let old = Secret::of(then)?.ok_or_else(Fault::not_in_snapshot)?;
    let standing = Secret::load(&mut call.scope, place)?;
    let lost = standing.as_ref().map_or(0, |now| newer(&now.metadata, &old.metadata));
    if let Some(secret) = standing {
        secret.remove(&mut call.scope)?;
    }
    old.copy(&mut then.scope, &mut call.scope, place)?;
    Ok(match lost {
        0 => Reply::nothing(),
        1 => Reply::nothing().warn("a version that was made since the snapshot is gone"),
        _ => Reply::nothing()
            .warn(format!("{lost} versions that were made since the snapshot are gone")),
    })
}

/// Puts the settings as they were in the place of those that hold now. When the mount was upgraded
/// is no setting.
pub fn config(_: &(), call: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
    let standing = Config::load(&mut call.scope)?;
    let old = Config::load(&mut then.scope)?;
    Config { upgraded: standing.upgraded, ..old }.store(&mut call.scope)?;
    Ok(Reply::nothing())
}

/// How many of the present versions the secret of then does not have.
fn newer(now: &Metadata, then: &Metadata) -> usize {
    let is_same = |number: &u64, created| {
        then.versions.get(number).is_some_and(|version| version.created == created)
    };
    now.versions.iter().filter(|(number, version)| !is_same(number, version.created)).count()
}
