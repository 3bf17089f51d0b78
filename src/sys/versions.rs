//! `sys/version-history`: which versions of the program have opened this store, and since when.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::undo::Undo;
use crate::api::VERSION;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::Unsealed;
use crate::barrier::journal::record::Mark;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::process;
use crate::base::record::Record;

/// The endpoint.
pub fn engine() -> Bound<()> {
    Bound::new("The versions that have opened this store.", ROUTES, ())
}

const ROUTES: &[Route<()>] = &[Route {
    path: "version-history/",
    synopsis: "Which versions have opened this store.",
    description: "Each with the time when it first did, in that order.",
    fields: &[],
    access: Access::Policy,
    operations: &[Operation::system(Verb::List, "List them.", list)],
}];

/// Where they lie in the system's part of the store.
const PLACE: &str = "core/versions";
const BUILDS: &str = "core/builds";
/// Builds that are remembered.
const MOST_BUILDS: usize = 64;

/// The versions in the order in which they came.
#[derive(Default, Serialize, Deserialize)]
struct Versions(Vec<Version>);

impl Record for Versions {
    const VERSION: u8 = 1;
}

#[derive(Serialize, Deserialize)]
struct Version {
    name: String,
    since: Timestamp,
}

/// The fingerprints of the programs that have opened the store, the newest last. A version has many
/// where people build it themselves, or a package is made anew.
#[derive(Default, Serialize, Deserialize)]
struct Builds(Vec<[u8; 32]>);

impl Record for Builds {
    const VERSION: u8 = 1;
}

/// Notes that this program has opened the store, unless that is known.
pub fn note(txn: &mut Txn) -> Result<(), TxnError> {
    let now = txn.now();
    let mut system = txn.scope(MountId::SYSTEM);
    let mut versions: Versions = system.read(PLACE)?.unwrap_or_default();
    if versions.add(VERSION, now) {
        system.write(PLACE, &versions)?;
    }
    let Some(build) = process::fingerprint() else { return Ok(()) };
    let mut builds: Builds = system.read(BUILDS)?.unwrap_or_default();
    if builds.add(build) {
        system.write(BUILDS, &builds)?;
    }
    Ok(())
}

/// Before a program opens a store that another one left, there is a way back to how that left it.
pub fn before_upgrade(unsealed: &Arc<Unsealed>, undo: &Undo) {
    match unsealed.transact(left) {
        Ok(None) => {}
        Ok(Some(before)) => {
            let kept = undo.before(unsealed, Mark::Upgrade);
            let kept = kept.as_deref().unwrap_or("nothing of that is kept");
            let now = if before == VERSION { "another build of it" } else { VERSION };
            log::info!("version {before} had this store, and {now} has it now: {kept}");
        }
        Err(error) => log::error!("which version had this store cannot be read: {error}"),
    }
}

/// The version that had it, where this program has not.
fn left(txn: &mut Txn) -> Result<Option<String>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let versions: Versions = system.read(PLACE)?.unwrap_or_default();
    let builds: Builds = system.read(BUILDS)?.unwrap_or_default();
    let known = versions.has(VERSION)
        && process::fingerprint().is_none_or(|build| builds.0.contains(&build));
    Ok(versions.last().filter(|_| !known))
}

/// The same of a store that was opened. It stays open where that cannot be noted.
pub fn note_opened(unsealed: &Arc<Unsealed>) {
    if let Err(error) = unsealed.transact(note) {
        log::error!("that this version has opened the store cannot be noted: {error}");
    }
}

fn list((): &(), call: &mut SystemCall<'_>) -> Outcome {
    let stored: Option<Versions> = call.txn.scope(MountId::SYSTEM).read(PLACE)?;
    Reply::list_with(stored.unwrap_or_default().shown())
}

impl Versions {
    /// Adds a version; whether it is a new one.
    fn add(&mut self, name: &str, since: Timestamp) -> bool {
        let new = !self.has(name);
        if new {
            self.0.push(Version { name: name.to_owned(), since });
        }
        new
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|version| version.name == name)
    }

    /// The one that came last.
    fn last(mut self) -> Option<String> {
        self.0.pop().map(|last| last.name)
    }

    /// Each with what is known of it.
    fn shown(self) -> Vec<(String, Value)> {
        let mut previous = Value::Null;
        let one = |Version { name, since }| {
            let about = json!({
                "previous_version": std::mem::replace(&mut previous, Value::from(&*name)),
                "timestamp_installed": since.rfc3339(),
                // It is told of no program.
                "build_date": "",
            });
            (name, about)
        };
        self.0.into_iter().map(one).collect()
    }
}

impl Builds {
    /// Adds one, in the place of the oldest where there are many; whether it is a new one.
    fn add(&mut self, build: [u8; 32]) -> bool {
        let new = !self.0.contains(&build);
        if new {
            self.0.drain(..self.0.len().saturating_sub(MOST_BUILDS - 1));
            self.0.push(build);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_names_the_one_before() {
        let mut versions = Versions::default();
        for (name, second, new) in [("1", 10, true), ("1", 11, false), ("2", 12, true)] {
            assert_eq!(versions.add(name, Timestamp::from_secs(second)), new, "{name}");
        }
        let shown = versions.shown();
        let names: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["1", "2"]);
        let about = |n: usize, field: &str| shown[n].1[field].clone();
        assert_eq!(about(0, "timestamp_installed"), "1970-01-01T00:00:10Z");
        assert_eq!(about(0, "previous_version"), Value::Null);
        assert_eq!(about(1, "previous_version"), "1");
    }

    #[test]
    fn as_many_builds_are_remembered_as_fit() {
        let mut builds = Builds::default();
        let build = |number: usize| [u8::try_from(number).unwrap(); 32];
        assert!((0..=MOST_BUILDS).all(|number| builds.add(build(number))));
        assert!(!builds.add(build(1)) && !builds.add(build(MOST_BUILDS)));
        assert_eq!((builds.0.len(), builds.0[0]), (MOST_BUILDS, build(1)));
    }
}
