//! kv version 1: a value at a path, the last one written.

use serde_json::{Map, Value};

use super::document;
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

/// Types `kv` (without a version, or with version 1) and `generic`.
pub static ENGINE: Bound<()> =
    Bound::new("Keeps a value at each path, without its history.", &ROUTES, ())
        .counting(|_, scope| Ok(scope.count("")?))
        .comparing(|_, entry, before, after| document::compare(entry, before, after));

static PATH: Field<String> = Field::new("path", "Where the value lies.");

static ROUTES: [Route<()>; 1] = [Route {
    path: "{path..}",
    synopsis: "Keeps arbitrary values.",
    description: "A write replaces the value at its path. A `ttl` in the value is only a hint: a \
                  read gives it as its lease_duration, and nothing expires.\n",
    fields: &[&PATH.info],
    access: Access::Policy,
    operations: &[
        Operation::new(Verb::Read, "Reads the value.", read),
        Operation::new(Verb::Write, "Replaces the value.", |_, call| {
            document::write(&mut call.scope, call.path, call.data)
        })
        .creating(|_, call| document::exists(&mut call.scope, call.path)),
        Operation::recover("Brings the value back.", |_, call, then| {
            document::recover((&mut call.scope, call.path), (&mut then.scope, then.path))
        }),
        Operation::new(Verb::Delete, "Removes the value.", |_, call| {
            document::delete(&mut call.scope, call.path)
        }),
        Operation::new(Verb::List, "Lists the names in a folder.", |_, call| {
            document::list(&mut call.scope, call.path)
        }),
    ],
}];

fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let value = document::read(&mut call.scope, call.path)?.ok_or_else(Fault::not_found)?;
    let default = i64::try_from(call.mount.default_lease_ttl).unwrap_or(i64::MAX);
    let lease_duration = hint(&value).map_or(default, Ttl::as_secs);
    Ok(Reply { lease_duration, ..Reply::data(value) })
}

/// The time after which a value asks to be read again; what is none is ignored.
fn hint(value: &Map<String, Value>) -> Option<Ttl> {
    let said = value.get("ttl").or_else(|| value.get("lease"))?;
    Ttl::from_json(said).ok()
}
