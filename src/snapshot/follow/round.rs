//! A round of a standby: a look at the target, and what there is to do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::status::Place;
use super::watch::Watched;
use super::{Follower, GLANCE, PACE, PATIENCE, SLOWEST, Trouble, promotion};
use crate::barrier::journal::{HEAD, Head, Origin};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::base::record::Record as _;
use crate::base::sync::lock;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Folder, SegmentName};
use crate::snapshot::rewind::file::Unfit;
use crate::snapshot::rewind::listing::{Leg, Listing, Span, holds};
use crate::snapshot::rewind::plan::{Refusal, present};
use crate::snapshot::rewind::{Lost, RewindError, Source, Way, real_stores, stores, vouch};
use crate::snapshot::target::Target;

impl Follower {
    /// Looks whether it is promoted, and follows when it is time to. To be called every second.
    pub fn round(self: &Arc<Self>) {
        if !self.is_following() || self.is_stopped() {
            return;
        }
        let promoted = promotion::is_marked(&self.means.folder);
        let status = self.status();
        // What has nothing yet is promoted once it has something.
        let now = promoted && status.place.is_some();
        if !now && self.means.clock.boot() < status.next {
            return;
        }
        // A last time before it serves: what was shipped is there, and all is asked once more.
        if promoted {
            lock(&self.memory).forget();
        }
        let Some(outcome) = self.look() else { return };
        self.note(&outcome);
        if promoted || matches!(outcome, Err(Trouble::Silent(_))) {
            self.serve();
        }
    }

    /// Follows, in a thread of its own, as the target may hang: then whoever promotes it, or ends
    /// it, is heard all the same. `None` where nothing came of it.
    fn look(self: &Arc<Self>) -> Option<Result<(), Trouble>> {
        let (this, (tell, told)) = (Arc::clone(self), channel());
        let look = move || tell.send(this.follow());
        if let Err(error) = thread::Builder::new().name("following".into()).spawn(look) {
            return Some(Err(SnapshotError::from(error).into()));
        }
        let mut hangs = false;
        let outcome = loop {
            match told.recv_timeout(GLANCE) {
                Ok(outcome) => break outcome,
                Err(RecvTimeoutError::Disconnected) => {
                    log::error!("standby of {}: broken off by a defect of edgekeep", self.of.name);
                    return None;
                }
                Err(RecvTimeoutError::Timeout) if self.is_stopped() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let silence = self.watch.silence();
            let now = silence >= PATIENCE && promotion::is_marked(&self.means.folder);
            if now && self.status().place.is_some() {
                break Err(Trouble::Silent(silence));
            }
            if silence >= PATIENCE && !std::mem::replace(&mut hangs, true) {
                self.note(&Err(Trouble::Hangs));
            }
        };
        (!self.is_stopped()).then_some(outcome)
    }

    fn note(&self, outcome: &Result<(), Trouble>) {
        let (boot, now) = (self.means.clock.boot(), self.means.clock.wall());
        let mut status = lock(&self.status);
        let (failed, trouble) = match outcome {
            Ok(()) => (0, None),
            Err(trouble @ Trouble::Beside(_)) => (0, Some(trouble.to_string())),
            Err(trouble) => (status.failed + 1, Some(trouble.to_string())),
        };
        if !matches!(outcome, Err(Trouble::Rewind(RewindError::Target(_)) | Trouble::Hangs)) {
            status.contact = boot;
        }
        if failed == 0 {
            (status.looked, status.since) = (Some(now), boot);
        } else {
            status.errors += 1;
        }
        status.failed = failed;
        status.next = boot + pace(failed);
        let told = std::mem::replace(&mut status.trouble, trouble.clone());
        drop(status);
        // One of before this server started may be noted yet.
        if (told != trouble || trouble.is_none())
            && let Err(error) = promotion::note_trouble(&self.means.folder, trouble.as_deref())
        {
            log::debug!("standby of {}: its trouble is not noted: {error}", self.of.name);
        }
        match (told, trouble) {
            (before, Some(trouble)) if before.as_ref() != Some(&trouble) => {
                log::warn!("standby of {}: {trouble}", self.of.name);
            }
            (Some(_), None) => log::info!("standby of {}: it follows again", self.of.name),
            _ => {}
        }
    }

    /// It is promoted: from now on it is a server like any other.
    fn serve(&self) {
        let _writing = lock(&self.writing);
        let status = self.status();
        let Some(Place { timeline, revision, .. }) = status.place else {
            return log::error!(
                "standby of {}: it has nothing yet, and so cannot be promoted",
                self.of.name
            );
        };
        if let Err(error) = promotion::end(&self.means.folder) {
            log::error!(
                "standby of {}: that it serves cannot be noted in {}: {error}; before it is \
                 started again, remove the file standby there",
                self.of.name,
                self.means.folder.display()
            );
        }
        self.following.store(false, Ordering::Release);
        log::warn!(
            "standby of {}: promoted with all up to transaction {revision} of timeline {timeline}; \
             {}; unseal it: then a new timeline begins",
            self.of.name,
            status.trouble.as_deref().unwrap_or("the target has no more")
        );
    }

    fn follow(&self) -> Result<(), Trouble> {
        let head = self.head()?;
        self.stand(head, None);
        let target = Watched::found(&self.of.target, self.watch.clone());
        let folder = self.folder(head, &target)?;
        let source = Source { target: &target, folder: &folder };
        let listed = source.target.list(folder.path())?;
        let mut listing = lock(&self.memory).recall(&folder, &listed, self.means.clock.boot());
        listing.must_be_few(source)?;
        let outcome = loop {
            let known = listing.learnt;
            let outcome = self.go_on(source, &mut listing);
            // The names may tell to go elsewhere without what does not verify, or has gone.
            let learnt = listing.learnt != known;
            // What came while the target was listed is no gap.
            let mut changed = || listing.has_changed(source).unwrap_or(false);
            let goes_on = learnt || (matches!(outcome, Err(Trouble::Lost(_))) && changed());
            if self.is_stopped() || !goes_on {
                break outcome;
            }
        };
        lock(&self.memory).note(&folder, &listed, &listing);
        outcome?;
        match self.missed(&listing, &folder)? {
            Some(lost) => Err(Trouble::Beside(format!("it follows what verifies: {lost}"))),
            None => Ok(()),
        }
    }

    /// Where several histories go on, the one that was named, or comes of it.
    fn wished(&self, listing: &Listing, found: Result<Span, Refusal>) -> Result<Span, Refusal> {
        let (Err(Refusal::Ambiguous(spans)), Some(named)) = (&found, self.of.timeline) else {
            return found;
        };
        let comes_of =
            |span: &&Span| listing.lineage(span.timeline).iter().any(|part| part.timeline == named);
        // What left it is of another server, where it goes on itself.
        let itself = spans.iter().find(|span| span.timeline == named);
        let mut all = spans.iter().filter(comes_of);
        match (itself, all.next(), all.next()) {
            (Some(span), ..) | (None, Some(span), None) => Ok(*span),
            _ => found,
        }
    }

    /// Goes where the names in a listing lead. It ends early where what was learnt on the way may
    /// tell to go elsewhere.
    fn go_on(&self, source: Source<'_>, listing: &mut Listing) -> Result<(), Trouble> {
        let mut head = self.head()?;
        let spools = &self.means.spools;
        let (timeline, doubt) = match self.wished(listing, present(listing)) {
            Ok(span) => (span.timeline, None),
            Err(doubt) if vouch(source, listing, &doubt, spools)? => return Ok(()),
            Err(doubt) => match head.filter(|head| listing.span(head.timeline).is_some()) {
                Some(head) => (head.timeline, Some(doubt)),
                None => {
                    let lost = listing.unusable(source.folder);
                    return Err(RewindError::Refused(doubt, lost).into());
                }
            },
        };
        let way = listing.lineage(timeline);
        let on_way = |head: &Head| holds(&way, head.timeline, head.revision);
        if let Some(head) = head.filter(|head| !on_way(head))
            && head.timeline.number >= timeline.number
        {
            if self.doubts(source, listing, timeline)? {
                return Ok(());
            }
            return Err(Trouble::Lost(format!(
                "it has timeline {}, and the target goes on with {timeline}, which does not come \
                 of it: to follow that, move the data folder away and start again",
                head.timeline
            )));
        }
        let last = listing.span(timeline).map_or(0, |span| span.last.revision);
        lock(&self.status).known = last;
        while let Some(at) = head
            && let Some(leg) = next_leg(listing, timeline, at)
        {
            if let Some(unfit) = self.of_who_left(source, listing, (timeline, at), leg)? {
                return Ok(listing.learn_of(unfit, source)?);
            }
            match self.apply(source, leg, at) {
                Ok(to) => {
                    head = Some(to);
                    self.stand(head, Some(leg.end().time));
                }
                // What was written of it before it broke is there.
                Err(unfit) => return Ok(listing.learn_of(unfit, source)?),
            }
        }
        let there = head.filter(|head| head.timeline == timeline).map(|head| head.revision);
        let bases = listing.snapshots.iter().filter(|name| name.timeline == timeline);
        let base = bases.map(|name| name.revision).max();
        if there.is_none() || base > there {
            let mut way = Way::over(source, listing.clone(), spools)?;
            let reached = way.newest(Some(timeline));
            listing.clone_from(way.listing());
            let prepared = way.prepared(reached?.0);
            let found = prepared.found();
            if found.timeline == timeline
                && there.is_none_or(|there| found.instant.revision > there)
            {
                self.replace(&prepared)?;
                self.stand(self.head()?, Some(found.instant.time));
                log::info!(
                    "standby of {}: it has the snapshot of transaction {} of timeline {timeline}",
                    self.of.name,
                    prepared.plan().base.revision
                );
            }
        }
        let behind = lock(&self.status).behind();
        match (doubt, behind) {
            (Some(doubt), _) => Err(Trouble::Lost(format!(
                "it follows timeline {timeline}, and does not know whether that is right: {doubt}"
            ))),
            (None, 0) => Ok(()),
            // How far it goes may be what somebody has made up.
            (None, _) if self.doubts(source, listing, timeline)? => Ok(()),
            (None, behind) => Err(Trouble::Lost(format!(
                "the journal on the target has a gap: it lacks {behind} transactions and waits \
                 for the next snapshot{}",
                self.missed(listing, source.folder)?
                    .map(|lost| format!("; {lost}"))
                    .unwrap_or_default()
            ))),
        }
    }

    /// Whether files that tell of a history are not what their names say, which is learnt by it.
    fn doubts(
        &self,
        source: Source<'_>,
        listing: &mut Listing,
        timeline: Timeline,
    ) -> Result<bool, RewindError> {
        let spans = listing.span(timeline).into_iter().collect();
        vouch(source, listing, &Refusal::Ambiguous(spans), &self.means.spools)
    }

    /// Where two servers went on from here, each on a copy of the store, and one of them has left
    /// the history since: what that one wrote is not followed.
    fn of_who_left(
        &self,
        source: Source<'_>,
        listing: &Listing,
        (timeline, at): (Timeline, Head),
        Leg { segment, .. }: Leg,
    ) -> Result<Option<Unfit>, Trouble> {
        let leads = |name: &SegmentName| {
            name.timeline == timeline && name.first <= at.revision + 1 && at.revision < name.last
        };
        let left = |name: &SegmentName| {
            let origin = name.origin.filter(|origin| origin.timeline == timeline);
            origin.is_some_and(|origin| segment.last <= origin.revision)
        };
        let all = || listing.segments.iter();
        let beside = all().any(|name| *name != segment && leads(name));
        if !(beside && leads(&segment) && all().any(left)) {
            return Ok(None);
        }
        let way = Way::over(source, listing.clone(), &self.means.spools)?;
        Ok(way.of_who_left(&segment)?)
    }

    /// A file that does not verify, and is not of what it has already.
    fn missed(&self, listing: &Listing, folder: &Folder) -> Result<Option<Lost>, Trouble> {
        let Some(Head { timeline, revision, .. }) = self.head()? else { return Ok(None) };
        Ok(listing.missed(folder, Origin { timeline, revision }))
    }

    /// Tells where it stands.
    fn stand(&self, head: Option<Head>, time: Option<Timestamp>) {
        let mut status = lock(&self.status);
        let before = status.place.filter(|place| {
            head.is_some_and(|head| {
                (head.timeline, head.revision) == (place.timeline, place.revision)
            })
        });
        let time = time.or(before.and_then(|place| place.time));
        status.place =
            head.map(|Head { timeline, revision, .. }| Place { timeline, revision, time });
    }

    fn head(&self) -> Result<Option<Head>, Trouble> {
        let head = self.means.storage.view()?.get(HEAD)?;
        let head = head.map(|head| Head::decode(&head)).transpose();
        Ok(head.map_err(|error| SnapshotError::Broken(error.to_string()))?)
    }

    /// The folder of the store that it follows: what it was told, or what it has already, or the
    /// only one.
    fn folder(&self, head: Option<Head>, target: &dyn Target) -> Result<Folder, Trouble> {
        let prefix = &*self.of.prefix;
        let known = lock(&self.status).store_id.clone().or_else(|| self.of.store_id.clone());
        if let Some(id) = known {
            lock(&self.status).store_id = Some(id.clone());
            let none = || Trouble::Lost(format!("{id:?} is no id of a store"));
            return Folder::new(prefix, &id).ok_or_else(none);
        }
        let mut found = stores(prefix, &target.list(prefix.trim_matches('/'))?);
        let own = |(_, listing): &(Folder, Listing)| {
            head.is_some_and(|head| listing.span(head.timeline).is_some())
        };
        if found.iter().any(own) {
            found.retain(own);
        }
        let one = only(real_stores(target, found, &mut Vec::new())?)?;
        lock(&self.status).store_id = Some(one.store_id().to_owned());
        Ok(one)
    }
}

/// The only store of these.
fn only(mut found: Vec<(Folder, Listing)>) -> Result<Folder, Trouble> {
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|(folder, _)| folder.store_id()).collect();
        return Err(Trouble::Lost(format!(
            "the target has several stores: name the one to follow with -store: {}",
            ids.join(", ")
        )));
    }
    let none = || RewindError::Refused(Refusal::Nothing, Vec::new());
    Ok(found.pop().ok_or_else(none)?.0)
}

/// What leads a standby on towards a history; nothing where that left its own before.
fn next_leg(listing: &Listing, to: Timeline, at: Head) -> Option<Leg> {
    listing.next_leg(&listing.lineage(to), at.timeline, at.revision)
}

/// When to look again after so many failures.
fn pace(failed: u32) -> Duration {
    SLOWEST.min(PACE * 2_u32.pow(failed.min(8)))
}
