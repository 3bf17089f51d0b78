//! A store, the target that it ships to, and what was in it after each commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edgekeep::barrier::journal::Origin;
use edgekeep::barrier::journal::live::origins;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir::{self, Split};
use edgekeep::barrier::txn::{Txn, TxnError};
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::base::clock::{Clock, ManualClock, Timestamp};
use edgekeep::base::entropy::{Entropy, SeededEntropy};
use edgekeep::base::secret::Secret;
use edgekeep::snapshot::journal::compact::{self, Policy};
use edgekeep::snapshot::journal::export::{Owner, Run, export, runs};
use edgekeep::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::listing::Listing;
use edgekeep::snapshot::rewind::plan::{At, Wish};
use edgekeep::snapshot::rewind::{Prepared, RewindError, Source, prepare};
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::take::take;
use edgekeep::snapshot::target::folder::Folder as Place;
use edgekeep::snapshot::target::{Listed, Name, Target};
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Storage, Urgency, Writer};

use crate::support::TempDir;

const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);

/// All entries, by path.
pub type State = BTreeMap<String, Vec<u8>>;

/// A commit, and what was there after it.
#[derive(Clone)]
pub struct Past {
    pub timeline: Timeline,
    pub revision: u64,
    pub time: Timestamp,
    pub state: State,
    /// What opens it.
    pub shares: Vec<Secret>,
}

/// Whatever a transaction refused.
#[derive(Debug)]
pub struct Refused(#[expect(dead_code, reason = "for the message of a test that fails")] String);

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A store that ships its journal to a folder.
pub struct Site {
    pub barrier: Barrier,
    pub storage: Arc<dyn Storage>,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<dyn Entropy>,
    pub spools: Spools,
    pub target: Place,
    pub folder: Folder,
    pub state: State,
    pub shares: Vec<Secret>,
    pub history: Vec<Past>,
    /// The segments of this timeline end here.
    shipped: u64,
    place: Arc<TempDir>,
}

pub fn split() -> Split {
    Split::new(1, 1).unwrap()
}

impl Site {
    /// A new store with a journal, of which the target has a first snapshot.
    pub fn new(seed: u64) -> Self {
        Self::new_on(seed, Arc::new(TempDir::new()))
    }

    /// On a bare machine, what a target has of an instant is what was there then.
    pub fn must_bring_back(&self, past: &Past, at: At, timeline: Option<Timeline>) {
        let mut bare = self.bare(99);
        let prepared = bare.prepare(at, timeline).unwrap();
        assert_eq!(prepared.found().instant.revision, past.revision);
        prepared.restore(&bare.barrier, false).unwrap();
        bare.shares = past.shares.clone();
        bare.unseal();
        bare.must_be(&past.state, "it comes back");
    }

    /// A clone that goes on beside the original, from `fork` on.
    pub fn cloned(&self, fork: &Past, at: At) -> Self {
        let mut clone = self.bare(50);
        let prepared = clone.prepare(at, None).unwrap();
        prepared.restore(&clone.barrier, false).unwrap();
        (clone.shares, clone.state) = (fork.shares.clone(), fork.state.clone());
        clone.unseal();
        clone.put_snapshot();
        clone.note();
        clone
    }

    /// Another store that shares the target.
    pub fn neighbour(&self, seed: u64) -> Self {
        Self::new_on(seed, Arc::clone(&self.place))
    }

    /// What is in a storage, on another machine that sees the same target.
    pub fn over(&self, storage: Arc<dyn Storage>) -> Self {
        let mut site = Self::made(storage, 1000, Arc::clone(&self.place));
        site.folder = self.folder.clone();
        site.clock.set_wall(self.clock.wall());
        site
    }

    /// Another machine that begins with a copy of the store, as it is now.
    pub fn twin(&self) -> Self {
        let memory = Memory::new();
        let view = self.storage.view().unwrap();
        let mut fill = |to: &mut dyn Writer| {
            view.scan(&[], None)?.try_for_each(|entry| {
                let (key, value) = entry?;
                to.put(&key, &value).map(drop)
            })
        };
        memory.write(Urgency::Essential, &mut fill).unwrap();
        let mut twin = self.over(Arc::new(memory));
        (twin.state, twin.shares) = (self.state.clone(), self.shares.clone());
        (twin.history, twin.shipped) = (self.history.clone(), self.shipped);
        twin.unseal();
        twin
    }

    fn new_on(seed: u64, place: Arc<TempDir>) -> Self {
        let mut site = Self::made(Arc::new(Memory::new()), seed, place);
        let (shares, ()) = site.barrier.initialize(split(), |_| Ok::<_, Refused>(())).unwrap();
        site.shares = shares;
        site.unseal();
        let store_id = site.store().status().store_id;
        site.folder = Folder::new("", &store_id).unwrap();
        site.store().begin_journal().unwrap();
        site.put_snapshot();
        site.note();
        site
    }

    /// A machine without a store that sees the same target.
    pub fn bare(&self, seed: u64) -> Self {
        let mut site = Self::made(Arc::new(Memory::new()), seed, Arc::clone(&self.place));
        site.folder = self.folder.clone();
        site.clock.set_wall(self.clock.wall());
        site
    }

    fn made(storage: Arc<dyn Storage>, seed: u64, place: Arc<TempDir>) -> Self {
        let clock = Arc::new(ManualClock::at(NOON));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let barrier = Barrier::new(Arc::clone(&storage), clock.clone(), Arc::clone(&entropy));
        let (state, shares, history) = Default::default();
        Self {
            barrier,
            storage,
            clock,
            entropy,
            spools: Spools::new(place.path(), 0),
            target: Place::new(place.path()),
            folder: Folder::new("", "none").unwrap(),
            state,
            shares,
            history,
            shipped: 0,
            place,
        }
    }

    pub fn store(&self) -> Arc<Unsealed> {
        self.barrier.unsealed().expect("it is unsealed")
    }

    pub fn unseal(&self) {
        self.barrier.unseal(&shamir::combine(&self.shares).unwrap()).unwrap();
    }

    /// A commit was made: what is there now is what was there then.
    pub fn note(&mut self) {
        let record = self.store().status();
        let last = self.history.last().map(|past| (past.timeline, past.revision));
        assert!(
            last.is_none_or(|(timeline, revision)| timeline != record.timeline
                || revision + 1 == record.revision),
            "each commit is noted"
        );
        self.history.push(Past {
            timeline: record.timeline,
            revision: record.revision,
            time: self.clock.wall(),
            state: self.state.clone(),
            shares: self.shares.clone(),
        });
    }

    pub fn put(&mut self, path: &str, value: &[u8]) {
        self.state.insert(path.into(), value.into());
        self.transact(|txn| txn.scope(MountId::SYSTEM).put(path, value));
    }

    pub fn delete(&mut self, path: &str) {
        if self.state.remove(path).is_some() {
            self.transact(|txn| txn.scope(MountId::SYSTEM).delete(path));
        }
    }

    /// Many entries in one commit.
    pub fn put_all(&mut self, paths: &[String]) {
        self.state.extend(paths.iter().map(|path| (path.clone(), Vec::new())));
        self.transact(|txn| {
            let mut scope = txn.scope(MountId::SYSTEM);
            paths.iter().try_for_each(|path| scope.put(path, &[]))
        });
    }

    fn transact(&mut self, job: impl Fn(&mut Txn) -> Result<(), TxnError>) {
        self.store().transact(job).unwrap();
        self.note();
    }

    pub fn rotate(&mut self) {
        self.store().rotate().unwrap();
        self.note();
    }

    pub fn rekey(&mut self) {
        let store = self.store();
        let (seal, shares) = self.barrier.prepare_rekey(&store, split()).unwrap();
        store.rekey(&seal).unwrap();
        self.shares = shares;
        self.note();
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.wall()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Puts a snapshot on the target.
    pub fn snapshot(&mut self) -> Name {
        let name = self.put_snapshot();
        self.note();
        name
    }

    /// The same, and its stamp is not noted.
    pub fn put_snapshot(&self) -> Name {
        let store = self.store();
        let spool = self.spools.open().unwrap();
        let (time, instant) = store.stamp().unwrap();
        let taken = take(instant, spool, time, &*self.entropy).unwrap();
        let mut file = Vec::new();
        taken.write_to(&mut file).unwrap();
        let record = store.status();
        let name = self.folder.snapshot(&SnapshotName {
            prefix: "vault-snapshot".into(),
            taken: time,
            timeline: record.timeline,
            revision: record.revision,
            state: taken.state(),
        });
        self.send(&name.unwrap(), &file)
    }

    /// Ships what the target has not got, in segments of at most so many bytes.
    pub fn ship(&mut self, most: u64) -> Vec<Name> {
        let store = self.store();
        let view = store.journal_view().unwrap();
        let timeline = store.status().timeline;
        let origin = store.journal().unwrap().origin;
        let runs = runs(&*view, timeline, origin, (self.shipped + 1, u64::MAX), most).unwrap();
        let runs: Vec<Run> = runs.map(Result::unwrap).collect();
        let sent = runs.iter().map(|run| self.send_run(&*view, run)).collect();
        drop(view);
        if let Some(Run { name, .. }) = runs.last() {
            store.drop_journal(timeline, name.last).unwrap();
            self.shipped = name.last;
        }
        sent
    }

    fn send_run(&self, view: &dyn edgekeep::storage::View, run: &Run) -> Name {
        let owner = self.owner();
        let keyring = self.store().keyring();
        let file = export(view, run, &owner, &keyring, Vec::new()).unwrap();
        self.send(&self.folder.segment(&run.name).unwrap(), &file)
    }

    /// Compacts what is on the target; the segments that were made.
    pub fn compact(&self, policy: Policy) -> usize {
        let mut made = 0;
        loop {
            let listed = self.target.list(self.folder.path()).unwrap();
            let mut listing = Listing::read(&self.folder, &listed);
            let source = Source { target: &self.target, folder: &self.folder };
            let keys = self.store();
            listing.present = Some(keys.status().timeline);
            let begun = origins(&keys).unwrap();
            let round = compact::plan(&listing, &begun, self.clock.wall(), policy);
            for (outer, inner) in &round.left {
                compact::clear(source, outer, inner, &Lent::of(&keys)).unwrap();
            }
            if round.jobs.is_empty() {
                return made;
            }
            for job in &round.jobs {
                compact::compact(source, job, &Lent::of(&keys), &self.owner(), &self.spools)
                    .unwrap();
                made += 1;
            }
        }
    }

    /// The names and lengths of all segments.
    pub fn segments(&self) -> Vec<Listed> {
        let mut listed = self.target.list(self.folder.path()).unwrap();
        listed.retain(|listed| listed.name.as_str().ends_with(".seg"));
        listed
    }

    fn owner(&self) -> Owner {
        let key_id = self.barrier.settings().unwrap().unwrap().root_key.to_string();
        Owner { store_id: self.folder.store_id().into(), key_id }
    }

    pub fn send(&self, name: &Name, file: &[u8]) -> Name {
        self.target.put(name, file.len() as u64, &mut &*file).unwrap();
        name.clone()
    }

    /// Puts a file there under a name that somebody has made up.
    pub fn junk(&self, kept: &Kept) -> Name {
        self.send(&self.folder.name(kept).unwrap(), b"junk")
    }

    /// The target's folder.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// Where an object lies.
    pub fn path(&self, name: &Name) -> PathBuf {
        self.place.path().join(name.as_str())
    }

    pub fn length(&self, name: &Name) -> u64 {
        fs::metadata(self.path(name)).unwrap().len()
    }

    /// Changes a byte of an object.
    pub fn damage(&self, name: &Name, at: usize) {
        let mut file = fs::read(self.path(name)).unwrap();
        let at = at % file.len();
        file[at] ^= 1;
        fs::write(self.path(name), file).unwrap();
    }

    pub fn prepare(&self, at: At, timeline: Option<Timeline>) -> Result<Prepared, RewindError> {
        let source = Source { target: &self.target, folder: &self.folder };
        let wish = Wish { at, timeline };
        prepare(source, &wish, self.barrier.unsealed().as_ref().map(Lent::of), &self.spools)
    }

    /// Goes back in place: what is there now is what was there then.
    pub fn rewind(&mut self, past: &Past) {
        let at = At::Revision(past.revision);
        let prepared = self.prepare(at, Some(past.timeline)).unwrap();
        prepared.restore(&self.barrier, false).unwrap();
        self.state = past.state.clone();
        self.shipped = 0;
        self.note();
    }

    /// Every entry of the store opens, all add up, and they are these.
    pub fn must_be(&self, state: &State, what: &str) {
        let store = self.store();
        let report = store.verify(&*self.storage.view().unwrap()).unwrap();
        assert!(report.good(), "{what}: {report:?}");
        assert_eq!(self.read(), *state, "{what}");
    }

    /// All entries.
    pub fn read(&self) -> State {
        let mut txn = self.store().begin().unwrap();
        let mut state = State::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for name in txn.scope(MountId::SYSTEM).list(&folder).unwrap() {
                let path = format!("{folder}{name}");
                if path.ends_with('/') {
                    folders.push(path);
                } else {
                    let value = txn.scope(MountId::SYSTEM).get(&path).unwrap().unwrap();
                    state.insert(path, value.to_vec());
                }
            }
        }
        state
    }
}

/// The name of a segment that nobody has made: its commits, and their seconds.
pub fn made_up(
    timeline: Timeline,
    origin: Option<Origin>,
    (first, last): (u64, u64),
    (from, to): (Timestamp, Timestamp),
) -> Kept {
    Kept::Segment(SegmentName { timeline, origin, first, last, from, to, chain: 7 })
}

/// The same of a snapshot.
pub fn made_up_snapshot(timeline: Timeline, revision: u64, taken: Timestamp) -> Kept {
    let prefix = "vault-snapshot".into();
    Kept::Snapshot(SnapshotName { prefix, taken, timeline, revision, state: 7 })
}

/// What was refused, in its words.
pub fn refusal<T>(outcome: Result<T, RewindError>) -> String {
    outcome.err().expect("refused").to_string()
}
