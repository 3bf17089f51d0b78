//! `auth/token`: the token of the caller.

use serde_json::{Map, Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::token::store;

/// The endpoints.
pub fn engine() -> Bound<()> {
    Bound { about: "Tokens.", routes: ROUTES, service: () }
}

const ROUTES: &[Route<()>] = &[
    Route {
        path: "lookup-self",
        synopsis: "Look at the token of this request.",
        description: "Its policies, accessor and times.",
        fields: &[],
        access: Access::Policy,
        exists: None,
        operations: &[
            Operation::system(Verb::Read, "Look at the caller's token.", lookup_self),
            Operation::system(Verb::Write, "The same.", lookup_self),
        ],
    },
    Route {
        path: "revoke-self",
        synopsis: "Revoke the token of this request.",
        description: "It is useless from then on.",
        fields: &[],
        access: Access::Policy,
        exists: None,
        operations: &[
            Operation::system(Verb::Write, "Revoke the caller's token.", revoke_self).essential()
        ],
    },
];

fn lookup_self((): &(), call: &mut SystemCall<'_>) -> Outcome {
    let id = call.ask.token.as_ref().ok_or_else(Fault::denied)?;
    let token = store::lookup(call.txn, id)?.ok_or_else(Fault::denied)?;
    let mut data = Map::new();
    for (name, value) in [
        ("accessor", Value::from(token.accessor)),
        ("creation_time", token.created.as_secs().into()),
        ("creation_ttl", 0.into()),
        ("display_name", token.display_name.into()),
        ("entity_id", "".into()),
        ("expire_time", Value::Null),
        ("explicit_max_ttl", 0.into()),
        ("id", String::from_utf8_lossy(id.expose()).into()),
        ("meta", Value::Null),
        ("num_uses", 0.into()),
        ("orphan", true.into()),
        ("path", token.path.into()),
        ("policies", json!(token.policies)),
        ("ttl", 0.into()),
        ("type", "service".into()),
    ] {
        data.insert(name.to_owned(), value);
    }
    Ok(Reply::data(data))
}

fn revoke_self((): &(), call: &mut SystemCall<'_>) -> Outcome {
    let id = call.ask.token.as_ref().ok_or_else(Fault::denied)?;
    store::revoke(call.txn, id)?;
    Ok(Reply::nothing())
}
