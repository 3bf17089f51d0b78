//! The journal on its way to a target, in segments.

use super::contact::Held;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::barrier::Unsealed;
use crate::barrier::journal::live::{self, scan, timelines};
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Head, Origin, key, placed};
use crate::barrier::root::Timeline;
use crate::snapshot::SnapshotError;
use crate::snapshot::journal::segment::{Entry, Header, SegmentWriter};
use crate::snapshot::layout::SegmentName;
use crate::snapshot::target::TargetError;
use crate::storage::StorageError;

/// A segment is closed when its records are longer than this, in bytes.
const SEGMENT: u64 = 4 << 20;
/// So many records are dropped at once by the store.
const DROPPED: u64 = 1024;

/// A segment that is ready.
struct Segment {
    of: SegmentName,
    bytes: Vec<u8>,
    /// Whether there may be more behind it.
    full: bool,
}

impl Worker {
    /// Whether there is more of the journal than the target has.
    pub fn is_behind(&self, timeline: &Timeline) -> bool {
        let head = self.means.barrier.unsealed().and_then(|unsealed| unsealed.journal());
        let cursor = self.known.as_ref().and_then(|known| known.reach).map(|reach| reach.cursor);
        self.settings.journal
            && head.is_some_and(|head| {
                head.timeline == *timeline && (Some(head.revision) > cursor || head.cut)
            })
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
            let full = self.ship_one(head.timeline, reach.cursor + 1, head.revision)?;
            self.drop_shipped(head.timeline)?;
            if !full {
                break;
            }
        }
        let complete = self.known.as_ref().is_some_and(|known| {
            known.timeline == head.timeline
                && known.reach.is_none_or(|reach| reach.cursor >= head.revision)
        });
        if head.cut && complete { self.renew(&head) } else { Ok(()) }
    }

    /// What was recorded of histories that this store has left.
    fn ship_left(&mut self, head: &Head) -> Result<(), Trouble> {
        let left = timelines(&*self.unsealed()?.journal_view()?)?;
        for timeline in left.into_iter().filter(|timeline| *timeline != head.timeline) {
            let places = self.prove_left(timeline)?;
            let stretches = stretches(&*self.unsealed()?, timeline)?;
            let origin = self.origin(timeline)?;
            let mut useless = 0;
            for &(first, last) in &stretches {
                let cursor = |worker: &Self| {
                    let known = worker.known.as_ref();
                    let branch = origin.filter(|origin| worker.leads_to(*origin));
                    known.and_then(|known| worker.reach_of(known, timeline, branch, first - 1))
                };
                let ours = goes_on(&*self.unsealed()?, timeline, &places)?;
                // Where nothing there leads to them they are of no use.
                while let Some(reach) = cursor(self).filter(|reach| ours && reach.cursor < last) {
                    self.ship_one(timeline, reach.cursor + 1, last)?;
                }
                if cursor(self).is_none_or(|reach| reach.cursor < last) {
                    useless += last - first + 1;
                }
            }
            let Some(&(_, last)) = stretches.last() else { continue };
            self.has(timeline, last);
            if self.needless(timeline)? >= Some(last) {
                if useless > 0 {
                    log::warn!(
                        "snapshots to {}: {useless} transactions of the timeline {timeline}, which \
                         was left, are in no journal there: nothing there leads to them",
                        self.name
                    );
                }
                let records = stretches.iter().map(|(first, last)| last - first + 1).sum();
                drop_records(&*self.unsealed()?, timeline, last, records)?;
            }
        }
        Ok(())
    }

    /// Where a history left another one, as far as it is known here or there.
    fn origin(&self, timeline: Timeline) -> Result<Option<Origin>, Trouble> {
        let unsealed = self.unsealed()?;
        if let Some(head) = unsealed.journal().filter(|head| head.timeline == timeline) {
            return Ok(head.origin);
        }
        let here = live::origin(&*unsealed.journal_view()?, timeline)?;
        let segments = self.known.iter().flat_map(|known| &known.segments);
        let mut there = segments.filter(|held| held.of.timeline == timeline);
        Ok(here.or_else(|| there.find_map(|held| held.of.origin)))
    }

    /// What stands before a journal that was begun anew: all had it by then.
    fn drop_before(&mut self, head: &Head) -> Result<(), Trouble> {
        let unsealed = self.unsealed()?;
        let end = key(head.timeline, head.begun.saturating_add(1));
        let view = unsealed.journal_view()?;
        let left = view.keys(&key(head.timeline, 0), Some(&end))?.next().transpose()?;
        drop(view);
        if left.is_some() { Ok(unsealed.drop_journal(head.timeline, head.begun)?) } else { Ok(()) }
    }

    /// Ships a segment that begins with the commit `from`; whether there may be more behind it.
    fn ship_one(&mut self, timeline: Timeline, from: u64, upto: u64) -> Result<bool, Trouble> {
        let settings = self.means.barrier.settings()?;
        let key_id = settings.ok_or(Trouble::Over)?.root_key.to_string();
        let origin = self.origin(timeline)?;
        let of = Of { key_id, timeline, origin };
        let Segment { of, bytes, full } = build(&*self.unsealed()?, of, from, upto)?;
        let folder = self.folder(&self.unsealed()?.status().store_id)?;
        let name = folder.segment(&of);
        let name = name.ok_or_else(|| Trouble::Settings("its path_prefix is too long".into()))?;
        self.used = Some(self.boot());
        self.target.put(&name, bytes.len() as u64, &mut &*bytes)?;
        let chain = self.read_segment(&name, &of)?.map_err(|why| {
            let url = self.target.url(&name);
            TargetError::Failed(format!("{url} is not what was put there: {why}"))
        })?;
        self.judged.remove(&name);
        self.proved = Some((name.clone(), chain));
        let length = bytes.len() as u64;
        if let Some(known) = &mut self.known {
            known.segments.push(Held { of, name, length });
            if let Some(reach) = known.reach.as_mut().filter(|_| known.timeline == timeline) {
                reach.cursor = of.last;
                self.has(timeline, of.last);
            }
        }
        self.known.iter().for_each(|known| self.tell_held(known));
        Ok(full)
    }

    /// Up to which commit a history need not be kept here: what every target has; near the limit,
    /// what those have that can be reached: the others find a gap when they come back, and get a
    /// snapshot.
    fn needless(&self, timeline: Timeline) -> Result<Option<u64>, Trouble> {
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
        match upto.checked_sub(head.dropped) {
            None | Some(0) => Ok(()),
            Some(records) => drop_records(&unsealed, timeline, upto, records),
        }
    }

    /// Begins a journal that was cut anew, now that all who can be reached have what it holds.
    fn renew(&mut self, head: &Head) -> Result<(), Trouble> {
        let reachable = self.ledger.common_reachable(head.timeline);
        if reachable.is_some_and(|revision| revision < head.revision) {
            return Ok(());
        }
        let unsealed = self.unsealed()?;
        unsealed.begin_journal()?;
        drop_records(&unsealed, head.timeline, head.revision, head.revision - head.dropped)?;
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

/// Has the store drop a history up to `upto`, which are so many records.
fn drop_records(
    unsealed: &Unsealed,
    timeline: Timeline,
    upto: u64,
    records: u64,
) -> Result<(), Trouble> {
    for _ in 0..=records / DROPPED {
        unsealed.drop_journal(timeline, upto)?;
    }
    Ok(())
}

/// The commits of a history of which there are records here: the first and the last of each
/// stretch without a gap.
fn stretches(unsealed: &Unsealed, timeline: Timeline) -> Result<Vec<(u64, u64)>, Trouble> {
    let view = unsealed.journal_view()?;
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for key in view.keys(&key(timeline, 0), Some(&key(timeline, u64::MAX)))? {
        let Some((_, revision)) = placed(&key?) else { continue };
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == revision => *last = revision,
            _ => stretches.push((revision, revision)),
        }
    }
    Ok(stretches)
}

/// Whether the records of a history that was left are of the chain that the target has `places`
/// of. They are not where this server had gone on beside it.
fn goes_on(
    unsealed: &Unsealed,
    timeline: Timeline,
    places: &[(u64, Chain)],
) -> Result<bool, Trouble> {
    let view = unsealed.journal_view()?;
    for &(revision, chain) in places {
        let mut next = scan(&*view, timeline, revision + 1, revision + 1)?;
        let Some((_, record)) = next.next().transpose()? else { continue };
        let record = Record::read(&record).map_err(|error| damaged(&error.to_string()))?;
        if record.before != chain {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Of what a segment is.
struct Of {
    key_id: String,
    timeline: Timeline,
    origin: Option<Origin>,
}

/// A segment of the records from the commit `from` on. The view is let go before it is put.
fn build(unsealed: &Unsealed, of: Of, from: u64, upto: u64) -> Result<Segment, Trouble> {
    let Of { key_id, timeline, origin } = of;
    let view = unsealed.journal_view()?;
    let mut entries: Vec<Entry> = Vec::new();
    let (mut length, mut full) = (0, false);
    let (mut before, mut times) = (None, None);
    for record in scan(&*view, timeline, from, upto)? {
        let (revision, record) = record?;
        if revision != from + entries.len() as u64 {
            break;
        }
        let head = Record::read(&record).map_err(|error| damaged(&error.to_string()))?;
        let start = *before.get_or_insert(head.before);
        let after = entries.last().map_or(start, |entry| entry.after);
        if head.before != after {
            return Err(damaged("the chain of the journal is broken"));
        }
        times = Some((times.map_or(head.time, |(first, _)| first), head.time));
        length += record.len() as u64;
        entries.push(Entry::single(timeline, revision, after, record));
        if length >= SEGMENT {
            full = true;
            break;
        }
    }
    drop(view);
    let (Some(before), Some((start, to)), Some(last)) = (before, times, entries.last()) else {
        return Err(damaged(&format!("the journal has no record of transaction {from}")));
    };
    let (first, last) = (from, last.revision);
    let store_id = unsealed.status().store_id;
    let from = start;
    let header = Header { store_id, key_id, timeline, origin, first, last, before, from, to };
    let write = || {
        let mut writer = SegmentWriter::new(Vec::new(), &header)?;
        entries.iter().try_for_each(|entry| writer.entry(entry))?;
        writer.finish(&unsealed.keyring())
    };
    let bytes = write().map_err(SnapshotError::from)?;
    Ok(Segment { of: header.name(), bytes, full })
}

fn damaged(what: &str) -> Trouble {
    StorageError::Damaged(what.to_owned()).into()
}
