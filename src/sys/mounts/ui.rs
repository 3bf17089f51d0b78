//! `sys/internal/ui/mounts`: what the web interface and the command line may know of the mounts.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::fields::PATH;
use super::shown::shown;
use crate::api::ask::Verb;
use crate::api::call::{Caller, SystemCall};
use crate::api::engine::Bound;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::mount::config::Visibility;
use crate::mount::store::MountStore;
use crate::mount::table::Mount;
use crate::pipeline::rights::Rights;

/// What these endpoints are given.
pub struct Ui {
    /// Reads the table.
    pub store: Arc<MountStore>,
    /// Tells what the policies of a caller let it see of the mounts.
    pub rights: Arc<Rights>,
}

/// The endpoints with their service.
pub fn engine(service: Ui) -> Bound<Ui> {
    Bound::new("What may be known of the mounts.", ROUTES, service)
}

const ROUTES: &[Route<Ui>] = &[
    Route {
        path: "internal/ui/mounts",
        synopsis: "The mounts that the caller may see.",
        description: "Without a token, those with the listing_visibility unauth. With one, those \
                      in which its policies allow something, too.",
        fields: &[],
        access: Access::Unauthenticated,
        operations: &[Operation::system(Verb::Read, "List them.", list)],
    },
    Route {
        path: "internal/ui/mounts/{path..}",
        synopsis: "The mount that a path is in.",
        description: "The command line finds kv mounts and their versions with it.",
        fields: &[&PATH.info],
        access: Access::Unauthenticated,
        operations: &[
            Operation::system(Verb::Read, "Find it.", read),
            Operation::system(Verb::List, "Lists nothing.", |_, call| match call.path {
                "internal/ui/mounts/" => Err(Fault::new(404, "unsupported path")),
                _ => Err(Fault::new(405, "unsupported operation")),
            }),
        ],
    },
];

fn list(ui: &Ui, call: &mut SystemCall<'_>) -> Outcome {
    let caller = known(call)?;
    let sees = caller.map(|caller| ui.rights.acl(call.txn, caller)).transpose()?;
    let table = ui.store.read(call.txn)?;
    let (mut auth, mut secret) = (Map::new(), Map::new());
    for mount in table.iter() {
        let listed = mount.config.listing_visibility == Visibility::Unauth;
        let shown = match &sees {
            Some(sees) if listed || sees.reaches(&mount.path) => shown(mount),
            None if listed => glimpse(mount),
            _ => continue,
        };
        let list = if mount.is_auth() { &mut auth } else { &mut secret };
        list.insert(mount.listed_path().to_owned(), shown.into());
    }
    Ok(Reply::data(object([("auth", auth.into()), ("secret", secret.into())])))
}

fn read(ui: &Ui, call: &mut SystemCall<'_>) -> Outcome {
    let path = call.fields.need(&PATH)?.trim_matches('/');
    if path.is_empty() {
        return Err(Fault::new(404, "unsupported path"));
    }
    let caller = known(call)?.ok_or_else(Fault::denied)?;
    let sees = ui.rights.acl(call.txn, caller)?;
    let table = ui.store.read(call.txn)?;
    // What is not there is refused as what may not be seen is, so that nobody learns which.
    let found =
        table.resolve(path).map(|(mount, _)| mount).filter(|mount| sees.reaches(&mount.path));
    let mount = found.ok_or_else(|| {
        Fault::new(
            403,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant \
                 access to path \"{path}/\""
            ),
        )
    })?;
    let mut data = shown(mount);
    data.insert("path".into(), mount.listed_path().into());
    Ok(Reply::data(data))
}

/// The sender. No token is asked for here, but one that is sent must be good.
fn known<'c>(call: &SystemCall<'c>) -> Result<Option<&'c Caller>, Fault> {
    let sent = call.ask.token.as_ref().is_some_and(|token| !token.expose().is_empty());
    match call.caller {
        None if sent => Err(Fault::denied()),
        caller => Ok(caller),
    }
}

/// What everybody may know of a mount that is listed to all.
fn glimpse(mount: &Mount) -> Map<String, Value> {
    object([
        ("type", json!(mount.kind)),
        ("description", json!(mount.description)),
        ("options", json!(mount.options)),
    ])
}
