//! `sys/wrapping`: putting data into a wrapping token, looking at it, and taking it out.

use std::sync::Arc;

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Content, Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::pipeline::tokens::Tokens;
use crate::pipeline::wrapping::{self, jwt};

/// The endpoints with the life of tokens.
pub fn engine(tokens: Arc<Tokens>) -> Bound<Arc<Tokens>> {
    Bound::new("Wrapped answers.", ROUTES, tokens)
}

const TOKEN: Field<String> = Field::new("token", "The wrapping token; the caller's when not sent.");

const ROUTES: &[Route<Arc<Tokens>>] = &[
    route(
        "wrapping/wrap",
        "Wrap what is sent.",
        &[],
        Access::Policy,
        &[Operation::system(Verb::Write, "Wrap any object.", wrap)],
    ),
    route(
        "wrapping/lookup",
        "Look at a wrapping token.",
        BY_TOKEN,
        Access::Unauthenticated,
        &[
            Operation::system(Verb::Read, "Look at the caller's.", lookup),
            Operation::system(Verb::Write, "Look at it; it is not used up.", lookup),
        ],
    ),
    route(
        "wrapping/unwrap",
        "Take out what was wrapped, once.",
        BY_TOKEN,
        Access::Unwrap,
        &[Operation::system(Verb::Write, "Take it out.", unwrap).essential()],
    ),
    route(
        "wrapping/rewrap",
        "Put it into another token.",
        BY_TOKEN,
        Access::Unwrap,
        &[Operation::system(Verb::Write, "Put it into a new token.", rewrap)],
    ),
    route(
        "wrapping/pubkey",
        "The key that checks wrapping tokens which are JWTs.",
        &[],
        Access::Guest,
        &[Operation::system(Verb::Read, "Tell it.", pubkey)],
    ),
];

const BY_TOKEN: &[&FieldInfo] = &[&TOKEN.info];

const fn route(
    path: &'static str,
    synopsis: &'static str,
    fields: &'static [&'static FieldInfo],
    access: Access,
    operations: &'static [Operation<Arc<Tokens>>],
) -> Route<Arc<Tokens>> {
    let description = "A wrapping token holds one answer, and gives it once.";
    Route { path, synopsis, description, fields, access, operations }
}

fn pubkey(_: &Arc<Tokens>, call: &mut SystemCall<'_>) -> Outcome {
    let [x, y] = jwt::public_point(call.txn)?;
    Ok(Reply::data(object([
        ("jwt_x", golang::big_int(&x).into()),
        ("jwt_y", golang::big_int(&y).into()),
        ("jwt_curve", "p521".into()),
    ])))
}

fn wrap(_: &Arc<Tokens>, call: &mut SystemCall<'_>) -> Outcome {
    if call.ask.wrap_ttl.is_none() {
        return Err(Fault::bad_request("endpoint requires response wrapping to be used"));
    }
    Ok(Reply::data(call.data.clone()))
}

fn lookup(tokens: &Arc<Tokens>, call: &mut SystemCall<'_>) -> Outcome {
    let wrapped = wrapping::named(tokens, call.txn, call.ask, call.data)?;
    Ok(Reply::data(object([
        ("creation_path", wrapped.path.into()),
        ("creation_time", wrapped.created.into()),
        ("creation_ttl", wrapped.ttl.as_secs().into()),
    ])))
}

fn unwrap(tokens: &Arc<Tokens>, call: &mut SystemCall<'_>) -> Outcome {
    let wrapped = wrapping::named(tokens, call.txn, call.ask, call.data)?;
    Ok(Reply::bare(wrapping::unwrap(tokens, call.txn, &wrapped)?))
}

fn rewrap(tokens: &Arc<Tokens>, call: &mut SystemCall<'_>) -> Outcome {
    let wrapped = wrapping::named(tokens, call.txn, call.ask, call.data)?;
    let response = wrapping::unwrap(tokens, call.txn, &wrapped)?;
    let ttl = call.ask.wrap_ttl.map_or(wrapped.ttl, |asked| asked.min(wrapped.ttl));
    let info =
        wrapping::wrap(tokens, call.txn, &wrapped.path, (ttl, call.ask.wrap_format), &response)?;
    Ok(Reply::of(200, Content::Wrapped(info)))
}
