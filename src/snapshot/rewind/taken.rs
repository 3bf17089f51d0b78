//! Whose a snapshot is, where two servers on copies of one store took some of one history.
//!
//! Without a journal the [stamps](crate::barrier::stamps) alone tell: what comes of a snapshot
//! holds its stamp, and nothing else does.

use std::cmp::Reverse;

use super::descent::{Clues, Descent};
use super::fetch::{Base, Stop, Way};
use super::file::Unfit;
use super::listing::Instant;
use super::past::ahead;
use super::plan::{At, Plan, Refusal};
use super::segments::Start;
use super::whose::Whose;
use crate::barrier::journal::Head;
use crate::barrier::stamps::Stamps;
use crate::snapshot::layout::{Kept, SegmentName, SnapshotName};

impl Way<'_> {
    /// Whose the snapshot is with which a plan begins, as far as the server that asks knows. That
    /// of another one is meant only where its history is named; what is behind the commit at which
    /// this server left a history may have been its own then, and must be named, too.
    pub(super) fn whose_base(
        &self,
        plan: &Plan,
        got: &Base,
        clues: &Clues<'_, '_>,
    ) -> Result<Option<Whose>, Stop> {
        let (base, present) = (&plan.base, self.listing.present);
        let elsewhere = plan.timeline == base.timeline || Some(plan.timeline) != present;
        let behind = Some(base.timeline) != present
            && self.own_upto(base.timeline).is_none_or(|upto| upto < base.revision);
        let left = self.left_upto(base.timeline).is_some_and(|upto| base.revision <= upto);
        match has(&self.own_stamps()?, base) {
            None => Ok(None),
            Some(true) => {
                self.must_be_unlike(plan)?;
                Ok(Some(Whose::Own))
            }
            Some(false) if plan.named && elsewhere => Ok(Some(Whose::Other)),
            // With what it has left the server has left the stamps of that, too.
            Some(false) if behind && left => Ok(None),
            Some(false) if behind && !self.has_own_after(plan, clues)? => {
                Err(self.behind(&Kept::Snapshot(base.clone()), base.revision))
            }
            Some(false) => {
                let ahead = if self.has_left_by(got, clues)? { None } else { self.ahead_by(plan) };
                let other = || Unfit::of_other(Kept::Snapshot(base.clone())).into();
                Err(ahead.unwrap_or_else(other))
            }
        }
    }

    /// The snapshot goes on behind where this server is, in its own history, and is wished by its
    /// number, or as the newest: not by a time at which the server was there itself.
    fn ahead_by(&self, plan: &Plan) -> Option<Stop> {
        let (base, own) = (&plan.base, self.own_keys()?.status());
        let is_further = base.timeline == own.timeline && own.revision < base.revision;
        let by_number = !plan.named && !matches!(plan.at, At::Time(_));
        let there = Instant::of(base);
        (is_further && by_number)
            .then(|| ahead(&self.listing, plan, (own.timeline, own.revision), there))
    }

    /// Whether who took a snapshot is known, by the journal in it, to have left its history since.
    fn has_left_by(&self, base: &Base, clues: &Clues<'_, '_>) -> Result<bool, Stop> {
        let (head, name) = (base.head()?, &base.name);
        let at = |head: &Head| (head.timeline, head.revision) == (name.timeline, name.revision);
        match head.filter(at) {
            Some(head) => Ok(self.is_over(&Start::of(&head), clues)?),
            None => Ok(false),
        }
    }

    /// What is behind where this server left a history is to be named.
    pub(super) fn behind(&self, kept: &Kept, revision: u64) -> Stop {
        let name = self.called(kept).unwrap_or_default();
        Stop::Refused(Refusal::Behind(kept.timeline(), revision, name.into()))
    }

    /// Whether something of the own past is later than a wished time, in the history with which a
    /// plan begins: then it tells what was there.
    fn has_own_after(&self, plan: &Plan, clues: &Clues<'_, '_>) -> Result<bool, Unfit> {
        let At::Time(at) = plan.at else { return Ok(false) };
        let own = self.own_stamps()?;
        let timeline = plan.base.timeline;
        let mut of_it = self.listing.snapshots.iter().filter(|of| of.timeline == timeline);
        if of_it.any(|of| at < of.taken && has(&own, of) == Some(true)) {
            return Ok(true);
        }
        let upto = self.own_upto(timeline);
        let Some((head, upto)) = self.head().zip(upto) else { return Ok(false) };
        let all = self.listing.all();
        for name in all.filter(|name| name.timeline == timeline && name.last <= upto) {
            if at < name.to && clues.descent_of(name, name.last, &head)? == Descent::Proven {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// No other snapshot has its very stamp, as that of a copy may whose clock stands still.
    fn must_be_unlike(&self, plan: &Plan) -> Result<(), Stop> {
        let stamp = |of: &SnapshotName| (of.timeline, of.taken, of.revision);
        let mut others = self.listing.snapshots.iter().filter(|of| of.state != plan.base.state);
        match others.find(|of| stamp(of) == stamp(&plan.base)) {
            Some(other) => {
                self.getter.whole(other)?;
                Err(self.both(plan, plan.base.revision, Kept::Snapshot(other.clone())))
            }
            None => Ok(()),
        }
    }

    /// All that is there of the history of a snapshot is of the server that took it: the later ones
    /// come of it, and it comes of the earlier ones.
    pub(super) fn must_be_of_one(&self, plan: &Plan, base: &Base) -> Result<(), Stop> {
        let name = &plan.base;
        if !self.is_either(plan, &Kept::Snapshot(name.clone())) {
            return Ok(());
        }
        // Its journal ended before what a segment tells of.
        if let Some(ended) = base.head()?.filter(|head| head.is_ended()) {
            let behind = |of: &&SegmentName| {
                let there = of.timeline == name.timeline && of.first <= name.revision;
                there && ended.timeline == name.timeline && ended.revision < of.last
            };
            if let Some(of) = self.listing.segments.iter().find(behind) {
                self.getter.check(of, base.keyring())?;
                return Err(self.both(plan, of.last.min(name.revision), Kept::Segment(*of)));
            }
        }
        // Who names a history does not mean what this server has taken itself.
        let own = self.own_stamps()?;
        let beside = self.listing.snapshots.iter().filter(|other| {
            other.timeline == name.timeline && *other != name && has(&own, other) != Some(true)
        });
        let (early, mut late): (Vec<_>, Vec<_>) =
            beside.partition(|other| other.revision <= name.revision);
        if let Some(other) = early.into_iter().find(|of| has(base.stamps(), of) == Some(false)) {
            self.getter.whole(other)?;
            return Err(self.both(plan, other.revision, Kept::Snapshot(other.clone())));
        }
        late.sort_by_key(|other| Reverse(other.revision));
        while let Some(&newest) = late.first() {
            let stamps = self.getter.stamps(newest)?;
            if has(&stamps, name) == Some(false) {
                self.getter.whole(newest)?;
                return Err(self.both(plan, name.revision, Kept::Snapshot(newest.clone())));
            }
            // What leads to that one was there when it was taken.
            late.retain(|other| *other != newest && has(&stamps, other) != Some(true));
        }
        Ok(())
    }

    /// Whether a snapshot was taken of the store of the server that asks, as far as that is known.
    pub(super) fn has_taken(&self, name: &SnapshotName) -> Result<bool, Unfit> {
        Ok(has(&self.own_stamps()?, name) == Some(true))
    }

    /// Which snapshots were taken of the store of the server that asks: of all that was listed they
    /// tell, if they are read after that.
    fn own_stamps(&self) -> Result<Stamps, Unfit> {
        Ok(self.own_keys().map(|keys| keys.stamps()).transpose()?.unwrap_or_default())
    }

    fn both(&self, plan: &Plan, revision: u64, other: Kept) -> Stop {
        let files = [Kept::Snapshot(plan.base.clone()), other];
        let names = files.map(|kept| self.called(&kept).unwrap_or_default());
        Stop::Refused(Refusal::Twice(revision, Box::new(names)))
    }
}

fn has(stamps: &Stamps, of: &SnapshotName) -> Option<bool> {
    stamps.has(of.taken, of.revision)
}
