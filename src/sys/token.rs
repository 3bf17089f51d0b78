//! `auth/token`: the token of the caller.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::engines::cubbyhole;
use crate::mount::store::MountStore;
use crate::token::store;

/// The endpoints, with what reads the mounts.
pub fn engine(mounts: Arc<MountStore>) -> Bound<Arc<MountStore>> {
    Bound::new("Tokens.", ROUTES, mounts)
}

const ROUTES: &[Route<Arc<MountStore>>] = &[
    Route {
        path: "lookup-self",
        synopsis: "Look at the token of this request.",
        description: "Its policies, accessor and times.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Look at the caller's token.", lookup_self),
            Operation::system(Verb::Write, "The same.", lookup_self),
        ],
    },
    Route {
        path: "revoke-self",
        synopsis: "Revoke the token of this request.",
        description: "It is useless from then on, and its cubbyhole is emptied.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Write, "Revoke the caller's token.", revoke_self).essential()
        ],
    },
];

fn lookup_self(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.ask.token.as_ref().ok_or_else(Fault::denied)?;
    let token = store::lookup(call.txn, id)?.ok_or_else(Fault::denied)?;
    let data = object([
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
    ]);
    Ok(Reply::data(data))
}

fn revoke_self(mounts: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.ask.token.as_ref().ok_or_else(Fault::denied)?;
    let token = store::revoke(call.txn, id)?.ok_or_else(Fault::denied)?;
    let table = mounts.read(call.txn)?;
    if let Some(mount) = table.at("cubbyhole/") {
        cubbyhole::empty(&mut call.txn.scope(mount.id), &token.cubbyhole)?;
    }
    Ok(Reply::nothing())
}
