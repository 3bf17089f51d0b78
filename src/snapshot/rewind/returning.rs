//! What a restore would bring back that the store has no more.

use std::collections::BTreeMap;

use super::Prepared;
use super::segments::{Broken, Walk};
use crate::barrier::journal::record::Record;
use crate::snapshot::SnapshotError;
use crate::storage::{Key, View};

impl Prepared {
    /// The keys from `from` up to, but without, `to` of what is there at the instant and not in
    /// `now`. Memory grows with what comes back and with what the journal changes there.
    pub fn returning(
        &self,
        now: &dyn View,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Vec<Key>, SnapshotError> {
        let within = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
        let last = self.found.instant.revision;
        // Whether each that the journal writes is there at its end.
        let mut changed = BTreeMap::new();
        let walked = self.segments.walk(self.start, &self.plan.legs, |_, entry| {
            if entry.revision > last {
                return Ok(Walk::Stop);
            }
            let broken = |_| SnapshotError::Broken("a record of its journal is damaged".into());
            for write in Record::read(&entry.record).map_err(broken)?.writes() {
                let (key, value) = write.map_err(broken)?;
                if within(&key) {
                    changed.insert(key, value.is_some());
                }
            }
            Ok(Walk::On)
        });
        walked.map_err(Broken::into_error)?;
        let mut returning = Vec::new();
        let mut consider = |key: Key| -> Result<(), SnapshotError> {
            let mut there = false;
            now.look(&key, &mut |_| there = true)?;
            if !there {
                returning.push(key);
            }
            Ok(())
        };
        for entry in self.received.entries()? {
            let (key, _) = entry?;
            if within(&key) && !changed.contains_key(&key) {
                consider(key)?;
            }
        }
        let written = changed.into_iter().filter(|(_, there)| *there);
        written.map(|(key, _)| key).try_for_each(consider)?;
        Ok(returning)
    }
}
