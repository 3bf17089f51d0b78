//! A secret of kv version 2, with its versions and all that is known of them.
//!
//! It is put here in one request (`import/` of the mount), so that it is whole or absent. That it
//! came already is seen by its metadata alone: two secrets whose versions were made in the same
//! nanoseconds are one.

use serde_json::Value;

use super::ends::{Ends, Write};
use super::history::{History, TOLD};
use super::place::Place;
use super::report::Told;
use super::server::{Found, Trouble};
use super::settings;
use crate::client::Call;

/// What one request may carry, in bytes; the server has the last word.
const LARGEST: usize = 32 << 20;

/// Told of a secret by some servers, and nothing that could be lost.
const COUNTERS: [&str; 1] = ["current_metadata_version"];

/// Brings one.
pub fn bring(ends: &Ends, place: Place<'_>) -> Result<Told, Trouble> {
    let path = place.path("metadata");
    let told = ends.from.need(&path)?;
    let lost = settings::lost(&[&TOLD[..], &COUNTERS[..]].concat(), &told);
    let theirs =
        History::read(told).ok_or_else(|| ends.from.here("its metadata makes no sense"))?;
    let ours = match ends.to.get(&path)? {
        None => None,
        Some(told) => {
            let ours = History::read(told);
            Some(ours.ok_or_else(|| ends.to.here("its metadata makes no sense"))?)
        }
    };
    let mut deleted = theirs.deleted_by_now();
    let told = ends.settle(theirs.standing(ours.as_ref()), |how| {
        let (mut body, gone) = with_values(ends, place, &theirs)?;
        if let (Write::Replace, Some(ours)) = (how, &ours) {
            body["replaces"] = ours.told.clone();
        }
        deleted = gone;
        ends.to.put(&place.path("import"), body)
    })?;
    Ok(told.without(&without_value(&deleted)).without(&lost))
}

/// The history with the values of its versions, and the numbers of those that were deleted.
fn with_values(
    ends: &Ends,
    place: Place<'_>,
    theirs: &History,
) -> Result<(Value, Vec<u64>), Trouble> {
    let mut body = theirs.told.clone();
    let (mut deleted, mut size) = (Vec::new(), 0);
    for number in theirs.readable() {
        let call = Call::get(place.path("data")).with_query("version", number.to_string());
        let version = &mut body["versions"][number.to_string()];
        match ends.from.find(call)? {
            Found::Data(found) if theirs.made(number, &found["metadata"]) => {
                let data = found["data"].clone();
                size += data.to_string().len();
                version["data"] = data;
            }
            Found::Nothing(told) if theirs.made(number, &told["metadata"]) => {
                version["destroyed"] = true.into();
                version["deletion_time"] = told["metadata"]["deletion_time"].clone();
                deleted.push(number);
            }
            _ => return Err(ends.from.here(format!("version {number} changed meanwhile"))),
        }
        if size > LARGEST {
            return Err(ends.from.here("its versions are more than one request may carry: 32 MiB"));
        }
    }
    Ok((body, deleted))
}

fn without_value(deleted: &[u64]) -> String {
    let numbers = deleted.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match deleted {
        [] => String::new(),
        [_] => format!(
            "LEFT OUT: version {numbers} is deleted there, so that its value cannot be read; it is \
             destroyed here, unless you undelete it there before"
        ),
        _ => format!(
            "LEFT OUT: versions {numbers} are deleted there, so that their values cannot be read; \
             they are destroyed here, unless you undelete them there before"
        ),
    }
}
