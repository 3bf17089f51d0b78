//! What a target holds: learned from its listing, and from reading back the newest of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::beside::newest;
use super::reach::{Reach, reach};
use super::reading::TOLD;
use super::retention::{self, Judged, Snapshot};
use super::status::{Good, Verification};
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::journal::Origin;
use crate::barrier::root::{RootRecord, Timeline};
use crate::barrier::stamps::Stamps;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use crate::snapshot::rewind::listing::{Listing, holds};
use crate::snapshot::rewind::plan::{At, goes_on_in};
use crate::snapshot::target::{Listed, Name, TargetError};

/// What a target holds of this store.
pub struct Known {
    /// When it was looked, by the boot clock.
    pub at: Duration,
    /// Whether anything was put there since: nobody has seen it together with the rest.
    pub put: bool,
    /// The store.
    pub store_id: String,
    /// The store's history then.
    pub timeline: Timeline,
    /// Which snapshots were taken of it.
    pub stamps: Stamps,
    /// The snapshots.
    pub snapshots: Vec<Held<SnapshotName>>,
    /// The segments of the journal.
    pub segments: Vec<Held<SegmentName>>,
    /// Those of another server, which has left the history that goes on here: they count for
    /// nothing, and go when their time is over.
    pub aside: Vec<Held<SegmentName>>,
    /// Snapshots of another server, which has left the history that goes on here, or wrote in one
    /// that was left: no way of this store begins with one. What leads on from them stays for as
    /// long as they do, which is until their time is over.
    pub theirs: Vec<Held<SnapshotName>>,
    /// Of those of another server, in a history that was left, what they begin with: up to there
    /// they are of the own chain. The history, the first and the last commit.
    pub common: Vec<(Timeline, u64, u64)>,
    /// How many snapshots are there, and how many bytes all of it takes, of use or not.
    pub held: (u64, u64),
    /// How far it has the journal of this history; `None` where it lacks a base.
    pub reach: Option<Reach>,
    /// What is wrong on the way to the present, as far as it was read.
    pub flaw: Option<String>,
}

/// An object on a target.
pub struct Held<T> {
    /// What its name says.
    pub of: T,
    /// Its name.
    pub name: Name,
    /// Its length in bytes.
    pub length: u64,
}

impl Known {
    /// The snapshots whose names begin with the prefix of this target.
    pub fn own(&self, prefix: &str) -> Vec<&Held<SnapshotName>> {
        self.snapshots.iter().filter(|held| held.of.prefix == prefix).collect()
    }

    /// Whether a snapshot was taken of this store or of what it comes of, if that is known.
    pub fn is_own(&self, of: &SnapshotName) -> Option<bool> {
        self.stamps.has(of.taken, of.revision)
    }

    /// The segments of the journal, by their names.
    pub fn journal(&self) -> Vec<SegmentName> {
        self.segments.iter().map(|held| held.of).collect()
    }

    fn listing(&self) -> Listing {
        let snapshots = self.snapshots.iter().map(|held| held.of.clone()).collect();
        Listing { snapshots, segments: self.journal(), ..Listing::default() }
    }

    /// A snapshot is there.
    pub fn add_snapshot(&mut self, held: Held<SnapshotName>) {
        self.held.0 += 1;
        self.held.1 += held.length;
        self.snapshots.push(held);
    }

    /// A segment is.
    pub fn add_segment(&mut self, held: Held<SegmentName>) {
        self.held.1 += held.length;
        self.segments.push(held);
    }

    /// These were dropped.
    pub fn remove(&mut self, gone: &[Name]) {
        let (snapshots, bytes) = &mut self.held;
        let mut stays = |name: &Name, length: u64| {
            let stays = !gone.contains(name);
            *bytes -= if stays { 0 } else { length };
            stays
        };
        for list in [&mut self.snapshots, &mut self.theirs] {
            let before = list.len();
            list.retain(|held| stays(&held.name, held.length));
            *snapshots -= (before - list.len()) as u64;
        }
        for list in [&mut self.segments, &mut self.aside] {
            list.retain(|held| stays(&held.name, held.length));
        }
    }

    /// These snapshots are another server's.
    pub fn pass_over(&mut self, theirs: &BTreeSet<Name>) {
        let is_theirs = |held: &Held<SnapshotName>| theirs.contains(&held.name);
        let (theirs, rest): (Vec<_>, Vec<_>) = self.snapshots.drain(..).partition(is_theirs);
        self.snapshots = rest;
        self.theirs.extend(theirs);
    }

    /// Whether a segment of it became part of a larger one: another machine, whose history goes on
    /// from here, may have done so.
    fn is_compacted(&self, name: &Name, now: &Self) -> bool {
        let gone = self.segments.iter().find(|held| held.name == *name);
        let spans = |held: &Held<SegmentName>| {
            held.name != *name && gone.is_some_and(|gone| held.of.spans(&gone.of))
        };
        now.segments.iter().any(spans)
    }

    /// Whether a restore to the present begins with an object, or goes over it, where the last good
    /// snapshot is of the commit `good`.
    fn needs(&self, name: &Name, good: u64) -> bool {
        let base = |held: &Held<SnapshotName>| {
            held.name == *name && held.of.timeline == self.timeline && held.of.revision >= good
        };
        let step = |held: &Held<SegmentName>| {
            held.name == *name && held.of.timeline == self.timeline && held.of.last > good
        };
        self.snapshots.iter().any(base) || self.segments.iter().any(step)
    }

    /// All of it but what was found to be of no use, by name and length.
    pub fn objects(&self) -> impl Iterator<Item = (&Name, u64)> {
        let snapshots = self.snapshots.iter().map(|held| (&held.name, held.length));
        let segments = self.segments.iter().chain(&self.aside);
        snapshots.chain(segments.map(|held| (&held.name, held.length)))
    }
}

impl Worker {
    /// The store's folder on the target.
    pub fn folder(&self, store_id: &str) -> Result<Folder, Trouble> {
        let folder = Folder::new(self.settings.place.prefix(), store_id);
        folder.ok_or_else(|| Trouble::Settings("its path_prefix makes no name of a file".into()))
    }

    /// Lists all that there is, for who asks.
    pub fn look(&mut self) -> Result<(), Trouble> {
        let prefix = self.settings.place.prefix().trim_matches('/').to_owned();
        let objects = self.target.list(&prefix)?;
        self.desk.show(objects, self.now());
        Ok(())
    }

    /// Lists what there is of this store, reads back the newest, and sees whether this server goes
    /// on where the target ends.
    pub fn survey(&mut self) -> Result<(), Trouble> {
        let outcome = self.look_through();
        let more = std::mem::take(&mut self.absent).saturating_sub(TOLD);
        if more > 0 {
            let (of, why) = (&self.name, "they are not what their names say, or cannot be read");
            log::error!("snapshots to {of}: {more} more files there count as absent: {why}");
        }
        outcome
    }

    fn look_through(&mut self) -> Result<(), Trouble> {
        let before = self.known.take();
        self.given.set(false);
        let record = self.unsealed()?.status();
        self.surveyed = Some(record.timeline);
        self.is_of_store(&record.store_id);
        let before = before.filter(|before| before.store_id == record.store_id);
        let folder = self.folder(&record.store_id)?;
        let listed = self.target.list(folder.path());
        if matches!(listed, Err(TargetError::Away(_))) {
            self.is_silent();
        }
        let listed = listed?;
        // What was put while it was listed is not ahead of what is here now.
        let record = RootRecord { store_id: record.store_id, ..self.unsealed()?.status() };
        let mut known = Known {
            at: self.boot(),
            put: false,
            store_id: record.store_id.clone(),
            timeline: record.timeline,
            stamps: self.unsealed()?.stamps()?,
            snapshots: Vec::new(),
            segments: Vec::new(),
            aside: Vec::new(),
            theirs: Vec::new(),
            common: Vec::new(),
            held: (0, 0),
            reach: None,
            flaw: None,
        };
        for Listed { name, length } in listed {
            match folder.read(&name) {
                Some(Kept::Snapshot(of)) => known.add_snapshot(Held { of, name, length }),
                Some(Kept::Segment(of)) => known.add_segment(Held { of, name, length }),
                None => {}
            }
        }
        let there: BTreeMap<&Name, u64> = known.objects().collect();
        self.judged.retain(|name, _| there.contains_key(name));
        self.flaws.retain(|name, _| there.contains_key(name));
        self.compared.retain(|name, _| there.contains_key(name));
        self.ends.retain(|name, _| there.contains_key(name));
        self.unreadable.get_mut().retain(|name, _| there.contains_key(name));
        self.tell_held(&known);
        self.look_for_closed(&known);
        known.flaw = before.and_then(|before| self.miss(&before, &known));
        if self.settings.journal {
            self.put_aside(&mut known)?;
        }
        self.must_not_be_ahead(&mut known, &record)?;
        if self.settings.journal {
            self.must_be_of_the_chain(&mut known)?;
        }
        self.read_again(&known)?;
        self.judge(&known)?;
        self.judge_way(&mut known)?;
        self.must_be_alone(&mut known)?;
        self.look_beside(&known)?;
        self.known = Some(known);
        self.place_journal()?;
        self.follow();
        Ok(())
    }

    /// Where another store was restored here, nothing that was seen there is of it.
    fn is_of_store(&mut self, store_id: &str) {
        let before = self.store.replace(store_id.to_owned());
        if before.is_some_and(|before| before != store_id) {
            self.seen.forget_store();
            self.desk.tell(|status| (status.last_good, status.damage) = (None, None));
        }
    }

    /// What was there is gone or has another length, although it was not dropped or put from here.
    /// What a restore to the present needs is made good by a snapshot at once, and told.
    fn miss(&mut self, before: &Known, now: &Known) -> Option<String> {
        let there: BTreeMap<&Name, u64> = now.objects().collect();
        let changed = before.objects().filter(|(name, length)| {
            there.get(name) != Some(length) && !before.is_compacted(name, now)
        });
        let mut gone = Vec::new();
        for (name, _) in changed {
            let is_segment = before.segments.iter().any(|held| held.name == *name);
            match (there.contains_key(name), is_segment) {
                // A snapshot is read back before it is said to be bad.
                (true, false) => {
                    self.judged.remove(name);
                    continue;
                }
                (true, true) => drop(self.judged.insert(name.clone(), (Judged::Bad, None))),
                (false, _) => {}
            }
            gone.push(name);
        }
        let first = gone.first()?;
        let (count, url) = (gone.len(), self.target.url(first));
        let what = format!(
            "{count} of its files are gone or went bad, which nobody here dropped, as {url}"
        );
        let good = self.desk.status().last_good.filter(|good| good.timeline == before.timeline);
        let good = good.map_or(0, |good| good.revision);
        if gone.iter().any(|name| before.needs(name, good)) {
            self.is_damaged(what.clone());
            return Some(what);
        }
        log::warn!("snapshots to {}: {what}", self.name);
        None
    }

    /// Where all is to be read back: each segment that leads from the newest good snapshot to the
    /// present. One that is bad counts as absent.
    fn judge_way(&mut self, known: &mut Known) -> Result<(), Trouble> {
        if self.thorough && self.settings.journal {
            let present = known.timeline;
            let bases = known.snapshots.iter().filter(|held| held.of.timeline == present);
            let good = bases.filter(|held| self.judgement(&held.name) == Judged::Good);
            let base = good.map(|held| held.of.revision).max().unwrap_or(0);
            let mut bad = Vec::new();
            for held in &known.segments {
                let leads = held.of.timeline == present && held.of.last > base;
                if leads
                    && self.judgement(&held.name) == Judged::Unknown
                    && self.steps(&held.name, &held.of, |_| false)?.is_none()
                {
                    bad.push(self.target.url(&held.name));
                }
            }
            if let Some(first) = bad.first() {
                let what = format!("{} segments of the journal went bad, as {first}", bad.len());
                self.is_damaged(what.clone());
                known.flaw = Some(what);
            }
        }
        self.thorough = false;
        Ok(())
    }

    /// What lay there can no longer be relied on, which is told until a good snapshot is put.
    fn is_damaged(&self, what: String) {
        log::error!("snapshots to {}: {what}; a snapshot is taken at once", self.name);
        self.desk.tell(|status| {
            status.damages += 1;
            status.damage = Some(what);
        });
    }

    /// Tells how much there is.
    pub fn tell_held(&self, known: &Known) {
        let since = self.goes_since(known);
        self.desk.tell(|status| (status.held, status.since) = (known.held, since));
    }

    /// When the oldest snapshot was taken that leads to the present.
    fn goes_since(&self, known: &Known) -> Option<Timestamp> {
        let whole = known.snapshots.iter().filter(|held| self.counts(&held.name));
        let listing = Listing { segments: known.journal(), ..Listing::default() };
        let way = listing.lineage(known.timeline);
        let leads = |of: &SnapshotName| {
            let on_way = || holds(&way, of.timeline, of.revision);
            known.is_own(of).unwrap_or_else(on_way)
        };
        whole.filter(|held| leads(&held.of)).map(|held| held.of.taken).min()
    }

    /// Reads back the newest snapshot of this history, and older ones until one is good.
    pub fn judge(&mut self, known: &Known) -> Result<(), Trouble> {
        let mut own = known.own(&self.settings.file_prefix);
        own.retain(|held| {
            held.of.timeline == known.timeline && known.is_own(&held.of) != Some(false)
        });
        own.sort_by_key(|held| (held.of.revision, held.of.taken));
        for held in own.into_iter().rev() {
            if self.judgement(&held.name) == Judged::Unknown {
                self.read_back(&held.name, &held.of)?;
                let url = self.target.url(&held.name);
                match self.judgement(&held.name) {
                    Judged::Bad => self.is_damaged(format!("{url} went bad")),
                    Judged::Unread => self.is_damaged(format!("{url} cannot be read")),
                    Judged::Good | Judged::Unknown => {}
                }
            }
            if self.judgement(&held.name) == Judged::Good {
                break;
            }
        }
        Ok(())
    }

    /// The newest snapshot of this history, if it and what leads on from it are good; else why not.
    pub fn newest(&self) -> Result<Good, String> {
        let known = self.known.as_ref().ok_or("nothing is known of the target")?;
        let own = known.own(&self.settings.file_prefix).into_iter();
        let own = own.filter(|held| held.of.timeline == known.timeline);
        let newest = own.max_by_key(|held| (held.of.revision, held.of.taken));
        let newest = newest.ok_or("it holds no snapshot of the present history")?;
        if self.judgement(&newest.name) == Judged::Good {
            return known.flaw.clone().map_or_else(|| Ok(self.good(newest)), Err);
        }
        let why = self.flaws.get(&newest.name).map_or("it was not read", String::as_str);
        Err(format!("{}: {why}", self.target.url(&newest.name)))
    }

    /// That it was read back, and what came of it, for who wanted that.
    pub fn verified(&self, outcome: Result<Good, String>) {
        self.desk.verified(Verification { end: self.now(), outcome });
    }

    fn good(&self, held: &Held<SnapshotName>) -> Good {
        let SnapshotName { taken, timeline, revision, .. } = held.of;
        Good { taken, timeline, revision, url: self.target.url(&held.name), length: held.length }
    }

    /// The last good snapshot is told, and the next one counted from it.
    pub fn follow(&mut self) {
        if self.known.is_none() {
            return;
        }
        let good = self.last_good().map(|held| self.good(held));
        let (now, boot) = (self.now(), self.boot());
        let taken = good.as_ref().map(|good| good.taken);
        self.schedule.follow(taken, self.settings.interval, now, boot);
        self.desk.tell(|status| status.last_good = good);
    }

    /// The newest snapshot of the present history that is known to be good.
    pub fn last_good(&self) -> Option<&Held<SnapshotName>> {
        let known = self.known.as_ref()?;
        let own = known.own(&self.settings.file_prefix);
        let of = |held: &&Held<SnapshotName>| self.candidate(held, known.is_own(&held.of));
        let snapshots: Vec<Snapshot> = own.iter().map(of).collect();
        retention::last_good(&snapshots, known.timeline).map(|index| own[index])
    }

    /// A snapshot there, as retention sees it. Whether it is this server's own may be known.
    pub fn candidate(&self, held: &Held<SnapshotName>, own: Option<bool>) -> Snapshot {
        let SnapshotName { taken, timeline, revision, .. } = held.of;
        Snapshot { taken, timeline, revision, own, judged: self.judgement(&held.name) }
    }

    /// Finds out how far the target has the present journal.
    pub fn place_journal(&mut self) -> Result<(), Trouble> {
        let head = self.unsealed()?.journal();
        let Some(known) = &self.known else { return Ok(()) };
        let Some(head) = head.filter(|head| head.timeline == known.timeline) else { return Ok(()) };
        let place = self.reach_of(known, head.timeline, None, head.dropped);
        let gap = place.and_then(|reach| reach.gap);
        let told = self.desk.status().journal.and_then(|journal| journal.gap);
        if let Some((first, last)) = gap.filter(|gap| told != Some(*gap)) {
            log::warn!(
                "snapshots to {}: nothing there leads to the transactions {first} to {last}: a \
                 restore can not stop between them",
                self.name
            );
        }
        if let Some(known) = &mut self.known {
            known.reach = place;
        }
        match place {
            Some(reach) => self.has(head.timeline, reach.cursor),
            None => self.has_nothing(),
        }
        Ok(())
    }

    /// How far it has the journal of a history of which records behind `dropped` are kept here.
    /// A `branch` to which what is there leads is as good as a snapshot.
    pub fn reach_of(
        &self,
        known: &Known,
        timeline: Timeline,
        branch: Option<Origin>,
        dropped: u64,
    ) -> Option<Reach> {
        let bases = known.snapshots.iter().filter(|held| held.of.timeline == timeline);
        let bases = bases.filter(|held| self.counts(&held.name));
        let branch = branch.map(|origin| origin.revision);
        let bases: Vec<u64> = bases.map(|held| held.of.revision).chain(branch).collect();
        let segments = known.segments.iter().map(|held| held.of);
        let all = segments.map(|of| (of.timeline, of.first, of.last));
        let of_it = all.chain(known.common.iter().copied()).filter(|(of, ..)| *of == timeline);
        let segments: Vec<_> = of_it.map(|(_, first, last)| (first, last)).collect();
        reach(&bases, &segments, dropped)
    }

    /// Whether what is there leads to that commit of a history.
    pub fn leads_to(&self, at: Origin) -> bool {
        let Some(known) = &self.known else { return false };
        let snapshots = known.snapshots.iter().filter(|held| self.counts(&held.name));
        let segments = known.segments.iter().filter(|held| self.counts(&held.name));
        let listing = Listing {
            snapshots: snapshots.map(|held| held.of.clone()).collect(),
            segments: segments.map(|held| held.of).collect(),
            ..Listing::default()
        };
        listing.leads_to(at)
    }

    /// Nothing of this history is there that is not here. A name is believed when what it names
    /// is what it says: anybody who can write there may give one.
    fn must_not_be_ahead(&mut self, known: &mut Known, record: &RootRecord) -> Result<(), Trouble> {
        let is_ahead =
            |timeline, revision| timeline == record.timeline && revision > record.revision;
        let ends = known.snapshots.iter().map(|held| (held.of.timeline, held.of.revision));
        let mut ends =
            ends.chain(known.segments.iter().map(|held| (held.of.timeline, held.of.last)));
        if !ends.any(|(timeline, end)| is_ahead(timeline, end)) {
            return Ok(());
        }
        let goes_on = self.goes_on(known, record.timeline)?;
        let snapshots = std::mem::take(&mut known.snapshots);
        for held in snapshots {
            if is_ahead(held.of.timeline, held.of.revision) {
                if self.worth(&held)? != Judged::Good {
                    continue;
                }
                // A server that has left this history goes on in none.
                if !self.is_aside(known, &held)? {
                    return Err(self.beyond(held.of.revision, goes_on, record));
                }
                known.theirs.push(held);
            } else {
                known.snapshots.push(held);
            }
        }
        let segments = std::mem::take(&mut known.segments);
        for held in segments {
            if !is_ahead(held.of.timeline, held.of.last) {
                known.segments.push(held);
            } else {
                match self.is_junk(&held.of, &held.name)? {
                    Some(true) => {}
                    Some(false) => return Err(self.beyond(held.of.last, goes_on, record)),
                    None => return Err(self.unread(&held.name)),
                }
            }
        }
        Ok(())
    }

    /// Where the history of this server goes on there, by what is whole.
    pub fn goes_on(&mut self, known: &Known, timeline: Timeline) -> Result<Timeline, Trouble> {
        let later = goes_on_in(&known.listing(), At::Latest, timeline);
        let newest = self.histories(known).get(&later).and_then(newest);
        let is_there = newest.map(|newest| self.is_whole(known, &newest)).transpose()?;
        Ok(if is_there == Some(true) { later } else { timeline })
    }

    fn beyond(&self, there: u64, goes_on: Timeline, record: &RootRecord) -> Trouble {
        let (RootRecord { timeline, revision, .. }, target) = (record, &self.name);
        Trouble::Ahead(format!(
            "the target is ahead of this server: it holds transaction {there} of timeline \
             {timeline}, and this server is at {revision}. If another server runs on a copy of \
             this store's data, stop the one that is to go first. To have what is there: \
             `edgekeep snapshot restore -target={target} -at=latest -timeline={goes_on}`; to go \
             on beside it: `edgekeep snapshot adopt {target}`"
        ))
    }
}
