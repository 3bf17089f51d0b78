//! The journal on a target, as it ages.

use std::time::Duration;

use super::contact::Held;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::journal::Origin;
use crate::barrier::journal::live::origins;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::compact::{Policy, clear, compact, plan};
use crate::snapshot::journal::export::Owner;
use crate::snapshot::lent::Lent;
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::rewind::{Lost, RewindError, Source};

/// How often it is looked for what may be compacted.
const EVERY: Duration = Duration::from_secs(3600);

/// What came of it.
#[derive(Default)]
struct Done {
    /// So many stretches of the journal are one file now.
    made: usize,
    /// Files that are torn: what they are a part of stays as it is.
    torn: Vec<Lost>,
}

impl Worker {
    /// Compacts what has become old, once an hour. What cannot be compacted stays as it is: nothing
    /// but room is lost.
    pub fn age(&mut self) -> Result<(), Trouble> {
        // A stick that rests is not fetched back for this: it is owed nothing.
        if self.settings.place.is_lent() && self.target.visit().is_none() {
            return Ok(());
        }
        let boot = self.boot();
        let last = *self.compacted.get_or_insert(boot);
        if boot.saturating_sub(last) < EVERY {
            return Ok(());
        }
        self.compacted = Some(boot);
        let mut done = Done::default();
        let outcome = self.compact(&mut done);
        let Done { made, torn } = done;
        if made > 0 || outcome.is_err() {
            self.known = None;
            self.proved.clear();
        }
        if made > 0 {
            log::debug!("snapshots to {}: {made} files of the journal compacted", self.name);
        }
        for lost in torn.iter().filter(|lost| !self.torn.contains(lost)) {
            log::warn!(
                "snapshots to {}: a part of the journal is not compacted: {lost}",
                self.name
            );
        }
        self.torn = torn;
        match outcome {
            Ok(()) | Err(RewindError::Snapshot(SnapshotError::Busy)) => {}
            Err(RewindError::Snapshot(error)) if error.is_over() => {}
            Err(RewindError::Target(error)) => return Err(error.into()),
            Err(error) => {
                log::warn!("snapshots to {}: the journal is not compacted: {error}", self.name);
            }
        }
        Ok(())
    }

    fn compact(&self, done: &mut Done) -> Result<(), RewindError> {
        let unsealed = self.keys()?;
        let (keys, record) = (Lent::of(&unsealed), unsealed.status());
        let begun = origins(&unsealed).map_err(SnapshotError::from);
        // What is folded stays so: a clock that has just jumped is not believed.
        let now = unsealed.time().expiry_now();
        // The target may hang.
        drop(unsealed);
        let Ok(folder) = self.folder(&record.store_id) else { return Ok(()) };
        let source = Source { target: &*self.target, folder: &folder };
        let mut listing = Listing::read(&folder, &self.target.list(folder.path())?);
        listing.present = Some(record.timeline);
        let aside = self.known.as_ref().map(|known| &*known.aside).unwrap_or_default();
        listing.segments.retain(|name| !aside.iter().any(|held| held.of == *name));
        let mut begun = begun?;
        // From where another server went on, too, which has left.
        begun.extend(
            aside
                .iter()
                .map(|Held { of, .. }| Origin { timeline: of.timeline, revision: of.first - 1 }),
        );
        let round = plan(&listing, &begun, now, Policy::default());
        let settings = self.means.barrier.settings()?.ok_or(SnapshotError::Sealed)?;
        let owner = Owner { store_id: record.store_id, key_id: settings.root_key.to_string() };
        let spools = &self.spools;
        let cleared = round.left.iter().map(|(outer, inner)| clear(source, outer, inner, &keys));
        let made = round.jobs.iter().map(|job| compact(source, job, &keys, &owner, spools));
        let all = cleared.chain(made.map(|made| made.map(drop)));
        for outcome in all.take_while(|_| !self.desk.is_stopped()) {
            match outcome {
                Ok(()) => done.made += 1,
                // What is torn holds up nothing else.
                Err(unfit) => listing.learn(unfit)?,
            }
        }
        done.torn = listing.unusable(&folder);
        Ok(())
    }
}
