//! `sys/locked-users`: who is locked out after failed logins.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::mount::store::MountStore;
use crate::pipeline::lockout::{Lockouts, User};

/// What these endpoints are given.
pub struct LockedUsers {
    /// Knows who is locked out.
    pub lockouts: Arc<Lockouts>,
    /// Tells on what terms.
    pub mounts: Arc<MountStore>,
}

/// The endpoints with their service.
pub fn engine(service: LockedUsers) -> Bound<LockedUsers> {
    Bound::new("Who is locked out after failed logins.", ROUTES, service)
}

const ACCESSOR: Field<String> =
    Field::new("mount_accessor", "The accessor of the auth method; all of them when left out.")
        .query();
const ALIAS: Field<String> =
    Field::new("alias_identifier", "The user's name; of approle, the role's id.");

const ROUTES: &[Route<LockedUsers>] = &[
    Route {
        path: "locked-users",
        synopsis: "Who is locked out.",
        description: "The names of those that there are, by their auth methods.",
        fields: &[&ACCESSOR.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Read it.", read)],
    },
    Route {
        path: "locked-users/{mount_accessor}/unlock/{alias_identifier+}",
        synopsis: "Let somebody log in again.",
        description: "Who is not locked out stays so.",
        fields: &[&ACCESSOR.info, &ALIAS.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Forget the failed logins.", unlock)],
    },
];

fn read(service: &LockedUsers, call: &mut SystemCall<'_>) -> Outcome {
    let wanted = call.fields.get(&ACCESSOR).filter(|accessor| !accessor.is_empty());
    let table = service.mounts.read(call.txn)?;
    let mut locked = service.lockouts.locked(call.txn.unsealed(), &table)?;
    if let Some(wanted) = wanted {
        locked.retain(|accessor, _| accessor == wanted);
    }
    let total: usize = locked.values().map(Vec::len).sum();
    let mut methods: Vec<Value> = locked
        .iter()
        .map(|(accessor, names)| {
            json!({
                "mount_accessor": accessor,
                "counts": names.len(),
                "alias_identifiers": names,
            })
        })
        .collect();
    if let Some(wanted) = wanted.filter(|_| methods.is_empty()) {
        let none = json!({ "mount_accessor": wanted, "counts": 0, "alias_identifiers": null });
        methods.push(none);
    }
    let root = json!({
        "namespace_id": "root",
        "namespace_path": "",
        "counts": total,
        "mount_accessors": methods,
    });
    let namespaces = if methods.is_empty() { Vec::new() } else { vec![root] };
    Ok(Reply::data(object([("by_namespace", namespaces.into()), ("total", total.into())])))
}

fn unlock(service: &LockedUsers, call: &mut SystemCall<'_>) -> Outcome {
    let accessor = call.fields.need(&ACCESSOR)?.clone();
    let name = call.fields.need(&ALIAS)?.clone();
    service.lockouts.unlock(call.txn, &User { accessor, name })?;
    Ok(Reply::nothing())
}
