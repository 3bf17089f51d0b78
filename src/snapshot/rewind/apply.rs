//! Puts what was prepared in the place of a store.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};

use super::listing::Instant;
use super::plan::Plan;
use super::segments::{Broken, Segments, Start, Walk};
use super::{Found, Lost};
use crate::barrier::journal::record::{Record as Written, Write};
use crate::barrier::journal::{HEAD, Head, is_of_journal};
use crate::barrier::restore::{Accept, is_note};
use crate::barrier::root::{EntryHasher, RootRecord, Tally, Timeline};
use crate::barrier::{Barrier, KEYRING, ROOT, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::record::Record as _;
use crate::snapshot::SnapshotError;
use crate::snapshot::format::meta::Meta;
use crate::snapshot::layout::SnapshotName;
use crate::snapshot::lent::Lent;
use crate::snapshot::restorable::Restorable;
use crate::snapshot::restore::Received;
use crate::storage::{StorageError, Writer};

/// A snapshot and what leads on from it to an instant: all of it here, and checked.
pub struct Prepared {
    pub(super) plan: Plan,
    pub(super) found: Found,
    pub(super) start: Start,
    pub(super) received: Received,
    pub(super) segments: Segments,
    /// The keys that vouched for the snapshot, and what its root record says.
    pub(super) prover: Option<(Lent, RootRecord)>,
    pub(super) lost: Vec<Lost>,
    /// Whether it is in the past of the server that asked.
    pub(super) own: bool,
}

impl Prepared {
    /// How it came about.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it leads.
    pub fn found(&self) -> Found {
        self.found
    }

    /// When the commit was that it leads to; `None` where that stands in a snapshot alone, which
    /// nobody has opened.
    pub fn committed(&self) -> Option<Timestamp> {
        let Instant { revision, time } = self.found.instant;
        if revision != self.start.revision {
            return Some(time);
        }
        self.prover.as_ref().map(|(_, record)| record.latest)
    }

    /// The history that it is of.
    pub fn timeline(&self) -> Timeline {
        self.found.timeline
    }

    /// What the snapshot says of itself.
    pub fn meta(&self) -> &Meta {
        self.received.meta()
    }

    /// The files that did not verify.
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// Whether the server that asked comes of that instant; it is of another history else.
    pub fn is_own_past(&self) -> bool {
        self.own
    }

    /// All of that, as it is told.
    pub fn told(&self) -> Map<String, Value> {
        let instant = self.found.instant;
        let SnapshotName { revision, taken, .. } = &self.plan.base;
        let fields = [
            ("revision", instant.revision.into()),
            ("time", self.committed().unwrap_or(instant.time).rfc3339().into()),
            ("timeline", self.timeline().to_string().into()),
            ("snapshot_revision", (*revision).into()),
            ("snapshot_time", taken.rfc3339().into()),
            ("segments", self.plan.legs.len().into()),
            ("unusable", json!(self.lost)),
        ];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        fields.chain(self.found.lacking()).collect()
    }

    /// Puts the snapshot's entries, then every write that leads on from there.
    fn play(&self, to: &mut dyn Writer, mut sum: Option<&mut Sum>) -> Result<(), StorageError> {
        self.received.fill(to)?;
        let last = self.found.instant.revision;
        let mut chain = self.start.chain;
        let walked = self.segments.walk(self.start, &self.plan.legs, |_, entry| {
            self.received.go_on()?;
            if entry.revision > last {
                return Ok(Walk::Stop);
            }
            play(&entry.record, to, sum.as_deref_mut())?;
            chain = entry.after;
            Ok(if entry.revision == last { Walk::Stop } else { Walk::On })
        });
        walked.map_err(Broken::into_error)?;
        // With the next unsealing a history begins that comes of this one, and goes on from here.
        to.put(HEAD, &Head { chain, ..Head::begin(self.timeline(), last) }.encode())?;
        Ok(())
    }
}

impl Restorable for Prepared {
    fn accepted(&self, to: &Barrier, force: bool) -> Result<(Accept, bool), SnapshotError> {
        let (accept, same) = self.received.accepted_by_name(to, force)?;
        if same && to.unsealed().is_some() && self.prover.is_none() {
            let what = "its keyring does not open with the keys of this store";
            return Err(SnapshotError::Forged(what.into()));
        }
        Ok((accept, same))
    }

    fn fill(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        let Some((keys, record)) = &self.prover else { return self.play(to, None) };
        let keys = keys.get()?;
        let mut sum = Sum::new(&keys, record.tally);
        self.play(to, Some(&mut sum))?;
        let last = self.found.instant.revision;
        if last > self.start.revision {
            sum.must_be_right(&keys, to, self.timeline(), last)?;
        }
        Ok(())
    }

    fn show(&self, to: &mut dyn Writer) -> Result<(), StorageError> {
        self.play(to, None)
    }

    fn set_interrupted(&mut self, interrupted: Arc<AtomicBool>) {
        self.received.set_interrupted(interrupted);
    }
}

/// Makes the writes of a record of the journal.
pub(in crate::snapshot) fn replay(record: &[u8], to: &mut dyn Writer) -> Result<(), SnapshotError> {
    play(record, to, None)
}

fn play(
    record: &[u8],
    to: &mut dyn Writer,
    mut sum: Option<&mut Sum<'_>>,
) -> Result<(), SnapshotError> {
    let record = Written::read(record).map_err(|error| broken(&error))?;
    for write in record.writes() {
        let write = write.map_err(|error| broken(&error))?;
        put(&write, to, sum.as_deref_mut())?;
    }
    Ok(())
}

fn put(
    (key, value): &Write<'_>,
    to: &mut dyn Writer,
    sum: Option<&mut Sum>,
) -> Result<(), SnapshotError> {
    if is_of_journal(key) || is_note(key) {
        return Err(broken(&"its journal writes what no commit does"));
    }
    let old = match value {
        Some(value) => to.put(key, value),
        None => to.delete(key),
    }?;
    if let Some(sum) = sum {
        sum.follow(key, old.as_deref(), *value);
    }
    Ok(())
}

/// What the entries come to while they change.
struct Sum<'a> {
    hasher: &'a EntryHasher,
    tally: Tally,
}

impl<'a> Sum<'a> {
    fn new(keys: &'a Unsealed, tally: Tally) -> Self {
        Self { hasher: keys.hasher(), tally }
    }

    fn follow(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if key == ROOT {
            return;
        }
        if let Some(old) = old {
            self.tally -= self.hasher.tally(key, old);
        }
        if let Some(new) = new {
            self.tally += self.hasher.tally(key, new);
        }
    }

    /// The root record of the instant says what the entries come to.
    fn must_be_right(
        &self,
        keys: &Unsealed,
        to: &dyn Writer,
        timeline: Timeline,
        revision: u64,
    ) -> Result<(), SnapshotError> {
        let record = |key, name: &str| {
            let missing = || broken(&format!("its {name} is missing"));
            to.get(key)?.ok_or_else(missing)
        };
        let keyring = keys.open_keyring(&record(KEYRING, "keyring")?)?;
        let root = RootRecord::open(&keyring, &record(ROOT, "root record")?)?;
        if (root.timeline, root.revision, root.tally) != (timeline, revision, self.tally) {
            return Err(SnapshotError::Forged(
                "what its journal leads to does not add up to the root record of that commit"
                    .into(),
            ));
        }
        Ok(())
    }
}

fn broken(what: &dyn std::fmt::Display) -> SnapshotError {
    SnapshotError::Broken(what.to_string())
}
