//! A snapshot on its way to a target, and what it does to those before it.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::thread;
use std::time::Duration;

use super::contact::{Held, Known};
use super::keep_journal;
use super::retention::{Judged, Policy};
use super::trouble::Trouble;
use super::worker::Worker;
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
        self.unproved = true;
        self.read_back(&held.name, &held.of)?;
        let judged = self.judgement(&held.name);
        if judged != Judged::Good {
            let why = self.flaws.get(&held.name).map_or("it is bad", String::as_str);
            return Err(self.not_as_put(&held.name, why, judged == Judged::Bad));
        }
        taking.is_whole(length);
        self.seen.is_put(true);
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
        let own = own.into_iter().map(|held| (held.name.clone(), held.length));
        let own: BTreeMap<Name, u64> = own.collect();
        let used: u64 = own.values().sum();
        let would_be = used.saturating_add(length);
        if would_be <= most {
            return Ok(());
        }
        // What a restore has left yields to what is now, if that makes room.
        let policy = Policy { others: Duration::ZERO, ..self.settings.policy };
        let gone = self.outdated(policy)?;
        let yields: u64 = gone.iter().filter_map(|name| own.get(name)).sum();
        if would_be - yields <= most && self.forget(policy)? == gone {
            return Ok(());
        }
        let (share, remedy) = match self.bytes_of_others()? {
            0 if self.last_good().is_none() => {
                (String::new(), "; until one of this timeline is there and good nothing goes")
            }
            0 => (String::new(), ", or keep fewer"),
            theirs => (
                format!(", {theirs} of them for another machine that goes on there"),
                ", or give each machine a path_prefix of its own",
            ),
        };
        Err(Trouble::Settings(format!(
            "the snapshots there take {used} bytes{share}, and one of {length} more would be above \
             local_max_space ({most}): raise it{remedy}"
        )))
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
