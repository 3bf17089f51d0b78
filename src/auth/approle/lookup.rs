//! What is known of secret ids, and their end before their time: by themselves or by accessor.

use serde_json::{Map, Value};

use super::fields::{SECRET_ID, SECRET_ID_ACCESSOR};
use super::issue::no_role;
use super::role::{Role, name};
use super::secret_id::{self, Place, SecretId};
use crate::api::call::Call;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::cidr::Cidr;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::golang::quote;

/// How Go's zero time is shown.
const NEVER: &str = "0001-01-01T00:00:00Z";

pub fn list(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let role = Role::load(&mut call.scope, &name)?;
    let role = role.ok_or_else(|| Fault::bad_request(no_role(&name)))?;
    Reply::list(secret_id::accessors(&mut call.scope, role.drawer)?)
}

pub fn look_up(_: &(), call: &mut Call<'_>) -> Outcome {
    let (role, secret_id) = asked(call, &SECRET_ID)?;
    let place = Place::of(&call.scope, role.drawer, secret_id);
    shown(SecretId::load(&mut call.scope, &place)?)
}

pub fn destroy(_: &(), call: &mut Call<'_>) -> Outcome {
    let (role, secret_id) = asked(call, &SECRET_ID)?;
    let place = Place::of(&call.scope, role.drawer, secret_id);
    if let Some(id) = SecretId::load(&mut call.scope, &place)? {
        id.remove(&mut call.scope, &place)?;
    }
    Ok(Reply::nothing())
}

pub fn look_up_accessor(_: &(), call: &mut Call<'_>) -> Outcome {
    let (role, accessor) = asked(call, &SECRET_ID_ACCESSOR)?;
    match by_accessor(call, accessor)? {
        Some((place, id)) if place.drawer == role.drawer => shown(Some(id)),
        Some(_) => Ok(Reply::nothing()),
        None => {
            let error = object([("error", no_accessor(accessor).into())]);
            Ok(Reply::data(error).with_status(404))
        }
    }
}

pub fn destroy_accessor(_: &(), call: &mut Call<'_>) -> Outcome {
    let (role, accessor) = asked(call, &SECRET_ID_ACCESSOR)?;
    match by_accessor(call, accessor)? {
        Some((place, id)) if place.drawer == role.drawer => {
            id.remove(&mut call.scope, &place)?;
            Ok(Reply::nothing())
        }
        Some(_) => Err(Fault::new(403, "invalid secret id accessor")),
        None => Err(Fault::listed(500, &no_accessor(accessor))),
    }
}

/// The role that a request is about, and the secret id or accessor.
fn asked<'a>(call: &mut Call<'a>, field: &Field<String>) -> Result<(Role, &'a str), Fault> {
    let name = name(call)?;
    let sent = call.fields.get(field).filter(|sent| !sent.is_empty());
    let sent = sent.ok_or_else(|| Fault::bad_request(format!("missing {}", field.info.name)))?;
    match Role::load(&mut call.scope, &name)? {
        Some(role) => Ok((role, sent)),
        None => Err(Fault::listed(500, &no_role(&name))),
    }
}

fn by_accessor(call: &mut Call<'_>, accessor: &str) -> Result<Option<(Place, SecretId)>, Fault> {
    let Some(place) = Place::by_accessor(&mut call.scope, accessor)? else { return Ok(None) };
    let id = SecretId::load(&mut call.scope, &place)?;
    Ok(id.map(|id| (place, id)))
}

fn no_accessor(accessor: &str) -> String {
    format!("failed to find accessor entry for secret_id_accessor: {}", quote(accessor))
}

fn shown(id: Option<SecretId>) -> Outcome {
    let Some(id) = id else { return Ok(Reply::nothing()) };
    let blocks = |cidrs: &[Cidr]| cidrs.iter().map(Cidr::to_block).collect::<Value>();
    let metadata: Map<String, Value> =
        id.metadata.into_iter().map(|(key, value)| (key, value.into())).collect();
    Ok(Reply::data(object([
        ("cidr_list", blocks(&id.cidrs)),
        ("creation_time", id.created.rfc3339().into()),
        ("expiration_time", id.ends.map_or_else(|| NEVER.to_owned(), Timestamp::rfc3339).into()),
        ("last_updated_time", id.updated.rfc3339().into()),
        ("metadata", metadata.into()),
        ("secret_id_accessor", id.accessor.into()),
        ("secret_id_num_uses", id.num_uses.into()),
        ("secret_id_ttl", id.ttl.as_secs().into()),
        ("token_bound_cidrs", blocks(&id.token_cidrs)),
    ])))
}
