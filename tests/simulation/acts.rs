//! What befalls a server.

use std::time::Duration;

use edgekeep::barrier::journal::live::origins;
use edgekeep::barrier::journal::record::Mark;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::seal::shamir::Split;
use edgekeep::barrier::txn::{Txn, TxnError};
use edgekeep::base::clock::Clock as _;
use edgekeep::snapshot::SnapshotError;
use edgekeep::snapshot::journal::compact::{self, Policy};
use edgekeep::snapshot::journal::export::Owner;
use edgekeep::snapshot::keeper::status::Standing;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::file::Unfit;
use edgekeep::snapshot::rewind::listing::Listing;
use edgekeep::snapshot::rewind::plan::{At, Wish};
use edgekeep::snapshot::rewind::{Source, prepare};
use edgekeep::snapshot::target::Target;
use edgekeep::storage::faulty::Failure;

use crate::model::{State, differing};
use crate::place::Weather;
use crate::site::{Site, read};

/// Short, so that a short history grows old.
pub const POLICY: Policy =
    Policy { all: Duration::from_secs(30 * 3600), hourly: Duration::from_secs(150 * 3600) };

impl Site {
    /// One act.
    pub fn act(&mut self) {
        match self.dice.below(1000) {
            0..400 => self.put(300),
            400..470 => self.delete(),
            470..550 => self.pass(Duration::from_millis(self.dice.below(4000))),
            550..600 => self.pass(Duration::from_secs(self.dice.below(3600))),
            600..608 => self.pass(Duration::from_secs(self.dice.below(12 * 3600))),
            608..830 => {
                self.diary.note("serve");
                self.serve();
            }
            830..845 => self.wish(),
            845..885 => self.change_weather(),
            885..905 => self.crash(),
            905..920 => {
                let (after, many) = (self.dice.below(40), 1 + self.dice.below(3));
                let failure = [Failure::Io, Failure::Full][self.dice.below(2) as usize];
                self.diary.note(format!("the store will fail: {failure:?}, {many} after {after}"));
                self.fail(after, many, failure);
            }
            920..940 => {
                let after = self.dice.below(60);
                self.diary.note(format!("the power will go: after {after}"));
                self.fail(after, u64::MAX, Failure::Io);
                match self.dice.below(4) {
                    0 => self.put(300),
                    1 => self.rewind(),
                    _ => self.serve(),
                }
                self.crash();
            }
            940..955 => self.compact(),
            955..967 => self.rewind(),
            967..972 => self.rotate(),
            972..977 => self.rekey(),
            977..980 => self.mark(),
            980 if self.dice.one_in(2) => self.turn_back(),
            980 | 981 => self.twin(),
            982..990 => {
                self.diary.note("a flood");
                (0..self.dice.below(30)).for_each(|_| self.put(2000));
            }
            990..994 => {
                self.diary.note("a copy of the disk is made");
                self.remember();
            }
            // Two targets might each be told another history by then.
            994..997 if self.places.len() == 1 => {
                if let Some(copy) = self.copy.take() {
                    self.diary.note(format!("the disk goes back to {:?}", copy.at));
                    self.go_back(copy);
                }
            }
            _ => self.adopt(),
        }
        self.must_be_well();
        if self.barrier.unsealed().is_none() {
            self.crash();
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.dice.below(4), self.dice.below(8))
    }

    /// A write.
    pub fn put(&mut self, most: u64) {
        let (path, length) = (self.path(), self.dice.below(most) as usize);
        let value = vec![self.dice.below(256) as u8; length];
        self.diary.note(format!("put {path}, {length} bytes"));
        let mut next = State::clone(&self.state);
        next.insert(path.clone(), value.clone());
        self.transact(next, |txn| txn.scope(MountId::SYSTEM).put(&path, &value));
    }

    fn delete(&mut self) {
        let path = self.path();
        self.diary.note(format!("delete {path}"));
        let mut next = State::clone(&self.state);
        if next.remove(&path).is_some() {
            self.transact(next, |txn| txn.scope(MountId::SYSTEM).delete(&path));
        }
    }

    fn transact(&mut self, next: State, job: impl Fn(&mut Txn) -> Result<(), TxnError>) {
        let Some(store) = self.barrier.unsealed() else { return };
        let done = store.transact(job);
        self.catch_up(done.is_ok().then_some(next));
    }

    fn pass(&mut self, time: Duration) {
        self.diary.note(format!("pass {time:?}"));
        self.clock.advance(time);
    }

    /// The wall clock goes back; what is committed goes on in time all the same.
    fn turn_back(&mut self) {
        let span = Duration::from_secs(self.dice.below(20 * 3600));
        self.diary.note(format!("the wall clock goes back by {span:?}"));
        self.clock.set_wall(self.clock.wall().minus(span));
        self.model.turned = true;
    }

    fn any_place(&self) -> usize {
        self.dice.below(self.places.len() as u64) as usize
    }

    fn wish(&mut self) {
        let (n, take) = (self.any_place(), self.dice.one_in(2));
        self.diary.note(format!("target {n} is asked: {}", if take { "take" } else { "verify" }));
        self.desks[n]
            .wish(|wishes| *(if take { &mut wishes.take } else { &mut wishes.verify }) = true);
        self.serve();
    }

    fn change_weather(&mut self) {
        let n = self.any_place();
        let calm = Weather::default();
        let weather = match self.dice.below(8) {
            0 | 1 => Weather { harm: 2 + self.dice.below(10), ..calm },
            2 => Weather { away: true, ..calm },
            3 => Weather { full: true, ..calm },
            _ => calm,
        };
        self.diary.note(format!("target {n}: {weather:?}"));
        self.places[n].set_weather(weather);
    }

    fn crash(&mut self) {
        self.diary.note("it crashes and starts anew");
        self.open();
        self.catch_up(None);
    }

    /// An operator lets it go on beside a target that is ahead.
    pub fn adopt(&mut self) {
        let ahead = |n: &usize| self.desks[*n].status().standing == Standing::Ahead;
        if let Some(n) = (0..self.places.len()).find(ahead) {
            self.diary.note(format!("it goes on beside target {n}"));
            self.desks[n].wish(|wishes| wishes.adopt = true);
            self.round(n);
        }
    }

    fn rotate(&mut self) {
        self.diary.note("rotate");
        let Some(store) = self.barrier.unsealed() else { return };
        let _ = store.rotate();
        self.catch_up(None);
    }

    fn rekey(&mut self) {
        self.diary.note("rekey");
        let Some(store) = self.barrier.unsealed() else { return };
        let prepared = self.barrier.prepare_rekey(&store, Split::new(1, 1).unwrap());
        if let Ok((seal, shares)) = prepared
            && store.rekey(&seal).is_ok()
        {
            self.shares = shares;
        }
        self.catch_up(None);
    }

    fn mark(&mut self) {
        self.diary.note("mark");
        let Some(store) = self.barrier.unsealed() else { return };
        let _ = store.mark_journal(Mark::Upgrade);
        self.catch_up(None);
    }

    fn compact(&mut self) {
        let n = self.any_place();
        self.diary.note(format!("compact target {n}"));
        if let Err(error) = self.try_compact(n) {
            self.diary.note(format!("compaction: {error}"));
        }
    }

    fn try_compact(&mut self, n: usize) -> Result<(), Unfit> {
        let Some(keys) = self.barrier.unsealed() else { return Ok(()) };
        let source = Source { target: &*self.places[n], folder: &self.folder };
        let key_id = self.barrier.settings().ok().flatten().map(|seal| seal.root_key.to_string());
        let Some(key_id) = key_id else { return Ok(()) };
        let owner = Owner { store_id: self.folder.store_id().into(), key_id };
        loop {
            let listed = self.places[n].list(self.folder.path())?;
            let mut listing = Listing::read(&self.folder, &listed);
            listing.present = Some(keys.status().timeline);
            let begun = origins(&keys).map_err(SnapshotError::from)?;
            let round = compact::plan(&listing, &begun, keys.time().now(), POLICY);
            for (outer, inner) in &round.left {
                compact::clear(source, outer, inner, &Lent::of(&keys))?;
            }
            if round.jobs.is_empty() {
                return Ok(());
            }
            for job in &round.jobs {
                compact::compact(source, job, &Lent::of(&keys), &owner, &self.spools)?;
            }
        }
    }

    /// The store is put back to one of its instants.
    fn rewind(&mut self) {
        let n = self.any_place();
        let nth = self.dice.below(self.model.past.len() as u64) as usize;
        let Some((commit, past)) = self.model.past.iter().nth(nth) else { return };
        let (commit, past) = (*commit, past.clone());
        let (timeline, revision) = commit;
        if self.model.doubtful.contains(&timeline) {
            return;
        }
        self.diary.note(format!("rewind by target {n} to {revision} of {timeline}"));
        let source = Source { target: &*self.places[n], folder: &self.folder };
        let wish = Wish { at: At::Revision(revision), timeline: Some(timeline) };
        let prepared = match prepare(
            source,
            &wish,
            self.barrier.unsealed().as_ref().map(Lent::of),
            &self.spools,
        ) {
            Ok(prepared) => prepared,
            Err(error) => return self.diary.note(format!("refused: {error}")),
        };
        assert_eq!(prepared.found().instant.revision, revision);
        let done = prepared.restore(&self.barrier, false);
        drop(prepared);
        let stays = done.is_err();
        if let Err(error) = done {
            self.diary.note(format!("broken off: {error}"));
            self.open();
        }
        let now = self.store().status().timeline;
        if stays && now == self.last.0 {
            return self.catch_up(None);
        }
        self.model.origins.insert(now, commit);
        (self.last, self.state) = ((now, revision), past.state);
        self.model.beside = None;
        self.store().set_journal_limit(self.limit);
        self.catch_up(None);
        // What the store still has to fail at does not concern what is there.
        if self.dice.one_in(2) {
            self.storage.fail(0..0, Failure::Io);
            let differing = differing(&read(&self.store()).unwrap(), &self.state);
            assert!(differing.is_empty(), "other values of {differing:?}");
        }
        if self.dice.one_in(2) {
            self.write_alone();
        }
    }

    /// What is written is on no target for a while.
    fn write_alone(&mut self) {
        for n in 0..self.places.len() {
            if self.dice.one_in(2) {
                self.diary.note(format!("target {n} is away"));
                self.places[n].set_weather(Weather { away: true, ..Weather::default() });
            }
        }
        for _ in 0..self.dice.below(6) {
            self.pass(Duration::from_millis(self.dice.below(4000)));
            self.put(300);
        }
    }
}
