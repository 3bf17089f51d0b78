//! What `metadata/` of kv version 2 tells of a secret, and how two such histories stand.

use serde_json::{Map, Value};

use super::ends::Standing;
use super::settings;
use crate::base::clock::{Clock, SystemClock, Timestamp};

/// What comes of a secret beside its values.
pub const TOLD: [&str; 9] = [
    "cas_required",
    "created_time",
    "current_version",
    "custom_metadata",
    "delete_version_after",
    "max_versions",
    "oldest_version",
    "updated_time",
    "versions",
];

/// Those that are set, not counted.
const SET: [&str; 4] = ["cas_required", "custom_metadata", "delete_version_after", "max_versions"];

/// A history that makes sense.
pub struct History {
    /// As it was told: no more than [`TOLD`].
    pub told: Value,
    /// The number of the latest version.
    pub current: u64,
    created: Timestamp,
    updated: Timestamp,
}

/// What is known of a version.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    created: Timestamp,
    deletion: Option<Timestamp>,
    destroyed: bool,
}

impl History {
    /// Reads what a server told.
    pub fn read(mut told: Value) -> Option<Self> {
        let fields = told.as_object_mut()?;
        fields.retain(|name, _| TOLD.contains(&name.as_str()));
        let time = |name: &str| fields.get(name)?.as_str().and_then(Timestamp::parse_rfc3339);
        let (created, updated) = (time("created_time")?, time("updated_time")?);
        let current = fields.get("current_version")?.as_u64()?;
        let history = Self { told, current, created, updated };
        let sound = |(number, version): (&String, &Value)| {
            let written_so = number.parse().is_ok_and(|parsed: u64| parsed.to_string() == *number);
            written_so && Version::read(version).is_some()
        };
        history.versions()?.iter().all(sound).then_some(history)
    }

    fn versions(&self) -> Option<&Map<String, Value>> {
        self.told["versions"].as_object()
    }

    fn version(&self, number: &str) -> Option<Version> {
        self.versions()?.get(number).and_then(Version::read)
    }

    fn numbers(&self) -> impl Iterator<Item = &str> {
        self.versions().into_iter().flatten().map(|(number, _)| number.as_str())
    }

    /// The versions that are not destroyed, in their order.
    pub fn readable(&self) -> Vec<u64> {
        let there = |number: &&str| self.version(number).is_some_and(|v| !v.destroyed);
        let mut numbers: Vec<u64> =
            self.numbers().filter(there).filter_map(|number| number.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The versions that are deleted, by this machine's clock.
    pub fn deleted_by_now(&self) -> Vec<u64> {
        let now = SystemClock.wall();
        let gone = |number: &u64| {
            let version = self.version(&number.to_string());
            version.and_then(|version| version.deletion).is_some_and(|deletion| deletion <= now)
        };
        self.readable().into_iter().filter(gone).collect()
    }

    /// Whether what is told with a value is of the version with that number.
    pub fn made(&self, number: u64, told: &Value) -> bool {
        let created = Version::read(told).map(|version| version.created);
        created.is_some() && created == self.version(&number.to_string()).map(|v| v.created)
    }

    /// How this secret stands where there is `ours`.
    pub fn standing(&self, ours: Option<&Self>) -> Standing {
        let Some(ours) = ours else { return Standing::Absent };
        if ours.created != self.created {
            return Standing::Differs("another secret is here under its name".into());
        }
        let differing = settings::differing(&SET, &self.told, &ours.told);
        let same = differing.is_empty()
            && self.current == ours.current
            && self.numbers().chain(ours.numbers()).all(|number| {
                matches!((self.version(number), ours.version(number)), (Some(theirs), Some(ours))
                    if ours.is(theirs))
            });
        if same {
            return Standing::Same;
        }
        if let Some(number) = ours.numbers().find(|number| !self.was(number, ours)) {
            return Standing::Differs(format!("version {number} is another here"));
        }
        // Versions that it got since tell nothing of its settings: unless nobody can have changed
        // those here, what differs is a conflict.
        let untouched = ours.version(&ours.current.to_string()).map(|v| v.created);
        if differing.is_empty() || untouched == Some(ours.updated) && ours.updated <= self.updated {
            return Standing::Behind;
        }
        Standing::Differs(format!("other settings here: {}", differing.join(", ")))
    }

    /// Whether a version of `ours` is one that this secret once had.
    fn was(&self, number: &str, ours: &Self) -> bool {
        let oldest = self.told["oldest_version"].as_u64().unwrap_or(0);
        match (self.version(number), ours.version(number)) {
            (Some(theirs), Some(ours)) => {
                let unmarked = ours.deletion.is_none() && !ours.destroyed;
                ours.created == theirs.created && (unmarked || ours.is(theirs) || theirs.destroyed)
            }
            _ => number.parse::<u64>().is_ok_and(|number| number < oldest),
        }
    }
}

impl Version {
    fn read(told: &Value) -> Option<Self> {
        let time = |name: &str| told[name].as_str().filter(|text| !text.is_empty());
        let deletion = match time("deletion_time") {
            None => None,
            Some(text) => Some(Timestamp::parse_rfc3339(text)?),
        };
        Some(Self {
            created: Timestamp::parse_rfc3339(time("created_time")?)?,
            deletion,
            destroyed: told["destroyed"].as_bool()?,
        })
    }

    /// Whether this is `theirs` as it can be here: one that was deleted there came as destroyed.
    fn is(self, theirs: Self) -> bool {
        let brought = Self { destroyed: true, ..theirs };
        self == theirs || theirs.deletion.is_some() && self == brought
    }
}
