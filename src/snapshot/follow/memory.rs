//! What a standby remembers of a target's files, so that none is got again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::snapshot::layout::{Folder, Kept};
use crate::snapshot::rewind::file::{Flaw, Loss};
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::target::{Listed, Name};

/// What is remembered is looked at again after this time.
const LASTS: Duration = Duration::from_secs(3600);

/// What is known of files, by their names and lengths.
#[derive(Default)]
pub struct Memory {
    /// By the boot clock: since when.
    since: Duration,
    /// What was wrong with each, if anything was.
    judged: BTreeMap<Name, (u64, Option<Flaw>)>,
    /// Those of which it was seen how they begin, and no more.
    begin: BTreeSet<Kept>,
}

impl Memory {
    /// A listing in which all that is known counts.
    pub fn recall(&mut self, folder: &Folder, listed: &[Listed], now: Duration) -> Listing {
        if now.saturating_sub(self.since) >= LASTS {
            *self = Self { since: now, ..Self::default() };
        }
        let mut listing = Listing::read(folder, listed);
        let there = listed.iter().filter_map(|listed| folder.read(&listed.name));
        listing.begin = there.filter(|kept| self.begin.contains(kept)).collect();
        let mut lost = Vec::new();
        for Listed { name, length } in listed {
            let known = self.judged.get(name).filter(|(known, _)| known == length);
            let Some(((_, flaw), kept)) = known.zip(folder.read(name)) else { continue };
            match flaw {
                Some(flaw) => lost.push((kept, flaw.clone())),
                None => listing.sound.push(kept),
            }
        }
        listing.lose_all(lost);
        listing
    }

    /// Remembers what was learnt; but not that something could not be read.
    pub fn note(&mut self, folder: &Folder, listed: &[Listed], listing: &Listing) {
        let sound = listing.sound.iter().map(|kept| (kept, None));
        let is_known = |flaw: &Flaw| !matches!(flaw.loss, Loss::Unread | Loss::Gone);
        let lost = listing.lost.iter().filter(|(_, flaw)| is_known(flaw));
        let lost = lost.map(|(kept, flaw)| (kept, Some(flaw.clone())));
        let lengths: BTreeMap<&Name, u64> =
            listed.iter().map(|listed| (&listed.name, listed.length)).collect();
        let known = sound.chain(lost).filter_map(|(kept, flaw)| {
            let name = folder.name(kept)?;
            let length = *lengths.get(&name)?;
            Some((name, (length, flaw)))
        });
        self.judged = known.collect();
        self.begin.clone_from(&listing.begin);
    }

    /// Nothing is remembered.
    pub fn forget(&mut self) {
        self.judged.clear();
        self.begin.clear();
    }
}
