//! Gets the files of a plan and checks each of them, and how they hang together.

use std::cmp::Ordering;

use super::listing::{Instant, Listing, Stretch};
use super::plan::{At, Gap, Plan, Refusal, Wish, plan};
use super::segments::{Broken, Segments, Start, Walk};
use super::twice::Passed;
use super::{Found, Keys, Lost, Prepared, RewindError, Source};
use crate::barrier::Unsealed;
use crate::barrier::journal::live::{origin, timelines};
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Origin};
use crate::barrier::keyring::Keyring;
use crate::barrier::root::{RootRecord, Timeline};
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::export::{Owner, export, runs};
use crate::snapshot::layout::{Kept, SegmentName, SnapshotName};
use crate::snapshot::restore::{Received, receive};
use crate::snapshot::spool::Spools;
use crate::snapshot::target::{Name, TargetError};

/// A restore that is being prepared. What it has fetched once it does not fetch again.
pub struct Way<'a> {
    source: Source<'a>,
    spools: &'a Spools,
    listing: Listing,
    keys: Keys,
    base: Option<Base>,
    segments: Segments,
}

/// A snapshot that has arrived.
struct Base {
    name: SnapshotName,
    received: Received,
    start: Start,
    /// Its keys, and what its root record says, where there was somebody to open them.
    proved: Option<(Keyring, RootRecord)>,
}

/// Why a way was not gone to its end.
pub enum Stop {
    /// A file does not verify.
    Lost(Kept, String),
    /// This history does not go on from where its name says.
    Apart(Timeline),
    /// This history began only then, later than its name let think.
    Later(Timeline, Timestamp),
    /// What is inside of the files tells that the instant is not there.
    Refused(Refusal),
    /// The target or the disk fails.
    Failed(RewindError),
}

impl<E: Into<RewindError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Way<'a> {
    /// Lists the target.
    pub fn new(source: Source<'a>, keys: Keys, spools: &'a Spools) -> Result<Self, RewindError> {
        let listed = source.target.list(source.folder.path())?;
        let mut listing = Listing::read(source.folder, &listed);
        let mut segments = Segments::new(spools.open()?);
        if let Some(keys) = keys.as_ref().filter(|keys| is_of(source, keys)) {
            add_own(keys, &mut segments, &mut listing)?;
            listing.present = Some(keys.status().timeline);
        }
        Ok(Self { source, spools, listing, keys, base: None, segments })
    }

    /// What is left to choose from.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// What is inside of the files tells more than their names: the way is to be planned anew.
    pub fn learn(&mut self, stop: Stop) -> Result<(), RewindError> {
        match stop {
            Stop::Lost(kept, why) => self.listing.lose(kept, why),
            Stop::Apart(timeline) => self.listing.apart.push(timeline),
            Stop::Later(timeline, time) => drop(self.listing.begun.insert(timeline, time)),
            Stop::Refused(refusal) => return Err(RewindError::Refused(refusal, self.lost())),
            Stop::Failed(error) => return Err(error),
        }
        Ok(())
    }

    /// All that did not verify.
    pub fn lost(&self) -> Vec<Lost> {
        let name = |kept: &Kept| self.source.folder.name(kept).map(|name| name.to_string());
        let lost = self.listing.lost.iter();
        let lost = lost.map(|(kept, why)| (name(kept).unwrap_or_default(), why.clone()));
        let apart = |timeline: &Timeline| {
            let why = "it does not go on from where its name says".to_owned();
            (format!("the start of the timeline {timeline}"), why)
        };
        lost.chain(self.listing.apart.iter().map(apart)).collect()
    }

    /// Gets all that a plan needs and checks it: where it leads.
    pub fn go(&mut self, plan: &Plan) -> Result<Found, Stop> {
        if self.base.as_ref().is_none_or(|base| base.name != plan.base) {
            // The spool of the one before makes place for this one.
            self.base = None;
            self.base = Some(self.fetch_base(&plan.base)?);
        }
        for leg in &plan.legs {
            self.get_segment(&leg.segment)?;
        }
        let (found, passed) = self.locate(plan)?;
        self.must_be_sole(plan, &passed, &found)?;
        Ok(found)
    }

    /// Gets a segment, unless it is there already.
    pub(super) fn get_segment(&mut self, name: &SegmentName) -> Result<(), Stop> {
        if self.segments.has(name) { Ok(()) } else { self.fetch_segment(name) }
    }

    /// What the chain comes to at a commit in a segment, if that is kept alone.
    pub(super) fn chain_in(&mut self, name: &SegmentName, at: u64) -> Result<Option<u64>, Stop> {
        self.get_segment(name)?;
        let mut there = None;
        let walked = self.segments.each(name, |_, entry| {
            if entry.revision == at {
                there = Some(entry.after.short());
            }
            Ok(Walk::On)
        });
        walked.map_err(Broken::into_error)?;
        Ok(there)
    }

    /// The name of a file on the target.
    pub(super) fn called(&self, kept: &Kept) -> Option<String> {
        self.source.folder.name(kept).map(|name| name.to_string())
    }

    /// Looks whether what a refusal names instead is there indeed, and not by its name alone.
    pub fn vouch(&mut self, refusal: &Refusal) -> Result<(), Stop> {
        for (timeline, revision) in refusal.offers() {
            let wish = Wish { at: At::Revision(revision), timeline: Some(timeline) };
            let Ok(plan) = plan(&self.listing, &wish) else { continue };
            match self.go(&plan) {
                Ok(_) | Err(Stop::Refused(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// The way was gone.
    pub fn prepared(self, plan: Plan, found: Found) -> Result<Prepared, RewindError> {
        let (lost, own) = (self.lost(), self.is_own_past(&found));
        let missing = || SnapshotError::Broken("it was not fetched".into());
        let Base { received, start, proved, .. } = self.base.ok_or_else(missing)?;
        let prover = self.keys.zip(proved.map(|(_, record)| record));
        Ok(Prepared { plan, found, start, received, segments: self.segments, prover, lost, own })
    }

    /// Whether the server that asks has that commit behind it. Where its history left another one
    /// it knows itself, before any name tells.
    fn is_own_past(&self, found: &Found) -> bool {
        let Some(present) = self.listing.present else { return false };
        let head = self.keys.as_ref().and_then(|keys| keys.journal());
        let head = head.filter(|head| head.timeline == present).and_then(|head| head.origin);
        let mut way = self.listing.lineage(present);
        if let (1, Some(Origin { timeline, revision })) = (way.len(), head) {
            let before = self.listing.lineage(timeline).into_iter();
            way.extend(before.map(|of| Stretch { upto: of.upto.min(revision), ..of }));
        }
        let has = |of: &Stretch| of.timeline == found.timeline && found.instant.revision <= of.upto;
        way.iter().any(has)
    }

    fn fetch_base(&self, name: &SnapshotName) -> Result<Base, Stop> {
        let kept = Kept::Snapshot(name.clone());
        let lost = |error: SnapshotError| judge(&kept, error);
        let file = self.source.target.get(&self.name(&kept)?);
        let file = file.map_err(|error| unavailable(&kept, error))?;
        let received = receive(file, self.spools.open()?).map_err(lost)?;
        let about = &received.meta().about;
        let said = (&*about.store_id, &*about.timeline, about.revision);
        let named = (self.source.folder.store_id(), &*name.timeline.to_string(), name.revision);
        if said != named || received.state() != name.state {
            return Err(Stop::Lost(kept, "it is not what its name says".into()));
        }
        let chain = start(&received, name).map_err(lost)?;
        let proved = match &self.keys {
            Some(keys) => received.prove(keys, false).map_err(lost)?,
            None => None,
        };
        let start = Start { timeline: name.timeline, revision: name.revision, chain };
        Ok(Base { name: name.clone(), received, start, proved })
    }

    fn fetch_segment(&mut self, name: &SegmentName) -> Result<(), Stop> {
        let kept = Kept::Segment(*name);
        let file = self.source.target.get(&self.name(&kept)?);
        let file = file.map_err(|error| unavailable(&kept, error))?;
        let store_id = self.source.folder.store_id();
        let proved = self.base.as_ref().and_then(|base| base.proved.as_ref());
        let keyring = proved.map(|(keyring, _)| keyring);
        let received = self.segments.receive(name, store_id, keyring, file);
        received.map_err(|error| judge(&kept, error))
    }

    /// Goes along the chain to the wished instant.
    fn locate(&self, plan: &Plan) -> Result<(Found, Passed), Stop> {
        let base = Instant::of(&plan.base);
        let start = match &self.base {
            Some(base) => base.start,
            None => return Err(SnapshotError::Broken("it was not fetched".into()).into()),
        };
        let (mut found, mut last) = ((start.timeline, base), (start.timeline, base));
        let mut folded = false;
        let mut began = None;
        let mut passed = Passed::new();
        let walked = self.segments.walk(start, &plan.legs, |timeline, entry| {
            let record = Record::read(&entry.record);
            let time = record.map_err(|error| SnapshotError::Broken(error.to_string()))?.time;
            last = (timeline, Instant { revision: entry.revision, time });
            if timeline == plan.timeline {
                began.get_or_insert(time);
                passed.insert(entry.revision, entry.after.short());
            }
            let there = match plan.at {
                At::Latest => Ordering::Less,
                At::Revision(revision) => entry.revision.cmp(&revision),
                At::Time(wished) if time <= wished => Ordering::Less,
                At::Time(_) => Ordering::Greater,
            };
            if there.is_le() {
                (found, folded) = (last, false);
            } else {
                // A snapshot may stand in the middle of what was folded.
                let before = found.1.revision;
                let from = before.max(entry.revision - entry.step);
                folded |= entry.step > 1 && from == before && entry.revision > from + 1;
            }
            // What is behind the first commit that is not before a wished one does not matter.
            let ended = there.is_ge() && matches!(plan.at, At::Revision(_));
            Ok(if ended { Walk::Stop } else { Walk::On })
        });
        match walked {
            Ok(()) => {}
            Err(Broken::Link(name)) => {
                let why = "it does not go on from where the history before it ends".into();
                let lost = || Stop::Lost(Kept::Segment(name), why);
                return Err(self.astray(plan, &name).unwrap_or_else(lost));
            }
            Err(Broken::Apart(timeline)) => {
                let first = plan.legs.iter().find(|leg| leg.segment.timeline == timeline);
                let astray = first.and_then(|leg| self.astray(plan, &leg.segment));
                return Err(astray.unwrap_or(Stop::Apart(timeline)));
            }
            Err(Broken::Failed(error)) => return Err(error.into()),
        }
        let (timeline, instant) = found;
        // The history was not meant that had not begun in that second.
        if let (At::Time(_), false, Some(began)) = (plan.at, plan.named, began)
            && timeline != plan.timeline
        {
            return Err(Stop::Later(plan.timeline, began));
        }
        // Whoever names the very time of the last commit before a gap, to the nanosecond, means it.
        let sure = found != last || plan.at == At::Time(instant.time);
        if let Some(gap) = plan.gap.filter(|_| !sure) {
            let gap = Gap { before: instant, ..gap };
            return Err(Stop::Refused(Refusal::Gap(plan.timeline, gap)));
        }
        if let Some(later) = plan.later.filter(|_| !sure) {
            return Err(Stop::Refused(Refusal::Between(found, later)));
        }
        if let At::Revision(revision) = plan.at
            && instant.revision != revision
        {
            let gap = Gap { before: instant, after: Some(last.1) };
            return Err(Stop::Refused(Refusal::Folded(plan.timeline, gap)));
        }
        let end = matches!(plan.at, At::Time(_)) && !sure && !self.is_head(found);
        Ok((Found { instant, timeline, folded, end }, passed))
    }

    /// Whether it is the last commit of the server that asks: nothing was there after it.
    fn is_head(&self, (timeline, instant): (Timeline, Instant)) -> bool {
        let own = self.keys.as_ref().filter(|keys| is_of(self.source, keys));
        own.is_some_and(|keys| {
            let status = keys.status();
            (status.timeline, status.revision) == (timeline, instant.revision)
        })
    }

    fn name(&self, kept: &Kept) -> Result<Name, Stop> {
        let none = || SnapshotError::Broken("its name is too long".into());
        Ok(self.source.folder.name(kept).ok_or_else(none)?)
    }
}

/// Whether the target's folder is that of the store that is open here.
pub fn is_of(source: Source<'_>, keys: &Unsealed) -> bool {
    keys.status().store_id == source.folder.store_id()
}

/// What is still here of the journal leads on too: the last seconds, or all since a target went
/// away.
pub fn add_own(
    keys: &Unsealed,
    segments: &mut Segments,
    listing: &mut Listing,
) -> Result<(), RewindError> {
    let view = keys.journal_view()?;
    let (store_id, key_id) = (keys.status().store_id, String::new());
    let owner = Owner { store_id, key_id };
    let keyring = keys.keyring();
    let head = keys.journal();
    for timeline in timelines(&*view)? {
        let here = head.filter(|head| head.timeline == timeline).and_then(|head| head.origin);
        let here = here.or(origin(&*view, timeline)?);
        let origin = here.or_else(|| listing.origin(timeline));
        for run in runs(&*view, timeline, origin, (0, u64::MAX), u64::MAX)? {
            let run = run?;
            let name = run.name;
            if !segments.has(&name) {
                segments.make(&name, |to| export(&*view, &run, &owner, &keyring, to).map(drop))?;
            }
            if !listing.segments.contains(&name) {
                listing.own.push(name);
            }
        }
    }
    Ok(())
}

/// What the chain comes to at the end of a snapshot. One that was taken where a journal was about
/// to begin holds no head, and that of a journal that was cut is of another commit.
fn start(received: &Received, name: &SnapshotName) -> Result<Chain, SnapshotError> {
    let here = (name.timeline, name.revision);
    let head = received.records().head()?.filter(|head| (head.timeline, head.revision) == here);
    Ok(head.map_or_else(|| Chain::begin(name.timeline, name.revision), |head| head.chain))
}

/// Whether the file is at fault, or what is around it.
pub(in crate::snapshot) fn judge(kept: &Kept, error: SnapshotError) -> Stop {
    match error {
        SnapshotError::Full
        | SnapshotError::Busy
        | SnapshotError::Interrupted
        | SnapshotError::Newer(_)
        | SnapshotError::Storage(_) => error.into(),
        SnapshotError::Broken(what) | SnapshotError::Forged(what) => Stop::Lost(kept.clone(), what),
        // A bad sector of a stick among them: if the target is gone, the next file tells.
        other => Stop::Lost(kept.clone(), other.to_string()),
    }
}

pub(in crate::snapshot) fn unavailable(kept: &Kept, error: TargetError) -> Stop {
    match error {
        TargetError::Away(_) => error.into(),
        other => Stop::Lost(kept.clone(), other.to_string()),
    }
}
