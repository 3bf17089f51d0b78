//! Serializable transactions over any [`Storage`]: optimistic, with group commit.
//!
//! A request reads one [`View`], notes what it read in [`Reads`] and collects what it would write.
//! [`Committer::commit`] puts that in a line. Whoever stands in front leads: it takes all that
//! wait, refuses those of which something read has changed since, puts the others into one
//! storage transaction, synced once, and wakes them all. No thread of its own is needed.

mod line;
mod meters;
mod recent;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use self::line::{Lead, Line, Member};
pub use self::meters::Meters;
use self::recent::Recent;
use super::{Job, Key, Storage, StorageError, Urgency, Value, View, Writer};
use crate::base::sync::lock;

/// A value that is put under a key, or `None` where that is deleted.
pub type Write = (Key, Option<Value>);

/// Watches every change on its way into the store and adds entries of its own to each commit (the
/// root record). It is called by one thread at a time, in the order of the commits.
pub trait Witness: Send {
    /// A member of the group changes `key` from `old` to `new`; `None` is an absent entry. A key
    /// may come more than once in a group: each time `old` is what the one before made of it.
    fn observe(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>);

    /// What is written beside the observed changes, as the last of this transaction; `None`
    /// deletes. These entries are not observed and count in no conflict check. An error gives the
    /// transaction up; its members are told the text.
    fn seal(&mut self) -> Result<Vec<Write>, Box<dyn std::error::Error + Send + Sync>>;

    /// What was observed since the last call of this or of `abandoned` is durable.
    fn committed(&mut self);

    /// What was observed did not happen, or comes again from the start: forget it.
    fn abandoned(&mut self);
}

/// What a transaction read: any change to it by another is a conflict.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    points: Vec<Key>,
    ranges: Vec<(Key, Option<Key>)>,
}

impl Reads {
    /// `key` was looked up, whether it was there or not.
    pub fn point(&mut self, key: impl Into<Key>) {
        self.points.push(key.into());
    }

    /// Everything with `from <= key` and, where `to` is given, `key < to` was looked through.
    pub fn range(&mut self, from: impl Into<Key>, to: Option<Key>) {
        self.ranges.push((from.into(), to));
    }

    /// Whether one of `written`, which is in order, was read.
    fn meet(&self, written: &[Key]) -> bool {
        self.points.iter().any(|point| written.binary_search(point).is_ok())
            || self.ranges.iter().any(|(from, to)| {
                let first = written.partition_point(|key| key < from);
                written.get(first).is_some_and(|key| to.as_ref().is_none_or(|to| key < to))
            })
    }

    /// The same for the growing set of a group.
    fn meet_set(&self, written: &BTreeSet<&Key>) -> bool {
        self.points.iter().any(|point| written.contains(point))
            || self.ranges.iter().any(|(from, to)| {
                let first = written.range::<&Key, _>(from..).next();
                first.is_some_and(|key| to.as_ref().is_none_or(|to| *key < to))
            })
    }
}

/// The start of a transaction.
pub struct Begin {
    /// The state that it reads.
    pub view: Box<dyn View>,
    /// Goes into [`Changes::base`].
    pub base: u64,
}

/// A transaction that wants to be committed.
#[derive(Clone, Debug)]
pub struct Changes {
    /// From the [`Begin`] whose view was read.
    pub base: u64,
    /// What was read.
    pub reads: Reads,
    /// What is written; `None` deletes.
    pub writes: BTreeMap<Key, Option<Value>>,
    /// Whether it may use the reserve of a full disk.
    pub urgency: Urgency,
}

impl Changes {
    fn bytes(&self) -> usize {
        let value = |value: &Option<Value>| value.as_ref().map_or(0, Vec::len);
        self.writes.iter().map(|(key, new)| key.len() + value(new)).sum()
    }
}

/// Why a transaction was not committed: nothing of it is in the store.
#[derive(Clone, Debug)]
pub enum CommitError {
    /// What it read has changed since, or its base is too old to tell: run it again.
    Conflict,
    /// The store did not take it. Shared by all members of a group.
    Storage(Arc<StorageError>),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("another request changed what this one read"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// What a writer has done so far. One that is the same when it is looked at again has not got on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// How often the right to write was given.
    pub turns: u64,
    /// Bytes that went to the disk.
    pub written: u64,
}

/// The one way by which requests write to a store.
pub struct Committer {
    storage: Arc<dyn Storage>,
    witness: Mutex<Box<dyn Witness>>,
    /// Commits since the start, raised once the last of them can be seen.
    sequence: AtomicU64,
    recent: Mutex<Recent>,
    line: Line,
    meters: Arc<Meters>,
}

impl Committer {
    /// Commits to `storage`; `witness` sees all of it, `meters` count it.
    pub fn new(storage: Arc<dyn Storage>, witness: Box<dyn Witness>, meters: Arc<Meters>) -> Self {
        Self {
            storage,
            witness: Mutex::new(witness),
            sequence: AtomicU64::new(0),
            recent: Mutex::default(),
            line: Line::default(),
            meters,
        }
    }

    /// Starts a transaction on the newest committed state.
    pub fn begin(&self) -> Result<Begin, StorageError> {
        // In this order a commit between the two is taken for a conflict that it need not be; in
        // the other one it would be missed.
        let base = self.sequence.load(Ordering::Acquire);
        Ok(Begin { view: self.storage.view()?, base })
    }

    /// Returns when `changes` are durable, or were refused. Changes without writes are only
    /// checked; what was read from one view needs that only where it must still hold *now*.
    pub fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        if changes.writes.is_empty() {
            let conflict = lock(&self.recent).conflict(changes.base, &changes.reads);
            if conflict {
                self.meters.conflicts.count();
                return Err(CommitError::Conflict);
            }
            return Ok(());
        }
        self.line.settle(changes, |lead| self.settle(lead.take_group()))
    }

    /// Waits for the writer and holds it: what is begun and committed inside cannot conflict.
    /// All other commits wait meanwhile; one by the holder itself, outside, would wait for ever.
    pub fn exclusive(&self) -> Exclusive<'_> {
        Exclusive { committer: self, _lead: self.line.alone() }
    }

    /// What the writer has done so far; none while nobody writes.
    pub fn pulse(&self) -> Option<Pulse> {
        let turns = self.line.turns()?;
        Some(Pulse { turns, written: self.storage.written() })
    }

    /// Commits what can be committed of `group` and answers everyone. Only for who leads.
    fn settle(&self, group: Vec<Member>) {
        let group = self.without_conflicts(group);
        let Some(urgency) = group.iter().map(|member| member.changes.urgency).min() else {
            return;
        };
        let changes: Vec<&Changes> = group.iter().map(|member| &member.changes).collect();
        match self.transact(urgency, &changes) {
            Ok(()) => answer_all(group, Ok(())),
            Err(StorageError::Full) => {
                // What is essential may have failed for its company alone.
                let (refused, essential) = group.into_iter().partition(|member| {
                    urgency == Urgency::Essential || member.changes.urgency == Urgency::Ordinary
                });
                answer_all(refused, Err(StorageError::Full.into()));
                self.settle(essential);
            }
            Err(error) => answer_all(group, Err(error.into())),
        }
    }

    /// Answers those that read what was written since, or what one before them in the group
    /// writes, and returns the others.
    fn without_conflicts(&self, group: Vec<Member>) -> Vec<Member> {
        let recent = lock(&self.recent);
        let mut written: BTreeSet<&Key> = BTreeSet::new();
        let mut conflicts = Vec::with_capacity(group.len());
        for Changes { base, reads, writes, .. } in group.iter().map(|member| &member.changes) {
            let conflict = recent.conflict(*base, reads) || reads.meet_set(&written);
            if !conflict {
                written.extend(writes.keys());
            }
            conflicts.push(conflict);
        }
        let mut conflicts = conflicts.into_iter();
        let (refused, rest): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|_| conflicts.next() == Some(true));
        self.meters.conflicts.add(refused.len() as u64);
        answer_all(refused, Err(CommitError::Conflict));
        rest
    }

    /// Writes `group`, in order, in one transaction of the store. Only for who leads.
    fn transact(&self, urgency: Urgency, group: &[&Changes]) -> Result<(), StorageError> {
        let mut witness = lock(&self.witness);
        let mut watch = Watch { witness: &mut **witness, settled: true };
        let committing = self.meters.begin(group);
        let written = self.storage.write(urgency, &mut |writer| watch.write(group, writer));
        drop(committing);
        written.inspect_err(|_| self.meters.failures.count())?;
        watch.witness.committed();
        watch.settled = true;
        let keys = group.iter().flat_map(|changes| changes.writes.keys().cloned()).collect();
        self.sequence.store(lock(&self.recent).push(keys), Ordering::Release);
        Ok(())
    }
}

/// All commits of others wait while this is held: for a request that met too many conflicts, and
/// for what concerns the store as a whole.
pub struct Exclusive<'a> {
    committer: &'a Committer,
    _lead: Lead<'a>,
}

impl Exclusive<'_> {
    /// Starts a transaction that cannot meet a conflict.
    pub fn begin(&self) -> Result<Begin, StorageError> {
        self.committer.begin()
    }

    /// Makes `changes` durable, begun here after the last commit here.
    pub fn commit(&self, changes: &Changes) -> Result<(), CommitError> {
        if changes.writes.is_empty() {
            return Ok(());
        }
        Ok(self.committer.transact(changes.urgency, &[changes])?)
    }

    /// Makes a commit of nothing but what the witness adds.
    pub fn commit_nothing(&self, urgency: Urgency) -> Result<(), CommitError> {
        Ok(self.committer.transact(urgency, &[])?)
    }

    /// [`Storage::replace`]: the witness sees nothing of it, and whatever was begun before is in
    /// conflict with it.
    pub fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        let replaced = self.committer.storage.replace(job);
        let newest = lock(&self.committer.recent).forget();
        self.committer.sequence.store(newest, Ordering::Release);
        replaced
    }
}

/// A witness at work: told of it when the transaction ends in any way but a commit.
struct Watch<'a> {
    witness: &'a mut dyn Witness,
    settled: bool,
}

impl Watch<'_> {
    fn write(&mut self, group: &[&Changes], to: &mut dyn Writer) -> Result<(), StorageError> {
        if !std::mem::replace(&mut self.settled, false) {
            self.witness.abandoned();
        }
        for (key, new) in group.iter().flat_map(|changes| &changes.writes) {
            let old = match new {
                Some(value) => to.put(key, value)?,
                None => to.delete(key)?,
            };
            if old.is_some() || new.is_some() {
                self.witness.observe(key, old.as_deref(), new.as_deref());
            }
        }
        for (key, value) in self.witness.seal().map_err(StorageError::Aborted)? {
            match value {
                Some(value) => to.put(&key, &value)?,
                None => to.delete(&key)?,
            };
        }
        Ok(())
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.witness.abandoned();
        }
    }
}

fn answer_all(members: Vec<Member>, answer: Result<(), CommitError>) {
    members.into_iter().for_each(|member| member.answer(answer.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, SystemClock};
    use crate::base::meter::{Metered, Readings, Value};
    use crate::storage::faulty::{Failure, Faulty};
    use crate::storage::memory::Memory;

    /// Counts the changes and says so in one entry.
    #[derive(Default)]
    struct Counting {
        kept: u64,
        seen: u64,
    }

    const COUNT: &[u8] = b"\xff count";

    impl Witness for Counting {
        fn observe(&mut self, _: &[u8], _: Option<&[u8]>, _: Option<&[u8]>) {
            self.seen += 1;
        }
        fn seal(&mut self) -> Result<Vec<Write>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(vec![(COUNT.to_vec(), Some((self.kept + self.seen).to_be_bytes().to_vec()))])
        }
        fn committed(&mut self) {
            self.kept += std::mem::take(&mut self.seen);
        }
        fn abandoned(&mut self) {
            self.seen = 0;
        }
    }

    fn over(storage: impl Storage + 'static, witness: impl Witness + 'static) -> Committer {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let meters = Arc::new(Meters::new(&clock));
        Committer::new(Arc::new(storage), Box::new(witness), meters)
    }

    fn committer() -> Committer {
        over(Memory::new(), Counting::default())
    }

    fn put(begin: &Begin, reads: Reads, key: &[u8], value: &[u8]) -> Changes {
        Changes {
            base: begin.base,
            reads,
            writes: [(key.to_vec(), Some(value.to_vec()))].into(),
            urgency: Urgency::Ordinary,
        }
    }

    fn point(key: &[u8]) -> Reads {
        let mut reads = Reads::default();
        reads.point(key);
        reads
    }

    fn range(from: &[u8], to: Option<&[u8]>) -> Reads {
        let mut reads = Reads::default();
        reads.range(from, to.map(<[u8]>::to_vec));
        reads
    }

    fn is_conflict(outcome: Result<(), CommitError>) -> bool {
        match outcome {
            Ok(()) => false,
            Err(CommitError::Conflict) => true,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_was_read_and_then_changed_is_a_conflict() {
        let written = b"m";
        for (reads, expected) in [
            (Reads::default(), false),
            (point(b"m"), true),
            (point(b"l"), false),
            (range(b"a", None), true),
            (range(b"m", Some(b"n")), true),
            (range(b"a", Some(b"m")), false),
            (range(b"n", None), false),
        ] {
            let store = committer();
            let early = store.begin().unwrap();
            let other = store.begin().unwrap();
            store.commit(put(&other, Reads::default(), written, b"1")).unwrap();
            let readonly =
                Changes { writes: BTreeMap::new(), ..put(&early, reads.clone(), b"", b"") };
            assert_eq!(is_conflict(store.commit(readonly)), expected, "{reads:?}");
            let outcome = store.commit(put(&early, reads.clone(), b"x", b"2"));
            assert_eq!(is_conflict(outcome), expected, "{reads:?}");
            assert_eq!(store.begin().unwrap().view.get(b"x").unwrap().is_none(), expected);
        }
    }

    #[test]
    fn a_base_too_old_to_judge_is_a_conflict() {
        let store = committer();
        let early = store.begin().unwrap();
        for n in 0..5000u32 {
            let begin = store.begin().unwrap();
            store.commit(put(&begin, Reads::default(), &n.to_be_bytes(), b"")).unwrap();
        }
        assert!(is_conflict(store.commit(put(&early, point(b"other"), b"x", b""))));
    }

    #[test]
    fn concurrent_increments_all_count() {
        let store = committer();
        std::thread::scope(|scope| {
            for thread in 0..8u8 {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..200u8 {
                        increment(store, round % 16 == thread);
                    }
                });
            }
        });
        let view = store.begin().unwrap().view;
        let number = |key: &[u8]| {
            u64::from_be_bytes(view.get(key).unwrap().unwrap().as_slice().try_into().unwrap())
        };
        assert_eq!(number(b"n"), 1600);
        assert_eq!(number(COUNT), 1600);
        let mut told = Readings::of(String::new());
        store.meters.tell(&mut told);
        let commits = told.sorted().into_iter().find(|r| r.name.ends_with("commit_requests"));
        let Value::Summary(requests) = commits.unwrap().value else { panic!("no summary") };
        assert_eq!(requests.sum(), 1600.0, "each is in one commit");
    }

    fn increment(store: &Committer, alone: bool) {
        let next = |begin: &Begin| {
            let old = begin.view.get(b"n").unwrap();
            let old = old.map_or(0, |old| u64::from_be_bytes(old.as_slice().try_into().unwrap()));
            put(begin, point(b"n"), b"n", &(old + 1).to_be_bytes())
        };
        if alone {
            let held = store.exclusive();
            let begin = held.begin().unwrap();
            return held.commit(&next(&begin)).unwrap();
        }
        while is_conflict(store.commit(next(&store.begin().unwrap()))) {}
    }

    #[test]
    fn a_replaced_store_is_in_conflict_with_what_was_begun_before() {
        let store = committer();
        let early = store.begin().unwrap();
        let mut fill = |to: &mut dyn Writer| to.put(b"k", b"v").map(|_| ());
        store.exclusive().replace(&mut fill).unwrap();
        assert!(is_conflict(store.commit(put(&early, point(b"other"), b"x", b""))));
        assert_eq!(early.view.get(b"k").unwrap(), None);
        assert_eq!(store.begin().unwrap().view.get(b"k").unwrap(), Some(b"v".to_vec()));
    }

    #[test]
    fn on_a_full_disk_only_what_is_ordinary_is_refused() {
        let faulty = Faulty::new(Box::new(Memory::new()));
        faulty.fail(0..u64::MAX, Failure::Full);
        let store = over(faulty, Counting::default());
        std::thread::scope(|scope| {
            // Held until some wait, so that groups are mixed.
            let held = store.exclusive();
            for n in 0..16u8 {
                let store = &store;
                scope.spawn(move || {
                    let begin = store.begin().unwrap();
                    let mut changes = put(&begin, Reads::default(), &[n], b"");
                    changes.urgency = [Urgency::Ordinary, Urgency::Essential][usize::from(n % 2)];
                    match store.commit(changes) {
                        Ok(()) => assert_eq!(n % 2, 1),
                        Err(CommitError::Storage(error)) => {
                            assert!(n % 2 == 0 && matches!(*error, StorageError::Full));
                        }
                        Err(error) => panic!("{error}"),
                    }
                });
            }
            drop(held);
        });
        let view = store.begin().unwrap().view;
        assert_eq!(view.get(COUNT).unwrap(), Some(8u64.to_be_bytes().to_vec()));
    }

    #[test]
    fn a_writer_that_hangs_has_no_pulse() {
        let store = committer();
        assert_eq!(store.pulse(), None, "nobody writes");
        let write = |key: u8| {
            let begin = store.begin().unwrap();
            store.commit(put(&begin, Reads::default(), &[key], b"")).unwrap();
        };
        let held = store.exclusive();
        let first = store.pulse();
        assert!(first.is_some());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| write(1));
            // Whether it waits by now or not, nothing moves.
            assert_eq!(store.pulse(), first);
            drop(held);
            waiting.join().unwrap();
        });
        let held = store.exclusive();
        assert!(store.pulse().is_some_and(|pulse| Some(pulse) != first), "others had it meanwhile");
        drop(held);
        assert_eq!(store.pulse(), None);
    }

    /// Breaks at a certain key.
    struct Breaking;

    impl Witness for Breaking {
        fn observe(&mut self, key: &[u8], _: Option<&[u8]>, _: Option<&[u8]>) {
            assert_ne!(key, b"bad");
        }
        fn seal(&mut self) -> Result<Vec<Write>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Vec::new())
        }
        fn committed(&mut self) {}
        fn abandoned(&mut self) {}
    }

    #[test]
    fn a_leader_that_breaks_leaves_nobody_waiting() {
        let store = over(Memory::new(), Breaking);
        std::thread::scope(|scope| {
            let bad = scope.spawn(|| {
                let begin = store.begin().unwrap();
                store.commit(put(&begin, Reads::default(), b"bad", b""))
            });
            let others = [0, 1, 2, 3, 4, 5, 6, 7].map(|n: u8| {
                let store = &store;
                scope.spawn(move || {
                    let begin = store.begin().unwrap();
                    let _ = store.commit(put(&begin, Reads::default(), &[n], b""));
                })
            });
            assert!(!matches!(bad.join(), Ok(Ok(()))));
            // Whichever of them leads the group that it is in is the one that breaks.
            let broken = others.map(|other| other.join().is_err());
            assert!(broken.into_iter().filter(|broken| *broken).count() <= 1);
        });
        let begin = store.begin().unwrap();
        store.commit(put(&begin, Reads::default(), b"good", b"")).unwrap();
        assert_eq!(store.begin().unwrap().view.get(b"bad").unwrap(), None);
    }
}
