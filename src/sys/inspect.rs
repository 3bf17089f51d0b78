//! `sys/internal/inspect/router`: the mounts as requests find them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::mount::store::MountStore;
use crate::mount::table::Mount;

/// The endpoint with the mounts.
pub fn engine(mounts: Arc<MountStore>) -> Bound<Arc<MountStore>> {
    Bound::new("What requests are routed by.", ROUTES, mounts)
}

const TAG: Field<String> = Field::new(
    "tag",
    "By what they are found: root (their paths), uuid, accessor or storage (where they lie).",
);

const ROUTES: &[Route<Arc<MountStore>>] = &[Route {
    path: "internal/inspect/router/{tag}",
    synopsis: "The mounts as requests find them.",
    description: "For those who look for what is wrong. The order is that of what is asked for.",
    fields: &[&TAG.info],
    access: Access::Sudo,
    operations: &[Operation::system(Verb::Read, "List them.", read)],
}];

fn read(mounts: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let tag = call.fields.need(&TAG)?.as_str();
    let by: fn(&Mount) -> String = match tag {
        "root" => |mount| mount.path.clone(),
        "uuid" => |mount| mount.uuid.clone(),
        "accessor" => |mount| mount.accessor.clone(),
        "storage" => |mount| mount.id.to_string(),
        _ => {
            let text = "the tag must be one of root, uuid, accessor and storage";
            return Err(Fault::bad_request(text));
        }
    };
    let table = mounts.read(call.txn)?;
    let mut found: Vec<&Mount> = table.iter().collect();
    found.sort_by_key(|mount| by(mount));
    Ok(Reply::data(object([(tag, found.into_iter().map(shown).collect())])))
}

fn shown(mount: &Mount) -> Value {
    json!({
        "accessor": mount.accessor,
        "mount_namespace": "",
        "mount_path": mount.listed_path(),
        "mount_type": mount.kind,
        "storage_prefix": mount.id.to_string(),
        "tainted": false,
        "uuid": mount.uuid,
    })
}
