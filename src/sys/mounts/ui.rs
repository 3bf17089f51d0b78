//! `sys/internal/ui/mounts`: what the web interface and the command line may know of the mounts.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::fields::PATH;
use super::shown::shown;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
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
        access: Access::Guest,
        operations: &[Operation::system(Verb::Read, "List them.", list)],
    },
    Route {
        path: "internal/ui/mounts/{path..}",
        synopsis: "The mount that a path is in.",
        description: "The command line finds kv mounts and their versions with it.",
        fields: &[&PATH.info],
        access: Access::Guest,
        operations: &[
            Operation::system(Verb::Read, "Find it.", read),
            Operation::system(Verb::List, "Lists nothing.", |_, call| match call.path {
                "internal/ui/mounts/" => Err(Fault::unsupported_path()),
                _ => Err(Fault::unsupported_operation()),
            })
            .signpost(),
        ],
    },
];

fn list(ui: &Ui, call: &mut SystemCall<'_>) -> Outcome {
    let acl = call.caller.map(|caller| ui.rights.acl(call.txn, caller)).transpose()?;
    let table = ui.store.read(call.txn)?;
    let (mut auth, mut secret) = (Map::new(), Map::new());
    for mount in table.iter() {
        let listed = mount.config.listing_visibility == Visibility::Unauth;
        let shown = match &acl {
            Some(acl) if listed || acl.reaches(&mount.path) => shown(mount),
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
        return Err(Fault::unsupported_path());
    }
    let acl = ui.rights.acl(call.txn, call.caller.ok_or_else(Fault::denied)?)?;
    let table = ui.store.read(call.txn)?;
    // What is not there is refused as what may not be seen is, so that nobody learns which.
    let found = table.resolve(path).map(|(mount, _)| mount);
    let mount = found.filter(|mount| acl.reaches(&mount.path)).ok_or_else(|| {
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

/// What everybody may know of a mount that is listed to all.
fn glimpse(mount: &Mount) -> Map<String, Value> {
    object([
        ("type", json!(mount.kind)),
        ("description", json!(mount.description)),
        ("options", json!(mount.options)),
    ])
}
