//! `sys/plugins`: which engines and auth methods there are. All of them are built in.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::VERSION;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::auth::METHODS;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::engines::ENGINES;
use crate::mount::store::MountStore;

/// The endpoints with the mounts.
pub fn engine(mounts: Arc<MountStore>) -> Bound<Arc<MountStore>> {
    Bound::new("The engines and auth methods, all of them built in.", ROUTES, mounts)
}

const KIND: Field<String> = Field::new("type", "auth, database or secret.");
const NAME: Field<String> = Field::new("name", "Its name, such as kv.");
const PLUGIN: Field<String> = Field::new("plugin", "The name of what is to be reloaded.");
const MOUNTS: Field<Vec<String>> = Field::new("mounts", "The paths of what is to be reloaded.");
const SCOPE: Field<String> = Field::new("scope", "global, or nothing: there is one server.");

const ROUTES: &[Route<Arc<MountStore>>] = &[
    Route {
        path: "plugins/catalog/?",
        synopsis: "The engines and auth methods by their kinds.",
        description: "All of them are built in.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List them.", catalog)],
    },
    Route {
        path: "plugins/catalog/{type}/",
        synopsis: "Those of one kind.",
        description: "auth, database or secret.",
        fields: &[&KIND.info],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::List, "List them.", list)],
    },
    Route {
        path: "plugins/catalog/{type}/{name}",
        synopsis: "One of them.",
        description: "All of them are built in, and none can be added.",
        fields: NAMED,
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read about it.", read),
            Operation::system(Verb::Write, "None can be added.", register).signpost(),
        ],
    },
    Route {
        path: "plugins/reload/backend",
        synopsis: "Reload engines or auth methods.",
        description: "What is built in needs no reloading: nothing happens.",
        fields: &[&PLUGIN.info, &MOUNTS.info, &SCOPE.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Do nothing.", reload)],
    },
];

const NAMED: &[&FieldInfo] = &[&KIND.info, &NAME.info];

/// Each kind with those that there are of it.
const KINDS: [(&str, &[&str]); 3] = [("auth", METHODS), ("database", &[]), ("secret", ENGINES)];

fn catalog(_: &Arc<MountStore>, _: &mut SystemCall<'_>) -> Outcome {
    let mut data = object(KINDS.map(|(kind, names)| (kind, json!(names))));
    let of_kind = |(kind, names): (&'static str, &'static [&'static str])| {
        names.iter().map(move |name| {
            json!({
                "type": kind,
                "name": name,
                "version": version(),
                "builtin": true,
                "deprecation_status": "supported",
            })
        })
    };
    data.insert("detailed".to_owned(), KINDS.into_iter().flat_map(of_kind).collect());
    Ok(Reply::data(data))
}

fn list(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(of_kind(call)?.iter().map(|name| (*name).to_owned()).collect())
}

fn read(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?.as_str();
    if !of_kind(call)?.contains(&name) {
        return Err(Fault::not_found());
    }
    Ok(Reply::data(object([
        ("name", name.into()),
        ("builtin", true.into()),
        ("command", "".into()),
        ("args", json!([])),
        ("sha256", "".into()),
        ("version", version()),
        ("deprecation_status", "supported".into()),
    ])))
}

fn register(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    of_kind(call)?;
    Err(Fault::bad_request("all engines and auth methods are built in: none can be added"))
}

fn reload(mounts: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let bad = |text: &'static str| Err(Fault::bad_request(text));
    let sent = |field| call.fields.get(field).map_or("", String::as_str);
    let named = call.fields.get(&MOUNTS).map_or(&[][..], Vec::as_slice);
    if !matches!(sent(&SCOPE), "" | "global") {
        return bad("reload scope must be omitted or 'global'");
    }
    match (sent(&PLUGIN), named) {
        ("", []) => return bad("plugin or mounts must be provided"),
        ("", _) | (_, []) => {}
        _ => return bad("plugin and mounts cannot be set at the same time"),
    }
    let table = mounts.read(call.txn)?;
    for path in named {
        let path = format!("{}/", path.trim_end_matches('/'));
        if table.at(&path).is_none() {
            let path = golang::quote(&path);
            return Err(Fault::bad_request(format!("cannot fetch mount entry on {path}")));
        }
    }
    let reply = Reply::data(object([("reload_id", call.ask.id.as_str().into())]));
    Ok(reply.with_status(if sent(&SCOPE).is_empty() { 200 } else { 202 }))
}

fn of_kind(call: &SystemCall<'_>) -> Result<&'static [&'static str], Fault> {
    let kind = call.fields.need(&KIND)?.as_str();
    let found = KINDS.into_iter().find(|(name, _)| *name == kind);
    found.map(|(_, names)| names).ok_or_else(|| {
        Fault::bad_request(format!("{} is not a supported plugin type", golang::quote(kind)))
    })
}

fn version() -> Value {
    format!("v{VERSION}").into()
}
