//! `sys/snapshots/targets/NAME/restore` and `.../log`: back to an instant that a target leads to,
//! and what changed when. Without a transaction, as the whole store is read or replaced.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::reach::{Reach, Reached};
use super::restoring::{How, Restoring};
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo, Fields};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::Unsealed;
use crate::barrier::names::{MountId, PlainPath};
use crate::barrier::root::Timeline;
use crate::barrier::stamps::is_stamp;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::mount::store::MountStore;
use crate::mount::table::MountTable;
use crate::snapshot::layout::Folder;
use crate::snapshot::lent::Lent;
use crate::snapshot::meters::Meters;
use crate::snapshot::restorable::Restorable;
use crate::snapshot::rewind::history::{Event, Part, history};
use crate::snapshot::rewind::plan::{At, Wish};
use crate::snapshot::rewind::{Source, prepare};

/// What these endpoints are given.
pub struct Rewind {
    /// Puts it in the place of the store.
    pub restoring: Restoring,
    /// Names mounts.
    pub mounts: Arc<MountStore>,
    /// Where restores are counted.
    pub meters: Arc<Meters>,
    /// Leads to targets.
    pub reach: Arc<Reach>,
}

/// The endpoints with their service.
pub fn engine(service: Rewind) -> Bound<Rewind> {
    Bound::new("Back to any instant.", ROUTES, service)
}

const NO_JOURNAL: &str = "the target holds no journal of this store: what is told is what is still \
                          here of it; a target keeps one with journal = true";

/// So many commits are told at once, unless more are asked for.
const USUAL: usize = 1000;
/// And at most so many.
const MOST: usize = 100_000;
/// So many paths of a commit are named.
const PATHS: usize = 100;

pub(super) const NAME: Field<String> = Field::new("name", "The target's name.");
pub(super) const AT: Field<String> = Field::new(
    "at",
    "The instant: a time (RFC 3339), of which the last commit at it or before it is meant, or \
     \"latest\".",
);
pub(super) const REVISION: Field<i64> =
    Field::new("revision", "The commit, in the place of a time.");
pub(super) const TIMELINE: Field<String> =
    Field::new("timeline", "The history, needed where several are possible.");
const DRY_RUN: Field<bool> =
    Field::new("dry_run", "Get and check everything, tell what would be, and replace nothing.");
const FORCE: Field<bool> = Field::new("force", "Also a store of other keys; then it is sealed.");
pub(super) const REVOKE: Field<bool> =
    Field::new("revoke_tokens", "Revoke the tokens that come back by the restore.");
const STORE: Field<String> =
    Field::new("store_id", "The store on the target, where it is not this one.");
const SINCE: Field<String> = Field::new("since", "Not before this time (RFC 3339).").query();
const UNTIL: Field<String> = Field::new("until", "Not after this time (RFC 3339).").query();
const LIMIT: Field<i64> = Field::new(
    "limit",
    "So many commits, the last ones; 1 to 100,000, 1,000 by default. Fewer where they changed very \
     much.",
)
.query();
const OF: Field<String> =
    Field::new("timeline", "Which history; the present one by default.").query();

const RESTORE: &[&FieldInfo] = &[
    &NAME.info,
    &AT.info,
    &REVISION.info,
    &TIMELINE.info,
    &DRY_RUN.info,
    &FORCE.info,
    &REVOKE.info,
    &STORE.info,
];

const ROUTES: &[Route<Rewind>] = &[
    Route {
        path: "snapshots/targets/{name:name}/restore",
        synopsis: "Go back to any instant.",
        description: "The newest snapshot that is not later than the instant, and each commit of \
                      the journal from there on. All of it is fetched and checked before anything \
                      is replaced. A new timeline begins.",
        fields: RESTORE,
        access: Access::Sudo,
        operations: &[Operation::direct(Verb::Write, "Go back.", restore)],
    },
    Route {
        path: "snapshots/targets/{name:name}/log",
        synopsis: "What changed when.",
        description: "The commits of the journal, from the target and from what is still here, \
                      with the paths that each has changed. No value is told.",
        fields: &[&NAME.info, &SINCE.info, &UNTIL.info, &LIMIT.info, &OF.info],
        access: Access::Sudo,
        operations: &[Operation::direct(Verb::Read, "Tell it.", log)],
    },
];

/// The target that the path of a request names.
pub(super) fn reached(reach: &Reach, ask: &DirectAsk) -> Result<Reached, Fault> {
    reach.to(ask.path.split('/').nth(2).unwrap_or_default())
}

/// So far may the clock of who names a time go ahead of the server's.
const SKEW: Duration = Duration::from_secs(60);

/// The instant that is meant; `now` by the store's clock.
pub(super) fn wish(fields: &Fields<'_>, now: Timestamp) -> Result<Wish, Fault> {
    let at = match (fields.get(&AT), fields.get(&REVISION).copied()) {
        (Some(_), Some(_)) => return Err(Fault::bad_request("give at or revision, not both")),
        (None, Some(revision)) => {
            let wrong = |_| Fault::bad_request("revision must not be negative");
            At::Revision(u64::try_from(revision).map_err(wrong)?)
        }
        (Some(text), None) if text != "latest" => At::Time(time("at", text)?),
        (Some(_), None) => At::Latest,
        (None, None) => return Err(Fault::bad_request("at or revision is required")),
    };
    if matches!(at, At::Time(time) if time > now.plus(SKEW)) {
        return Err(Fault::bad_request(format!(
            "at is in the future: it is {} here; the last commit of all is \"latest\"",
            now.rfc3339()
        )));
    }
    let timeline = fields.get(&TIMELINE).map(parse_timeline).transpose()?;
    Ok(Wish { at, timeline })
}

fn restore(service: &Rewind, ask: DirectAsk) -> Outcome {
    let fields = ask.exact_fields(RESTORE)?;
    let flag = |field: &Field<bool>| fields.get(field) == Some(&true);
    let (dry_run, force, revoke_tokens) = (flag(&DRY_RUN), flag(&FORCE), flag(&REVOKE));
    let unsealed = service.restoring.unsealed()?;
    let wish = wish(&fields, unsealed.time().now())?;
    let there = reached(&service.reach, &ask)?;
    let own = unsealed.status().store_id;
    let store_id = fields.get(&STORE).map_or(&*own, |text| text);
    let folder = folder(&there.prefix, store_id)?;
    let source = Source { target: &*there.target, folder: &folder };
    let begun = service.meters.restored.now();
    let keys = Lent::of(&unsealed);
    drop(unsealed);
    let prepared = prepare(source, &wish, Some(keys.clone()), &there.spools);
    let prepared = prepared.map_err(|error| there.refused(error))?;
    let unsealed = service.restoring.still(&keys)?;
    let same_store = store_id == own;
    let mut told = prepared.told();
    told.extend(there.lacking(prepared.found(), wish));
    told.insert("own_past".into(), prepared.is_own_past().into());
    told.insert("present_timeline".into(), unsealed.status().timeline.to_string().into());
    told.insert("restored".into(), (!dry_run).into());
    if dry_run {
        prepared.accepted(&service.restoring.barrier, force)?;
        if same_store {
            service.restoring.tell_returning(&prepared, unsealed, &mut told)?;
        }
        return Ok(Reply::data(told));
    }
    drop(unsealed);
    let revision = prepared.found().instant.revision;
    let called = format!("revision {revision} of the timeline {}", prepared.timeline());
    let how = How { keys, force, revoke_tokens, same_store };
    let reply = service.restoring.restore(&prepared, &called, &how, told)?;
    service.meters.restored.end(begun);
    Ok(reply)
}

fn log(service: &Rewind, ask: DirectAsk) -> Outcome {
    let there = reached(&service.reach, &ask)?;
    let unsealed = service.restoring.unsealed()?;
    let status = unsealed.status();
    let given = |name: &str| ask.query(name).filter(|text| !text.is_empty());
    let since = given("since").map(|text| time("since", text)).transpose()?;
    let until = given("until").map(|text| time("until", text)).transpose()?;
    if since.zip(until).is_some_and(|(since, until)| until < since) {
        return Err(Fault::bad_request("since is later than until"));
    }
    let timeline = given("timeline").map(parse_timeline).transpose()?;
    let limit = given("limit").map(str::parse).transpose();
    let limit = limit.ok().map(|limit| limit.unwrap_or(USUAL)).filter(|n| (1..=MOST).contains(n));
    let limit = limit.ok_or_else(|| Fault::bad_request("limit must be from 1 to 100000"))?;
    let part = Part {
        timeline: timeline.unwrap_or(status.timeline),
        since: since.unwrap_or(Timestamp::EPOCH),
        until: until.unwrap_or(Timestamp::from_nanos(u64::MAX)),
        most: limit,
    };
    let folder = folder(&there.prefix, &status.store_id)?;
    let source = Source { target: &*there.target, folder: &folder };
    let keys = Lent::of(&unsealed);
    drop(unsealed);
    let found = history(source, &part, &keys, &there.spools);
    let found = found.map_err(|error| there.refused(error))?;
    let unsealed = service.restoring.still(&keys)?;
    let mounts = unsealed.transact(|txn| service.mounts.read(txn))?;
    let commits = found.events.iter().map(|event| commit(event, &unsealed, &mounts));
    let gaps = found.gaps.iter().map(|(first, last)| json!([first, last]));
    let reply = Reply::data(object([
        ("timeline", part.timeline.to_string().into()),
        ("commits", commits.collect()),
        ("more", found.more.into()),
        ("gaps", gaps.collect()),
        ("unusable", json!(found.lost)),
    ]));
    Ok(if found.kept { reply } else { reply.warn(NO_JOURNAL) })
}

/// A commit as it is told.
fn commit(event: &Event, unsealed: &Unsealed, mounts: &MountTable) -> Value {
    let mut changes = BTreeSet::new();
    for (key, deleted) in &event.writes {
        if let Some(name) = unsealed.open_name(key) {
            changes.insert((called(&name, mounts), *deleted && name.part.is_none()));
        } else if is_stamp(key) && !deleted {
            changes.insert(("(system) snapshot".to_owned(), false));
        }
    }
    let count = changes.len();
    let told = changes.into_iter().take(PATHS).map(|(path, deleted)| {
        json!({ "path": path, "change": if deleted { "deleted" } else { "written" } })
    });
    json!({
        "timeline": event.timeline.to_string(),
        "revision": event.revision,
        "commits": event.step,
        "time": event.time.rfc3339(),
        "mark": event.mark.text(),
        "changes": told.collect::<Vec<_>>(),
        "changed": count,
    })
}

/// A path as people know it. What the system keeps for itself goes by the folder that it lies in:
/// below there are only hashes.
fn called(name: &PlainPath, mounts: &MountTable) -> String {
    if name.mount == MountId::SYSTEM {
        let mut parts = name.path.splitn(3, '/');
        let folder = [parts.next(), parts.next().filter(|_| parts.next().is_some())];
        let folder: Vec<&str> = folder.into_iter().flatten().collect();
        return format!("(system) {}", folder.join("/"));
    }
    match mounts.iter().find(|mount| mount.id == name.mount) {
        Some(mount) if name.path.is_empty() => format!("{}(configuration)", mount.path),
        Some(mount) => format!("{}{}", mount.path, name.path),
        None => format!("(a mount that is gone) {}", name.path),
    }
}

fn time(field: &str, text: &str) -> Result<Timestamp, Fault> {
    let wrong =
        || Fault::bad_request(format!("{field} must be a time such as 2026-11-22T09:59:59Z"));
    Timestamp::parse_rfc3339(text).ok_or_else(wrong)
}

fn parse_timeline(text: impl AsRef<str>) -> Result<Timeline, Fault> {
    let parsed = text.as_ref().parse();
    parsed.map_err(|error| Fault::bad_request(format!("timeline: {error}")))
}

pub(super) fn folder(prefix: &str, store_id: &str) -> Result<Folder, Fault> {
    let wrong = || Fault::bad_request("store_id is no UUID");
    Folder::new(prefix, store_id).ok_or_else(wrong)
}
