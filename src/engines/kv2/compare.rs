//! What became of a secret from one state of the store to another, as people see it: it is there
//! while its latest version can be read.

use super::metadata::show;
use super::record::{Config, Metadata};
use super::secret::{Place, Secret};
use crate::api::difference::{Change, Difference};
use crate::barrier::txn::Scope;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;

pub fn compare(
    _: &(),
    entry: &str,
    before: &mut Scope<'_>,
    after: &mut Scope<'_>,
) -> Result<Option<Difference>, Fault> {
    let Some(place) = Place::at(entry) else {
        let same = Config::stored(before)? == Config::stored(after)?;
        return Ok((!same).then(|| Difference::at("config", Change::Changed)));
    };
    let load = |scope: &mut Scope<'_>| -> Result<_, Fault> {
        Ok((Secret::load(scope, place)?.map(|secret| secret.metadata), scope.expiry_now()))
    };
    let (before, after) = (load(before)?, load(after)?);
    let there = |(metadata, now): &(Option<Metadata>, Timestamp)| {
        let latest = metadata.as_ref().and_then(|metadata| metadata.version(0));
        latest.filter(|(_, version)| !version.is_gone(*now)).map(|(number, _)| number)
    };
    let (change, about) = match (there(&before), there(&after)) {
        (None, Some(number)) => (Change::Added, format!("version {number}")),
        (Some(number), None) => (Change::Deleted, deleted(number, after.0.as_ref())),
        _ if before.0.as_ref().map(show) == after.0.as_ref().map(show) => return Ok(None),
        (Some(old), Some(new)) if old != new => {
            (Change::Changed, format!("version {old} to {new}"))
        }
        _ => (Change::Changed, "its versions or metadata".to_owned()),
    };
    let read = format!("data/{entry}");
    Ok(Some(Difference { path: entry.to_owned(), read, change, about }))
}

fn deleted(number: u64, left: Option<&Metadata>) -> String {
    match left {
        Some(_) => format!("version {number}; what is left is its metadata"),
        None => format!("version {number}, with all that there was"),
    }
}
