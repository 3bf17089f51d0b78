//! `sys/snapshots`: the targets as we tell of them, and what can be asked of one.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::reach::Reach;
use super::snapshot_auto::fields::{
    self, KEEP_DAILY, KEEP_HOURLY, KEEP_LAST, KEEP_MONTHLY, KEEP_WEEKLY, KEEP_WITHIN,
};
use super::snapshot_auto::url;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::effect::Effect;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::snapshot::keeper::retention::Policy;
use crate::snapshot::keeper::settings::{Settings, field, kept};
use crate::snapshot::keeper::status::{Good, Status, Verification};
use crate::snapshot::keeper::{Desk, Forgetting, Forgotten, Listing, Wishes};
use crate::snapshot::layout::{Folder, Kept};
use crate::snapshot::rewind::{Lost, misnamed};

/// The endpoints with their service.
pub fn engine(reach: Arc<Reach>) -> Bound<Arc<Reach>> {
    Bound::new("Where snapshots go.", ROUTES, reach)
}

/// How long a listing waits for the target; else it tells what was seen last.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited for snapshots to be dropped.
const DROPPING: Duration = Duration::from_secs(30);

const NAME: Field<String> = Field::new("name", "The target's name.");
const ALL: Field<bool> = Field::new("all", "Of all stores that share the target.").query();
const CHECK: Field<bool> = Field::new(
    "check",
    "Look into the newest snapshot of each store: whoever can write there can make up a name.",
)
.query();
const DRY_RUN: Field<bool> = Field::new("dry_run", "Tell what would go, and drop nothing.");

const FORGET: &[&FieldInfo] = &[
    &NAME.info,
    &KEEP_LAST.info,
    &KEEP_HOURLY.info,
    &KEEP_DAILY.info,
    &KEEP_WEEKLY.info,
    &KEEP_MONTHLY.info,
    &KEEP_WITHIN.info,
    &DRY_RUN.info,
];

const ROUTES: &[Route<Arc<Reach>>] = &[
    Route {
        path: "snapshots/targets/?",
        synopsis: "List the targets of snapshots, and how each stands.",
        description: "The targets are set in the configuration and at \
                      storage/raft/snapshot-auto/config.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::List, "List them.", list)],
    },
    Route {
        path: "snapshots/targets/{name:name}",
        synopsis: "How a target of snapshots stands.",
        description: "Its last good snapshot, the next, what is wrong, and how far the journal is \
                      behind; and which other timeline of the store another server writes there \
                      (beside).",
        fields: &[&NAME.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Tell it.", read)],
    },
    Route {
        path: "snapshots/targets/{name:name}/take",
        synopsis: "Have a snapshot taken now.",
        description: "It is answered at once: the attempt is over when the target's status tells \
                      of as many attempts as are answered.",
        fields: &[&NAME.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Take one.", |reach, call| {
            wish(reach, call, |wishes| wishes.take = true)
        })],
    },
    Route {
        path: "snapshots/targets/{name:name}/verify",
        synopsis: "Have the newest snapshot of a target, and the journal behind it, read back.",
        description: "It is answered at once: it is over when the target's status tells of as many \
                      verifications as are answered, and what came of the last one.",
        fields: &[&NAME.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Verify it.", |reach, call| {
            let (desk, _) = found(reach, call)?;
            Ok(Reply::data(object([("verifications", desk.verify().into())])))
        })],
    },
    Route {
        path: "snapshots/targets/{name:name}/adopt",
        synopsis: "Go on where a target is ahead of this server, or another place than it was.",
        description: "Beside what is ahead a new timeline begins, so that nothing of what the \
                      target holds is written over. A folder without its mark is marked. Nothing \
                      happens to a target that is neither.",
        fields: &[&NAME.info],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Write, "Go on.", |reach, call| {
            wish(reach, call, |wishes| wishes.adopt = true)
        })],
    },
    Route {
        path: "snapshots/targets/{name:name}/forget",
        synopsis: "Drop snapshots of a target.",
        description: "What is not kept by what is sent goes, or where nothing is sent, by the \
                      target's settings; the last good one never does. The journal goes that \
                      leads on from none that is left.",
        fields: FORGET,
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Write, "Drop them.", forget)],
    },
    Route {
        path: "snapshots/targets/{name:name}/list",
        synopsis: "What a target holds.",
        description: "Snapshots and journal of this store or of all. The target is looked at for \
                      it; where that takes long, it is what was seen last, at the time that is \
                      told; where it cannot be, 503 says why.",
        fields: &[&NAME.info, &ALL.info, &CHECK.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List it.", holdings)],
    },
];

fn list(reach: &Arc<Reach>, call: &mut SystemCall<'_>) -> Outcome {
    let now = call.txn.now();
    let told = |(name, status): (String, Status)| {
        let told = shown(reach, &name, &status, now);
        (name, told.into())
    };
    Reply::list_with(reach.keeper.statuses().into_iter().map(told).collect())
}

fn read(reach: &Arc<Reach>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?;
    match reach.keeper.status(name) {
        Some(status) => Ok(Reply::data(shown(reach, name, &status, call.txn.now()))),
        None => reach.found(name).map(|_| Reply::nothing()),
    }
}

fn wish(reach: &Arc<Reach>, call: &SystemCall<'_>, add: fn(&mut Wishes)) -> Outcome {
    let (desk, _) = found(reach, call)?;
    Ok(Reply::data(object([("attempts", desk.wish(add).into())])))
}

fn forget(reach: &Arc<Reach>, call: &mut SystemCall<'_>) -> Outcome {
    FieldInfo::must_be_declared(FORGET, call.data)?;
    let (desk, settings) = found(reach, call)?;
    let dry_run = call.fields.get(&DRY_RUN).copied().unwrap_or_default();
    let Some(gone) = call.done.and_then(|done| done.get::<Option<Forgotten>>()) else {
        let forgetting = Forgetting { policy: policy(call, settings.policy)?, dry_run };
        return await_target(reach, call, move || desk.forget(forgetting, DROPPING));
    };
    match gone {
        None => Err(Fault::new(503, "the target takes long, and it goes on: look at its list")),
        Some(Err(why)) => Err(Fault::new(503, why.clone())),
        Some(Ok(gone)) => Ok(Reply::data(object([
            ("dry_run", dry_run.into()),
            ("snapshots", gone.iter().map(|name| Value::from(name.as_str())).collect()),
        ]))),
    }
}

/// What is kept as it was sent; where nothing was, as it is `set`.
fn policy(call: &SystemCall<'_>, set: Policy) -> Result<Policy, Fault> {
    let sent = kept(&fields::sent(call)?);
    Ok(if sent.is_empty() { set } else { Policy { others: set.others, ..sent } })
}

fn found(reach: &Reach, call: &SystemCall<'_>) -> Result<(Arc<Desk>, Settings), Fault> {
    reach.found(call.fields.need(&NAME)?)
}

/// Has it done outside of the transaction, if not too many wait for the target already.
fn await_target<T: Any + Send + Sync>(
    reach: &Arc<Reach>,
    call: &SystemCall<'_>,
    run: impl FnOnce() -> T + Send + 'static,
) -> Outcome {
    let (reach, name) = (Arc::clone(reach), call.fields.need(&NAME)?.clone());
    Ok(Reply::after(Effect::new(move || {
        let _turn = reach.wait(&name)?;
        Ok(run())
    })))
}

/// A snapshot that is good.
fn told(good: &Good, now: Timestamp) -> Value {
    json!({
        "time": good.taken.rfc3339(),
        "age": now.since(good.taken).as_secs(),
        "timeline": good.timeline.to_string(),
        "revision": good.revision,
        "url": url(&good.url),
        "length": good.length,
    })
}

/// What is known of a target of that name.
fn shown(reach: &Reach, name: &str, status: &Status, now: Timestamp) -> Map<String, Value> {
    let given = reach.keeper.given(name);
    let kind = given.as_ref().and_then(|given| given.text(field::STORAGE_TYPE));
    let good = status.last_good.as_ref().map(|good| told(good, now));
    let verification = status.verification.as_ref().map(|Verification { end, outcome }| {
        json!({
            "time": end.rfc3339(),
            "good": outcome.as_ref().ok().map(|good| told(good, now)),
            "error": outcome.as_ref().err().map(String::as_str).unwrap_or_default(),
        })
    });
    let journal = status.journal.as_ref().map(|journal| {
        json!({
            "timeline": journal.timeline.to_string(),
            "revision": journal.revision,
            "behind": journal.behind(),
            "behind_seconds": journal.since.map_or(0, |since| now.since(since).as_secs()),
            "cut": journal.cut,
            "gap": journal.gap.map(|(first, last)| json!([first, last])),
        })
    });
    let beside = status.beside.as_ref().map(|beside| {
        json!({
            "timeline": beside.timeline.to_string(),
            "since": beside.since.rfc3339(),
            "last": beside.last.rfc3339(),
            "warning": beside.told(name),
        })
    });
    let held_back = status.held_back.as_ref().map(ToString::to_string);
    let last = status.last.as_ref();
    object([
        ("type", kind.into()),
        ("state", status.standing.word().into()),
        ("error", status.error.as_deref().unwrap_or_default().into()),
        ("damage", status.damage.as_deref().unwrap_or_default().into()),
        ("late", status.broken_promise(now).unwrap_or_default().into()),
        ("beside", beside.into()),
        ("not_included", json!(status.missed)),
        ("held_back", held_back.unwrap_or_default().into()),
        ("unusable", status.unusable.as_deref().unwrap_or_default().into()),
        ("last_good", good.into()),
        ("history_since", status.since.map(Timestamp::rfc3339).into()),
        ("verified", status.verified.map(Timestamp::rfc3339).into()),
        ("verifications", status.verifications.into()),
        ("verification", verification.into()),
        ("next", status.next.map(Timestamp::rfc3339).into()),
        ("attempts", status.attempts.into()),
        ("failed", status.failed.into()),
        ("errors", status.errors.into()),
        ("last_error", last.and_then(|last| last.error.clone()).unwrap_or_default().into()),
        ("snapshots", status.held.0.into()),
        ("bytes", status.held.1.into()),
        ("journal", journal.into()),
    ])
}

fn holdings(reach: &Arc<Reach>, call: &mut SystemCall<'_>) -> Outcome {
    let (desk, settings) = found(reach, call)?;
    let check = call.fields.get(&CHECK).copied().unwrap_or_default();
    let prefix = settings.place.prefix().to_owned();
    let Some((seen, misnamed)) = call.done.and_then(|done| done.get::<(Listing, Vec<Lost>)>())
    else {
        return await_target(reach, call, move || {
            let seen = desk.look(PATIENCE);
            // One that did not answer in time hangs, and would hang here, too.
            let target = (check && seen.fresh).then(|| settings.place.open().ok()).flatten();
            let misnamed = target.map(|target| misnamed(&*target, &prefix, &seen.objects));
            (seen, misnamed.unwrap_or_default())
        });
    };
    let why = |name: &str| misnamed.iter().find(|lost| lost.name == name).map(|lost| &*lost.why);
    if let Some(why) = &seen.error {
        return Err(Fault::new(503, why.clone()));
    }
    let ours = call.txn.unsealed().status().store_id;
    let all = call.fields.get(&ALL).copied().unwrap_or_default();
    let mut snapshots = Vec::new();
    let mut journals: BTreeMap<(String, String), (u64, u64, u64, u64)> = BTreeMap::new();
    for object in &seen.objects {
        let Some(folder) = Folder::of(&prefix, &object.name) else { continue };
        let store = folder.store_id();
        if !all && store != ours {
            continue;
        }
        match folder.read(&object.name) {
            Some(Kept::Snapshot(of)) => snapshots.push(json!({
                "store_id": store,
                "name": object.name.as_str(),
                "time": of.taken.rfc3339(),
                "timeline": of.timeline.to_string(),
                "revision": of.revision,
                "length": object.length,
                "error": why(object.name.as_str()).unwrap_or_default(),
            })),
            Some(Kept::Segment(of)) => {
                let place = (store.to_owned(), of.timeline.to_string());
                let known = journals.entry(place).or_insert((of.first, of.last, 0, 0));
                (known.0, known.1) = (known.0.min(of.first), known.1.max(of.last));
                (known.2, known.3) = (known.2 + 1, known.3 + object.length);
            }
            None => {}
        }
    }
    let journals: Vec<Value> = journals
        .into_iter()
        .map(|((store, timeline), (first, last, segments, length))| {
            json!({
                "store_id": store,
                "timeline": timeline,
                "first": first,
                "last": last,
                "segments": segments,
                "length": length,
            })
        })
        .collect();
    Ok(Reply::data(object([
        ("seen", if seen.count == 0 { Value::Null } else { seen.at.rfc3339().into() }),
        ("store_id", ours.into()),
        ("snapshots", snapshots.into()),
        ("journal", journals.into()),
    ])))
}
