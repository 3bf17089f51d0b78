//! The scrub: verifies a store while it serves, at a bounded rate.
//!
//! It looks at the store in slices, each from a view of its own, so that no view is held for long
//! and the file does not grow by it. What commits change meanwhile in the slices already counted
//! is followed up, so that at the end the count is that of one state.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::root::{Books, RootRecord, Tally};
use super::txn::TxnError;
use super::verify::{BadEntries, Check};
use super::{Intake, ROOT, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::sync::{lock, read};
use crate::storage::Key;

/// A slice ends with the entry that makes it this long, in bytes.
const SLICE: usize = 128 << 10;

/// What the last scrub found.
#[derive(Clone, Debug)]
pub struct Scrubbed {
    /// When it ended.
    pub at: Timestamp,
    /// At which revision.
    pub revision: u64,
    /// What should be there.
    pub expected: Tally,
    /// What was there.
    pub found: Tally,
    /// What did not open.
    pub bad: BadEntries,
}

impl Scrubbed {
    /// Whether every entry opened and all are there that should be, and no other.
    pub fn good(&self) -> bool {
        self.bad.count == 0 && self.found == self.expected
    }
}

/// What a store that is not good is told to be; no name is in it.
impl fmt::Display for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the store was changed behind the server's back: {} of {} entries are there, {} do \
             not open; take a snapshot aside, run `edgekeep snapshot verify FILE`, and restore a \
             good one",
            self.found.entries, self.expected.entries, self.bad.count
        )
    }
}

/// A count of the store under way.
#[derive(Default)]
pub struct Recount {
    /// What the slices came to, with all changes to them since.
    counted: Tally,
    /// Where each slice began, and at which revision it was counted.
    slices: Vec<(Key, u64)>,
    /// Where the next slice begins; `None` when all is counted.
    next: Option<Key>,
    /// Changes behind the last slice, which the next one may have seen or not.
    ahead: Vec<(u64, Key, Tally)>,
}

impl Recount {
    fn new() -> Self {
        Self { next: Some(Vec::new()), ..Self::default() }
    }

    /// Follows a commit: how it changed the tally of each key.
    pub(super) fn follow(&mut self, revision: u64, changes: impl Iterator<Item = (Key, Tally)>) {
        for (key, change) in changes {
            if self.next.as_ref().is_some_and(|next| key >= *next) {
                self.ahead.push((revision, key, change));
            } else {
                self.apply(revision, &key, change);
            }
        }
    }

    /// Counts a change to a slice that was counted before it.
    fn apply(&mut self, revision: u64, key: &[u8], change: Tally) {
        let after = self.slices.partition_point(|(start, _)| &**start <= key);
        let slice = self.slices[..after].last();
        if slice.is_some_and(|(_, counted_at)| *counted_at < revision) {
            self.counted += change;
        }
    }

    /// The next slice will be counted at `revision`: it sees all changes up to that.
    fn begin_slice(&mut self, revision: u64) {
        self.ahead.retain(|(changed_at, ..)| *changed_at > revision);
    }

    /// The slice that ends before `next` was counted.
    fn end_slice(&mut self, revision: u64, found: Tally, next: Option<Key>) {
        self.counted += found;
        if let Some(start) = std::mem::replace(&mut self.next, next) {
            self.slices.push((start, revision));
        }
        let ahead = std::mem::take(&mut self.ahead);
        for (changed_at, key, change) in ahead {
            self.follow(changed_at, std::iter::once((key, change)));
        }
    }
}

impl Unsealed {
    /// Goes through the whole store once and keeps the result for
    /// [`last_scrub`](Self::last_scrub). After each slice `pause` is told how long to wait so that
    /// `rate` (bytes a second, not 0) is kept; when it answers false, or the store is sealed, the
    /// scrub ends without a result. One scrub at a time: a second one returns at once.
    ///
    /// # Errors
    /// When the store cannot be read, or the root record does not open.
    pub fn scrub(
        &self,
        rate: u64,
        pause: &mut dyn FnMut(Duration) -> bool,
    ) -> Result<Option<Arc<Scrubbed>>, TxnError> {
        {
            let mut books = lock(&self.books);
            if books.recount.is_some() {
                return Ok(None);
            }
            books.recount = Some(Recount::new());
        }
        let under_way = UnderWay(&self.books);
        let outcome = self.scrub_slices(rate, pause);
        drop(under_way);
        if let Ok(Some(scrubbed)) = &outcome {
            *lock(&self.scrubbed) = Some(Arc::clone(scrubbed));
        }
        outcome
    }

    /// The result of the last whole scrub since the store was unsealed.
    pub fn last_scrub(&self) -> Option<Arc<Scrubbed>> {
        lock(&self.scrubbed).clone()
    }

    /// The store was found not to add up: a scrub is to say what is wrong with it, unless one has.
    pub fn doubt(&self) {
        if self.last_scrub().is_none_or(|scrubbed| scrubbed.good()) {
            self.unproven.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the store was restored from a snapshot, which nobody may have recounted by these
    /// keys, or was doubted, and no scrub was begun since: a scrub is due at once. Says so once.
    pub fn take_unproven(&self) -> bool {
        self.unproven.swap(false, Ordering::Relaxed)
    }

    fn scrub_slices(
        &self,
        rate: u64,
        pause: &mut dyn FnMut(Duration) -> bool,
    ) -> Result<Option<Arc<Scrubbed>>, TxnError> {
        let mut bad = BadEntries::default();
        let mut start = Some(Vec::new());
        while let Some(from) = start {
            let slice = match self.scrub_slice(&from) {
                Err(TxnError::Gone) => return Ok(None),
                slice => slice?,
            };
            bad.append(slice.bad);
            start = slice.next;
            let seconds = slice.bytes as f64 / rate.max(1) as f64;
            if !pause(Duration::from_secs_f64(seconds)) || *read(&self.intake) != Intake::Open {
                return Ok(None);
            }
        }
        // With the writer held no commit is between the store and the books.
        let _alone = self.committer.exclusive();
        let mut books = lock(&self.books);
        let found = books.recount.take().map(|recount| recount.counted).unwrap_or_default();
        let RootRecord { revision, tally, .. } = books.record;
        let at = self.time.now();
        Ok(Some(Arc::new(Scrubbed { at, revision, expected: tally, found, bad })))
    }

    fn scrub_slice(&self, from: &[u8]) -> Result<Slice, TxnError> {
        let view = self.view()?;
        let keyring = self.keyring();
        let record = view.get(ROOT)?.ok_or(TxnError::Damaged)?;
        let record = RootRecord::open(&keyring, &record).map_err(|_| TxnError::Damaged)?;
        if let Some(recount) = &mut lock(&self.books).recount {
            recount.begin_slice(record.revision);
        }
        let mut check = Check::new(&self.root_key, &keyring, &self.names, &self.hasher);
        let (mut bytes, mut next) = (0, None);
        for entry in view.scan(from, None)? {
            let (key, value) = entry?;
            if bytes >= SLICE {
                next = Some(key);
                break;
            }
            bytes += key.len() + value.len();
            check.entry(&key, &value);
        }
        let Check { found, bad, .. } = check;
        if let Some(recount) = &mut lock(&self.books).recount {
            recount.end_slice(record.revision, found, next.clone());
        }
        Ok(Slice { bytes, bad, next })
    }
}

/// A scrub that runs. However it ends, commits are followed no more and the next can begin.
struct UnderWay<'a>(&'a Mutex<Books>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(self.0).recount = None;
    }
}

struct Slice {
    bytes: usize,
    bad: BadEntries,
    next: Option<Key>,
}
