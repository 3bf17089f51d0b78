//! Another server that goes on in another history, beside the present one: that harms nothing, and
//! is told of while it grows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::contact::{Held, Known};
use super::retention::Judged;
use super::status::Beside;
use super::stored;
use super::trouble::Trouble;
use super::watch::Watch;
use super::worker::Worker;
use crate::barrier::root::Timeline;
use crate::barrier::stamps::Stamps;
use crate::barrier::txn::Txn;
use crate::base::clock::Timestamp;
use crate::base::sync::lock;
use crate::snapshot::follow::promotion;
use crate::snapshot::layout::{Kept, SnapshotName};
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::target::Name;

/// A history that grew no more for so long is told of no more.
const OVER: Duration = Duration::from_secs(24 * 3600);
/// So many names are remembered at most.
pub const MOST: usize = 1 << 16;

/// What the thread of a target remembers of what it has seen there.
#[derive(Default)]
pub struct Seen {
    /// What this server has put, here or elsewhere. A name tells the content, and a put may end
    /// when another thread, with other settings, serves the place already: it is no stranger's.
    put: Arc<Mutex<BTreeSet<Name>>>,
    /// What was there when it was first looked or was put from here; `None` before the first look.
    pub names: Option<BTreeSet<Name>>,
    /// In which history this server was, and how far each other one went.
    others: Option<(Timeline, BTreeMap<Timeline, u64>)>,
    /// Which snapshots had been taken of the store then.
    stamps: Stamps,
    /// For how long each other one was seen not to grow; `None` before that of the store is read.
    pub watch: Option<Watch>,
    /// Whether nobody could look since.
    away: bool,
    /// Whether what is there at the next look is known to whoever looks after this server.
    heard: bool,
    /// The others that grow, and when that was last seen, by the boot clock.
    grows: BTreeMap<Timeline, (Beside, Duration)>,
    /// What is of another server, which has left the history that goes on here.
    pub left: BTreeSet<Name>,
}

impl Seen {
    /// Nothing yet; `put` is what this server has put.
    pub fn new(put: Arc<Mutex<BTreeSet<Name>>>) -> Self {
        Self { put, ..Self::default() }
    }

    /// It is put from here.
    pub fn put(&mut self, name: &Name) {
        let mut put = lock(&self.put);
        if put.len() == MOST {
            put.pop_first();
        }
        put.insert(name.clone());
        drop(put);
        if let Some(names) = &mut self.names {
            names.insert(name.clone());
        }
    }

    /// A history that was left is put from here, up to that commit.
    pub fn put_left(&mut self, timeline: Timeline, upto: u64) {
        if let Some((_, others)) = &mut self.others {
            let end = others.entry(timeline).or_default();
            *end = upto.max(*end);
        }
    }

    /// Another place stands there from now on.
    pub fn forget(&mut self) {
        (self.names, self.others) = (None, None);
    }

    /// Nothing there is of this store.
    pub fn forget_store(&mut self) {
        self.forget();
        self.is_fine();
        (self.watch, self.stamps) = (None, Stamps::default());
    }

    /// What is there now nobody can look at.
    pub fn is_out_of_sight(&mut self) {
        self.watch.iter_mut().for_each(Watch::is_blind);
    }

    /// The thread is awake.
    pub fn is_awake(&mut self, boot: Duration) {
        self.watch.iter_mut().for_each(|watch| watch.is_awake(boot));
    }

    /// Something was put there from here, or could not be.
    pub fn is_put(&mut self, done: bool) {
        self.watch.iter_mut().for_each(|watch| watch.is_put(done));
    }

    /// It is away, and others may write there meanwhile. How far each had come is known still.
    pub fn is_away(&mut self) {
        (self.names, self.away) = (None, true);
    }

    /// It is known of the other servers.
    pub fn is_fine(&mut self) {
        self.grows.clear();
    }

    /// It is, with all that they have put until the next look.
    pub fn is_heard(&mut self) {
        self.is_fine();
        self.heard = true;
    }

    /// Whether it was there before, or was put from here.
    pub fn has(&self, name: &Name) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name)) || self.was_put(name)
    }

    /// Whether it was put from here since the server started.
    pub fn was_put(&self, name: &Name) -> bool {
        lock(&self.put).contains(name)
    }
}

impl Worker {
    /// Looks whether another history grows there beside the present one. What came while nobody
    /// looked, as this server was off, did so since that was last noted.
    pub fn look_beside(&mut self, known: &Known) -> Result<(), Trouble> {
        let histories = self.histories(known);
        let ends = histories.iter().filter_map(|(timeline, of_it)| Some((*timeline, end(of_it)?)));
        let mut ends: BTreeMap<Timeline, u64> = ends.collect();
        let (first, present, mut before) = match &self.seen.others {
            Some((present, before)) => (false, *present, before.clone()),
            None => {
                let others = |txn: &mut Txn| stored::others(txn, &self.name);
                (true, known.timeline, self.unsealed()?.transact(others)?)
            }
        };
        if let Some(end) = ends.get(&present).filter(|_| present != known.timeline) {
            // It was this server's own until now.
            before.insert(present, *end);
        }
        let (begun, now) = (known.begun().unwrap_or_else(|| self.now()), self.now());
        let (watched, boot) = (!first && !self.seen.away, self.boot());
        self.seen.grows.retain(|_, (_, at)| boot.saturating_sub(*at) < OVER);
        ends.remove(&known.timeline);
        self.watch(known, present, &ends)?;
        let heard = std::mem::take(&mut self.seen.heard);
        if heard {
            before.clone_from(&ends);
        }
        let grown = ends.iter().filter(|(timeline, end)| before.get(timeline) < Some(*end));
        let grown: Vec<Timeline> = grown.map(|(timeline, _)| *timeline).collect();
        // Nobody but another server goes on in one while this one looks.
        let seen = grown.iter().filter(|timeline| !first && before.contains_key(timeline));
        if let Some(watch) = &mut self.seen.watch {
            seen.for_each(|timeline| watch.goes_on(*timeline));
        }
        for timeline in grown {
            let Some(newest) = histories.get(&timeline).and_then(newest) else { continue };
            let last = newest.end().time;
            let is_late = begun < last && (watched || now.since(last) < OVER);
            // Times tell nothing of what this server has not written and comes while it looks.
            let went_on = watched && before.contains_key(&timeline);
            let is_told = is_late || went_on || self.is_after_promotion(known, &newest)?;
            if !is_told || (!is_late && self.is_of_this(known, &newest)?) {
                continue;
            }
            let told = self.seen.grows.get(&timeline).map(|(beside, _)| beside.since);
            if told.is_none() && !self.is_whole(known, &newest)? {
                continue;
            }
            let beside = Beside { timeline, since: told.unwrap_or(last), last };
            if told.is_none() {
                log::warn!("snapshots to {}: {}", self.name, beside.told(&self.name));
            }
            self.seen.grows.insert(timeline, (beside, boot));
        }
        // A store that has gone back knows what was noted of them then.
        let note = heard || present != known.timeline || (first && before != ends);
        // What was put from here meanwhile is known, too.
        (self.seen.others, self.seen.away) = (Some((known.timeline, ends)), false);
        if note {
            self.note_others();
        }
        Ok(())
    }

    /// Whether the one that this server followed went on in its history after this one was
    /// promoted, which had all of it that was there, and began the next one.
    fn is_after_promotion(&self, known: &Known, newest: &Kept) -> Result<bool, Trouble> {
        let followed = newest.timeline();
        let is_next = followed.number + 1 == known.timeline.number;
        let origin = self.origin(known.timeline)?.filter(|_| is_next);
        let is_origin = origin.is_some_and(|origin| origin.timeline == followed);
        Ok(is_origin && self.means.home.as_deref().is_some_and(promotion::has_taken_over))
    }

    /// Whether this server wrote a commit and left it, or comes of it.
    fn is_of_this(&self, known: &Known, newest: &Kept) -> Result<bool, Trouble> {
        let (timeline, end) = (newest.timeline(), newest.end());
        let left = self.unsealed()?.left()?.into_iter().map(|head| (head.timeline, head.revision));
        let origin = self.origin(known.timeline)?.map(|of| (of.timeline, of.revision));
        Ok(left.chain(origin).any(|(of, upto)| of == timeline && end.revision <= upto))
    }

    /// They are watched from now on, or still.
    fn watch(
        &mut self,
        known: &Known,
        before: Timeline,
        ends: &BTreeMap<Timeline, u64>,
    ) -> Result<(), Trouble> {
        let boot = self.boot();
        let mut watch = match self.seen.watch.take() {
            Some(watch) => watch,
            None => {
                let noted = |txn: &mut Txn| stored::watched(txn, &self.name);
                Watch::of(self.unsealed()?.transact(noted)?, boot)
            }
        };
        watch.look(ends, self.settings.policy.others);
        let is_new = before != known.timeline;
        if is_new {
            // What it noted may be of later than the state that it has gone back to.
            watch.is_to_be_noted_anew();
            let ours = known.snapshots.iter().filter(|held| self.was_own(known, held, before));
            if let Some(left) = ours.map(|held| held.of.revision).max() {
                watch.is_left(before, left);
            }
        }
        self.seen.watch = Some(watch);
        self.seen.stamps.clone_from(&known.stamps);
        if is_new { self.note_watched() } else { Ok(()) }
    }

    /// Whether a snapshot was taken of this store, in the history in which it was, and a restore
    /// has gone back behind it.
    fn was_own(&self, known: &Known, held: &Held<SnapshotName>, before: Timeline) -> bool {
        let SnapshotName { taken, timeline, revision, .. } = held.of;
        let was = || self.seen.stamps.has(taken, revision) == Some(true);
        let is_left = timeline == before && known.is_own(&held.of) == Some(false);
        is_left && (was() || self.seen.was_put(&held.name))
    }

    /// Has the store know how far the other histories have come: nothing is lost where that fails.
    fn note_others(&self) {
        let Some((_, ends)) = &self.seen.others else { return };
        let note = |txn: &mut Txn| stored::note_others(txn, &self.name, ends);
        let noted = self.unsealed().and_then(|unsealed| Ok(unsealed.transact(note)?));
        if let Err(error) = noted {
            log::debug!("snapshots to {}: other histories are not noted: {error}", self.name);
        }
    }

    /// The other history that grows there: of several the one in which the last commit was.
    pub fn beside(&self) -> Option<Beside> {
        let boot = self.boot();
        let grows = self.seen.grows.values().filter(|(_, at)| boot.saturating_sub(*at) < OVER);
        grows.map(|(beside, _)| beside).max_by_key(|beside| beside.last).cloned()
    }

    /// What there is of each history, but for what does not verify. There may be as many as there
    /// are files: whoever can write there can make up names.
    pub fn histories(&self, known: &Known) -> BTreeMap<Timeline, Listing> {
        let whole = |name: &Name| self.judgement(name) != Judged::Bad;
        let mut histories: BTreeMap<Timeline, Listing> = BTreeMap::new();
        for Held { of, .. } in known.snapshots.iter().filter(|held| whole(&held.name)) {
            histories.entry(of.timeline).or_default().snapshots.push(of.clone());
        }
        for Held { of, .. } in known.segments.iter().filter(|held| whole(&held.name)) {
            histories.entry(of.timeline).or_default().segments.push(*of);
        }
        histories
    }

    /// Whether something there is what its name says. It is read once.
    pub fn is_whole(&mut self, known: &Known, kept: &Kept) -> Result<bool, Trouble> {
        let Some(name) = self.folder(&known.store_id)?.name(kept) else { return Ok(false) };
        match kept {
            Kept::Segment(of) => return Ok(self.is_junk(of, &name)? == Some(false)),
            Kept::Snapshot(of) if self.judgement(&name) == Judged::Unknown => {
                self.read_back(&name, of)?;
            }
            Kept::Snapshot(_) => {}
        }
        Ok(self.judgement(&name) == Judged::Good)
    }
}

/// How far what there is of a history goes.
pub fn end(of_it: &Listing) -> Option<u64> {
    let snapshots = of_it.snapshots.iter().map(|name| name.revision);
    snapshots.chain(of_it.segments.iter().map(|name| name.last)).max()
}

/// What is newest of it.
pub fn newest(of_it: &Listing) -> Option<Kept> {
    let snapshots = of_it.snapshots.iter().cloned().map(Kept::Snapshot);
    let all = snapshots.chain(of_it.segments.iter().copied().map(Kept::Segment));
    all.max_by_key(|kept| (kept.end().revision, kept.end().time))
}

impl Known {
    /// When the present history began, as far as is known there.
    fn begun(&self) -> Option<Timestamp> {
        let snapshots = self.snapshots.iter().map(|held| (held.of.timeline, held.of.taken));
        let all =
            snapshots.chain(self.segments.iter().map(|held| (held.of.timeline, held.of.from)));
        all.filter(|(timeline, _)| *timeline == self.timeline).map(|(_, time)| time).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_thread_of_this_server_puts_is_no_strangers() {
        let put = Arc::default();
        let (mut before, mut after) = (Seen::new(Arc::clone(&put)), Seen::new(put));
        let (late, strange) = (Name::parse("late").unwrap(), Name::parse("strange").unwrap());
        after.names = Some(BTreeSet::new());
        // The settings were changed while it was on its way.
        before.put(&late);
        assert!(after.has(&late) && !after.has(&strange));
    }
}
