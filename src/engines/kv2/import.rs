//! `import/`: a secret with its history, brought whole from another server.
//!
//! What is sent is what `metadata/` answers there, with each version's `data` put beside its times.
//! No other way keeps numbers and times; and as it is one request, a secret is brought whole or not
//! at all. It can forge a history, so that it needs `sudo`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{
    CAS_REQUIRED, CUSTOM_METADATA, DELETE_AFTER, MAX_VERSIONS, PATH, max_versions,
};
use super::record::{MAX_VERSIONS_LIMIT, Metadata, Version};
use super::secret::{Place, Secret};
use super::{custom, metadata};
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::field::{Field, Fields};
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;

static CREATED: Field<String> = Field::new("created_time", "When the secret was made: RFC 3339.");
static UPDATED: Field<String> =
    Field::new("updated_time", "When a version was made or the metadata changed: RFC 3339.");
static CURRENT: Field<i64> =
    Field::new("current_version", "The number of the latest version; 0 when there is none.");
static OLDEST: Field<i64> =
    Field::new("oldest_version", "The number of the oldest version that is kept, as it was told.");
static VERSIONS: Field<Option<Map<String, Value>>> = Field::new(
    "versions",
    "By its number each version that is kept: `created_time`, `deletion_time`, and its `data` or \
     that it is `destroyed`.",
);

static REPLACES: Field<Option<Map<String, Value>>> = Field::new(
    "replaces",
    "What `metadata/` told of the secret that is replaced: whole, as it was answered.",
);

/// The latest number that is taken: all that are counted from there on can still be read by
/// clients that hold numbers as floats.
const LATEST: u64 = 1 << 52;

pub const ROUTE: Route<()> = Route {
    path: "import/{path..}",
    synopsis: "Brings a secret with its history from another server.",
    description: "Without `replaces` nothing may be there yet; with it the secret is replaced of \
                  which `metadata/` still tells just that, so that nothing is undone that \
                  happened meanwhile.\n",
    fields: &[
        &PATH.info,
        &CREATED.info,
        &UPDATED.info,
        &CURRENT.info,
        &OLDEST.info,
        &MAX_VERSIONS.info,
        &CAS_REQUIRED.info,
        &DELETE_AFTER.info,
        &CUSTOM_METADATA.info,
        &VERSIONS.info,
        &REPLACES.info,
    ],
    access: Access::Sudo,
    operations: &[Operation::new(Verb::Write, "Brings it.", import).creating(super::exists)],
};

fn import(_: &(), call: &mut Call<'_>) -> Outcome {
    let place = Place::to_write(call)?;
    let (metadata, values) = history(call.fields)?;
    let scope = &mut call.scope;
    let standing = Secret::load(scope, place)?;
    match (call.fields.get(&REPLACES).flatten(), &standing) {
        (None, None) => {}
        (None, Some(_)) => return Err(Fault::bad_request("there is a secret already")),
        (Some(told), Some(secret)) if *told == metadata::show(&secret.metadata) => {}
        (Some(_), _) => {
            return Err(Fault::bad_request("the secret changed since its metadata was read"));
        }
    }
    if let Some(secret) = standing {
        secret.remove(scope)?;
    }
    Secret::put(scope, place, metadata, values.into_iter())?;
    Ok(Reply::nothing())
}

/// What is written as a version: an object or null.
type Written<'s> = Option<&'s Map<String, Value>>;

/// By the numbers of their versions.
type Values<'s> = BTreeMap<u64, Written<'s>>;

fn history<'s>(fields: &'s Fields<'_>) -> Result<(Metadata, Values<'s>), Fault> {
    let current = count(fields, &CURRENT)?;
    let mut metadata = Metadata {
        updated: time(fields.need(&UPDATED)?)?,
        current,
        oldest: count(fields, &OLDEST)?,
        max_versions: max_versions(fields)?.unwrap_or(0),
        cas_required: fields.get(&CAS_REQUIRED).copied().unwrap_or(false),
        delete_after: fields.get(&DELETE_AFTER).copied().unwrap_or_default(),
        ..Metadata::new(time(fields.need(&CREATED)?)?)
    };
    if metadata.oldest > current {
        return Err(wrong("oldest_version is later than current_version"));
    }
    if let Some(sent) = custom::sent(fields, custom::replace)? {
        sent.make(&mut metadata.custom);
    }
    let sent = fields.get(&VERSIONS).flatten().into_iter().flatten();
    let mut values = Values::new();
    for (number, told) in sent {
        let number = number_of(number).filter(|number| (1..=current).contains(number));
        let number = number.ok_or_else(|| wrong("a version's number is none"))?;
        if number < metadata.oldest {
            return Err(wrong("a version is older than oldest_version"));
        }
        let (version, value) = version(told)?;
        metadata.versions.insert(number, version);
        values.extend(value.map(|value| (number, value)));
    }
    if current > 0 && !metadata.versions.contains_key(&current) {
        return Err(wrong("the latest version is missing"));
    }
    if metadata.versions.len() > MAX_VERSIONS_LIMIT as usize {
        return Err(wrong("there are too many versions"));
    }
    Ok((metadata, values))
}

/// A number in the one way to write it, so that no version is told twice: one of them could be
/// destroyed and the other leave its value in the store.
fn number_of(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A version, and its value where it has one.
fn version(told: &Value) -> Result<(Version, Option<Written<'_>>), Fault> {
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    let deletion = Some(text("deletion_time")).filter(|text| !text.is_empty());
    let destroyed = told.get("destroyed") == Some(&Value::Bool(true));
    let value = match (told.get("data"), destroyed) {
        (Some(Value::Object(data)), false) => Some(Some(data)),
        (Some(Value::Null), false) => Some(None),
        (None, true) => None,
        (None, false) => return Err(wrong("a version has no data and is not destroyed")),
        (Some(_), true) => return Err(wrong("a version is destroyed and has data")),
        (Some(_), false) => return Err(wrong("a version's data is no object")),
    };
    let version = Version {
        created: time(text("created_time"))?,
        deletion: deletion.map(time).transpose()?,
        destroyed,
    };
    Ok((version, value))
}

fn count(fields: &Fields<'_>, field: &Field<i64>) -> Result<u64, Fault> {
    let number = u64::try_from(*fields.need(field)?).ok().filter(|number| *number <= LATEST);
    number.ok_or_else(|| Fault::bad_request(format!("{} is out of range", field.info.name)))
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| wrong("a time is none"))
}

fn wrong(why: &str) -> Fault {
    Fault::bad_request(format!("no history of a secret: {why}"))
}
