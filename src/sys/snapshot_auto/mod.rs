//! `sys/storage/raft/snapshot-auto`: targets as Vault Enterprise sets them and tells of them.

pub(super) mod fields;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::fields::{AUTOLOAD, NAME};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{FieldInfo, ignored};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Timestamp;
use crate::base::credential::Credential;
use crate::base::fault::Fault;
use crate::snapshot::keeper::settings::{Fields, Given, Giver, Settings, Wrong, field, is_secret};
use crate::snapshot::keeper::status::Status;
use crate::snapshot::keeper::{Keeper, stored};
use crate::snapshot::target::open::kinds_of_other;

/// The endpoints with their service.
pub fn engine(keeper: Arc<Keeper>) -> Bound<Arc<Keeper>> {
    Bound::new("Snapshots that are taken by themselves.", ROUTES, keeper)
}

const TARGETS: &str = "A target is a place to which snapshots go by themselves, and the journal \
                       where that is asked for. What is not sent of one that is there stays. \
                       Those of the configuration file are shown here and changed there.";

const ROUTES: &[Route<Arc<Keeper>>] = &[
    Route {
        path: "storage/raft/snapshot-auto/config/?",
        synopsis: "List the targets of snapshots.",
        description: TARGETS,
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::List, "List their names.", list).stored()],
    },
    Route {
        path: "storage/raft/snapshot-auto/config/{name:name}",
        synopsis: "Where snapshots go, and how often.",
        description: TARGETS,
        fields: fields::SETTINGS,
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read a target's settings.", read).stored(),
            Operation::system(Verb::Write, "Set a target.", write).creating_system(exists),
            Operation::system(Verb::Delete, "Remove a target; what it holds stays.", delete),
        ],
    },
    Route {
        path: "storage/raft/snapshot-auto/status/{name:name}",
        synopsis: "How the snapshots of a target went.",
        description: "The last attempt, the present one, and the next.",
        fields: &[&NAME.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Tell it.", status)],
    },
];

fn list(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Outcome {
    let mut names = stored::list(call.txn)?;
    if !call.is_past() {
        names.extend(keeper.configured_names().map(str::to_owned));
    }
    names.sort_unstable();
    names.dedup();
    Reply::list(names)
}

fn exists(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Result<bool, Fault> {
    let name = call.fields.need(&NAME)?;
    Ok(keeper.configured(name).is_some() || stored::read(call.txn, name)?.is_some())
}

fn read(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?;
    if let Some(settings) = keeper.configured(name).filter(|_| !call.is_past()) {
        return Ok(Reply::data(shown(settings)));
    }
    let fields = stored::read(call.txn, name)?.ok_or_else(Fault::not_found)?;
    match Settings::read(fields.clone(), Giver::Api) {
        Ok(settings) => Ok(Reply::data(shown(&settings))),
        // It was taken by a version before.
        Err(wrong) => {
            let status = keeper.status(name).filter(|_| !call.is_past());
            let why = status.and_then(|status| status.error);
            let why = why.unwrap_or_else(|| wrong.to_string());
            Ok(Reply::data(given(&fields)).warn(format!("it is not served: {why}")))
        }
    }
}

fn write(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?.clone();
    must_be_ours(keeper, &name)?;
    if call.fields.get(&AUTOLOAD) == Some(&true) {
        return Err(Fault::bad_request(format!(
            "autoload_enabled is not supported: nothing has to be loaded beforehand, since any \
             instant that the target leads to is loaded when it is needed: `edgekeep snapshot load \
             -target={name} -at=TIME`, or sys/snapshots/targets/{name}/load"
        )));
    }
    // It takes any file that the server may read.
    if call.data.contains_key(field::INCLUDE) {
        return Err(Fault::bad_request(
            "include is for the configuration file alone, since it names what the server may read: \
             declare it in a snapshot section there, and every target has those files",
        ));
    }
    let wrong = |Wrong(what)| Fault::bad_request(what);
    let mut given = fields::sent(call)?;
    let kind = given.text(field::STORAGE_TYPE);
    // What was said of another kind of place says nothing of this one.
    let same = |before: &Fields| kind.is_none() || kind == before.text(field::STORAGE_TYPE);
    let before = stored::read(call.txn, &name)?.filter(same);
    let word = kind.or_else(|| before.as_ref()?.text(field::STORAGE_TYPE)).unwrap_or_default();
    let word = word.to_owned();
    let sent: Vec<String> = given.iter().map(|(name, _)| name.to_owned()).collect();
    let mut warnings = Vec::new();
    for name in sent {
        if let Some(kinds) = kinds_of_other(&name, &word) {
            given.remove(&name);
            warnings.push(format!(
                "{name} is ignored: storage_type {word} has none (it is of {kinds})"
            ));
        }
    }
    if let Some(before) = before {
        given = given.over(&before).map_err(wrong)?;
    }
    let settings = Settings::read(given, Giver::Api).map_err(wrong)?;
    keeper.must_be_outside(&settings).map_err(wrong)?;
    keeper.must_be_beside(call.txn, &name, &settings)?.map_err(wrong)?;
    stored::write(call.txn, &name, &settings.given)?;
    keeper.changed(call.txn);
    warnings.extend(ignored(FieldInfo::undeclared(fields::SETTINGS, call.data)));
    Ok(warnings.into_iter().fold(Reply::nothing(), Reply::warn))
}

fn delete(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?;
    must_be_ours(keeper, name)?;
    stored::delete(call.txn, name)?;
    keeper.changed(call.txn);
    Ok(Reply::nothing())
}

fn must_be_ours(keeper: &Keeper, name: &str) -> Result<(), Fault> {
    match keeper.configured(name) {
        Some(_) => Err(Fault::bad_request(format!(
            "the target {name} stands in the configuration file: change it there"
        ))),
        None => Ok(()),
    }
}

/// Settings as they are told: what was given, and what holds besides.
fn shown(settings: &Settings) -> Map<String, Value> {
    let mut shown = object([
        (field::FILE_PREFIX, settings.file_prefix.as_str().into()),
        (field::INTERVAL, settings.interval.as_secs().into()),
        (field::RETAIN, settings.policy.last.into()),
    ]);
    shown.extend(given(&settings.given));
    if !settings.include.is_empty() {
        let include = settings.include.iter().map(|path| path.display().to_string()).collect();
        shown.insert(field::INCLUDE.to_owned(), include);
    }
    shown
}

/// What was given, but credentials.
fn given(fields: &Fields) -> Map<String, Value> {
    let mut shown = Map::new();
    for (name, value) in fields.iter() {
        let value = match value {
            // Where a credential is kept may be known.
            Given::Text(text) if is_secret(name) => match Credential::parse(text) {
                Ok(Credential::Literal(_)) | Err(_) => continue,
                Ok(place) => place.to_string().into(),
            },
            Given::Text(text) => text.as_str().into(),
            Given::Number(number) | Given::Seconds(number) => (*number).into(),
            Given::Flag(flag) => (*flag).into(),
        };
        shown.insert(name.to_owned(), value);
    }
    shown
}

fn status(keeper: &Arc<Keeper>, call: &mut SystemCall<'_>) -> Outcome {
    let status = keeper.status(call.fields.need(&NAME)?).ok_or_else(Fault::not_found)?;
    Ok(Reply::data(as_vault_tells(&status)))
}

/// The status in Vault's words. A target that cannot be reached fails every attempt, which none
/// that ended tells.
fn as_vault_tells(status: &Status) -> Map<String, Value> {
    let last = status.last.clone().unwrap_or_default();
    let present = status.attempt.clone().unwrap_or_default();
    object([
        ("consecutive_errors", status.failed.max(status.in_a_row).into()),
        ("last_snapshot_start", time(Some(last.start))),
        ("last_snapshot_end", time(last.end)),
        ("last_snapshot_error", last.error.or(status.error.clone()).unwrap_or_default().into()),
        ("last_snapshot_url", url(&last.url).into()),
        ("next_snapshot_start", time(status.next)),
        ("snapshot_start", time(Some(present.start))),
        ("snapshot_url", url(&present.url).into()),
    ])
}

/// A path is a URL too.
pub fn url(place: &str) -> String {
    if place.starts_with('/') { format!("file://{place}") } else { place.to_owned() }
}

/// A time; Go's zero where there is none.
fn time(time: Option<Timestamp>) -> Value {
    match time.filter(|time| *time != Timestamp::EPOCH) {
        Some(time) => time.rfc3339().into(),
        None => "0001-01-01T00:00:00Z".into(),
    }
}
