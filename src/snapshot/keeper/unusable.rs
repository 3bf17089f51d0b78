//! Files on a target that are of no use at present: those that were found not to verify or could
//! not be read, whatever they were read for, and those of which it is seen that the server may not.

use std::collections::BTreeSet;
use std::time::Duration;

use super::contact::Known;
use super::retention::Judged;
use super::worker::Worker;
use crate::snapshot::target::Name;

/// How often it is looked which files may not be read: there may be many.
const AGAIN: Duration = Duration::from_secs(60);

impl Worker {
    /// Looks which files the server may not read; none is read for it.
    pub fn look_for_closed(&mut self, known: &Known) {
        let boot = self.boot();
        if self.looked_for_closed.is_some_and(|at| boot.saturating_sub(at) < AGAIN) {
            return;
        }
        self.looked_for_closed = Some(boot);
        let names = known.objects().map(|(name, _)| name);
        let closed: BTreeSet<Name> =
            names.filter(|name| self.target.is_closed(name)).cloned().collect();
        let mut new = closed.difference(&self.closed);
        if let Some(first) = new.next() {
            log::warn!(
                "snapshots to {}: {} files there may not be read by the server, as {}: give them \
                 to the user that runs edgekeep",
                self.name,
                1 + new.count(),
                self.target.url(first)
            );
        }
        self.closed = closed;
    }

    /// What is told of them.
    pub fn unusable(&self) -> Option<String> {
        let judged = |wanted: Judged| {
            let all = self.judged.iter();
            all.filter(move |(_, (judged, _))| *judged == wanted).map(|(name, _)| name)
        };
        let unread: BTreeSet<&Name> = judged(Judged::Unread).chain(&self.closed).collect();
        let mut bad: BTreeSet<String> =
            judged(Judged::Bad).map(|name| self.target.url(name)).collect();
        // What was found when the journal was compacted.
        for lost in &self.torn {
            let name = Name::parse(lost.name.as_str());
            if name.as_ref().is_none_or(|name| !unread.contains(name)) {
                bad.insert(name.map_or_else(|| lost.name.clone(), |name| self.target.url(&name)));
            }
        }
        let unread = unread.into_iter().map(|name| self.target.url(name)).collect();
        let told = [(unread, "cannot be read"), (bad, "do not verify")];
        let told = told.into_iter().filter_map(|(files, why): (BTreeSet<String>, _)| {
            Some(format!("{} of the files there {why}, as {}", files.len(), files.first()?))
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}
