//! A snapshot on its way to a target, and what it does to those before it.

use std::io::{self, BufWriter, Write};
use std::thread;
use std::time::Duration;

use super::contact::{Held, Known};
use super::keep_journal;
use super::retention::{self, Judged, Others, Policy, Snapshot};
use super::stored;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::txn::Txn;
use crate::snapshot::include;
use crate::snapshot::layout::SnapshotName;
use crate::snapshot::take::{Taken, take};
use crate::snapshot::target::{Name, Target, TargetError};

/// How often the files that go along are read, where there is a journal.
const INCLUDED: Duration = Duration::from_secs(60);

impl Worker {
    /// Takes one, puts it, reads it back: only then it counts.
    pub fn snapshot(&mut self) -> Result<(), Trouble> {
        self.must_fit()?;
        self.include()?;
        self.note_watched()?;
        let taking = self.means.meters.begin();
        let spool = self.spools.open()?;
        let unsealed = self.unsealed()?;
        if self.settings.journal {
            // Lest nothing leads on from the first one.
            keep_journal(&unsealed, true)?;
        }
        let (taken_at, instant) = unsealed.stamp()?;
        let (counted, timeline) = (instant.record.tally, instant.record.timeline);
        self.copied = true;
        let taken = take(instant, spool, taken_at, &*self.means.entropy)?;
        self.rotten = (taken.tally(unsealed.hasher())? != counted).then_some(timeline);
        if self.rotten.is_some() {
            unsealed.doubt();
            let holds_one = self.desk.status().last_good.is_some();
            return Err(Trouble::rotten(&self.name, holds_one));
        }
        drop(unsealed);
        let about = &taken.meta().about;
        let of = SnapshotName {
            prefix: self.settings.file_prefix.clone(),
            taken: taken_at,
            timeline,
            revision: about.revision,
            state: taken.state(),
        };
        let name = self.folder(&about.store_id)?.snapshot(&of);
        let name = name.ok_or_else(|| Trouble::Settings("its file_prefix makes no name".into()))?;
        let (url, length) = (self.target.url(&name), taken.length());
        self.desk.tell(|status| {
            if let Some(attempt) = &mut status.attempt {
                attempt.url = url;
            }
        });
        self.made = Some((counted.value_bytes, length));
        self.must_have_space(length)?;
        self.unsettled = true;
        self.seen.put(&name);
        put(&*self.target, &name, &taken)?;
        drop(taken);
        let held = Held { of, name, length };
        self.read_back(&held)?;
        if self.judgement(&held.name) != Judged::Good {
            let (url, why) = (self.target.url(&held.name), self.flaws.get(&held.name));
            let why = why.map_or("it is bad", String::as_str);
            let what = format!("{url} is not what was put there: {why}");
            return Err(TargetError::Failed(what).into());
        }
        taking.is_whole(length);
        log::info!("snapshots to {}: put and verified {}", self.name, self.target.url(&held.name));
        if let Some(known) = &mut self.known {
            known.stamps.note(held.of.taken, held.of.revision);
            known.put = true;
            known.add_snapshot(held);
        }
        self.desk.tell(|status| status.damage = None);
        self.follow();
        self.place_journal()
    }

    /// The same once a minute, so that the journal has what has changed of them.
    pub fn include_again(&mut self) -> Result<(), Trouble> {
        let boot = self.boot();
        let lately = |at| boot.saturating_sub(at) < INCLUDED;
        if self.included.is_some_and(lately) { Ok(()) } else { self.include() }
    }

    /// Has the store hold the files that go along.
    fn include(&mut self) -> Result<(), Trouble> {
        if self.means.include.is_empty() {
            return Ok(());
        }
        self.included = Some(self.boot());
        let gathered = include::gather(&self.means.include);
        if gathered.missed != self.missed {
            for missed in &gathered.missed {
                log::warn!("snapshots to {}: not included: {missed}", self.name);
            }
            self.missed.clone_from(&gathered.missed);
            self.desk.tell(|status| status.missed.clone_from(&gathered.missed));
        }
        self.unsealed()?.transact(|txn| include::keep(txn, &gathered))?;
        Ok(())
    }

    /// Has the store know how long other histories there were seen not to grow.
    fn note_watched(&self) -> Result<(), Trouble> {
        let Some(noted) = self.seen.watch.noted(self.boot()) else { return Ok(()) };
        let note = |txn: &mut Txn| stored::note_watched(txn, &self.name, &noted);
        self.unsealed()?.transact(note)?;
        Ok(())
    }

    /// Whether it must be taken now for the journal to have a base.
    pub fn needs_base(&self) -> Result<bool, Trouble> {
        let head = self.unsealed()?.journal();
        let known = self.known.as_ref();
        let lacks = |known: &Known| known.reach.is_none();
        Ok(self.settings.journal && head.is_some_and(|head| !head.cut) && known.is_some_and(lacks))
    }

    /// Refuses what can have no room, before it is stamped and all of the store is copied: one is
    /// no shorter than its values, nor than the last one was where there is as much in the store.
    fn must_fit(&mut self) -> Result<(), Trouble> {
        let least = self.unsealed()?.status().tally.value_bytes;
        let made = self.made.filter(|(bytes, _)| *bytes <= least);
        let length = made.map_or(least, |(_, length)| length);
        self.must_have_space(length)?;
        Ok(self.target.must_fit(length)?)
    }

    /// `local_max_space` holds with one more.
    fn must_have_space(&mut self, length: u64) -> Result<(), Trouble> {
        let Some(most) = self.settings.max_space else { return Ok(()) };
        let Some(known) = &self.known else { return Ok(()) };
        let own = known.own(&self.settings.file_prefix);
        let used: u64 = own.iter().map(|held| held.length).sum();
        let would_be = used.saturating_add(length);
        if would_be <= most {
            return Ok(());
        }
        // What a restore has left yields to what is now, if that makes room.
        let policy = Policy { others: Duration::ZERO, ..self.settings.policy };
        let gone = self.outdated(policy)?;
        let yields = own.iter().filter(|held| gone.contains(&held.name));
        let yields: u64 = yields.map(|held| held.length).sum();
        if would_be - yields <= most && self.forget(policy)? == gone {
            return Ok(());
        }
        Err(Trouble::Settings(format!(
            "the snapshots there take {used} bytes, and one of {length} more would be above \
             local_max_space ({most}): raise it, or keep fewer"
        )))
    }

    /// Drops what nobody wants to be kept any longer; which snapshots that was.
    pub fn forget(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        // Another one may have been found there meanwhile.
        self.must_be_its_own()?;
        let gone = self.forgettable(policy)?;
        for name in &gone {
            self.target.delete(name)?;
            log::info!("snapshots to {}: dropped {}", self.name, self.target.url(name));
        }
        let Some(known) = &mut self.known else { return Ok(gone) };
        known.remove(&gone);
        let Some(known) = &self.known else { return Ok(gone) };
        let stay = known.snapshots.iter().map(|held| self.candidate(known, held));
        // What another server wrote goes with its own.
        let theirs = known.theirs.iter().map(|held| self.their_candidate(held));
        let stay: Vec<Snapshot> = stay.chain(theirs).collect();
        let all: Vec<_> = known.segments.iter().chain(&known.aside).collect();
        let names: Vec<_> = all.iter().map(|held| held.of).collect();
        let unneeded = retention::segments_to_drop(&names, &stay, known.timeline);
        let unneeded: Vec<Name> =
            unneeded.into_iter().map(|index| all[index].name.clone()).collect();
        for name in &unneeded {
            self.target.delete(name)?;
        }
        let Some(known) = &mut self.known else { return Ok(gone) };
        known.remove(&unneeded);
        self.judged.retain(|name, _| !gone.contains(name) && !unneeded.contains(name));
        self.known.iter().for_each(|known| self.tell_held(known));
        Ok(gone)
    }

    /// Which snapshots of this target go by a policy. Before any does the last good one is read
    /// back, unless that was done in this round: where it has rotted since it was put, the one
    /// before it is the last.
    pub fn forgettable(&mut self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        loop {
            let gone = self.outdated(policy)?;
            let last = self.last_good().map(|held| held.name.clone());
            let last = last.filter(|last| !gone.is_empty() && !self.read_now.contains(last));
            let Some(last) = last else { return Ok(gone) };
            let Some(known) = self.known.take() else { return Ok(gone) };
            self.judged.remove(&last);
            self.judge(&known)?;
            self.known = Some(known);
            self.follow();
        }
    }

    fn outdated(&self, policy: Policy) -> Result<Vec<Name>, Trouble> {
        let Some(known) = &self.known else { return Ok(Vec::new()) };
        let prefix = &self.settings.file_prefix;
        let own = known.own(prefix).into_iter().map(|held| (held, self.candidate(known, held)));
        let theirs = known.theirs.iter().filter(|held| held.of.prefix == *prefix);
        let theirs = theirs.map(|held| (held, self.their_candidate(held)));
        let (all, snapshots): (Vec<_>, Vec<Snapshot>) = own.chain(theirs).unzip();
        let (journal, present) = (known.journal(), known.timeline);
        let gone = retention::to_drop(&snapshots, &journal, present, &self.others()?, &policy);
        Ok(gone.into_iter().map(|index| all[index].name.clone()).collect())
    }

    /// The other histories there.
    fn others(&self) -> Result<Others, Trouble> {
        let growing = self.seen.watch.growing(self.settings.policy.others, self.boot());
        let left = self.unsealed()?.left()?;
        Ok(Others { growing, left: left.iter().map(|left| left.timeline).collect() })
    }
}

/// Puts what is written as it is read.
fn put(target: &dyn Target, name: &Name, taken: &Taken) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::Target(TargetError::Source(error));
    let (mut reader, writer) = io::pipe().map_err(failed)?;
    thread::scope(|scope| {
        let write = move || {
            let mut to = BufWriter::with_capacity(64 << 10, writer);
            taken.write_to(&mut to)?;
            to.flush()
        };
        let writing = thread::Builder::new().name("snapshot".into()).spawn_scoped(scope, write);
        let writing = writing.map_err(failed)?;
        let outcome = target.put(name, taken.length(), &mut reader);
        // Who writes is not left waiting for a reader that has gone.
        drop(reader);
        let written = writing.join().unwrap_or_else(|_| Err(io::Error::other("it broke off")));
        match (outcome, written) {
            (Err(TargetError::Source(_)), Err(error)) => Err(failed(error)),
            (outcome, _) => Ok(outcome?),
        }
    })
}
