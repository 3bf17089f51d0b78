//! What must hold at any time, and at the end.

use std::time::Duration;

use edgekeep::barrier::Barrier;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::keeper::status::{Standing, Status};
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::listing::Instant;
use edgekeep::snapshot::rewind::plan::{At, Refusal, Wish};
use edgekeep::snapshot::rewind::{Prepared, RewindError, Source, prepare};
use edgekeep::storage::faulty::Failure;

use crate::acts::POLICY;
use crate::model::{Commit, differing};
use crate::place::Weather;
use crate::site::{Site, read};

/// Later than all.
pub const ALWAYS: Timestamp = Timestamp::from_nanos(u64::MAX);

/// The longest record.
const RECORD: u64 = 8 << 10;

impl Site {
    /// After each act.
    pub fn must_be_well(&mut self) {
        let (bytes, most) = (self.local_bytes(), self.limit + RECORD);
        assert!(bytes <= most, "the journal takes {bytes} bytes of {}", self.limit);
        let present = self.last.0;
        for (n, place) in self.places.iter().enumerate() {
            assert!(place.wrongs().is_empty(), "target {n}: {:?}", place.wrongs());
            let own = place.snapshots().into_iter().filter(|of| of.timeline == present);
            let newest = own.map(|of| of.revision).max();
            let before = self.model.newest.insert(n, (present, newest));
            let before = before.filter(|(timeline, _)| *timeline == present);
            let stays = before.is_none_or(|(_, before)| newest >= before);
            assert!(stays, "the last good snapshot of target {n} is gone: {before:?}");
        }
        if self.diary.acts.len().is_multiple_of(50) {
            self.must_hold_all();
        }
    }

    /// What was recorded is on a target, or it still is here.
    fn must_hold_all(&self) {
        for (n, place) in self.places.iter().enumerate() {
            for timeline in self.model.timelines() {
                for (revision, _) in self.model.of(timeline) {
                    let commit = (timeline, revision);
                    assert!(
                        self.model.local.contains(&commit)
                            || place.holds(timeline, revision)
                            || !self.model.leads(n, place, commit),
                        "transaction {revision} of {timeline} is neither here nor on target {n}"
                    );
                }
            }
        }
    }

    /// Nothing fails any more, and all that is left to do is done.
    pub fn come_to_rest(&mut self) {
        self.diary.note("all is calm");
        self.storage.fail(0..0, Failure::Io);
        self.places.iter().for_each(|place| place.set_weather(Weather::default()));
        let mut told = String::new();
        for _ in 0..100 {
            if self.barrier.unsealed().is_none() {
                self.open();
            }
            self.clock.advance(Duration::from_secs(61));
            self.serve();
            self.must_be_well();
            let statuses: Vec<_> = self.desks.iter().map(|desk| desk.status()).collect();
            if statuses.iter().any(|status| status.standing == Standing::Ahead) {
                let beside = self.model.beside;
                assert!(beside.is_some(), "ahead without a reason: {statuses:?}");
                self.adopt();
            }
            let rests = |status: &Status| {
                let journal = status.journal.as_ref();
                status.standing == Standing::Good
                    && status.last_good.is_some()
                    && journal.is_some_and(|journal| journal.behind() == Some(0) && !journal.cut)
            };
            let present = self.local().iter().all(|(timeline, _)| self.may_stay(*timeline));
            if statuses.iter().all(rests) && present {
                return self.must_let_go();
            }
            let line = |status: &Status| {
                format!("{:?} {:?} {:?}\n", status.standing, status.error, status.journal)
            };
            told = statuses.iter().map(line).collect();
        }
        panic!("it does not come to rest: {told}{:?}\n{:?}", self.local(), self.store().journal());
    }

    /// What is written now is kept until it is shipped, and what cannot be put beside what another
    /// one goes on with.
    fn may_stay(&self, timeline: Timeline) -> bool {
        timeline == self.last.0 || self.model.doubtful.contains(&timeline)
    }

    /// What all targets have goes with the next commit.
    fn must_let_go(&mut self) {
        self.put(10);
        self.serve();
        // A round may note something itself.
        self.serve();
        self.put(10);
        let mut left = self.local();
        left.retain(|(timeline, _)| !self.may_stay(*timeline) || *timeline == self.last.0);
        assert!(left.len() < 2, "all targets have {left:?}");
        self.serve();
    }

    /// Whatever was recorded since the oldest snapshot of its history can be had.
    pub fn must_have_kept_all(&self) {
        for (n, place) in self.places.iter().enumerate() {
            for timeline in self.model.timelines() {
                let doubled = self.is_doubled(n, timeline);
                if !doubled {
                    place.must_agree(timeline);
                }
                // From its first snapshot on, or from that of a history that it left.
                let mut commits = self.model.of(timeline).map(|(revision, _)| revision);
                let branch = commits.next().filter(|first| {
                    self.model.leads(n, place, (timeline, *first)) && place.holds(timeline, *first)
                });
                let bases = place.bases(timeline);
                let Some(base) = branch.into_iter().chain(bases.first().copied()).min() else {
                    continue;
                };
                let reach = place.reach(timeline, ALWAYS);
                let mut whole = true;
                for (revision, past) in self.model.of(timeline).filter(|(r, _)| *r >= base) {
                    let what = || format!("{revision} of {timeline} by target {n}");
                    if reach.kept.contains(&revision) {
                        continue;
                    }
                    if !self.model.leads(n, place, (timeline, revision)) {
                        whole = false;
                        continue;
                    }
                    assert!(reach.folded.contains(&revision), "{} cannot be had", what());
                    let age = self.store().time().now().since(past.time);
                    // Once the clock was turned nobody knows how old that is.
                    let old = age >= POLICY.all || self.model.turned;
                    assert!(old, "{} was folded when it was young", what());
                }
                // What was lost with a disk is not in the model.
                let there = |revision: u64| self.model.past.contains_key(&(timeline, revision));
                let last = *reach.kept.last().unwrap();
                let known = (base..=last).all(there);
                let more = place.torn_up_to(&self.folder, timeline) > Some(last);
                if whole && known && !more && !doubled {
                    let found = self.prepare(n, At::Latest, Some(timeline));
                    let what = format!("the last of {timeline} by target {n}");
                    let found = found.unwrap_or_else(|error| panic!("{what}: {error}")).found();
                    assert_eq!(found.instant.revision, last, "{what}");
                }
            }
        }
    }

    /// Brings back random instants of any target on bare machines, until so `many` came back or none
    /// is left that was not tried. How many came back, and how many are refused.
    pub fn bring_back(&self, many: u64) -> (u64, u64) {
        let (mut back, mut refused) = (0, 0);
        let places = 0..self.places.len();
        let mut left: Vec<(usize, Commit)> =
            places.flat_map(|n| self.model.past.keys().map(move |commit| (n, *commit))).collect();
        while back < many && !left.is_empty() {
            let (n, commit) = left.swap_remove(self.dice.below(left.len() as u64) as usize);
            match self.comes_back(back + refused, n, commit) {
                true => back += 1,
                false => refused += 1,
            }
        }
        (back, refused)
    }

    /// Whether it did: as it is named, or by its time or one soon after.
    fn comes_back(&self, nth: u64, n: usize, (timeline, revision): Commit) -> bool {
        let past = &self.model.past[&(timeline, revision)];
        let later = Duration::from_millis(self.dice.below(2) * self.dice.below(3000));
        match self.dice.below(3) {
            _ if self.is_doubled(n, timeline) => {
                self.must_be_one_of_two(nth, n, (timeline, revision))
            }
            // A time that was twice finds the one or the other.
            _ if self.model.turned => self.must_come_back(nth, n, timeline, revision),
            0 => self.must_come_back(nth, n, timeline, revision),
            // Which one was there where a disk was put back is told by nobody.
            1 if self.model.doubtful.is_empty() => {
                self.must_not_be_another(nth, n, past.time.plus(later))
            }
            _ => self.must_come_back_by_time(nth, n, timeline, past.time.plus(later)),
        }
    }

    /// Whether it did.
    fn must_come_back(&self, nth: u64, n: usize, timeline: Timeline, revision: u64) -> bool {
        let what = format!("{revision} of {timeline} by target {n}");
        let reach = self.places[n].reach(timeline, ALWAYS);
        match self.prepare(n, At::Revision(revision), Some(timeline)) {
            Ok(prepared) => {
                assert!(reach.kept.contains(&revision), "{what}: whence?");
                assert_eq!(prepared.found().instant.revision, revision, "{what}");
                self.must_be(nth, &prepared, &what);
                true
            }
            Err(error) => {
                // A file in which it was folded may lie beside those in which it was not.
                let folded = reach.folded.contains(&revision);
                assert!(folded || !reach.kept.contains(&revision), "{what}: {error}");
                self.must_offer(n, timeline, &error, &what);
                false
            }
        }
    }

    fn must_come_back_by_time(
        &self,
        nth: u64,
        n: usize,
        timeline: Timeline,
        time: Timestamp,
    ) -> bool {
        let mut until = self.model.of(timeline).filter(|(_, past)| past.time <= time);
        let Some((wanted, past)) = until.next_back() else { return false };
        let what = format!("{} of {timeline} ({wanted}) by target {n}", time.as_nanos());
        let reach = self.places[n].reach(timeline, time);
        match self.prepare(n, At::Time(time), Some(timeline)) {
            Ok(prepared) => {
                let found = prepared.found();
                let revision = found.instant.revision;
                assert!(reach.kept.contains(&revision), "{what}: {revision}, whence?");
                assert!(found.instant.time <= time, "{what}: {revision} is later");
                // What was lost with a disk is not in the model.
                if let Some(there) = self.model.past.get(&(found.timeline, revision)) {
                    let last = reach.kept.range(..=wanted).next_back();
                    // A file in which it was folded may lie beside those in which it was not.
                    if found.folded && reach.folded.contains(&wanted) {
                        assert!(Some(&revision) <= last, "{what}: {revision}");
                    } else {
                        assert_eq!(Some(&revision), last, "{what}");
                    }
                    // Those of one round of a keeper are of the same time, to the nanosecond.
                    let same = there.time == past.time;
                    // The very time at which a snapshot was taken means what is in it.
                    let named = found.instant.time == time;
                    let right =
                        revision == wanted || found.folded || found.end.is_some() || same || named;
                    assert!(right, "{what}: {revision} without a word");
                }
                self.must_be(nth, &prepared, &what);
                true
            }
            Err(error) => {
                // It is not known when the first commit of a gap was.
                let gap = time != past.time && !reach.kept.contains(&(wanted + 1));
                assert!(gap || !reach.kept.contains(&wanted), "{what}: {error}");
                self.must_offer(n, timeline, &error, &what);
                false
            }
        }
    }

    /// By a time alone the right one comes back, or none, or it is told that more may be missing.
    fn must_not_be_another(&self, nth: u64, n: usize, time: Timestamp) -> bool {
        let prepared = match self.prepare(n, At::Time(time), None) {
            Ok(prepared) => prepared,
            Err(RewindError::Refused(..)) => return false,
            Err(error) => panic!("{} by target {n}: {error}", time.as_nanos()),
        };
        let found = prepared.found();
        let made = self.model.life.iter().rfind(|(made, _)| *made <= time);
        let &(last, wanted) = made.expect("there was something before it");
        let commit = (found.timeline, found.instant.revision);
        let what = format!("{} ({wanted:?}) by target {n}: {commit:?}", time.as_nanos());
        let there = self.model.past.get(&commit);
        let same = there.is_some_and(|there| there.time == last) || found.instant.time == time;
        assert!(
            commit == wanted || same || found.folded || found.end.is_some(),
            "{what} without a word"
        );
        self.must_be(nth, &prepared, &what);
        true
    }

    pub fn prepare(
        &self,
        n: usize,
        at: At,
        timeline: Option<Timeline>,
    ) -> Result<Prepared, RewindError> {
        let source = Source { target: &*self.places[n], folder: &self.folder };
        prepare(source, &Wish { at, timeline }, None, &self.spools)
    }

    /// It holds what the store held then.
    fn must_be(&self, nth: u64, prepared: &Prepared, what: &str) {
        let found = prepared.found();
        // What was lost with a disk is not in the model.
        let past = self.model.past.get(&(found.timeline, found.instant.revision));
        let Some(past) = past else { return };
        let bare: Barrier = self.bare(nth);
        prepared.restore(&bare, false).unwrap_or_else(|error| panic!("{what}: {error}"));
        let store = bare.unseal(&shamir::combine(&past.shares).unwrap());
        let store = store.unwrap_or_else(|error| panic!("{what}: {error}"));
        let differing = differing(&read(&store).unwrap(), &past.state);
        assert!(differing.is_empty(), "{what}: other values of {differing:?}");
    }

    /// A refusal names an instant that can be had.
    fn must_offer(&self, n: usize, timeline: Timeline, error: &RewindError, what: &str) {
        let RewindError::Refused(refusal, _) = error else { panic!("{what}: {error}") };
        let offered: Vec<Instant> = match refusal {
            Refusal::Gap(_, gap) | Refusal::Folded(_, gap) => {
                [Some(gap.before), gap.after].into_iter().flatten().collect()
            }
            Refusal::Before(span) => vec![span.first],
            Refusal::Beyond(_) => Vec::new(),
            Refusal::NoTimeline(..) => {
                let reach = self.places[n].reach(timeline, ALWAYS);
                assert!(self.places[n].bases(timeline).is_empty(), "{what}: {error}");
                let own = |revision: &u64| self.model.past.contains_key(&(timeline, *revision));
                assert!(!reach.kept.iter().any(own), "{what}: {error}");
                Vec::new()
            }
            Refusal::Nothing
            | Refusal::Ambiguous(_)
            | Refusal::Between(..)
            | Refusal::Twice(..)
            | Refusal::Ours(..)
            | Refusal::Ahead(_)
            | Refusal::Other(..)
            | Refusal::Behind(..) => {
                panic!("{what}: {error}")
            }
        };
        for instant in offered {
            let found = self.prepare(n, At::Revision(instant.revision), Some(timeline));
            let found = found.unwrap_or_else(|other| panic!("{what}: {error}, but: {other}"));
            assert_eq!(found.found().instant.revision, instant.revision);
        }
    }
}
