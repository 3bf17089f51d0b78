//! Other servers on copies of this store's data that write to the same target.
//!
//! One that is in the same history is found by the chain, which each segment's name tells, or by a
//! snapshot that nobody here has put: nothing more is shipped until one of the two has gone. One
//! that is in another history harms nothing, and is told of while that grows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::contact::{Held, Known};
use super::retention::Judged;
use super::status::Beside;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::live::scan;
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::base::sync::lock;
use crate::snapshot::layout::{Kept, SegmentName, SnapshotName};
use crate::snapshot::target::Name;

/// A history that grew no more for so long is told of no more.
const OVER: Duration = Duration::from_secs(24 * 3600);
/// So many names are remembered at most.
const MOST: usize = 1 << 16;

/// What the thread of a target remembers of what it has seen there.
#[derive(Default)]
pub struct Seen {
    /// What this server has put, here or elsewhere. A name tells the content, and a put may end
    /// when another thread, with other settings, serves the place already: it is no stranger's.
    put: Arc<Mutex<BTreeSet<Name>>>,
    /// What was there when it was first looked or was put from here; `None` before the first look.
    names: Option<BTreeSet<Name>>,
    /// In which history this server was, and how far each other one went.
    others: Option<(Timeline, BTreeMap<Timeline, u64>)>,
    /// The other one that grows, and when that was last seen, by the boot clock.
    grows: Option<(Beside, Duration)>,
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

    /// Another place may stand there from now on.
    pub fn forget(&mut self) {
        (self.names, self.others) = (None, None);
    }

    /// It is known of the other server.
    pub fn is_fine(&mut self) {
        self.grows = None;
    }

    fn has(&self, name: &Name) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
            || lock(&self.put).contains(name)
    }
}

impl Worker {
    /// What is there of the present history is what this server wrote, or comes of the same chain.
    pub fn must_be_alone(&mut self, known: &mut Known) -> Result<(), Trouble> {
        let head = self.unsealed()?.journal().filter(|head| head.timeline == known.timeline);
        if let Some(head) = head {
            if self.settings.journal {
                // One that is torn is put once more.
                self.newest_segment(known, head.timeline)?;
                self.must_be_of_one_chain(known, &head)?;
            }
            self.must_agree(known, head.timeline)?;
        }
        self.must_have_put(known, head.as_ref())?;
        let names = self.seen.names.take().filter(|names| names.len() < MOST);
        let mut names = names.unwrap_or_default();
        names.extend(known.names().cloned());
        self.seen.names = Some(names);
        Ok(())
    }

    /// What is there ends as the chain does here, as far as that is still known.
    fn must_be_of_one_chain(&mut self, known: &mut Known, head: &Head) -> Result<(), Trouble> {
        let (mut strange, unsealed) = (Vec::new(), self.unsealed()?);
        for held in known.segments.iter().filter(|held| held.of.timeline == head.timeline) {
            let ours = chain_at(&unsealed, head, held.of.last)?;
            if ours.is_some_and(|ours| ours.short() != held.of.chain) {
                strange.push(held.name.clone());
            }
        }
        for name in strange {
            self.must_be_junk(known, &name)?;
        }
        for held in &known.snapshots {
            let theirs = self.judged.get(&held.name).and_then(|(_, head)| *head);
            let Some(theirs) = theirs.filter(|their| their.timeline == head.timeline) else {
                continue;
            };
            let ours = chain_at(&unsealed, head, theirs.revision)?;
            if ours.is_some_and(|ours| ours != theirs.chain) {
                return Err(self.doubled(known.timeline, &held.name));
            }
        }
        Ok(())
    }

    /// Where one segment lies over another, as a compaction leaves it that was cut, both are of one
    /// chain. Those of which that was seen before are not read again.
    fn must_agree(&mut self, known: &mut Known, timeline: Timeline) -> Result<(), Trouble> {
        while !self.agree(known, timeline)? {}
        Ok(())
    }

    /// Whether no two of them contradict each other; one of such two is made out to be junk.
    fn agree(&mut self, known: &mut Known, timeline: Timeline) -> Result<bool, Trouble> {
        let mut of_it = known.segments_of(timeline);
        of_it.sort_by_key(|(of, _)| (of.first, of.last));
        let mut longest: Option<(SegmentName, Name)> = None;
        for next in of_it {
            if let Some(before) = longest.as_ref().filter(|before| next.0.first <= before.0.last)
                && !(self.seen.has(&before.1)
                    && self.seen.has(&next.1)
                    && self.seen.names.is_some())
            {
                let (shorter, longer) =
                    if before.0.last < next.0.last { (before, &next) } else { (&next, before) };
                let there = self.chain_in(longer, shorter.0.last)?;
                if there.is_some_and(|there| there != shorter.0.chain) {
                    // One of the two may be torn, or a name that somebody made up.
                    if !self.drop_junk(known, &longer.1)? {
                        self.must_be_junk(known, &shorter.1)?;
                    }
                    return Ok(false);
                }
            }
            if longest.as_ref().is_none_or(|before| before.0.last < next.0.last) {
                longest = Some(next);
            }
        }
        Ok(true)
    }

    /// What the chain comes to at a commit in a segment, if that is whole and keeps it alone.
    fn chain_in(&self, (of, name): &(SegmentName, Name), at: u64) -> Result<Option<u64>, Trouble> {
        if of.last == at {
            return Ok(Some(of.chain));
        }
        let found = self.read_segment_at(name, of, at)?;
        Ok(found.ok().and_then(|(_, there)| there).map(Chain::short))
    }

    /// A segment that is not of the chain counts as absent where it does not verify.
    fn must_be_junk(&mut self, known: &mut Known, name: &Name) -> Result<(), Trouble> {
        let junk = self.drop_junk(known, name)?;
        if junk { Ok(()) } else { Err(self.doubled(known.timeline, name)) }
    }

    /// Reads a segment: one that does not verify counts as absent. Whether it does.
    fn drop_junk(&mut self, known: &mut Known, name: &Name) -> Result<bool, Trouble> {
        let Some(index) = known.segments.iter().position(|held| held.name == *name) else {
            return Ok(true);
        };
        if self.judgement(name) == Judged::Good {
            return Ok(false);
        }
        let Held { of, .. } = known.segments[index];
        let Err(why) = self.read_segment(name, &of)? else {
            // It is not read again each time that it is looked at.
            self.judged.insert(name.clone(), (Judged::Good, None));
            return Ok(false);
        };
        self.counts_as_absent(name, &why);
        known.segments.swap_remove(index);
        Ok(true)
    }

    /// Every snapshot of the present history that came since it was first looked was put from
    /// here, or is of the chain, or has the very entries of another one.
    fn must_have_put(&mut self, known: &Known, head: Option<&Head>) -> Result<(), Trouble> {
        let own = known.own(&self.settings.file_prefix).into_iter();
        let own = own.filter(|held| held.of.timeline == known.timeline);
        let (own, new): (Vec<_>, Vec<_>) = own.partition(|held| self.seen.has(&held.name));
        let what = |of: &SnapshotName| (of.revision, of.state);
        for held in new {
            if own.iter().any(|other| what(&other.of) == what(&held.of)) {
                continue;
            }
            if self.judgement(&held.name) == Judged::Unknown {
                self.read_back(held)?;
            }
            let theirs = self.judged.get(&held.name).and_then(|(_, head)| *head);
            let ours = match head {
                Some(head) => chain_at(&*self.unsealed()?, head, held.of.revision)?,
                None => None,
            };
            let akin = theirs.zip(ours).is_some_and(|(theirs, ours)| theirs.chain == ours);
            if self.judgement(&held.name) == Judged::Good && !akin {
                return Err(self.doubled(known.timeline, &held.name));
            }
        }
        Ok(())
    }

    fn doubled(&self, timeline: Timeline, name: &Name) -> Trouble {
        let (url, target) = (self.target.url(name), &self.name);
        Trouble::Ahead(format!(
            "another server writes the same timeline {timeline} there, on a copy of this store's \
             data: {url} is not of this server. Nothing is shipped until that is settled: stop \
             the one that is to go, then run `edgekeep snapshot adopt {target}` on the one that \
             stays"
        ))
    }

    /// What is there of a history that was left, and is not of the chain of which records are
    /// still here, does not count where both are there already: the rest is put beside it. Where
    /// there is only the other, it is the one that goes on: behind which commit. `last` is the last
    /// one that is still here.
    pub fn set_aside(&mut self, timeline: Timeline, last: u64) -> Result<Option<u64>, Trouble> {
        let Some(mut known) = self.known.take() else { return Ok(None) };
        let (mut strange, unsealed) = (BTreeSet::new(), self.unsealed()?);
        let (mut begins, mut ends) = (u64::MAX, 0);
        for (of, name) in known.segments_of(timeline) {
            // One that goes further than the records here is read up to where they end.
            let at = if of.first <= last { last.min(of.last) } else { of.last };
            let ours = recorded(&unsealed, timeline, at)?.map(Chain::short);
            let there = if ours.is_some() { self.chain_in(&(of, name.clone()), at)? } else { None };
            if ours.zip(there).is_none_or(|(ours, there)| ours == there) {
                ends = of.last.max(ends);
            } else if !self.drop_junk(&mut known, &name)? {
                begins = of.first.min(begins);
                strange.insert(name);
            }
        }
        let others = ends < begins && !strange.is_empty();
        known.segments.retain(|held| others || !strange.contains(&held.name));
        self.known = Some(known);
        Ok(others.then_some(ends))
    }

    /// Looks whether another history grows there beside the present one.
    pub fn look_beside(&mut self, known: &Known) -> Result<(), Trouble> {
        let mut ends: BTreeMap<Timeline, u64> = BTreeMap::new();
        for (timeline, revision) in known.ends() {
            let end = ends.entry(timeline).or_default();
            *end = revision.max(*end);
        }
        let before = self.seen.others.take().filter(|(present, _)| *present == known.timeline);
        let begun = known.begun().unwrap_or_else(|| self.now());
        let grown = ends.iter().filter(|(timeline, end)| {
            let before = before.as_ref().map(|(_, before)| before.get(timeline).copied());
            **timeline != known.timeline && before.is_some_and(|before| before < Some(**end))
        });
        let grown: Vec<Timeline> = grown.map(|(timeline, _)| *timeline).collect();
        for timeline in grown {
            let newest = known.newest_of(timeline).filter(|(_, time)| *time > begun);
            let Some((name, last)) = newest else { continue };
            let told = self.seen.grows.take().filter(|(beside, _)| beside.timeline == timeline);
            if told.is_none() && !self.is_whole(known, &name)? {
                continue;
            }
            let since = told.as_ref().map_or(last, |(beside, _)| beside.since);
            let beside = Beside { timeline, since, last };
            if told.is_none() {
                log::warn!("snapshots to {}: {}", self.name, beside.told(&self.name));
            }
            self.seen.grows = Some((beside, self.boot()));
        }
        // What was put from here meanwhile is known, too.
        self.seen.others = Some((known.timeline, ends));
        Ok(())
    }

    /// The other history that grows there.
    pub fn beside(&self) -> Option<Beside> {
        let (beside, at) = self.seen.grows.as_ref()?;
        (self.boot().saturating_sub(*at) < OVER).then(|| beside.clone())
    }

    fn is_whole(&mut self, known: &Known, name: &Name) -> Result<bool, Trouble> {
        if let Some(held) = known.segments.iter().find(|held| held.name == *name) {
            return Ok(self.read_segment(name, &held.of)?.is_ok());
        }
        if let Some(held) = known.snapshots.iter().find(|held| held.name == *name)
            && self.judgement(name) == Judged::Unknown
        {
            self.read_back(held)?;
        }
        Ok(self.judgement(name) == Judged::Good)
    }
}

impl Known {
    /// Every name.
    fn names(&self) -> impl Iterator<Item = &Name> {
        let snapshots = self.snapshots.iter().map(|held| &held.name);
        snapshots.chain(self.segments.iter().map(|held| &held.name))
    }

    fn segments_of(&self, timeline: Timeline) -> Vec<(SegmentName, Name)> {
        let of_it = self.segments.iter().filter(|held| held.of.timeline == timeline);
        of_it.map(|held| (held.of, held.name.clone())).collect()
    }

    /// The last commit in each object, with its history.
    fn ends(&self) -> impl Iterator<Item = (Timeline, u64)> {
        let snapshots = self.snapshots.iter().map(|held| (held.of.timeline, held.of.revision));
        snapshots.chain(self.segments.iter().map(|held| (held.of.timeline, held.of.last)))
    }

    /// When the present history began, as far as is known there.
    fn begun(&self) -> Option<Timestamp> {
        let snapshots = self.snapshots.iter().map(|held| (held.of.timeline, held.of.taken));
        let all =
            snapshots.chain(self.segments.iter().map(|held| (held.of.timeline, held.of.from)));
        all.filter(|(timeline, _)| *timeline == self.timeline).map(|(_, time)| time).min()
    }

    /// What is newest of a history, and when it was made.
    fn newest_of(&self, timeline: Timeline) -> Option<(Name, Timestamp)> {
        let snapshots =
            self.snapshots.iter().map(|held| (Kept::Snapshot(held.of.clone()), &held.name));
        let segments = self.segments.iter().map(|held| (Kept::Segment(held.of), &held.name));
        let placed = snapshots.chain(segments).map(|(kept, name)| match kept {
            Kept::Snapshot(of) => (of.timeline, of.revision, of.taken, name),
            Kept::Segment(of) => (of.timeline, of.last, of.to, name),
        });
        let of_it = placed.filter(|(of, ..)| *of == timeline);
        let newest = of_it.max_by_key(|&(_, revision, time, _)| (revision, time));
        newest.map(|(_, _, time, name)| (name.clone(), time))
    }
}

/// What the chain of the present history comes to at `revision`; `None` where that is no longer
/// known here.
fn chain_at(unsealed: &Unsealed, head: &Head, revision: u64) -> Result<Option<Chain>, Trouble> {
    if revision == head.revision {
        return Ok(Some(head.chain));
    }
    if revision > head.revision || revision < head.dropped {
        return Ok(None);
    }
    recorded(unsealed, head.timeline, revision)
}

/// The same of any history, as the records of it tell that are here.
fn recorded(
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
