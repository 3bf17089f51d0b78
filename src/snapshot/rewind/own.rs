//! What is still here of the journal of the server that asks, beside what a target has: the last
//! seconds, or all since that went away.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::listing::Listing;
use super::segments::Segments;
use super::{RewindError, Source};
use crate::barrier::Unsealed;
use crate::barrier::journal::live::{origin, timelines};
use crate::barrier::journal::{key, placed};
use crate::barrier::root::Timeline;
use crate::snapshot::journal::export::{Owner, export, runs};
use crate::snapshot::lent::Lent;
use crate::storage::{StorageError, View};

/// So often a target is listed at most while records are dropped here.
const LOOKS: usize = 3;

/// The records that are here, and the keys of who has them.
pub struct Own {
    pub keys: Arc<Unsealed>,
    view: Box<dyn View>,
}

/// Lists a target for who may ask with keys, and what is here then, where they are those of the
/// store there. What is shipped while it is listed is dropped here next, and would be in neither:
/// of a history that was left it is listed once more then. In the present one that is a gap, for
/// which all is looked at anew.
pub fn list(
    source: Source<'_>,
    keys: Option<&Lent>,
) -> Result<(Listing, Option<Own>), RewindError> {
    let mut before = BTreeMap::new();
    // The target may hang: nothing of the server is kept through that.
    if let Some(own) = Own::of(source, keys)? {
        before = own.firsts()?;
    }
    let mut looks = 0;
    loop {
        let listing = Listing::read(source.folder, &source.target.list(source.folder.path())?);
        looks += 1;
        let Some(own) = Own::of(source, keys)? else { return Ok((listing, None)) };
        let here = own.firsts()?;
        let present = own.keys.status().timeline;
        let is_dropped =
            |(of, first): (&Timeline, &u64)| *of != present && here.get(of) != Some(first);
        if looks == LOOKS || !before.iter().any(is_dropped) {
            return Ok((listing, Some(own)));
        }
        before = here;
    }
}

/// Of each history of which there are records here the first.
type Firsts = BTreeMap<Timeline, u64>;

impl Own {
    fn of(source: Source<'_>, keys: Option<&Lent>) -> Result<Option<Self>, RewindError> {
        let keys = keys.and_then(|keys| keys.get().ok()).filter(|keys| is_of(source, keys));
        let own = |keys: Arc<Unsealed>| Ok(Self { view: keys.journal_view()?, keys });
        keys.map(own).transpose()
    }

    fn firsts(&self) -> Result<Firsts, StorageError> {
        let mut firsts = Firsts::new();
        for timeline in timelines(&*self.view)? {
            let end = key(timeline, u64::MAX);
            let first = self.view.keys(&key(timeline, 0), Some(&end))?.next().transpose()?;
            firsts.extend(first.and_then(|first| placed(&first)));
        }
        Ok(firsts)
    }

    /// They lead on, too.
    pub fn add(&self, segments: &mut Segments, listing: &mut Listing) -> Result<(), RewindError> {
        let (store_id, key_id) = (self.keys.status().store_id, String::new());
        let owner = Owner { store_id, key_id };
        let keyring = self.keys.keyring();
        let head = self.keys.journal();
        let view = &*self.view;
        for timeline in timelines(view)? {
            let here = head.filter(|head| head.timeline == timeline).and_then(|head| head.origin);
            let here = here.or(origin(view, timeline)?);
            let origin = here.or_else(|| listing.origin(timeline));
            for run in runs(view, timeline, origin, (0, u64::MAX), u64::MAX)? {
                let run = run?;
                let name = run.name;
                if !segments.has(&name) {
                    segments
                        .make(&name, |to| export(view, &run, &owner, &keyring, to).map(drop))?;
                }
                if !listing.segments.contains(&name) {
                    listing.own.push(name);
                }
            }
        }
        Ok(())
    }
}

/// Whether the target's folder is that of the store that is open here.
pub fn is_of(source: Source<'_>, keys: &Unsealed) -> bool {
    keys.status().store_id == source.folder.store_id()
}
