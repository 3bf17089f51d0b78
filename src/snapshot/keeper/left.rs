//! Histories that were left. What this server wrote in one goes there all the same, also where
//! another server, on a copy of this store's data, has written on in it: names tell them apart. The
//! other one is not stopped by that (`aside`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::check::Steps;
use super::contact::Known;
use super::reading::AT_ONCE;
use super::retention::Judged;
use super::ship::{damaged, drop_records};
use super::status::HeldBack;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::live::{origins, scan, timelines};
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Head, Origin, key, placed};
use crate::barrier::root::Timeline;
use crate::snapshot::layout::SegmentName;
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::target::Name;

impl Worker {
    /// What was recorded of histories that this store has left.
    pub fn ship_left(&mut self, head: &Head) -> Result<(), Trouble> {
        let mut left = timelines(&*self.unsealed()?.journal_view()?)?;
        left.retain(|timeline| *timeline != head.timeline);
        // What was done for them is not gone through each second.
        let sight = self.sight(head, &left)?;
        if self.seen_left.take().is_some_and(|before| before == sight) {
            self.seen_left = Some(sight);
            return Ok(());
        }
        self.held_back = None;
        for timeline in left {
            let stretches = stretches(&*self.unsealed()?, timeline)?;
            let Some(&(_, last)) = stretches.last() else { continue };
            let found = self.set_aside(timeline, &stretches, last)?;
            // What was begun there comes to the target next, and tells that it was left.
            let end = Origin { timeline, revision: last };
            let next = !head.cut && origins(&*self.unsealed()?)?.contains(&end);
            if matches!(found, Found::Theirs(_) | Found::Unread) && (next || self.has_room()?) {
                if matches!(found, Found::Theirs(_)) && !next {
                    self.hold_back(timeline, &stretches);
                }
                continue;
            }
            let places = self.prove_left(timeline)?;
            let origin = self.origin(timeline)?;
            let mut useless = 0;
            for &(first, last) in &stretches {
                let cursor = |worker: &Self| worker.reach_by(timeline, origin, first - 1);
                let ours = match found {
                    Found::Own | Found::Unread => goes_on(&*self.unsealed()?, timeline, &places)?,
                    Found::Both => true,
                    Found::Theirs(_) => false,
                };
                // Where nothing there leads to them they are of no use.
                while let Some(reach) = cursor(self).filter(|reach| ours && reach.cursor < last) {
                    self.ship_one(timeline, reach.cursor + 1, last)?;
                }
                if let Found::Theirs(behind) = found {
                    useless += last.saturating_sub(behind.max(first - 1));
                } else if cursor(self).is_none_or(|reach| reach.cursor < last) {
                    useless += last - first + 1;
                }
            }
            // What leads to them may be what cannot be read at present.
            if useless > 0 && self.has_room()? && self.awaits(timeline, origin)? {
                continue;
            }
            self.has(timeline, last);
            if self.needless(timeline)? >= Some(last) {
                if useless > 0 {
                    log::warn!(
                        "snapshots to {}: {useless} transactions of the timeline {timeline}, which \
                         was left, are in no journal there: nothing there leads to them, or it is \
                         another server's, on a copy of this store's data, that goes on there",
                        self.name
                    );
                }
                drop_records(&*self.unsealed()?, timeline, last)?;
            }
        }
        self.seen_left = Some(sight);
        Ok(())
    }

    /// That by which it is told what is to be done for histories that were left.
    fn sight(&self, head: &Head, left: &[Timeline]) -> Result<Sight, Trouble> {
        let known = self.known.as_ref();
        let needless = left.iter().map(|timeline| Ok((*timeline, self.needless(*timeline)?)));
        Ok(Sight {
            known: known.map(|known| (known.at, known.snapshots.len(), known.segments.len())),
            present: (head.timeline, head.cut),
            needless: needless.collect::<Result<_, Trouble>>()?,
            room: self.has_room()?,
        })
    }

    /// What cannot be put there now may be once that is no longer the other's alone.
    fn hold_back(&mut self, timeline: Timeline, stretches: &[(u64, u64)]) {
        let commits = stretches.iter().map(|(first, last)| last - first + 1).sum();
        let held_back = HeldBack { timeline, commits };
        if self.told_back.as_ref() != Some(&held_back) {
            log::warn!("snapshots to {}: {held_back}", self.name);
            self.told_back = Some(held_back.clone());
        }
        self.held_back = Some(held_back);
    }

    /// Whether something there cannot be read at present that may lead to a history.
    fn awaits(&self, timeline: Timeline, origin: Option<Origin>) -> Result<bool, Trouble> {
        let folder = self.folder(&self.unsealed()?.status().store_id)?;
        let segments = self.known.as_ref().map(Known::journal).unwrap_or_default();
        let listing = Listing { segments, ..Listing::default() };
        let mut way = listing.lineage(timeline);
        way.extend(origin.into_iter().flat_map(|origin| listing.lineage(origin.timeline)));
        let unread = self.judged.iter().filter(|(_, (judged, _))| *judged == Judged::Unread);
        let mut unread = unread.filter_map(|(name, _)| folder.read(name));
        Ok(unread.any(|kept| way.iter().any(|part| part.timeline == kept.timeline())))
    }

    /// Whether half of the room for the journal is free: the rest is for what is written now.
    fn has_room(&self) -> Result<bool, Trouble> {
        let unsealed = self.unsealed()?;
        Ok(unsealed.journal().is_some_and(|head| head.bytes < unsealed.journal_limit() / 2))
    }

    /// What is there of a history that was left, and is not of the chain of which records are
    /// still here, does not count: the rest is put beside it, where that is seen to be of who has
    /// left. `stretches` are the records that are still here.
    fn set_aside(
        &mut self,
        timeline: Timeline,
        stretches: &[(u64, u64)],
        last: u64,
    ) -> Result<Found, Trouble> {
        let Some(mut known) = self.known.take() else { return Ok(Found::Own) };
        let (mut strange, mut behind, mut common) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let (mut begins, mut ends) = (u64::MAX, 0);
        let mut unread = false;
        for (of, name) in known.segments_of(timeline) {
            // It holds nothing of what was written here.
            if of.first > last {
                behind.insert(name);
                continue;
            }
            match self.compare(&of, &name, stretches, last)? {
                Some(Akin::Own) => ends = of.last.max(ends),
                Some(Akin::Theirs(upto)) => {
                    begins = upto.map_or(of.first, |upto| upto + 1).min(begins);
                    common.extend(upto.map(|upto| (timeline, of.first, upto)));
                    strange.insert(name);
                }
                Some(Akin::Junk) => known.segments.retain(|held| held.name != name),
                None => unread = true,
            }
        }
        let found = if unread {
            Found::Unread
        } else if strange.is_empty() {
            Found::Own
        } else if ends >= begins || self.left_at(&known, timeline)? >= Some(last) {
            strange.extend(behind);
            known.segments.retain(|held| !strange.contains(&held.name));
            known.common.extend(common);
            self.pass_over_bases(&mut known, timeline)?;
            Found::Both
        } else {
            Found::Theirs(ends)
        };
        self.known = Some(known);
        Ok(found)
    }

    /// Snapshots of a history that was left lead to nothing of which there are records here, where
    /// they are not of that chain.
    fn pass_over_bases(&mut self, known: &mut Known, timeline: Timeline) -> Result<(), Trouble> {
        let mut strange = BTreeSet::new();
        for held in known.snapshots.iter().filter(|held| held.of.timeline == timeline) {
            let Some(ours) = recorded(&*self.unsealed()?, timeline, held.of.revision)? else {
                continue;
            };
            if self.judgement(&held.name) == Judged::Unknown {
                self.read_back(&held.name, &held.of)?;
            }
            let theirs = self.judged.get(&held.name).and_then(|(_, head)| *head);
            if theirs.is_some_and(|theirs| theirs.chain != ours) {
                strange.insert(held.name.clone());
            }
        }
        known.pass_over(&strange);
        Ok(())
    }

    /// How a segment of a history that was left stands to the records of it that are here, as far
    /// as that is known. One that goes further than they do, or is not of their chain, is read
    /// once; `None` where it cannot be.
    fn compare(
        &mut self,
        of: &SegmentName,
        name: &Name,
        stretches: &[(u64, u64)],
        last: u64,
    ) -> Result<Option<Akin>, Trouble> {
        let unsealed = self.unsealed()?;
        if of.last <= last {
            let ours = recorded(&unsealed, of.timeline, of.last)?;
            if ours.is_none_or(|ours| ours.short() == of.chain) {
                return Ok(Some(Akin::Own));
            }
        }
        match self.judgement(name) {
            Judged::Unread => return Ok(None),
            Judged::Bad => return Ok(Some(Akin::Junk)),
            Judged::Good | Judged::Unknown => {}
        }
        if let Some((_, akin)) = self.compared.get(name).filter(|(upto, _)| *upto == last) {
            return Ok(Some(*akin));
        }
        // Before each stretch, and where the history was left: that is kept alone, whatever is
        // folded.
        let mut ours = BTreeMap::new();
        for at in stretches.iter().map(|(first, _)| first - 1).chain([last]) {
            ours.extend(recorded(&unsealed, of.timeline, at)?.map(|chain| (at, chain)));
        }
        // The target may hang: nobody keeps the keys of a sealed server through that.
        drop(unsealed);
        let Some(steps) = self.steps(name, of, |at| ours.contains_key(&at))? else {
            return Ok((self.judgement(name) == Judged::Bad).then_some(Akin::Junk));
        };
        let both = steps.at.into_iter().filter(|(at, chain)| ours.get(at) == Some(chain));
        let both = both.map(|(at, _)| at);
        let akin = match both.max() {
            Some(at) if at == last => Akin::Own,
            common => Akin::Theirs(common.filter(|at| of.first <= *at)),
        };
        self.compared.insert(name.clone(), (last, akin));
        Ok(Some(akin))
    }

    /// The newest segment and the newest snapshot of a history that was left are read back too,
    /// before anything is dropped because they are there. Where the chain stands in them.
    pub fn prove_left(&mut self, timeline: Timeline) -> Result<Vec<(u64, Chain)>, Trouble> {
        let Some(mut known) = self.known.take() else { return Ok(Vec::new()) };
        let mut places: Vec<_> = self.newest_segment(&mut known, timeline)?.into_iter().collect();
        let of_it = known.snapshots.iter().filter(|held| held.of.timeline == timeline);
        if let Some(held) = of_it.max_by_key(|held| held.of.revision)
            && self.judgement(&held.name) == Judged::Unknown
        {
            self.read_back(&held.name, &held.of)?;
        }
        let heads = known.snapshots.iter().filter_map(|held| self.judged.get(&held.name)?.1);
        let heads = heads.filter(|head| head.timeline == timeline);
        places.extend(heads.map(|head| (head.revision, head.chain)));
        self.known = Some(known);
        Ok(places)
    }

    /// Where the newest segment of a history ends. One that is torn counts as absent: what was to
    /// be in it is put once more.
    pub fn newest_segment(
        &mut self,
        known: &mut Known,
        timeline: Timeline,
    ) -> Result<Option<(u64, Chain)>, Trouble> {
        // Why that is not known yet: the newest of those that may be read another time.
        let (mut waits, mut waited) = (Ok(None), 0);
        loop {
            let of_timeline = known.segments.iter().enumerate();
            let of_timeline = of_timeline.filter(|(_, held)| held.of.timeline == timeline);
            let newest = of_timeline.max_by_key(|(_, held)| held.of.last);
            let Some((index, newest)) = newest else { return waits };
            let (of, name) = (newest.of, newest.name.clone());
            let proved = self.proved.get(&timeline).filter(|(proved, _)| *proved == name);
            if let Some((_, chain)) = proved {
                return Ok(Some((of.last, *chain)));
            }
            // Before one of those, one that was good need not be read once more.
            if waits.is_err() && self.judgement(&name) == Judged::Good {
                return waits;
            }
            match self.steps(&name, &of, |_| false) {
                Ok(None) => {}
                Ok(Some(_)) if waits.is_err() => return waits,
                Ok(Some(Steps { end, .. })) => {
                    self.proved.insert(timeline, (name, end));
                    return Ok(Some((of.last, end)));
                }
                // Those before it are tried as well: each is waited for from now on, and not only
                // when the wait for this one is over.
                Err(trouble @ Trouble::Unread(_)) if waited < AT_ONCE => {
                    waited += 1;
                    waits = waits.and(Err(trouble));
                }
                Err(trouble) => return Err(trouble),
            }
            known.segments.swap_remove(index);
        }
    }
}

/// What tells what is to be done for histories that were left: while it stays as it is nothing is.
#[derive(PartialEq, Eq)]
pub struct Sight {
    /// When it was looked what the target holds, and how many snapshots and segments that is.
    known: Option<(Duration, usize, usize)>,
    /// The present history, and whether its journal was cut.
    present: (Timeline, bool),
    /// The histories, and up to which commit their records need not be kept.
    needless: Vec<(Timeline, Option<u64>)>,
    /// Whether there is room for what cannot be put there.
    room: bool,
}

/// Of whom is what lies there of a history that was left.
enum Found {
    /// Of this server.
    Own,
    /// Of another one, too, and each may put there what it has.
    Both,
    /// What is not of this server is of the one that goes on in it, behind that commit.
    Theirs(u64),
    /// It cannot be read at present.
    Unread,
}

/// How a segment of a history that was left stands to the records of it that are here.
#[derive(Clone, Copy)]
pub enum Akin {
    /// It is of their chain.
    Own,
    /// It is of another one, but for what is up to that commit, if anything is.
    Theirs(Option<u64>),
    /// It does not verify.
    Junk,
}

/// The commits of a history of which there are records here: the first and the last of each
/// stretch without a gap.
fn stretches(unsealed: &Unsealed, timeline: Timeline) -> Result<Vec<(u64, u64)>, Trouble> {
    let view = unsealed.journal_view()?;
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for key in view.keys(&key(timeline, 0), Some(&key(timeline, u64::MAX)))? {
        let Some((_, revision)) = placed(&key?) else { continue };
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == revision => *last = revision,
            _ => stretches.push((revision, revision)),
        }
    }
    Ok(stretches)
}

/// Whether the records of a history that was left are of the chain that the target has `places`
/// of. They are not where this server had gone on beside it.
fn goes_on(
    unsealed: &Unsealed,
    timeline: Timeline,
    places: &[(u64, Chain)],
) -> Result<bool, Trouble> {
    let view = unsealed.journal_view()?;
    for &(revision, chain) in places {
        let mut next = scan(&*view, timeline, revision + 1, revision + 1)?;
        let Some((_, record)) = next.next().transpose()? else { continue };
        let record = Record::read(&record).map_err(|error| damaged(&error.to_string()))?;
        if record.before != chain {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the chain of a history comes to, as the records of it tell that are here.
pub fn recorded(
    unsealed: &Unsealed,
    timeline: Timeline,
    revision: u64,
) -> Result<Option<Chain>, Trouble> {
    let view = unsealed.journal_view()?;
    let upto = revision.saturating_add(1);
    let mut records = scan(&*view, timeline, revision, upto)?;
    let Some((at, record)) = records.next().transpose()? else { return Ok(None) };
    let Ok(Record { before, .. }) = Record::read(&record) else { return Ok(None) };
    let with = || before.then(timeline, at, &record);
    Ok(Some(if at == revision { with() } else { before }))
}
