//! `delete/`, `undelete/` and `destroy/`: what becomes of single versions.

use super::fields::VERSIONS;
use super::record::Config;
use super::secret::Secret;
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::reply::Reply;
use crate::api::route::{Operation, Outcome};
use crate::base::fault::Fault;

pub const DELETE: &[Operation<()>] =
    &[Operation::new(Verb::Write, "Deletes the versions.", delete).essential()];

pub const UNDELETE: &[Operation<()>] =
    &[Operation::new(Verb::Write, "Brings the versions back.", undelete)];

pub const DESTROY: &[Operation<()>] =
    &[Operation::new(Verb::Write, "Removes the versions for good.", destroy).essential()];

fn delete(_: &(), call: &mut Call<'_>) -> Outcome {
    let numbers = numbers(call, "No version number provided")?;
    let Some(mut secret) = Secret::of(call)? else { return Ok(Reply::nothing()) };
    for number in numbers {
        secret.metadata.delete_version(number, call.scope.expiry_now());
    }
    secret.save(&mut call.scope)?;
    Ok(Reply::nothing())
}

fn undelete(_: &(), call: &mut Call<'_>) -> Outcome {
    let numbers = numbers(call, "No version number provided")?;
    let Some(mut secret) = Secret::of(call)? else { return Ok(Reply::nothing()) };
    let config = Config::load(&mut call.scope)?;
    for number in numbers {
        secret.metadata.undelete_version(number, &config, call.scope.now());
    }
    secret.save(&mut call.scope)?;
    Ok(Reply::nothing())
}

fn destroy(_: &(), call: &mut Call<'_>) -> Outcome {
    let numbers = numbers(call, "no version number provided")?;
    let Some(mut secret) = Secret::of(call)? else { return Ok(Reply::nothing()) };
    for number in numbers {
        secret.destroy(&mut call.scope, number)?;
    }
    secret.save(&mut call.scope)?;
    Ok(Reply::nothing())
}

/// The versions that are meant; numbers that no version can have are passed over.
fn numbers(call: &Call<'_>, when_none: &'static str) -> Result<Vec<u64>, Fault> {
    match call.fields.get(&VERSIONS) {
        Some(sent) if !sent.is_empty() => {
            Ok(sent.iter().filter_map(|number| u64::try_from(*number).ok()).collect())
        }
        _ => Err(Fault::bad_request(when_none)),
    }
}
