//! The journal of an unsealed store, for who ships it.

use std::collections::BTreeMap;

use super::record::{Mark, Record};
use super::{Head, Order, Origin, key, placed};
use crate::barrier::Unsealed;
use crate::barrier::root::Timeline;
use crate::barrier::txn::TxnError;
use crate::base::clock::Timestamp;
use crate::base::sync::lock;
use crate::storage::commit::{Changes, Reads};
use crate::storage::{Entry, Key, StorageError, Urgency, View};

/// So many records are deleted by one commit.
const AT_ONCE: u64 = 1024;

impl Unsealed {
    /// Where the journal stands; `None` where there never was one.
    pub fn journal(&self) -> Option<Head> {
        lock(&self.books).journal.head
    }

    /// From now on the records come to at most `bytes`.
    pub fn set_journal_limit(&self, bytes: u64) {
        lock(&self.books).journal.limit = bytes;
    }

    /// So many bytes the records come to at most.
    pub fn journal_limit(&self) -> u64 {
        lock(&self.books).journal.limit
    }

    /// Leaves the present history: what is committed from now on is of the next one, this commit
    /// included. For a server whose target holds more of the present one than it has itself.
    pub fn begin_timeline(&self) -> Result<(), TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let next = lock(&self.books).record.timeline.next(None, &*self.entropy);
        lock(&self.books).leaves = Some(next);
        let done = alone.commit_nothing(Urgency::Essential);
        // One that failed is not to be carried out by somebody else's commit.
        lock(&self.books).leaves = None;
        Ok(done?)
    }

    /// Begins a journal behind the present revision, in the place of one that was cut. One that
    /// goes on is left as it is.
    pub fn begin_journal(&self) -> Result<(), TxnError> {
        let goes_on = |head: &Head| !head.cut;
        if self.journal().as_ref().is_some_and(goes_on) {
            return Ok(());
        }
        self.order(Order::Begin)
    }

    /// Ends the journal; what was recorded stays until it is dropped.
    pub fn end_journal(&self) -> Result<(), TxnError> {
        let goes_on = |head: &Head| !head.is_ended();
        if self.journal().as_ref().is_some_and(goes_on) {
            return self.order(Order::End);
        }
        Ok(())
    }

    /// Notes in the journal that what cannot be undone comes next. The revision to which a restore
    /// undoes it; `None` where nothing is recorded.
    pub fn mark_journal(&self, mark: Mark) -> Result<Option<u64>, TxnError> {
        if self.journal().is_none_or(|head| head.cut) {
            return Ok(None);
        }
        self.order(Order::Mark(mark))?;
        Ok(self.journal().map(|head| head.revision))
    }

    /// Every target has the records of `timeline` up to `revision`: they need not be kept. Those
    /// of the present timeline go with the next commit, so that this writes nothing. It takes so
    /// many at once: whether there are more.
    pub fn drop_journal(&self, timeline: Timeline, revision: u64) -> Result<bool, TxnError> {
        let goes_on = |head: &Head| head.timeline == timeline && revision > head.begun;
        let first = self.first_kept().filter(|(head, _)| goes_on(head) && !head.is_ended());
        let Some((head, from)) = first else {
            return self.delete_journal(timeline, revision);
        };
        let wanted = revision.min(head.revision);
        let upto = wanted.min(from + AT_ONCE - 1);
        if upto < from {
            return Ok(false);
        }
        let view = self.view()?;
        let mut bytes = 0;
        for entry in scan(&*view, timeline, from, upto)? {
            bytes += entry?.1.len() as u64;
        }
        let mut books = lock(&self.books);
        // Another target's thread may have come first: what was counted is dropped once.
        let is_next = books
            .journal
            .first_kept()
            .is_some_and(|(now, first)| (now.timeline, first) == (timeline, from));
        if is_next {
            books.journal.shipped.push_back((upto, bytes));
        }
        Ok(!is_next || upto < wanted)
    }

    fn first_kept(&self) -> Option<(Head, u64)> {
        lock(&self.books).journal.first_kept()
    }

    /// Deletes records of a journal that has ended.
    fn delete_journal(&self, timeline: Timeline, revision: u64) -> Result<bool, TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let begin = alone.begin()?;
        let end = key(timeline, revision.saturating_add(1));
        let mut keys = begin.view.keys(&key(timeline, 0), Some(&end))?;
        let gone: Result<Vec<Key>, StorageError> = keys.by_ref().take(AT_ONCE as usize).collect();
        let writes: BTreeMap<_, _> = gone?.into_iter().map(|key| (key, None)).collect();
        let more = keys.next().transpose()?.is_some();
        drop(keys);
        drop(begin.view);
        let (base, reads, urgency) = (begin.base, Reads::default(), Urgency::Essential);
        alone.commit(&Changes { base, reads, writes, urgency })?;
        Ok(more)
    }

    /// One instant of the store, from which records are read.
    pub fn journal_view(&self) -> Result<Box<dyn View>, TxnError> {
        self.view()
    }

    fn order(&self, order: Order) -> Result<(), TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        lock(&self.books).journal.orders.push(order);
        let done = alone.commit_nothing(Urgency::Essential);
        // One that failed is not to be carried out by somebody else's commit.
        lock(&self.books).journal.orders.clear();
        Ok(done?)
    }
}

/// The records of `timeline` with `from` up to `upto`, by their revisions.
pub fn scan<'a>(
    view: &'a dyn View,
    timeline: Timeline,
    from: u64,
    upto: u64,
) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>), StorageError>> + 'a, StorageError> {
    let end = key(timeline, upto.saturating_add(1));
    let entries = view.scan(&key(timeline, from), Some(&end))?;
    let numbered = |(key, value): Entry| placed(&key).map(|(_, revision)| (revision, value));
    let foreign = || StorageError::Damaged("a key of the journal is none".into());
    Ok(entries.map(move |entry| numbered(entry?).ok_or_else(foreign)))
}

/// When the commit `revision` was, where its record is here.
pub fn time_of(
    view: &dyn View,
    timeline: Timeline,
    revision: u64,
) -> Result<Option<Timestamp>, StorageError> {
    let mut time = None;
    view.look(&key(timeline, revision), &mut |record| {
        time = Record::read(record).ok().map(|record| record.time);
    })?;
    Ok(time)
}

/// Where a history left another one, as far as the first of its records here tells.
pub fn origin(view: &dyn View, timeline: Timeline) -> Result<Option<Origin>, StorageError> {
    let first = scan(view, timeline, 0, u64::MAX)?.next().transpose()?;
    Ok(first.and_then(|(_, record)| Record::read(&record).ok()?.origin))
}

/// Where the histories that are here left others, as far as that is known here.
pub fn origins(unsealed: &Unsealed) -> Result<Vec<Origin>, TxnError> {
    let view = unsealed.journal_view()?;
    let mut found: Vec<Origin> =
        unsealed.journal().and_then(|head| head.origin).into_iter().collect();
    for timeline in timelines(&*view)? {
        found.extend(origin(&*view, timeline)?);
    }
    Ok(found)
}

/// The timelines of which there are records, in their order.
pub fn timelines(view: &dyn View) -> Result<Vec<Timeline>, StorageError> {
    let mut found = Vec::new();
    let mut from = super::END.to_vec();
    while let Some(next) = view.keys(&from, None)?.next().transpose()? {
        let Some((timeline, _)) = placed(&next) else { break };
        found.push(timeline);
        from = key(timeline, u64::MAX);
        from.push(0);
    }
    Ok(found)
}
