//! A server that can be stopped at any point: its store, the keepers of its targets, and the model
//! of what is in it.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use edgekeep::barrier::journal::JOURNAL;
use edgekeep::barrier::journal::placed;
use edgekeep::barrier::names::MountId;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::shamir::{self, Split};
use edgekeep::barrier::txn::TxnError;
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::base::clock::{Clock, ManualClock, Timestamp};
use edgekeep::base::entropy::{Entropy, SeededEntropy};
use edgekeep::base::meter::Readings;
use edgekeep::base::secret::Secret;
use edgekeep::snapshot::keeper::retention::Policy;
use edgekeep::snapshot::keeper::settings::{Fields, Given, Giver, Settings, field};
use edgekeep::snapshot::keeper::{Desk, Ledger, Means, Worker, keep_journal};
use edgekeep::snapshot::layout::{Folder, SnapshotName};
use edgekeep::snapshot::meters::Meters;
use edgekeep::snapshot::spool::Spools;
use edgekeep::storage::faulty::{Failure, Faulty};
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Condition, Entry, Job, Storage, StorageError, Urgency, View, Writer};

use crate::model::{Commit, Model, Past, State};
use crate::place::Place;
use crate::support::TempDir;
use crate::support::dice::Dice;

const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);
/// More than that between two looks counts for nothing.
pub const STEP: Duration = Duration::from_secs(300);
/// So many acts are told when something is wrong.
const TOLD: usize = 30;

/// Whatever a transaction refused.
#[derive(Debug)]
pub struct Refused;

impl<E: std::error::Error> From<E> for Refused {
    fn from(_: E) -> Self {
        Self
    }
}

/// The disk: what is left of a server when its power goes.
struct Disk(Arc<Memory>);

impl Storage for Disk {
    fn view(&self) -> Result<Box<dyn View>, StorageError> {
        self.0.view()
    }

    fn write(&self, urgency: Urgency, job: &mut Job<'_>) -> Result<(), StorageError> {
        self.0.write(urgency, job)
    }

    fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        self.0.replace(job)
    }

    fn condition(&self) -> Condition {
        self.0.condition()
    }

    fn tell(&self, to: &mut Readings) {
        self.0.tell(to);
    }

    fn maintain(&self) -> Result<(), StorageError> {
        self.0.maintain()
    }
}

/// A copy of the whole disk.
pub struct Copy {
    pub entries: Vec<Entry>,
    pub at: Commit,
    pub state: Rc<State>,
    shares: Vec<Secret>,
    beside: Option<Timeline>,
}

/// The server.
pub struct Site {
    pub diary: Diary,
    pub dice: Dice,
    pub clock: Arc<ManualClock>,
    entropy: Arc<dyn Entropy>,
    disk: Arc<Memory>,
    pub storage: Arc<Faulty>,
    pub barrier: Arc<Barrier>,
    pub folder: Folder,
    pub spools: Arc<Spools>,
    pub places: Vec<Arc<Place>>,
    settings: Vec<Settings>,
    pub desks: Vec<Arc<Desk>>,
    workers: Vec<Worker>,
    /// So many bytes of the journal are kept.
    pub limit: u64,
    pub model: Model,
    /// The last commit that is in the model, and what was there.
    pub last: Commit,
    pub state: Rc<State>,
    pub shares: Vec<Secret>,
    pub copy: Option<Copy>,
    _home: TempDir,
}

impl Site {
    pub fn new(seed: u64) -> Self {
        let (dice, home) = (Dice::new(seed), TempDir::new());
        let clock = Arc::new(ManualClock::at(NOON));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(!seed));
        let disk = Arc::new(Memory::new());
        let storage = Arc::new(Faulty::new(Box::new(Disk(disk.clone()))));
        let barrier = Arc::new(Barrier::new(storage.clone(), clock.clone(), entropy.clone()));
        let split = Split::new(1, 1).unwrap();
        let (shares, ()) = barrier.initialize(split, |_| Ok::<_, Refused>(())).unwrap();
        let targets = 1 + dice.below(2);
        let mut site = Self {
            diary: Diary { seed, acts: Vec::new(), places: Vec::new() },
            clock,
            entropy,
            disk,
            storage,
            barrier,
            folder: Folder::new("", "none").unwrap(),
            spools: Arc::new(Spools::new(home.path(), 0)),
            places: (0..targets).map(|n| Arc::new(Place::new(seed << 8 | n))).collect(),
            settings: (0..targets).map(|_| settings(&dice)).collect(),
            desks: Vec::new(),
            workers: Vec::new(),
            limit: [8_000, 40_000, 1 << 20][dice.below(3) as usize],
            model: Model::default(),
            last: (Timeline { number: 0, id: 0 }, 0),
            state: Rc::default(),
            shares,
            copy: None,
            dice,
            _home: home,
        };
        site.diary.places.clone_from(&site.places);
        site.open();
        let status = site.store().status();
        site.folder = Folder::new("", &status.store_id).unwrap();
        site.last = (status.timeline, 0);
        site.catch_up(None);
        site
    }

    /// The program starts, after whatever end, and is unsealed.
    pub fn open(&mut self) {
        self.storage.fail(0..0, Failure::Io);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let (storage, entropy) = (self.storage.clone(), self.entropy.clone());
        self.barrier = Arc::new(Barrier::new(storage, clock.clone(), entropy.clone()));
        let unseal_key = shamir::combine(&self.shares).unwrap();
        self.barrier.unseal(&unseal_key).unwrap().set_journal_limit(self.limit);
        let means = self.means(&self.barrier);
        let ledger = Arc::new(Ledger::default());
        let names: Vec<String> = (0..self.places.len()).map(|n| format!("target {n}")).collect();
        ledger.set(names.iter().map(String::as_str));
        self.desks = names.iter().map(|_| Arc::new(Desk::default())).collect();
        let worker = |n: usize| {
            let place = self.places[n].clone();
            let (means, ledger) = (means.clone(), ledger.clone());
            let (settings, desk) = (self.settings[n].clone(), self.desks[n].clone());
            Worker::new(&names[n], settings, place, means, ledger, desk)
        };
        self.workers = (0..names.len()).map(worker).collect();
    }

    /// The threads of the targets end, as with a server that is told to.
    pub fn stop(&mut self) {
        self.desks.iter().for_each(|desk| desk.stop());
        self.workers.drain(..).for_each(Worker::run);
        self.catch_up(None);
    }

    /// What the keeper of a store works with.
    pub fn means(&self, barrier: &Arc<Barrier>) -> Arc<Means> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let meters = Arc::new(Meters::new(&clock));
        Arc::new(Means {
            barrier: barrier.clone(),
            clock,
            entropy: self.entropy.clone(),
            spools: self.spools.clone(),
            meters,
            include: Vec::new(),
            home: None,
        })
    }

    /// Where chance comes from.
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        self.entropy.clone()
    }

    /// So often a snapshot is due from the next start on.
    pub fn takes_every(&mut self, interval: Duration) {
        self.settings.iter_mut().for_each(|settings| settings.interval = interval);
    }

    /// From the next start on that is kept.
    pub fn keeps(&mut self, policy: Policy) {
        self.settings.iter_mut().for_each(|settings| settings.policy = policy);
    }

    /// From the next start on the targets are sticks.
    pub fn are_sticks(&mut self) {
        let mut fields = Fields::default();
        fields.set(field::STORAGE_TYPE, Given::Text("usb".into()));
        fields.set(field::USB_VOLUME, Given::Text("STICK".into()));
        fields.set(field::INTERVAL, Given::Seconds(3600));
        let stick = Settings::read(fields, Giver::Configuration).unwrap();
        self.settings.iter_mut().for_each(|settings| settings.place = stick.place.clone());
        self.places.iter().for_each(|place| place.comes_and_goes());
    }

    /// Of each target.
    pub fn settings(&self) -> &[Settings] {
        &self.settings
    }

    pub fn store(&self) -> Arc<Unsealed> {
        self.barrier.unsealed().expect("it is unsealed")
    }

    /// The next failures of the store: those of its operations from so many on, so many of them.
    pub fn fail(&self, after: u64, many: u64, failure: Failure) {
        let from = self.storage.operations() + after;
        self.storage.fail(from..from.saturating_add(many), failure);
    }

    /// What the server does every second.
    pub fn serve(&mut self) {
        // It may have been sealed by a restore that was cut off.
        let Some(store) = self.barrier.unsealed() else { return };
        store.set_journal_limit(self.limit);
        let _ = keep_journal(&store, true);
        self.catch_up(None);
        for n in 0..self.workers.len() {
            self.round(n);
        }
    }

    /// What the keeper of one target does.
    pub fn round(&mut self, n: usize) {
        self.workers[n].round();
        self.catch_up(None);
    }

    /// Takes into the model what was committed since: `next` is what the first commit has made.
    pub fn catch_up(&mut self, next: Option<State>) {
        let Some(store) = self.barrier.unsealed() else { return };
        let time = store.time().now();
        self.clock.advance(Duration::from_micros(1));
        let status = store.status();
        let (timeline, revision) = self.last;
        if status.timeline != timeline {
            self.model.beside = self.model.beside.filter(|beside| *beside == status.timeline);
        }
        assert!(status.revision >= revision, "it went back by itself");
        let local = self.local();
        if let Some(state) = next {
            assert!(status.revision > revision, "a commit is there");
            self.state = Rc::new(state);
        }
        let beside = self.model.beside == Some(status.timeline);
        for revision in revision + 1..=status.revision {
            let commit = (status.timeline, revision);
            let recorded = local.contains(&commit)
                || self.places.iter().any(|place| place.holds(commit.0, commit.1));
            let (state, shares) = (self.state.clone(), self.shares.clone());
            if beside {
                let twins = self.model.twins.entry(status.timeline).or_default();
                twins.push((commit, State::clone(&state)));
            } else {
                // What came and went meanwhile was here, too.
                if recorded {
                    self.model.local.insert(commit);
                }
                self.model.past.insert(commit, Past { time, state, shares, recorded });
                self.model.life.push((time, commit));
            }
        }
        self.last = (status.timeline, status.revision);
        self.see_dropped(local);
    }

    /// It is seen what the store has let go of.
    fn see_dropped(&mut self, local: BTreeSet<Commit>) {
        let before = std::mem::replace(&mut self.model.local, local);
        let near_the_limit = self.model.bytes >= self.limit / 4 * 3;
        self.model.bytes = self.local_bytes();
        let head = self.barrier.unsealed().and_then(|store| store.journal());
        let cut = std::mem::replace(&mut self.model.cut, head.is_some_and(|head| head.cut));
        for commit in before.difference(&self.model.local) {
            // Of two servers' one history what is only here may be given up: that is told.
            let doubled =
                self.model.twins.contains_key(&commit.0) || self.model.beside == Some(commit.0);
            if !self.model.past.contains_key(commit) || doubled {
                continue;
            }
            for (n, place) in self.places.iter().enumerate() {
                let needed = self.model.leads(n, place, *commit);
                if place.holds(commit.0, commit.1) {
                    continue;
                }
                let anew = head.is_some_and(|h| h.timeline == commit.0 && commit.1 <= h.begun);
                assert!(
                    !needed || (self.places.len() > 1 && (near_the_limit || cut || anew)),
                    "the record of {commit:?} is gone, and target {n} has not got it"
                );
                self.model.excused.insert((n, *commit));
            }
        }
    }

    /// The records that the store holds.
    pub fn local(&self) -> BTreeSet<Commit> {
        let view = self.view();
        let keys = view.keys(&[JOURNAL], None).unwrap();
        keys.map(|key| placed(&key.unwrap()).unwrap()).collect()
    }

    /// How long they are together.
    pub fn local_bytes(&self) -> u64 {
        let view = self.view();
        let entries = view.scan(&[JOURNAL], None).unwrap();
        entries.map(|entry| entry.unwrap().1.len() as u64).sum()
    }

    /// The store as it is, read past all failures.
    fn view(&self) -> Box<dyn View> {
        self.disk.view().unwrap()
    }

    /// A copy of the disk.
    pub fn remember(&mut self) {
        let entries = self.view().scan(&[], None).unwrap().map(Result::unwrap).collect();
        let (state, shares) = (self.state.clone(), self.shares.clone());
        let beside = self.model.beside;
        self.copy = Some(Copy { entries, at: self.last, state, shares, beside });
    }

    /// An old copy of the disk is put in the place of the present one.
    pub fn go_back(&mut self, copy: Copy) {
        for commit in std::mem::take(&mut self.model.local) {
            for n in 0..self.places.len() {
                self.model.excused.insert((n, commit));
            }
            if !self.places.iter().any(|place| place.holds(commit.0, commit.1)) {
                self.model.past.remove(&commit);
            }
        }
        let Copy { entries, at, state, shares, beside } = copy;
        let (timeline, revision) = at;
        let there = self.places.iter().any(|place| {
            let later = |of: &SnapshotName| of.timeline == timeline && of.revision > revision;
            place.snapshots().iter().any(later)
                || place.segments(timeline).iter().any(|segment| segment.of.last > revision)
        });
        let still = self.places.iter().any(|place| place.told_of(timeline) > 0);
        self.model.beside = beside.filter(|_| still).or(there.then_some(timeline));
        self.model.doubtful.extend(self.model.beside);
        // What it was and what it is from now on until it adopts are two.
        if let Some(beside) = self.model.beside {
            self.model.twins.entry(beside).or_default();
        }
        if self.model.beside.is_none() {
            // What was forgotten of that history may be told anew.
            self.model.past.retain(|commit, _| commit.0 != timeline || commit.1 <= revision);
        }
        self.disk = Arc::new(filled(&entries));
        self.storage = Arc::new(Faulty::new(Box::new(Disk(self.disk.clone()))));
        (self.last, self.state, self.shares) = (at, state, shares);
        self.open();
        self.model.local = self.local();
        self.catch_up(None);
    }

    /// The number of commits and of histories.
    pub fn counts(&self) -> (usize, usize) {
        (self.model.past.len(), self.model.timelines().len())
    }

    /// A machine without a store.
    pub fn bare(&self, seed: u64) -> Barrier {
        let entropy = Arc::new(SeededEntropy::new(seed));
        Barrier::new(Arc::new(Memory::new()), self.clock.clone(), entropy)
    }
}

/// What was learned of targets.
const LEARNED: [&str; 3] =
    ["core/snapshot-learned/", "core/snapshot-beside/", "core/snapshot-watched/"];

/// All that is in a store, but what was learned of its targets, which no act has written.
pub fn read(store: &Arc<Unsealed>) -> Result<State, TxnError> {
    let mut txn = store.begin()?;
    let mut state = State::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in txn.scope(MountId::SYSTEM).list(&folder)? {
            let path = format!("{folder}{name}");
            if LEARNED.contains(&&*path) {
                continue;
            }
            if path.ends_with('/') {
                folders.push(path);
            } else if let Some(value) = txn.scope(MountId::SYSTEM).get(&path)? {
                state.insert(path, value.to_vec());
            }
        }
    }
    Ok(state)
}

/// A disk with that on it.
pub fn filled(entries: &[Entry]) -> Memory {
    let memory = Memory::new();
    let mut fill = |to: &mut dyn Writer| {
        entries.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
    };
    memory.write(Urgency::Essential, &mut fill).unwrap();
    memory
}

/// A server with so many targets, which have all that there is.
pub fn with(targets: usize) -> Site {
    let mut site = (1..).map(Site::new).find(|site| site.places.len() == targets).unwrap();
    serve(&mut site, 10);
    site
}

/// So long passes, in which the server looks all the time.
pub fn watch(site: &mut Site, time: Duration) {
    for _ in 0..time.as_secs() / STEP.as_secs() {
        site.clock.advance(STEP);
        site.serve();
    }
}

/// So many times two seconds pass.
pub fn serve(site: &mut Site, rounds: u32) {
    for _ in 0..rounds {
        site.clock.advance(Duration::from_secs(2));
        site.serve();
    }
}

/// The keeper of a server that has one target.
pub fn served(means: &Arc<Means>, settings: &Settings, place: Arc<Place>) -> (Worker, Arc<Desk>) {
    let (ledger, desk) = (Arc::new(Ledger::default()), Arc::new(Desk::default()));
    ledger.set(["target"].into_iter());
    let worker =
        Worker::new("target", settings.clone(), place, means.clone(), ledger, desk.clone());
    (worker, desk)
}

/// A target that gets snapshots each hour and the journal.
fn settings(dice: &Dice) -> Settings {
    let mut fields = Fields::default();
    fields.set(field::STORAGE_TYPE, Given::Text("file".into()));
    fields.set(field::PATH_PREFIX, Given::Text("/nowhere".into()));
    fields.set(field::INTERVAL, Given::Seconds(3600));
    fields.set(field::JOURNAL, Given::Flag(true));
    fields.set(field::KEEP_LAST, Given::Number(1 + dice.below(4)));
    fields.set(field::KEEP_DAILY, Given::Number(dice.below(20)));
    if dice.one_in(2) {
        fields.set(field::KEEP_HOURLY, Given::Number(dice.below(100)));
        fields.set(field::VERIFY_AFTER, Given::Seconds(7200));
    }
    let mut settings = Settings::read(fields, Giver::Configuration).unwrap();
    // Short, so that a history that was left is over before the end.
    settings.policy.others = STEP * (4 + dice.below(30) as u32);
    settings
}

/// The acts, told when something is wrong.
pub struct Diary {
    seed: u64,
    pub acts: Vec<String>,
    places: Vec<Arc<Place>>,
}

impl Diary {
    pub fn note(&mut self, act: impl Into<String>) {
        let act = act.into();
        log::info!("{:5} {act}", self.acts.len());
        self.acts.push(act);
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("EDGEKEEP_SEED={} repeats it; the last acts were:", self.seed);
            let from = self.acts.len().saturating_sub(TOLD);
            for (n, act) in self.acts.iter().enumerate().skip(from) {
                eprintln!("{n:5} {act}");
            }
            for (n, place) in self.places.iter().enumerate() {
                eprintln!("target {n} ({:?}):\n{}", place.weather(), place.told());
            }
        }
    }
}
