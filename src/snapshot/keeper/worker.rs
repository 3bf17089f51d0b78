//! The thread of one target: it may hang for as long as its target does, and holds up nobody.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Means;
use super::beside::Seen;
use super::contact::Known;
use super::desk::{Desk, Forgetting, Wishes};
use super::ledger::Ledger;
use super::left::{Akin, Sight};
use super::places::Spot;
use super::retention::Judged;
use super::schedule::Schedule;
use super::settings::{Settings, Wrong};
use super::status::{HeldBack, Standing};
use super::stored;
use super::trouble::Trouble;
use crate::barrier::Unsealed;
use crate::barrier::journal::{Chain, Head};
use crate::barrier::root::Timeline;
use crate::barrier::txn::Txn;
use crate::base::clock::Timestamp;
use crate::snapshot::SnapshotError;
use crate::snapshot::rewind::Lost;
use crate::snapshot::spool::Spools;
use crate::snapshot::target::{Name, Target, Visit};

/// How often it is looked whether there is something to do.
const LOOK: Duration = Duration::from_secs(1);
/// A stick to which nothing was done for so long may be pulled.
const IDLE: Duration = Duration::from_secs(5);
/// So old may be what is known of a target when something is done to it.
const STALE: Duration = Duration::from_secs(60);
/// So many rounds in a row there are at the end that bring the target no further.
const LAST: u32 = 3;
/// At the end it is looked so often whether another thread has committed something.
const MOMENT: Duration = Duration::from_millis(20);

/// What the thread of a target works with.
pub struct Worker {
    /// The target's name.
    pub(super) name: String,
    /// Its settings.
    pub(super) settings: Settings,
    /// The target itself.
    pub(super) target: Arc<dyn Target>,
    /// What all targets share.
    pub(super) means: Arc<Means>,
    /// What each has of the journal.
    pub(super) ledger: Arc<Ledger>,
    /// Where it is told of, and told what to do.
    pub(super) desk: Arc<Desk>,
    /// Of its own, lest targets that hang take those of another.
    pub(super) spools: Spools,
    /// When what is due.
    pub(super) schedule: Schedule,
    /// Whether it is the place that it was, or a new one that was marked.
    pub(super) settled: bool,
    /// What the target holds; `None` where that is not known at present.
    pub(super) known: Option<Known>,
    /// The history of the store at the last round.
    served: Option<Timeline>,
    /// What was read back of the snapshots there.
    pub(super) judged: BTreeMap<Name, (Judged, Option<Head>)>,
    /// Which of them were in this round.
    pub(super) read_now: BTreeSet<Name>,
    /// Since when, by the boot clock, a file there cannot be read.
    pub(super) unreadable: RefCell<BTreeMap<Name, Duration>>,
    /// Whether any file was given to be read since the last look at what there is began.
    pub(super) given: Cell<bool>,
    /// Whether a snapshot was put since one was last read to its end.
    pub(super) unproved: bool,
    /// When such were last read again, by the boot clock.
    pub(super) read_again: Option<Duration>,
    /// For which history it was last looked what there is.
    pub(super) surveyed: Option<Timeline>,
    /// What was wrong with those that are bad.
    pub(super) flaws: BTreeMap<Name, String>,
    /// So many were found to count as absent since all of such were told of.
    pub(super) absent: usize,
    /// The files there that the server may not read, by their names alone.
    pub(super) closed: BTreeSet<Name>,
    /// When it was last looked for those, by the boot clock.
    pub(super) looked_for_closed: Option<Duration>,
    /// Of each history the newest segment that was read back, and where the chain ends in it.
    pub(super) proved: BTreeMap<Timeline, (Name, Chain)>,
    /// Which of the times that a target is there it was that something was last known of it.
    visit: Option<Visit>,
    /// When a target that is lent was last used, by the boot clock, if it was not let go since.
    pub(super) used: Option<Duration>,
    /// Whether a snapshot was put there since it was last let go.
    pub(super) unsettled: bool,
    /// Why the snapshot that is wanted could not be put, if so.
    pub(super) owed: Option<String>,
    /// Whether the store was copied for it.
    pub(super) copied: bool,
    /// The history in which the store was found damaged when it was copied for one.
    pub(super) rotten: Option<Timeline>,
    /// Whether what goes by the policy could not, as the target, or a file there, gave no answer.
    pub(super) to_forget: bool,
    /// How many bytes the values had of which one was last made, and how long that was.
    pub(super) made: Option<(u64, u64)>,
    /// When it was begun to serve it, by the boot clock.
    pub(super) begun: Duration,
    /// When the last good one was read back, by the boot clock.
    pub(super) verified: Option<Duration>,
    /// When the files that go along were last read, by the boot clock.
    pub(super) included: Option<Duration>,
    /// Those of them that could not be.
    pub(super) missed: Vec<String>,
    /// Of segments there of histories that were left: up to which commit they were compared with
    /// the records here, and what came of it.
    pub(super) compared: BTreeMap<Name, (u64, Akin)>,
    /// What the chain comes to before and with segments there that were read.
    pub(super) ends: BTreeMap<Name, (Chain, Chain)>,
    /// What was seen when it was last gone through what is to be done for histories that were left.
    pub(super) seen_left: Option<Sight>,
    /// What is not put there because another server goes on there.
    pub(super) held_back: Option<HeldBack>,
    /// What was last told of that.
    pub(super) told_back: Option<HeldBack>,
    /// What was seen there.
    pub(super) seen: Seen,
    /// Of which store that is.
    pub(super) store: Option<String>,
    /// Whether the next look reads back all of the way to the present.
    pub(super) thorough: bool,
    /// When it was last looked for what may be compacted, by the boot clock.
    pub(super) compacted: Option<Duration>,
    /// What was found torn then.
    pub(super) torn: Vec<Lost>,
}

impl Worker {
    /// For a target that nobody has looked at yet.
    pub fn new(
        name: &str,
        settings: Settings,
        target: Arc<dyn Target>,
        means: Arc<Means>,
        ledger: Arc<Ledger>,
        desk: Arc<Desk>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            begun: means.clock.boot(),
            settings,
            target,
            spools: means.spools.beside(),
            seen: Seen::new(ledger.put.clone()),
            means,
            ledger,
            desk,
            schedule: Schedule::default(),
            settled: false,
            known: None,
            served: None,
            judged: BTreeMap::new(),
            read_now: BTreeSet::new(),
            unreadable: RefCell::default(),
            given: Cell::default(),
            unproved: false,
            read_again: None,
            surveyed: None,
            flaws: BTreeMap::new(),
            absent: 0,
            closed: BTreeSet::new(),
            looked_for_closed: None,
            compared: BTreeMap::new(),
            ends: BTreeMap::new(),
            seen_left: None,
            held_back: None,
            told_back: None,
            proved: BTreeMap::new(),
            visit: None,
            used: None,
            unsettled: false,
            store: None,
            owed: None,
            copied: false,
            rotten: None,
            to_forget: false,
            made: None,
            verified: None,
            included: None,
            missed: Vec::new(),
            thorough: false,
            compacted: None,
            torn: Vec::new(),
        }
    }

    /// The thread.
    pub fn run(mut self) {
        while self.desk.rest(LOOK) {
            if self.desk.is_last() {
                return self.end();
            }
            self.try_round();
        }
        self.note_last();
        self.desk.ended();
    }

    /// The rounds before the server ends. Each thread may commit something itself, such as what it
    /// noted of its target: until none does any more that goes to all targets.
    fn end(mut self) {
        self.note_last();
        let mut vain = 0;
        while !self.desk.is_stopped() {
            let head = self.means.committed();
            if vain < LAST && self.owes_journal() {
                let before = self.cursor();
                self.try_round();
                vain = if self.cursor() == before { vain + 1 } else { 0 };
            } else {
                self.desk.lacks_nothing_until(if vain < LAST { head } else { u64::MAX });
                self.desk.linger(MOMENT);
            }
        }
        self.desk.ended();
    }

    fn cursor(&self) -> Option<u64> {
        self.known.as_ref()?.reach.map(|reach| reach.cursor)
    }

    fn try_round(&mut self) {
        let round = catch_unwind(AssertUnwindSafe(|| self.round()));
        if round.is_err() {
            log::error!("snapshots to {}: broken off by a defect of edgekeep", self.name);
            self.known = None;
            self.schedule.failed(self.boot(), false);
        }
    }

    /// Looks once whether there is something to do, and does it.
    pub fn round(&mut self) {
        let mut wishes = self.desk.wishes();
        self.read_now.clear();
        self.seen.is_awake(self.boot());
        let Some(unsealed) = self.means.barrier.unsealed() else {
            self.owed = self.owed.take().or(wishes.take.then(|| Trouble::Over.to_string()));
            self.refuse(&wishes, &Trouble::Over);
            self.seen.is_out_of_sight();
            return;
        };
        // Another store has taken the place of the one that the target may have been ahead of.
        let present = unsealed.status().timeline;
        let is_another = self.served.replace(present).is_some_and(|before| before != present);
        drop(unsealed);
        if is_another || wishes.any() {
            self.schedule.hurry();
        }
        self.greet();
        if self.schedule.may_try(self.boot()) {
            // It may hang.
            self.tell();
            let outcome = self.work(&mut wishes);
            if let Err(trouble) = &outcome {
                self.refuse(&wishes, trouble);
            }
            match outcome {
                Ok(()) => self.is_well(),
                Err(Trouble::Over) => {}
                Err(trouble) => self.is_in_trouble(&trouble),
            }
        }
        self.note_in_time();
        self.tell();
    }

    /// Whoever waits for what was not done is told why.
    fn refuse(&mut self, wishes: &Wishes, trouble: &Trouble) {
        if wishes.forget.is_some() {
            self.desk.forgot(Err(trouble.to_string()));
        }
        if wishes.look {
            self.desk.not_shown(trouble.to_string());
        }
        if wishes.verify {
            self.verified(Err(trouble.to_string()));
        }
    }

    fn work(&mut self, wishes: &mut Wishes) -> Result<(), Trouble> {
        let due = wishes.take || (self.is_due() && self.schedule.may_take(self.boot()));
        if let Err(trouble) = self.meet(wishes, due) {
            self.seen.is_out_of_sight();
            self.owed = self.owed.take().or(wishes.take.then(|| trouble.to_string()));
            return if due { self.attempt(|_| Err(trouble)) } else { Err(trouble) };
        }
        if std::mem::take(&mut wishes.verify) {
            self.verified(self.newest());
        }
        let outcome = self.act(wishes);
        if let Err(Trouble::Target(_) | Trouble::Unread(_)) = outcome {
            self.seen.is_put(false);
        }
        outcome
    }

    /// Does there what is to be done.
    fn act(&mut self, wishes: &Wishes) -> Result<(), Trouble> {
        // What makes room comes before what needs it.
        if let Some(Forgetting { policy, dry_run }) = wishes.forget {
            match if dry_run { self.forgettable(policy) } else { self.forget(policy) } {
                Ok(gone) => self.desk.forgot(Ok(gone)),
                // Who waits for a snapshot is told as well.
                Err(trouble) if wishes.take => return self.attempt(|_| Err(trouble)),
                Err(trouble) => return Err(trouble),
            }
        }
        self.supply(wishes.take)?;
        if self.settings.journal {
            self.include_again()?;
            self.ship()?;
            self.age()?;
        }
        if self.to_forget {
            self.keep_to_policy()?;
        }
        // What is owed comes later: until then it may be pulled.
        let rests = self.owed.is_none() || !self.schedule.may_take(self.boot());
        if rests { self.let_go() } else { Ok(()) }
    }

    /// Takes a snapshot where one is wanted. One that cannot be put holds up nothing else: what is
    /// kept goes when its time is over, and the journal goes on. It is owed until it is put, also
    /// where somebody asked for it.
    fn supply(&mut self, asked: bool) -> Result<(), Trouble> {
        let present = self.unsealed()?.status().timeline;
        // Another store has taken its place.
        if self.rotten.take_if(|of| *of != present).is_some() {
            self.schedule.resume();
        }
        let wanted = self.desk.status().damage.is_some() || self.owed.is_some();
        if !(asked || wanted || self.is_due() || self.needs_base()?) {
            return Ok(());
        }
        if !(asked || self.schedule.may_take(self.boot())) {
            return Ok(());
        }
        self.copied = false;
        match self.attempt(Self::snapshot) {
            Ok(()) => {
                self.schedule.resume();
                self.owed = None;
            }
            Err(trouble) if trouble.ends_all() => {
                self.owed = self.owed.take().or(asked.then(|| trouble.to_string()));
                return Err(trouble);
            }
            Err(trouble) => {
                if let Trouble::Target(_) = trouble {
                    self.seen.is_put(false);
                }
                self.schedule.not_taken(self.boot(), self.copied);
                self.owes(&trouble);
            }
        }
        self.keep_to_policy()
    }

    /// Drops what goes by the policy. A file that must be read before counts as absent only after
    /// a while: then it goes without waiting for the next snapshot, as a stick may be pulled.
    fn keep_to_policy(&mut self) -> Result<(), Trouble> {
        let outcome = self.forget(self.settings.policy).map(drop);
        let comes = |trouble: &Trouble| trouble.standing() == Standing::Away;
        self.to_forget = outcome.as_ref().is_err_and(comes);
        outcome
    }

    /// Comes to the target, as far as that is needed for what is wanted.
    fn meet(&mut self, wishes: &mut Wishes, due: bool) -> Result<(), Trouble> {
        self.stand()?;
        if wishes.adopt {
            self.adopt()?;
        }
        self.settle()?;
        let acts = due || wishes.any();
        if wishes.look {
            self.look()?;
            wishes.look = false;
        }
        if wishes.verify || self.is_to_be_verified() {
            self.judged.clear();
            self.proved.clear();
            self.verified = None;
            self.thorough = true;
        }
        self.contact(acts)
    }

    /// Goes on where the target is ahead, beside that, or is not the place that it was.
    fn adopt(&mut self) -> Result<(), Trouble> {
        self.seen.is_heard();
        let mut standing = self.desk.status().standing;
        if !matches!(standing, Standing::Ahead | Standing::Away) {
            // Another place may stand there since it was looked at.
            self.known = None;
            if let Err(trouble) = self.contact(true) {
                standing = trouble.standing();
            }
        }
        // What was found before this history began says nothing of it.
        let present = self.unsealed()?.status().timeline;
        if standing == Standing::Ahead && self.surveyed == Some(present) {
            let unsealed = self.unsealed()?;
            unsealed.begin_timeline()?;
            let timeline = unsealed.status().timeline;
            log::warn!("snapshots to {}: this server goes on as timeline {timeline}", self.name);
            self.known = None;
        }
        if standing == Standing::Away && self.settings.place.told_by_mark().is_some() {
            self.mark()?;
        }
        Ok(())
    }

    /// Looks where a folder really is: it is served if it is neither in that of the store nor the
    /// place of another target.
    fn stand(&self) -> Result<(), Trouble> {
        let Some(path) = self.settings.place.told_by_mark() else { return Ok(()) };
        let spot = Spot::of(path);
        let store = self.means.home.iter().find(|store| spot.is_in(store));
        // A thread that was told to end may have come to something only now.
        if !self.desk.is_stopped() {
            self.ledger.places.is_at(&self.name, spot);
        }
        store.map_or(Ok(()), |store| Err(Wrong::is_in(store)))?;
        self.must_be_its_own()
    }

    /// Refuses the place of another target, as far as is known.
    pub fn must_be_its_own(&self) -> Result<(), Trouble> {
        Ok(self.ledger.places.must_be_its_own(&self.name)?)
    }

    /// A folder is marked when it is first used. What was learned of it is in the store, lest after
    /// a restart the place where its disk is not mounted is marked.
    fn settle(&mut self) -> Result<(), Trouble> {
        let Some(path) = self.settings.place.told_by_mark().filter(|_| !self.settled) else {
            return Ok(());
        };
        let known = |txn: &mut Txn| stored::is_marked(txn, &self.name, path);
        if !self.unsealed()?.transact(known)? {
            self.mark()?;
        }
        self.settled = true;
        Ok(())
    }

    fn mark(&self) -> Result<(), Trouble> {
        let Some(path) = self.settings.place.told_by_mark() else { return Ok(()) };
        self.target.mark()?;
        self.unsealed()?.transact(|txn| stored::note_mark(txn, &self.name, path))?;
        log::info!("snapshots to {}: they go to {}, which is marked", self.name, path.display());
        Ok(())
    }

    /// Whether the time has come for the next snapshot.
    fn is_due(&self) -> bool {
        self.schedule.is_due(self.boot()) && !self.settings.interval.is_zero()
    }

    /// Whether the newest one was read back so long ago that it is to be once more.
    fn is_to_be_verified(&self) -> bool {
        let since = self.verified.map(|verified| self.boot().saturating_sub(verified));
        since.zip(self.settings.verify_after).is_some_and(|(since, after)| since >= after)
    }

    /// Another stick may stand where one was pulled: nothing is known of it, and it gets at once
    /// what it is owed.
    fn greet(&mut self) {
        let visit = self.target.visit();
        if visit.is_some() && visit != self.visit {
            if self.visit.is_some() {
                self.known = None;
                self.doubt();
                self.is_silent();
                self.seen.forget();
                self.schedule.hurry();
            }
            self.visit = visit;
        }
    }

    /// Who was away may have changed. A stick that was let go in peace is believed for as long as
    /// it need not be read back (`verify_after`): to plug it in does not read all of it each time.
    pub fn doubt(&mut self) {
        let boot = self.boot();
        let after = self.settings.verify_after.filter(|_| self.settings.place.is_lent());
        let lately = |after| self.verified.is_some_and(|at| boot.saturating_sub(at) < after);
        if self.unsettled || !after.is_some_and(lately) {
            self.judged.clear();
        }
        self.proved.clear();
    }

    /// Lets a stick be pulled once nothing was done to it for a while.
    fn let_go(&mut self) -> Result<(), Trouble> {
        let idle = self.used.is_some_and(|used| self.boot().saturating_sub(used) >= IDLE);
        if let Some(visit) = self.visit.as_ref().filter(|_| idle) {
            self.target.rest(visit)?;
            self.used = None;
            self.unsettled = false;
        }
        Ok(())
    }

    /// Looks at what lies there, unless that was done lately or nothing is to be done. Where it
    /// costs next to nothing it is done each time: somebody may have emptied it. Elsewhere it is
    /// done once more after the last that was put: that may have gone where the rest was not.
    fn contact(&mut self, acts: bool) -> Result<(), Trouble> {
        let record = self.unsealed()?.status();
        let boot = self.boot();
        let known = self.known.as_ref().filter(|_| !self.thorough);
        let fresh = known.is_some_and(|known| {
            let same = (&known.store_id, known.timeline) == (&record.store_id, record.timeline);
            let place = &self.settings.place;
            let acts = acts || self.is_behind(&record.timeline);
            let owes = if place.is_near() { !place.is_lent() } else { known.put };
            let looks = acts || owes;
            let most = if acts && place.is_near() { Duration::ZERO } else { STALE };
            same && !(looks && boot.saturating_sub(known.at) >= most)
        });
        if !fresh {
            self.used = Some(boot);
            self.survey()?;
        } else if self.settings.place.is_near() && !self.settings.place.is_lent() {
            // Whether it is there is seen at once.
            self.target.must_fit(0)?;
        }
        Ok(())
    }

    /// Notes how far the target has a history. A thread that was told to end, and whose target let
    /// it go on only now, speaks of a place that is served no more.
    pub fn has(&self, timeline: Timeline, revision: u64) {
        if !self.desk.is_stopped() {
            self.ledger.has(&self.name, timeline, revision);
        }
    }

    /// What it has is not known.
    pub fn has_nothing(&self) {
        if !self.desk.is_stopped() {
            self.ledger.forget(&self.name);
        }
    }

    /// The store while it is unsealed.
    pub fn unsealed(&self) -> Result<Arc<Unsealed>, Trouble> {
        if self.desk.is_stopped() {
            return Err(Trouble::Over);
        }
        self.means.barrier.unsealed().ok_or(Trouble::Over)
    }

    /// The same for who reads a snapshot.
    pub fn keys(&self) -> Result<Arc<Unsealed>, SnapshotError> {
        self.means.barrier.unsealed().ok_or(SnapshotError::Sealed)
    }

    /// Time since the machine started.
    pub fn boot(&self) -> Duration {
        self.means.clock.boot()
    }

    /// The store's time.
    pub fn now(&self) -> Timestamp {
        let unsealed = self.means.barrier.unsealed();
        unsealed.map_or_else(|| self.means.clock.wall(), |unsealed| unsealed.time().now())
    }
}
