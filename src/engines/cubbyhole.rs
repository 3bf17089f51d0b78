//! The cubbyhole: values that only the token that wrote them can read, and that go with it.

use super::document;
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Route};
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;

/// Type `cubbyhole`, mounted once and for good.
pub static ENGINE: Bound<()> =
    Bound::new("Keeps values that only the token that wrote them can read.", &ROUTES, ());

static PATH: Field<String> = Field::new("path", "Where the value lies.");

static ROUTES: [Route<()>; 1] = [Route {
    path: "{path..}",
    synopsis: "Keeps a token's own values.",
    description: "Each token has a cubbyhole that no other can see, root neither. It is removed \
                  when the token expires or is revoked.\n",
    fields: &[&PATH.info],
    access: Access::Policy,
    operations: &[
        Operation::new(Verb::Read, "Reads the value.", |_, call| {
            let path = call.path;
            let value = document::read(&mut own(call)?, path)?;
            value.map(Reply::data).ok_or_else(Fault::not_found)
        }),
        Operation::new(Verb::Write, "Replaces the value.", |_, call| {
            let (data, path) = (call.data, call.path);
            document::write(&mut own(call)?, path, data)
        })
        .creating(|_, call| {
            let path = call.path;
            document::exists(&mut own(call)?, path)
        }),
        Operation::recover("Brings the value back.", |_, call, then| {
            let (path, source) = (call.path, then.path);
            document::recover((&mut own(call)?, path), (&mut own(then)?, source))
        }),
        Operation::new(Verb::Delete, "Removes the value.", |_, call| {
            let path = call.path;
            document::delete(&mut own(call)?, path)
        }),
        Operation::new(Verb::List, "Lists the names in a folder.", |_, call| {
            let path = call.path;
            document::list(&mut own(call)?, path)
        }),
    ],
}];

/// The caller's part of the store. When the token ends it is removed by and by: each token has one
/// of its own, also one that has an id which was used before.
fn own<'c>(call: &'c mut Call<'_>) -> Result<Scope<'c>, Fault> {
    let caller = call.caller.ok_or_else(Fault::denied)?;
    if caller.cubbyhole.is_empty() {
        let text = "cubbyhole operations are only supported by \"service\" type tokens";
        return Err(Fault::bad_request(text));
    }
    Ok(call.scope.under(&caller.cubbyhole)?)
}
