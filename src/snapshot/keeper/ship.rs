//! The journal on its way to a target, in segments.

use std::io::Read;

use super::check;
use super::contact::Held;
use super::reach::Reach;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::{Head, Origin, key, live};
use crate::barrier::root::Timeline;
use crate::snapshot::journal::export::{Owner, Run, export, runs};
use crate::snapshot::layout::SegmentName;
use crate::storage::StorageError;

/// So long the records of a segment are at most, in bytes, unless there is but one.
const SEGMENT: u64 = 4 << 20;

impl Worker {
    /// Whether there is more of the journal than the target has.
    pub fn is_behind(&self, timeline: &Timeline) -> bool {
        let head = self.means.barrier.unsealed().and_then(|unsealed| unsealed.journal());
        // Of a history that was begun since it was looked nothing is there.
        let known = self.known.as_ref().filter(|known| known.timeline == *timeline);
        let cursor = known.and_then(|known| known.reach).map(|reach| reach.cursor);
        self.settings.journal
            && head.is_some_and(|head| {
                head.timeline == *timeline && (Some(head.revision) > cursor || head.cut)
            })
    }

    /// Whether the target is known to lack what is committed, or may, as nobody has looked yet.
    pub fn owes_journal(&self) -> bool {
        let unsealed = self.means.barrier.unsealed();
        let looked = self.known.is_some() || self.surveyed.is_none();
        looked && unsealed.is_some_and(|unsealed| self.is_behind(&unsealed.status().timeline))
    }

    /// Ships what is there, the oldest history first, and has the store drop what all have.
    pub fn ship(&mut self) -> Result<(), Trouble> {
        let Some(head) = self.unsealed()?.journal() else { return Ok(()) };
        self.ship_left(&head)?;
        self.drop_before(&head)?;
        let behind = |worker: &Self, head: &Head| {
            let reach = worker.known.as_ref().filter(|known| known.timeline == head.timeline);
            reach.and_then(|known| known.reach).filter(|reach| reach.cursor < head.revision)
        };
        while let Some(reach) = behind(self, &head) {
            self.ship_one(head.timeline, reach.cursor + 1, head.revision)?;
            self.drop_shipped(head.timeline)?;
        }
        // What was recorded before it was cut is not given up where another history leads there.
        while let Some(reach) = self.reach_by(head.timeline, head.origin, head.dropped)
            && head.cut
            && reach.cursor < head.revision
        {
            self.ship_one(head.timeline, reach.cursor + 1, head.revision)?;
        }
        let complete = self.known.as_ref().is_some_and(|known| {
            known.timeline == head.timeline
                && known.reach.is_none_or(|reach| reach.cursor >= head.revision)
        });
        if head.cut && complete { self.renew(&head) } else { Ok(()) }
    }

    /// How far the target has a history that has a base there, or left another one to where what is
    /// there leads.
    pub fn reach_by(
        &self,
        timeline: Timeline,
        origin: Option<Origin>,
        dropped: u64,
    ) -> Option<Reach> {
        let branch = origin.filter(|origin| self.leads_to(*origin));
        self.reach_of(self.known.as_ref()?, timeline, branch, dropped)
    }

    /// Where a history left another one, as far as it is known here or there.
    pub fn origin(&self, timeline: Timeline) -> Result<Option<Origin>, Trouble> {
        let unsealed = self.unsealed()?;
        if let Some(head) = unsealed.journal().filter(|head| head.timeline == timeline) {
            return Ok(head.origin);
        }
        let here = live::origin(&*unsealed.journal_view()?, timeline)?;
        let segments = self.known.iter().flat_map(|known| &known.segments);
        let mut there = segments.filter(|held| held.of.timeline == timeline);
        Ok(here.or_else(|| there.find_map(|held| held.of.origin)))
    }

    /// What stands before a journal that was begun anew: all who could be reached had it by then.
    fn drop_before(&mut self, head: &Head) -> Result<(), Trouble> {
        let unsealed = self.unsealed()?;
        let end = key(head.timeline, head.begun.saturating_add(1));
        let view = unsealed.journal_view()?;
        let left = view.keys(&key(head.timeline, 0), Some(&end))?.next().transpose()?;
        drop(view);
        let Some(_) = left else { return Ok(()) };
        drop_records(&unsealed, head.timeline, head.begun)
    }

    /// Ships a segment that begins with the commit `from`. The view is let go before it is put.
    pub fn ship_one(&mut self, timeline: Timeline, from: u64, upto: u64) -> Result<(), Trouble> {
        let settings = self.means.barrier.settings()?;
        let key_id = settings.ok_or(Trouble::Over)?.root_key.to_string();
        let origin = self.origin(timeline)?;
        let unsealed = self.unsealed()?;
        let owner = Owner { store_id: unsealed.status().store_id, key_id };
        let view = unsealed.journal_view()?;
        let run = runs(&*view, timeline, origin, (from, upto), SEGMENT)?.next().transpose()?;
        let run = run.filter(|run| run.name.first == from);
        let run = run.ok_or_else(|| missing(from))?;
        self.must_go_on(&run)?;
        let bytes = export(&*view, &run, &owner, &unsealed.keyring(), Vec::new())?;
        drop(view);
        let of = run.name;
        let name = self.folder(&owner.store_id)?.segment(&of);
        drop(unsealed);
        let name = name.ok_or_else(|| Trouble::Settings("its path_prefix is too long".into()))?;
        self.used = Some(self.boot());
        self.seen.put(&name);
        self.target.put(&name, bytes.len() as u64, &mut &*bytes)?;
        let read = |content: &mut dyn Read| {
            check::segment(content, &of, |_| false, || self.keys()).map(|steps| steps.end)
        };
        let chain = self
            .read(&name, read)?
            .map_err(|why| self.not_as_put(&name, &why.why(), !why.is_unread()))?;
        self.judged.remove(&name);
        self.seen.is_put(true);
        self.seen.put_left(timeline, of.last);
        self.proved.insert(timeline, (name.clone(), chain));
        self.ends.insert(name.clone(), (run.before, chain));
        let length = bytes.len() as u64;
        if let Some(known) = &mut self.known {
            known.put = true;
            known.add_segment(Held { of, name, length });
            if let Some(reach) = known.reach.as_mut().filter(|_| known.timeline == timeline) {
                reach.cursor = of.last;
                self.has(timeline, of.last);
            }
        }
        self.known.iter().for_each(|known| self.tell_held(known));
        Ok(())
    }

    /// What is shipped goes on from the segment before it, where that was read.
    fn must_go_on(&self, run: &Run) -> Result<(), Trouble> {
        let proved = self.proved.get(&run.name.timeline);
        let Some((known, (name, chain))) = self.known.as_ref().zip(proved) else { return Ok(()) };
        let ends = |held: &&Held<SegmentName>| {
            held.name == *name
                && (held.of.timeline, held.of.last + 1) == (run.name.timeline, run.name.first)
        };
        match known.segments.iter().find(ends) {
            Some(held) if *chain != run.before => Err(damaged(&format!(
                "the chain of the journal is broken behind transaction {}",
                held.of.last
            ))),
            _ => Ok(()),
        }
    }

    /// Up to which commit a history need not be kept here: what every target has; near the limit,
    /// what those have that can be reached: the others find a gap when they come back, and get a
    /// snapshot.
    pub fn needless(&self, timeline: Timeline) -> Result<Option<u64>, Trouble> {
        let unsealed = self.unsealed()?;
        let limit = unsealed.journal_limit();
        let full = unsealed.journal().is_some_and(|head| head.bytes / 7 >= limit / 8);
        let all = self.ledger.common(timeline);
        Ok(if full { all.max(self.ledger.common_reachable(timeline)) } else { all })
    }

    fn drop_shipped(&self, timeline: Timeline) -> Result<(), Trouble> {
        let unsealed = self.unsealed()?;
        let Some(head) = unsealed.journal().filter(|head| head.timeline == timeline) else {
            return Ok(());
        };
        let upto = self.needless(timeline)?.unwrap_or(0).min(head.revision);
        if upto > head.dropped { drop_records(&unsealed, timeline, upto) } else { Ok(()) }
    }

    /// Begins a journal that was cut anew, now that all who can be reached have what it holds.
    fn renew(&mut self, head: &Head) -> Result<(), Trouble> {
        let reachable = self.ledger.common_reachable(head.timeline);
        if reachable.is_some_and(|revision| revision < head.revision) {
            return Ok(());
        }
        let unsealed = self.unsealed()?;
        // Where what others left takes all of the room it would be cut at once.
        let is_full = |now: &Head| now.kept() == 0 && now.bytes >= unsealed.journal_limit();
        if unsealed.journal().as_ref().is_none_or(is_full) {
            return Ok(());
        }
        unsealed.begin_journal()?;
        drop_records(&unsealed, head.timeline, head.revision)?;
        // Until then what it had held took the room.
        unsealed.begin_journal()?;
        let begun = unsealed.journal().map_or(head.revision, |head| head.begun);
        log::warn!(
            "snapshots to {}: the journal came to its limit and was begun anew: the transactions \
             {} to {begun} are in none, and a restore can not stop between them",
            self.name,
            head.revision + 1
        );
        drop(unsealed);
        // A snapshot is its base, with the next look.
        self.place_journal()
    }
}

/// Has the store drop a history up to `upto`.
pub fn drop_records(unsealed: &Unsealed, timeline: Timeline, upto: u64) -> Result<(), Trouble> {
    while unsealed.drop_journal(timeline, upto)? {}
    Ok(())
}

fn missing(revision: u64) -> Trouble {
    damaged(&format!("the journal has no record of transaction {revision}"))
}

pub fn damaged(what: &str) -> Trouble {
    StorageError::Damaged(what.to_owned()).into()
}
