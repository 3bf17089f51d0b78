//! `sys/storage/raft/snapshot-load`: snapshots that are loaded beside the store, to be read.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::request::Body;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::Barrier;
use crate::barrier::past::Loaded;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::json;
use crate::mount::config::Ttls;
use crate::pipeline::rights::Rights;
use crate::pipeline::{may_read_setting, may_read_there};
use crate::snapshot::lent::Lent;
use crate::snapshot::loaded::Loader;
use crate::snapshot::rewind::Source;
use crate::sys::differences::{Differences, Told, compare, show};
use crate::sys::reach::Reach;
use crate::sys::rewind::{AT, NAME, REVISION, TIMELINE, folder, reached, wish};
use crate::sys::settings::take_sudo;

/// What these endpoints are given.
pub struct Loads {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// Loads what is sent.
    pub loader: Loader,
    /// Tells who may be told values.
    pub rights: Arc<Rights>,
    /// Leads to targets.
    pub reach: Arc<Reach>,
    /// The system's TTLs.
    pub ttls: Ttls,
}

/// The endpoints with their service.
pub fn engine(service: Loads) -> Bound<Loads> {
    Bound::new("Snapshots that are loaded, to be read.", ROUTES, service)
}

const ID: Field<String> = Field::new("snapshot_id", "The id that it got when it was loaded.");
const WITH: Field<String> =
    Field::new("with", "The id of another one; the present store without it.").query();
const REVERSE: Field<bool> =
    Field::new("reverse", "Whether it is told from the other one to this one.").query();
const VALUES: Field<bool> =
    Field::new("values", "Whether values are told too, where the caller may read them.").query();
const FORCE: Field<bool> =
    Field::new("force", "Without effect: nothing keeps a snapshot from being unloaded.").query();

/// So many entries that are not the same are looked at.
const MOST: usize = 10_000;
/// So much is told of them, in bytes, but for a single one.
const LONGEST: usize = 8 << 20;

const OF_TARGET: &[&FieldInfo] = &[&NAME.info, &AT.info, &REVISION.info, &TIMELINE.info];

const ROUTES: &[Route<Loads>] = &[
    Route {
        path: "storage/raft/snapshot-load/?",
        synopsis: "Load a snapshot, to read single secrets in it and to bring them back.",
        description: "Takes the file as its body, which is checked, every entry opened. Nothing is \
                      replaced. Reads and listings name it by `read_snapshot_id`; RECOVER brings \
                      back what it has. It is unloaded after 72 hours, and when the server is \
                      sealed or ends.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::direct(Verb::Write, "Load a snapshot of the same keys.", load),
            Operation::system(Verb::List, "List what is loaded.", list),
        ],
    },
    Route {
        path: "snapshots/targets/{name:name}/load",
        synopsis: "Load the store as it was at any instant that a target leads to.",
        description: "As a snapshot is loaded, of the newest one that is not later than the \
                      instant and each commit of the journal from there on. All of it is fetched \
                      and checked first.",
        fields: OF_TARGET,
        access: Access::Policy,
        operations: &[Operation::direct(Verb::Write, "Load it.", load_instant)],
    },
    Route {
        path: "storage/raft/snapshot-load/{snapshot_id}",
        synopsis: "A loaded snapshot.",
        description: "",
        fields: &[&ID.info, &FORCE.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Tell how it is.", read),
            Operation::system(Verb::Delete, "Unload it.", unload),
        ],
    },
    Route {
        path: "storage/raft/snapshot-load/{snapshot_id}/diff",
        synopsis: "What became of everything since a snapshot.",
        description: "Which paths were added, changed and deleted: secrets, users, roles, \
                      entities, groups, policies, mounts and settings. At most 10,000 entries \
                      that are not the same are looked at, and 8 MiB told; `more` tells whether \
                      there are others.",
        fields: &[&ID.info, &WITH.info, &REVERSE.info, &VALUES.info],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Read, "Compare it.", diff)],
    },
];

fn load(service: &Loads, ask: DirectAsk) -> Outcome {
    // Who sends it may take long.
    let keys = Lent::of(&service.barrier.unsealed().ok_or_else(Fault::sealed)?);
    let loaded = match ask.body {
        Body::Whole(bytes) => service.loader.load_file(&keys, bytes.expose()),
        Body::Stream(stream) => service.loader.load_file(&keys, stream),
    }?;
    note(&loaded);
    Ok(Reply::data(shown(&loaded)))
}

fn load_instant(service: &Loads, ask: DirectAsk) -> Outcome {
    let unsealed = service.barrier.unsealed().ok_or_else(Fault::sealed)?;
    let wish = wish(&ask.exact_fields(OF_TARGET)?, unsealed.time().now())?;
    let there = reached(&service.reach, &ask)?;
    let folder = folder(&there.prefix, &unsealed.status().store_id)?;
    let source = Source { target: &*there.target, folder: &folder };
    let keys = Lent::of(&unsealed);
    drop(unsealed);
    let loaded = service.loader.load_instant(&keys, source, &wish, &there.spools);
    let (loaded, prepared) = loaded.map_err(|error| there.refused(error))?;
    note(&loaded);
    let mut told = shown(&loaded);
    told.extend(there.lacking(prepared.found(), wish));
    told.insert("own_past".into(), prepared.is_own_past().into());
    told.insert("present_timeline".into(), keys.get()?.status().timeline.to_string().into());
    told.insert("unusable".into(), json!(prepared.lost()));
    Ok(Reply::data(told))
}

fn note(loaded: &Loaded) {
    let record = loaded.past.record();
    let (revision, timeline) = (record.revision, record.timeline);
    log::info!("loaded revision {revision} of the timeline {timeline} as {}", loaded.id);
}

fn list(_: &Loads, call: &mut SystemCall<'_>) -> Outcome {
    let all = call.txn.unsealed().pasts().all();
    Reply::list_with(all.iter().map(|one| (one.id.clone(), shown(one).into())).collect())
}

fn read(_: &Loads, call: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(shown(&*named(call)?)))
}

fn unload(_: &Loads, call: &mut SystemCall<'_>) -> Outcome {
    let (loaded, unsealed) = (named(call)?, Arc::clone(call.txn.unsealed()));
    call.txn.after_commit(move || unsealed.pasts().remove(&loaded.id));
    Ok(Reply::nothing())
}

fn diff(service: &Loads, call: &mut SystemCall<'_>) -> Outcome {
    let loaded = named(call)?;
    let acl = match call.fields.get(&VALUES) {
        Some(true) => Some(service.rights.acl(call.txn, call.caller.ok_or_else(Fault::denied)?)?),
        _ => None,
    };
    let present = service.rights.mounts.read(call.txn)?;
    let may = |told: &Told<'_>| {
        acl.as_ref().is_some_and(|acl| match told {
            Told::Below(then, mount, below) => may_read_there(acl, &present, (then, mount), below),
            Told::Setting(path) => may_read_setting(acl, path, take_sudo(path)),
        })
    };
    let differ = |before: &mut Txn, after: &mut Txn| {
        let mounts = &service.rights.mounts;
        let Differences { found, mut more } =
            compare(mounts, service.ttls, [&mut *before, &mut *after], MOST)?;
        let (mut changes, mut length) = (Vec::<Value>::new(), 0);
        for one in &found {
            let shown = show(one, mounts, [&mut *before, &mut *after], &may)?;
            length += json::text(&shown).map_or(0, |text| text.len());
            if length > LONGEST && !changes.is_empty() {
                more = true;
                break;
            }
            changes.push(shown.into());
        }
        Ok(Reply::data(object([("changes", changes.into()), ("more", more.into())])))
    };
    let reverse = call.fields.get(&REVERSE) == Some(&true);
    let differ = |this: &mut Txn, other: &mut Txn| match reverse {
        false => differ(this, other),
        true => differ(other, this),
    };
    match call.fields.get(&WITH).filter(|id| !id.is_empty()) {
        // In one of its own, in which what was looked at is not kept until the end.
        None => {
            let mut now = call.txn.unsealed().begin()?;
            loaded.past.look(|this| differ(this, &mut now))
        }
        Some(id) => {
            let other = call.txn.unsealed().pasts().get(id).ok_or_else(Fault::not_found)?;
            loaded.past.look(|this| other.past.look(|other| differ(this, other)))
        }
    }
}

fn named(call: &SystemCall<'_>) -> Result<Arc<Loaded>, Fault> {
    let id = call.fields.need(&ID)?;
    call.txn.unsealed().pasts().get(id).ok_or_else(Fault::not_found)
}

/// As Vault shows it, and of which instant it is.
fn shown(loaded: &Loaded) -> Map<String, Value> {
    let record = loaded.past.record();
    object([
        ("cluster_id", record.store_id.into()),
        ("created_at", loaded.created.rfc3339().into()),
        ("expires_at", loaded.expires.rfc3339().into()),
        ("revision", record.revision.into()),
        ("snapshot_id", loaded.id.clone().into()),
        ("status", "ready".into()),
        ("taken_at", record.latest.rfc3339().into()),
        ("timeline", record.timeline.to_string().into()),
    ])
}
