//! `sys/version-history`: which versions of the program have opened this store, and since when. And
//! which programs had it last.

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
/// And where the programs lie that had it last.
const PROGRAMS: &str = "core/programs";

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

/// A program that opens the store. A version has many builds where people build it themselves, or a
/// package is made anew.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Program {
    version: String,
    build: Option<[u8; 32]>,
}

/// The programs that had it last.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Programs {
    last: Program,
    /// Of which that one took it, if it did not go back to where it had left it.
    before: Option<Program>,
}

impl Record for Programs {
    const VERSION: u8 = 1;
}

/// Notes that this program has the store, unless that is known.
pub fn note(txn: &mut Txn) -> Result<(), TxnError> {
    let now = txn.now();
    let mut system = txn.scope(MountId::SYSTEM);
    let mut versions: Versions = system.read(PLACE)?.unwrap_or_default();
    if versions.add(VERSION, now) {
        system.write(PLACE, &versions)?;
    }
    let had: Option<Programs> = system.read(PROGRAMS)?;
    let has = Programs::with_this(had.clone());
    if had.as_ref() != Some(&has) {
        system.write(PROGRAMS, &has)?;
    }
    Ok(())
}

/// Before a program opens a store that another one left, there is a way back to how that left it.
pub fn before_upgrade(unsealed: &Arc<Unsealed>, undo: &Undo) {
    match unsealed.transact(left) {
        Ok(None) => {}
        Ok(Some(before)) => {
            let now = if before == VERSION { "another build of it" } else { VERSION };
            // A large store takes a slow disk a while.
            log::info!("version {before} had this store, and {now} has it now: a way back first");
            let kept = undo.before(unsealed, Mark::Upgrade);
            log::info!("{}", kept.as_deref().unwrap_or("nothing is kept of how that left it"));
        }
        Err(error) => log::error!("which version had this store cannot be read: {error}"),
    }
}

/// The version that had it last, where that was another program. Who goes back to the one before
/// that may want what is kept of how this left it: that stays.
fn left(txn: &mut Txn) -> Result<Option<String>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    if let Some(had) = system.read::<Programs>(PROGRAMS)? {
        let this = Some(Program::this());
        let is_known = Some(&had.last) == this.as_ref() || had.before == this;
        return Ok((!is_known).then_some(had.last.version));
    }
    // One that noted no more than its version.
    let versions: Versions = system.read(PLACE)?.unwrap_or_default();
    Ok(versions.last())
}

/// The same of a store that was opened. It stays open where that cannot be noted.
pub fn note_opened(unsealed: &Arc<Unsealed>) {
    if let Err(error) = unsealed.transact(note) {
        log::error!("that this program has the store cannot be noted: {error}");
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

impl Programs {
    /// This one has it next.
    fn with_this(had: Option<Self>) -> Self {
        let last = Program::this();
        match had {
            Some(had) if had.last == last => had,
            Some(had) if had.before.as_ref() != Some(&last) => {
                Self { last, before: Some(had.last) }
            }
            _ => Self { last, before: None },
        }
    }
}

impl Program {
    /// The one that runs.
    fn this() -> Self {
        Self { version: VERSION.to_owned(), build: process::fingerprint() }
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
}
