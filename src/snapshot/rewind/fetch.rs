//! Gets the files of a plan and checks each of them, and how they hang together.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::file::{Getter, Unfit};
use super::listing::{Instant, Leg, Listing, Span, Stretch};
use super::own::{self, Own, is_of};
use super::plan::{At, Gap, Plan, Refusal, Wish, plan};
use super::segments::{Broken, Segments, Start, Walk};
use super::whose::{Gone, Passed};
use super::{End, Found, Keys, Prepared, RewindError, Source};
use crate::barrier::Unsealed;
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::{RootRecord, Timeline};
use crate::barrier::stamps::Stamps;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Kept, SnapshotName};
use crate::snapshot::lent::{Lent, LentKeyring};
use crate::snapshot::restore::Received;
use crate::snapshot::spool::Spools;

/// A state of a store that is looked for on a target. What was fetched once is not fetched again,
/// and what did not verify counts as absent whatever is looked for next.
pub struct Way<'a> {
    pub(super) getter: Getter<'a>,
    spools: &'a Spools,
    pub(super) listing: Listing,
    pub(super) keys: Keys,
    pub(super) base: Option<Base>,
    pub(super) segments: Segments,
    /// Whether what was reached is behind the server that asks.
    own: bool,
    /// How far that had come when this was begun, where it ever kept a journal.
    come: Option<(Timeline, u64)>,
    /// What the machine's clock says, where no server is asked.
    wall: Option<Timestamp>,
}

/// A snapshot that has arrived.
pub struct Base {
    pub(super) name: SnapshotName,
    received: Received,
    pub(super) start: Start,
    /// Its keys, and what its root record says, where there was somebody to open them.
    proved: Option<(LentKeyring, RootRecord)>,
}

impl Base {
    /// Which snapshots were taken of the store by then.
    pub(super) fn stamps(&self) -> &Stamps {
        self.received.records().stamps()
    }

    /// Where its journal stood.
    pub(super) fn head(&self) -> Result<Option<Head>, SnapshotError> {
        self.received.records().head()
    }

    /// Its keys, where there was somebody to open them.
    pub(super) fn keyring(&self) -> Option<&LentKeyring> {
        self.proved.as_ref().map(|(keyring, _)| keyring)
    }
}

/// A way that was gone to its end.
pub struct Reached {
    plan: Plan,
    base: Base,
    found: Found,
}

impl Reached {
    /// Where it leads.
    pub fn found(&self) -> Found {
        self.found
    }
}

/// Why a way was not gone to its end.
pub enum Stop {
    /// By a file on it.
    Unfit(Unfit),
    /// What is inside of the files tells that the instant is not there.
    Refused(Refusal),
}

impl<E: Into<Unfit>> From<E> for Stop {
    fn from(unfit: E) -> Self {
        Self::Unfit(unfit.into())
    }
}

impl<'a> Way<'a> {
    /// Lists the target.
    pub fn new(source: Source<'a>, keys: Keys, spools: &'a Spools) -> Result<Self, RewindError> {
        let (listing, own) = own::list(source, keys.as_ref())?;
        let mut way = Self::over(source, listing, spools)?;
        way.keys = keys;
        if let Some(own) = own {
            own.add(&mut way.segments, &mut way.listing)?;
            let Own { keys, .. } = own;
            let RootRecord { timeline, revision, .. } = keys.status();
            way.come = keys.journal().map(|_| (timeline, revision));
            way.listing.present = Some(timeline);
            way.listing.now = Some(keys.time().now());
            let end = |left: &Head| Stretch { timeline: left.timeline, upto: left.revision };
            way.listing.heads = keys.left()?.iter().map(|left| (end(left), left.origin)).collect();
        }
        Ok(way)
    }

    /// Over what is known of it already, without keys.
    pub fn over(
        source: Source<'a>,
        mut listing: Listing,
        spools: &'a Spools,
    ) -> Result<Self, RewindError> {
        listing.must_be_few(source)?;
        let segments = Segments::new(spools.open()?);
        let (getter, own) = (Getter::new(source), false);
        let (keys, base, come, wall) = (None, None, None, None);
        Ok(Self { getter, spools, listing, keys, base, segments, own, come, wall })
    }

    /// The same for who has no server, whose clock says this.
    pub fn by_clock(self, wall: Timestamp) -> Self {
        Self { wall: Some(wall), ..self }
    }

    /// What is left to choose from.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The keys, where they are those of the store on the target.
    pub(super) fn own_keys(&self) -> Option<Arc<Unsealed>> {
        let keys = self.keys.as_ref()?.get().ok();
        keys.filter(|keys| is_of(self.getter.source, keys))
    }

    /// The same, for who waits for the target.
    pub(super) fn own_keyring(&self) -> Option<LentKeyring> {
        let keys = self.own_keys()?;
        Some(LentKeyring::present(Lent::of(&keys)))
    }

    /// Who had keys has them still: else what is told without them is not true.
    fn must_have_keys(&self) -> Result<(), RewindError> {
        self.keys.as_ref().map(Lent::get).transpose()?;
        Ok(())
    }

    /// Finds the way that leads to an instant, and goes it.
    pub fn reach(&mut self, wish: &Wish) -> Result<Reached, RewindError> {
        let reached = self.find(wish);
        self.must_have_keys()?;
        reached
    }

    fn find(&mut self, wish: &Wish) -> Result<Reached, RewindError> {
        loop {
            self.ask_when_begun(wish)?;
            let stop = match plan(&self.listing, wish) {
                Ok(plan) => match self.go(&plan) {
                    Ok((base, found)) => return Ok(Reached { plan, base, found }),
                    Err(stop) => stop,
                },
                Err(refusal) => Stop::Refused(refusal),
            };
            match stop {
                Stop::Refused(mut refusal) => {
                    if !self.vouch(&mut refusal, wish.timeline.is_some())? && !self.has_changed() {
                        let lost = self.listing.unusable(self.getter.source.folder);
                        return Err(RewindError::Refused(refusal, lost));
                    }
                }
                Stop::Unfit(unfit) => self.learn(unfit)?,
            }
        }
    }

    /// Names tell in whole seconds when a history began: where one did in the wished second it may
    /// not have begun yet, and another one be meant. Where a clock was put right in the midst of a
    /// segment they do not tell it at all. Where it was put right behind a first segment, that
    /// which has the earliest time is to verify before it counts.
    fn ask_when_begun(&mut self, wish: &Wish) -> Result<(), RewindError> {
        let (At::Time(time), None) = (wish.at, wish.timeline) else { return Ok(()) };
        let is_doubted = |listing: &Listing, span: &Span| {
            let turned = listing.earliest(span.timeline).is_some_and(|name| name.to < name.from);
            let early = turned || span.begun.as_secs() < span.entered.as_secs();
            let doubt = early || span.begun.as_secs() == time.as_secs();
            doubt && !listing.begun.contains_key(&span.timeline)
        };
        let keyring = self.own_keyring();
        'anew: loop {
            for span in self.listing.spans() {
                if !is_doubted(&self.listing, &span) {
                    continue;
                }
                let began = match self.clues(keyring.as_ref()).began(span.timeline) {
                    Ok(began) => began,
                    Err(Unfit::Failed(error)) => return Err(error),
                    // A name alone makes nothing begin earlier.
                    Err(unfit) if unfit.is_of_nothing() => {
                        self.learn(unfit)?;
                        continue 'anew;
                    }
                    // What is wrong with it is seen when it is needed.
                    Err(_) => None,
                };
                self.listing.begun.insert(span.timeline, began.unwrap_or(span.begun));
            }
            return Ok(());
        }
    }

    /// What is inside of the files, or that one is gone, tells more than the names.
    pub(super) fn learn(&mut self, unfit: Unfit) -> Result<(), RewindError> {
        self.listing.learn_of(unfit, self.getter.source)
    }

    /// Whether what refuses an instant is not as it was when it was listed. A target that cannot be
    /// asked keeps to what it told.
    fn has_changed(&mut self) -> bool {
        self.listing.has_changed(self.getter.source).unwrap_or(false)
    }

    /// The name of a file on the target.
    pub(super) fn called(&self, kept: &Kept) -> Option<String> {
        self.getter.name(kept).ok().map(|name| name.to_string())
    }

    /// The newest state that can be had; where something behind it is known and nothing leads
    /// there, what lies between.
    pub fn newest(
        &mut self,
        timeline: Option<Timeline>,
    ) -> Result<(Reached, Option<Gap>), RewindError> {
        let mut wish = Wish { at: At::Latest, timeline };
        let mut gap: Option<Gap> = None;
        loop {
            match self.reach(&wish) {
                // What was to lead there may turn out to be torn: then the end is earlier still.
                Err(RewindError::Refused(Refusal::Gap(timeline, found), _))
                    if gap.is_none_or(|gap| found.before.revision < gap.before.revision) =>
                {
                    (gap, wish.timeline) = (Some(found), Some(timeline));
                    wish.at = At::Revision(found.before.revision);
                }
                reached => return Ok((reached?, gap)),
            }
        }
    }

    /// What was reached, to be put in the place of a store.
    pub fn prepared(self, reached: Reached) -> Prepared {
        let Reached { plan, base: Base { received, start, proved, .. }, found } = reached;
        let lost = self.listing.unusable(self.getter.source.folder);
        let own = self.own;
        let prover = self.keys.zip(proved.map(|(_, record)| record));
        Prepared { plan, found, start, received, segments: self.segments, prover, lost, own }
    }

    /// Gets all that a plan needs and checks it: where it begins, and where it leads.
    pub(super) fn go(&mut self, plan: &Plan) -> Result<(Base, Found), Stop> {
        // The spool of another one makes place for this one.
        let base = match self.base.take().filter(|base| base.name == plan.base) {
            Some(base) => base,
            None => self.fetch_base(&plan.base)?,
        };
        match self.go_from(&base, plan) {
            Ok(found) => Ok((base, found)),
            Err(stop) => {
                self.base = Some(base);
                Err(stop)
            }
        }
    }

    fn go_from(&mut self, base: &Base, plan: &Plan) -> Result<Found, Stop> {
        let keyring = base.keyring();
        for Leg { segment, .. } in &plan.legs {
            self.getter.segment(segment, keyring, &mut self.segments)?;
        }
        let gone = self.locate(base, plan)?;
        self.own = self.must_be_meant(plan, &gone, base)?;
        let beside = self.beside(plan, &gone, &self.clues(keyring))?;
        let end = match gone.found.end {
            // Who wrote on is known.
            None | Some(End::Unknown) => beside.or(gone.found.end),
            end => end,
        };
        Ok(Found { end, ..gone.found })
    }

    /// A walk did not come to its end.
    fn misled(&self, plan: &Plan, base: &Base, broken: Broken) -> Stop {
        let (name, unfit) = match broken {
            Broken::Link(name) => {
                let why = "it does not go on from where the history before it ends";
                (Some(name), Unfit::astray(name, why))
            }
            Broken::Apart(timeline) => {
                let first = plan.legs.iter().find(|leg| leg.segment.timeline == timeline);
                (first.map(|leg| leg.segment), Unfit::Apart(timeline))
            }
            Broken::Failed(error) => return error.into(),
        };
        let astray = name.map(|name| self.astray(plan, base, &name)).transpose();
        match astray {
            Ok(astray) => astray.flatten().unwrap_or(unfit.into()),
            Err(unfit) => unfit.into(),
        }
    }

    /// Gets a snapshot. What was got when nothing could be proved is to be proved now.
    pub(super) fn fetch_base(&mut self, name: &SnapshotName) -> Result<Base, Unfit> {
        let keys = self.keys.as_ref();
        let (received, (chain, proved)) = self.getter.snapshot(name, self.spools, |received| {
            let proved = keys.map(|keys| prove(received, keys)).transpose()?;
            Ok((start(received, name)?, proved.flatten()))
        })?;
        if proved.is_some() {
            self.segments.forget_unproved();
            self.getter.forget_unproved();
        }
        let start = Start { timeline: name.timeline, revision: name.revision, chain };
        Ok(Base { name: name.clone(), received, start, proved })
    }

    /// Goes along the chain to the wished instant.
    fn locate(&self, base: &Base, plan: &Plan) -> Result<Gone, Stop> {
        let start = base.start;
        let (mut there, mut bound, mut next) = (start, None, None);
        let mut found = (start.timeline, Instant::of(&base.name));
        let mut last = found;
        let mut folded = false;
        // There may be millions of commits on the way: kept is what other files tell of, too.
        let told = self.listing.all().chain(self.listing.aside());
        let ends = told.flat_map(|name| [name.last, self.listing.last_of(name)]);
        let ends: BTreeSet<u64> = ends.collect();
        let mut passed = Passed::new();
        let walked = self.segments.walk(start, &plan.legs, |timeline, entry| {
            let record = Record::read(&entry.record);
            let time = record.map_err(|error| SnapshotError::Broken(error.to_string()))?.time;
            last = (timeline, Instant { revision: entry.revision, time });
            if ends.contains(&entry.revision) {
                passed.insert(entry.revision, entry.after.short());
            }
            let order = match plan.at {
                At::Latest => Ordering::Less,
                At::Revision(revision) => entry.revision.cmp(&revision),
                At::Time(wished) if time <= wished => Ordering::Less,
                At::Time(_) => Ordering::Greater,
            };
            let place = Start { timeline, revision: entry.revision, chain: entry.after };
            if order.is_le() {
                (found, folded, bound, next) = (last, false, None, None);
                there = place;
            } else {
                bound.get_or_insert(place);
                next.get_or_insert(last.1);
                // A snapshot may stand in the middle of what was folded.
                let before = found.1.revision;
                let from = before.max(entry.revision - entry.step);
                folded |= entry.step > 1 && from == before && entry.revision > from + 1;
            }
            // What is behind the first commit that is not before a wished one does not matter.
            let ended = order.is_ge() && matches!(plan.at, At::Revision(_));
            Ok(if ended { Walk::Stop } else { Walk::On })
        });
        walked.map_err(|broken| self.misled(plan, base, broken))?;
        let (timeline, instant) = found;
        // Whoever names the very time of the last commit before a gap, to the nanosecond, means it.
        let sure = found != last || plan.at == At::Time(instant.time);
        if let Some(gap) = plan.gap.filter(|_| !sure) {
            let gap = Gap { before: instant, ..gap };
            return Err(Stop::Refused(Refusal::Gap(plan.timeline, gap)));
        }
        if let Some(later) = plan.later.filter(|_| !sure) {
            return Err(Stop::Refused(Refusal::Between(found, Box::new(later))));
        }
        if let At::Revision(revision) = plan.at
            && instant.revision != revision
        {
            let after = Some(last.1).filter(|last| instant.revision < last.revision);
            let gap = Gap { before: instant, after };
            return Err(Stop::Refused(Refusal::Folded(plan.timeline, gap)));
        }
        let known = [Some(start), Some(there), bound].into_iter().flatten();
        for place in known.filter(|place| !place.is_begun()) {
            passed.insert(place.revision, place.chain.short());
        }
        let end = match plan.at {
            At::Latest => self.is_passed(found).then_some(End::Unrecorded),
            At::Revision(_) => None,
            At::Time(_) if !sure && !self.is_head(found) => Some(End::Unknown),
            // Where the clock was ahead what came after that bears times that are still to come.
            At::Time(_) => {
                next.filter(|next| self.is_to_come(instant.time, next.time)).map(End::ToCome)
            }
        };
        let found = Found { instant, timeline, folded, end };
        Ok(Gone { start, found, there, bound, passed })
    }

    /// Whether the server that asks went on from there: with what its journal has not recorded.
    fn is_passed(&self, (timeline, instant): (Timeline, Instant)) -> bool {
        self.come.is_some_and(|(present, come)| present == timeline && come > instant.revision)
    }

    /// Whether the time of the next commit is later than what the server that asks takes for now,
    /// or than what the machine does, unless that is behind the commit before it, too.
    fn is_to_come(&self, before: Timestamp, next: Timestamp) -> bool {
        let own = self.own_keys();
        let is_after = |now: Timestamp| now < next;
        let wall = own.as_ref().map(|keys| keys.time().wall()).or(self.wall);
        own.is_some_and(|keys| is_after(keys.time().now()))
            || wall.is_some_and(|wall| before <= wall && is_after(wall))
    }

    /// Whether it is the last commit of the server that asks: nothing was there after it.
    fn is_head(&self, (timeline, instant): (Timeline, Instant)) -> bool {
        self.own_keys().is_some_and(|keys| {
            let status = keys.status();
            (status.timeline, status.revision) == (timeline, instant.revision)
        })
    }
}

/// Has the keys vouch for a snapshot, where they are its own.
fn prove(
    received: &Received,
    keys: &Lent,
) -> Result<Option<(LentKeyring, RootRecord)>, SnapshotError> {
    let Some((_, record)) = received.prove(&*keys.get()?, false)? else { return Ok(None) };
    let keyring = LentKeyring::sealed(keys.clone(), received.records().keyring()?);
    Ok(Some((keyring, record)))
}

/// What the chain comes to at the end of a snapshot. One that was taken where a journal was about
/// to begin holds no head, and that of a journal that was cut is of another commit.
fn start(received: &Received, name: &SnapshotName) -> Result<Chain, SnapshotError> {
    let here = (name.timeline, name.revision);
    let head = received.records().head()?.filter(|head| (head.timeline, head.revision) == here);
    Ok(head.map_or_else(|| Chain::begin(name.timeline, name.revision), |head| head.chain))
}
