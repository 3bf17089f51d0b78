//! What the thread of a target tells of it.

use std::mem;

use super::status::{Attempt, Shipped, Standing};
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::live;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;

impl Worker {
    /// An attempt, with all that is told of it.
    pub fn attempt(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let start = self.now();
        self.used = Some(self.boot());
        self.desk.tell(|status| {
            status.attempt = Some(Attempt { start, ..Attempt::default() });
            status.standing = Standing::Busy;
        });
        let outcome = run(self);
        let (end, error) = (self.now(), outcome.as_ref().err().map(ToString::to_string));
        self.desk.tell(|status| {
            status.attempts += 1;
            status.failed = if error.is_some() { status.failed + 1 } else { 0 };
            if let Some(attempt) = &mut status.attempt {
                (attempt.end, attempt.error) = (Some(end), error);
            }
            status.last.clone_from(&status.attempt);
        });
        outcome
    }

    /// A snapshot that is wanted could not be put; all else goes on.
    pub fn owes(&mut self, trouble: &Trouble) {
        let text = trouble.to_string();
        if self.owed.as_ref() != Some(&text) {
            log::warn!("snapshots to {}: {text}", self.name);
        }
        self.owed = Some(text);
        self.desk.tell(|status| {
            status.errors += 1;
            status.in_a_row += 1;
        });
    }

    /// All that could be done is.
    pub fn is_well(&mut self) {
        self.schedule.succeeded();
        let (owed, mut before) = (self.owed.clone(), None);
        self.desk.tell(|status| {
            status.standing = if owed.is_some() { Standing::Failing } else { Standing::Good };
            if owed.is_none() {
                status.in_a_row = 0;
            }
            before = mem::replace(&mut status.error, owed);
        });
        if before.is_some() && self.owed.is_none() {
            log::info!("snapshots to {}: it is well again", self.name);
        }
    }

    /// It is not.
    pub fn is_in_trouble(&mut self, trouble: &Trouble) {
        let near = self.settings.place.is_near();
        self.schedule.failed(self.boot(), near && trouble.standing() == Standing::Away);
        // Another place may stand there when it is back.
        self.known = None;
        if trouble.standing() == Standing::Away {
            self.doubt();
            self.seen.is_away();
            self.has_nothing();
            self.schedule.resume();
        }
        let (text, mut known) = (trouble.to_string(), false);
        self.desk.tell(|status| {
            status.standing = trouble.standing();
            status.errors += 1;
            status.in_a_row += 1;
            known = status.error.as_ref() == Some(&text);
            status.error = Some(text.clone());
        });
        if !known {
            log::warn!("snapshots to {}: {text}", self.name);
        }
    }

    /// Brings what is told up to date.
    pub fn tell(&self) {
        let Some(unsealed) = self.means.barrier.unsealed() else { return };
        let (now, boot) = (unsealed.time().now(), self.boot());
        let interval = self.settings.interval;
        let known = self.schedule.due().filter(|_| !interval.is_zero());
        let due = (!interval.is_zero()).then(|| known.unwrap_or(self.begun));
        let (bare, beside) = (self.is_bare(), self.beside());
        let rotten = self.rotten == Some(unsealed.status().timeline);
        let (held_back, unusable) = (self.held_back.clone(), self.unusable());
        let journal = self.settings.journal.then(|| self.shipped(&unsealed, now)).flatten();
        self.desk.tell(|status| {
            status.next = known.map(|due| now.plus(due.saturating_sub(boot)));
            (status.due, status.interval, status.bare) = (due, interval, bare);
            (status.beside, status.held_back) = (beside, held_back);
            (status.unusable, status.rotten) = (unusable, rotten);
            status.journal = journal;
        });
    }

    /// Whether no good snapshot is known there, nor was one before the server started. A stick may
    /// be pulled for long: of one that was not seen yet nothing is presumed.
    fn is_bare(&self) -> bool {
        self.schedule.holds_none().unwrap_or(!self.settled && !self.settings.place.is_lent())
    }

    fn shipped(&self, unsealed: &Unsealed, now: Timestamp) -> Option<Shipped> {
        let head = unsealed.journal()?;
        let before = Shipped::now(self.desk.status().journal, &head, now);
        let timeline = head.timeline;
        let known = self.known.as_ref().filter(|known| known.timeline == timeline);
        let reach = known.and_then(|known| known.reach);
        // What it had when it was last seen counts while nobody can look.
        let had = Some(&before).filter(|_| self.known.is_none());
        let revision = reach.map(|reach| reach.cursor).or(had.and_then(|had| had.revision));
        let seen = known.is_some() || had.is_some_and(|had| had.seen);
        let gap = reach.and_then(|reach| reach.gap).or(before.gap);
        let told = Shipped { revision, seen, gap, ..before };
        if told.behind() == Some(0) {
            return Some(Shipped { since: None, ..told });
        }
        // It goes on with what is shipped: while the server is written to, something is always on
        // its way.
        let first = revision.and_then(|revision| committed(unsealed, timeline, revision + 1));
        let since = first.or(told.since).unwrap_or(now);
        Some(Shipped { since: Some(since), ..told })
    }
}

/// When a commit was, as far as its record is here.
fn committed(unsealed: &Unsealed, timeline: Timeline, revision: u64) -> Option<Timestamp> {
    let view = unsealed.journal_view().ok()?;
    live::time_of(&*view, timeline, revision).ok()?
}
