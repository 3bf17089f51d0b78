//! Snapshots and the journal leave the machine by themselves.
//!
//! Each target has a thread of its own, which may hang for as long as the target does: no request,
//! no lock and no view of the store waits for it. What a target holds is always learned from its
//! listing, so that nothing here has to be kept in step with it.

mod age;
mod aside;
mod beside;
pub mod check;
mod contact;
mod desk;
mod forget;
mod ledger;
mod left;
mod meters;
mod places;
mod promises;
mod reach;
mod reading;
pub mod retention;
mod schedule;
pub mod settings;
mod ship;
mod snapshot;
pub mod status;
pub mod stored;
mod strangers;
mod telling;
mod trouble;
mod unusable;
pub mod watch;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

pub use self::desk::{Desk, Forgetting, Forgotten, Listing, Wishes};
pub use self::ledger::Ledger;
pub use self::worker::Worker;

use self::promises::Promises;
use self::settings::{Fields, Giver, LEAST_JOURNAL, Settings, Wrong, field};
use self::status::{Shipped, Standing, Status};
use super::meters::Meters;
use super::spool::Spools;
use crate::barrier::journal::DEFAULT_LIMIT;
use crate::barrier::journal::live::timelines;
use crate::barrier::txn::{Txn, TxnError};
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::sync::lock;
use crate::storage::nameless::free_bytes;

/// How long the end of a server waits for what is committed to be shipped.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the API has the settings of targets.
const CONFIG: &str = "sys/storage/raft/snapshot-auto/config";

/// How often it is tried to serve a target that cannot be.
const AGAIN: Duration = Duration::from_secs(60);

/// What all targets share.
pub struct Means {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// For the seal of a snapshot.
    pub entropy: Arc<dyn Entropy>,
    /// Hold what targets are too slow for.
    pub spools: Arc<Spools>,
    /// Where snapshots are counted.
    pub meters: Arc<Meters>,
    /// Files of the machine that go along, those of all targets.
    pub include: Vec<PathBuf>,
    /// The folder of the store, where it has one.
    pub home: Option<PathBuf>,
}

impl Means {
    /// The last commit of which there is a record.
    fn committed(&self) -> u64 {
        let head = self.barrier.unsealed().and_then(|unsealed| unsealed.journal());
        head.map_or(0, |head| head.revision)
    }
}

/// Keeps all targets.
pub struct Keeper {
    means: Arc<Means>,
    /// Those of the configuration.
    configured: BTreeMap<String, Settings>,
    /// How often those in the store were changed.
    changes: AtomicU64,
    ledger: Arc<Ledger>,
    running: Mutex<Running>,
    promises: Mutex<Promises>,
}

#[derive(Default)]
struct Running {
    /// For which store, at which change, the targets below were found.
    seen: Option<(Weak<Unsealed>, u64)>,
    targets: BTreeMap<String, Served>,
    /// Those that cannot be served.
    unserved: BTreeMap<String, Unserved>,
    /// When these are tried again, by the boot clock.
    again: Duration,
    /// Whether any wants the journal, be it served or not.
    journaling: bool,
    /// How much of it may wait for them.
    journal_max: u64,
    /// Nothing is begun any more.
    over: bool,
    /// Those that were told to end.
    ending: Vec<Arc<Desk>>,
}

/// A target that is served.
struct Served {
    settings: Settings,
    desk: Arc<Desk>,
}

/// A target that cannot be.
#[derive(PartialEq, Eq)]
struct Unserved {
    given: Fields,
    why: String,
}

impl Unserved {
    fn status(&self) -> Status {
        let (standing, error) = (Standing::Unserved, Some(self.why.clone()));
        Status { standing, error, ..Status::default() }
    }
}

/// What is to be served.
#[derive(Default)]
struct Wanted {
    targets: BTreeMap<String, Settings>,
    /// What cannot be.
    unserved: BTreeMap<String, Unserved>,
    /// Whose journal is kept, also while it cannot be served.
    journaling: BTreeSet<String>,
}

impl Wanted {
    /// How much of the journal may wait for them.
    fn journal_limit(&self) -> u64 {
        let limits = self.targets.values().filter(|settings| settings.journal);
        limits.map(|settings| settings.journal_max).max().unwrap_or(DEFAULT_LIMIT)
    }
}

impl Keeper {
    /// Begins nothing yet. `configured` are the targets that stand in the configuration.
    pub fn new(means: Means, configured: BTreeMap<String, Settings>) -> Self {
        let (changes, ledger, running, promises) = Default::default();
        Self { means: Arc::new(means), configured, changes, ledger, running, promises }
    }

    /// A target that stands in the configuration.
    pub fn configured(&self, name: &str) -> Option<&Settings> {
        self.configured.get(name)
    }

    /// The names of those.
    pub fn configured_names(&self) -> impl Iterator<Item = &str> {
        self.configured.keys().map(String::as_str)
    }

    /// Refuses a place that is lost with the store, by its path.
    pub fn must_be_outside(&self, settings: &Settings) -> Result<(), Wrong> {
        self.means.home.iter().try_for_each(|home| settings.must_be_outside(home))
    }

    /// Refuses what is by its settings the place of another target, of the configuration or of the
    /// store.
    pub fn must_be_beside(
        &self,
        txn: &mut Txn,
        name: &str,
        settings: &Settings,
    ) -> Result<Result<(), Wrong>, TxnError> {
        let mut others = self.configured.clone();
        for (name, given) in stored(txn)? {
            // One that cannot be read is not served.
            if let Ok(settings) = Settings::read(given, Giver::Api) {
                others.entry(name).or_insert(settings);
            }
        }
        others.remove(name);
        let others = others.iter().map(|(name, settings)| (name.as_str(), settings));
        Ok(settings.must_be_beside(others))
    }

    /// Has a change of the targets in the store heeded once it is committed.
    pub fn changed(self: &Arc<Self>, txn: &mut Txn) {
        let keeper = Arc::clone(self);
        txn.after_commit(move || {
            keeper.changes.fetch_add(1, Ordering::Release);
            keeper.look();
        });
    }

    /// What a store that was opened must know of them before anybody writes to it.
    pub fn opened(&self, unsealed: &Arc<Unsealed>) {
        match self.wanted(unsealed) {
            Ok(wanted) => {
                self.limit_journal(unsealed, wanted.journal_limit());
                // A copy that records no more is known by where it ended: before it has written.
                if wanted.journaling.is_empty()
                    && let Err(error) = unsealed.end_journal()
                {
                    log::error!("snapshots: the journal: {error}");
                }
            }
            Err(error) => log::error!("snapshots: the targets cannot be read: {error}"),
        }
    }

    /// Has so much of the journal wait here at most, or what leaves as much free as it takes, where
    /// that is less: a target that is gone is not to end all writes.
    fn limit_journal(&self, unsealed: &Unsealed, most: u64) {
        let taken = unsealed.journal().map_or(0, |head| head.bytes);
        let home = self.means.home.as_deref().map(File::open);
        let free = home.and_then(|home| free_bytes(&home.ok()?).ok());
        let bound = free.map_or(most, |free| (free.saturating_add(taken) / 2).max(LEAST_JOURNAL));
        unsealed.set_journal_limit(most.min(bound));
    }

    /// What is to be done every second.
    pub fn round(&self) {
        let Some((unsealed, journaling)) = self.look() else { return };
        let journal_max = lock(&self.running).journal_max;
        self.limit_journal(&unsealed, journal_max);
        // What is late is so since now, whether anybody asks or not.
        let statuses = self.statuses();
        lock(&self.promises).look(&statuses, unsealed.time().now());
        if let Err(error) = keep_journal(&unsealed, journaling)
            && !error.is_closed()
        {
            log::error!("snapshots: the journal: {error}");
        }
    }

    /// Looks whether the targets are still those that are to be served; whether any wants the
    /// journal.
    fn look(&self) -> Option<(Arc<Unsealed>, bool)> {
        let unsealed = self.means.barrier.unsealed()?;
        let mut running = lock(&self.running);
        if running.over {
            return None;
        }
        running.ending.retain(|desk| !desk.wait_for_end(Duration::ZERO));
        let now = (Arc::downgrade(&unsealed), self.changes.load(Ordering::Acquire));
        let same = |(of, changes): &(Weak<Unsealed>, u64)| of.ptr_eq(&now.0) && *changes == now.1;
        let retries = !running.unserved.is_empty() && self.means.clock.boot() >= running.again;
        if retries || !running.seen.as_ref().is_some_and(same) {
            // While nobody knows which targets there are, nothing is to be changed for them.
            match self.reload(&unsealed, &mut running) {
                Ok(()) => running.seen = Some(now),
                Err(error) if error.is_closed() => return None,
                Err(error) => {
                    log::error!("snapshots: the targets cannot be read: {error}");
                    return None;
                }
            }
        }
        let journaling = running.journaling;
        drop(running);
        Some((unsealed, journaling))
    }

    /// The server ends: nothing is begun any more, and nobody waits for a target. What the requests
    /// that still run commit is shipped.
    pub fn begin_end(&self) {
        // A store that was just unsealed may have targets that nobody serves yet.
        self.look();
        let mut running = lock(&self.running);
        running.over = true;
        running.targets.values().for_each(|target| target.desk.leave_alone());
    }

    /// Ends all threads, once each has shipped what is committed, if its target is in reach; those
    /// that hang end when their target lets them.
    pub fn stop(&self) {
        self.begin_end();
        let mut running = lock(&self.running);
        let targets = mem::take(&mut running.targets);
        let mut ending = mem::take(&mut running.ending);
        drop(running);
        ending.extend(targets.into_values().map(|target| target.desk));
        ending.iter().for_each(|desk| desk.finish());
        let until = self.means.clock.boot() + PATIENCE;
        let left = || until.saturating_sub(self.means.clock.boot());
        // A thread may commit something itself, for which the others are waited for again.
        loop {
            let head = self.means.committed();
            let all = ending.iter().all(|desk| desk.wait_until_whole(head, left()));
            if !all || self.means.committed() == head {
                break;
            }
        }
        ending.iter().for_each(|desk| desk.stop());
        for desk in &ending {
            desk.wait_for_end(left());
        }
    }

    /// How each target stands.
    pub fn statuses(&self) -> Vec<(String, Status)> {
        self.look();
        let running = lock(&self.running);
        let unsealed = self.means.barrier.unsealed();
        let served = running.targets.iter().map(|(name, target)| {
            let status = self.fresh(target, unsealed.as_deref());
            (name.clone(), status)
        });
        let unserved = running.unserved.iter().map(|(name, of)| (name.clone(), of.status()));
        served.chain(unserved).collect()
    }

    /// How one stands; `None` where there is none of that name.
    pub fn status(&self, name: &str) -> Option<Status> {
        self.look();
        let running = lock(&self.running);
        let unsealed = self.means.barrier.unsealed();
        let served = running.targets.get(name).map(|of| self.fresh(of, unsealed.as_deref()));
        served.or_else(|| running.unserved.get(name).map(Unserved::status))
    }

    /// What was given of one.
    pub fn given(&self, name: &str) -> Option<Fields> {
        let running = lock(&self.running);
        let served = running.targets.get(name).map(|target| &target.settings.given);
        served.or_else(|| running.unserved.get(name).map(|of| &of.given)).cloned()
    }

    /// Where a target is told of, and its settings; `None` where none of that name is served. Who
    /// asks as soon as the store is open is not told of the time before.
    pub fn target(&self, name: &str) -> Option<(Arc<Desk>, Settings)> {
        self.look();
        let running = lock(&self.running);
        running.targets.get(name).map(|target| (target.desk.clone(), target.settings.clone()))
    }

    /// What targets promised and do not keep, a line for each; for everybody, who may know no
    /// places.
    pub fn broken_promises(&self) -> Vec<String> {
        let Some(unsealed) = self.means.barrier.unsealed() else { return Vec::new() };
        let now = unsealed.time().now();
        let told = |(name, status): (String, Status)| {
            let beside = status.beside.as_ref().map(|_| "another server writes there".to_owned());
            let told: Vec<String> = status.told_to_all(now).into_iter().chain(beside).collect();
            let (told, none) = (told.join("; "), told.is_empty());
            let told =
                format!("target {name}: {told}; `edgekeep snapshot status {name}` tells more");
            (!none).then_some(told)
        };
        self.statuses().into_iter().filter_map(told).collect()
    }

    /// A status as it is now, not as it was when the target's thread last looked, which may hang.
    fn fresh(&self, target: &Served, unsealed: Option<&Unsealed>) -> Status {
        let boot = self.means.clock.boot();
        target.desk.tell(|status| {
            status.overdue = boot.saturating_sub(status.due.unwrap_or(Duration::MAX));
            if let Some(unsealed) = unsealed.filter(|_| target.settings.journal)
                && let Some(head) = unsealed.journal()
            {
                let before = status.journal.take();
                status.journal = Some(Shipped::now(before, &head, unsealed.time().now()));
            }
        });
        target.desk.status()
    }

    /// Serves those that are to be served, and no others. Nothing is committed: who asks may be in
    /// a commit, alone, as whoever has just changed them.
    fn reload(&self, unsealed: &Arc<Unsealed>, running: &mut Running) -> Result<(), TxnError> {
        let wanted = self.wanted(unsealed)?;
        running.journal_max = wanted.journal_limit();
        let Wanted { targets, mut unserved, journaling } = wanted;
        let (stay, go) = mem::take(&mut running.targets).into_iter().partition(|(name, served)| {
            targets.get(name).is_some_and(|wanted| wanted.given == served.settings.given)
        });
        running.targets = stay;
        for (name, gone) in BTreeMap::into_iter(go) {
            gone.desk.stop();
            self.ledger.forget(&name);
            self.ledger.places.leave(&name);
            running.ending.push(gone.desk);
        }
        // What the configuration has goes before what was set since.
        let (first, then): (Vec<_>, Vec<_>) =
            targets.iter().partition(|(name, _)| self.configured.contains_key(*name));
        for (name, settings) in first.into_iter().chain(then) {
            if running.targets.contains_key(name) {
                continue;
            }
            match self.start(name, settings) {
                Ok(target) => drop(running.targets.insert(name.clone(), target)),
                Err(error) => {
                    let (given, why) = (settings.given.clone(), error.to_string());
                    unserved.insert(name.clone(), Unserved { given, why });
                }
            }
        }
        for (name, of) in &unserved {
            if running.unserved.get(name) != Some(of) {
                log::error!("snapshots to {name}: not served: {}", of.why);
            }
        }
        self.ledger.set(journaling.iter().map(String::as_str));
        running.journaling = !journaling.is_empty();
        (running.unserved, running.again) = (unserved, self.means.clock.boot() + AGAIN);
        Ok(())
    }

    /// Those of the configuration, and of those in the store what has no other's name.
    fn wanted(&self, unsealed: &Arc<Unsealed>) -> Result<Wanted, TxnError> {
        let mut wanted = Wanted { targets: self.configured.clone(), ..Wanted::default() };
        for (name, given) in stored(&mut unsealed.begin()?)? {
            if self.configured.contains_key(&name) {
                continue;
            }
            // One that waits for what nobody may give it any more would have it kept for good.
            let help = anew(&name, &given);
            if given.flag(field::JOURNAL) && help.is_none() {
                wanted.journaling.insert(name.clone());
            }
            let others = wanted.targets.iter().map(|(name, settings)| (name.as_str(), settings));
            let beside = |settings: Settings| settings.must_be_beside(others).map(|()| settings);
            match Settings::read(given.clone(), Giver::Api).and_then(beside) {
                Ok(settings) => drop(wanted.targets.insert(name, settings)),
                Err(wrong) => {
                    let why = format!("{wrong}{}", help.unwrap_or_default());
                    wanted.unserved.insert(name, Unserved { given, why });
                }
            }
        }
        let journals = self.configured.iter().filter(|(_, settings)| settings.journal);
        wanted.journaling.extend(journals.map(|(name, _)| name.clone()));
        Ok(wanted)
    }

    fn start(&self, name: &str, settings: &Settings) -> io::Result<Served> {
        let desk = Arc::new(Desk::default());
        self.ledger.places.enter(name, settings);
        let target = settings.place.keep(name).map_err(io::Error::other)?;
        let (means, ledger) = (self.means.clone(), self.ledger.clone());
        let worker = Worker::new(name, settings.clone(), target, means, ledger, desk.clone());
        thread::Builder::new().name("target".into()).spawn(move || worker.run())?;
        Ok(Served { settings: settings.clone(), desk })
    }
}

/// What helps where a version before took from the API where secrets are, which it may not tell.
fn anew(name: &str, given: &Fields) -> Option<String> {
    let fields = match given.places()[..] {
        [] => return None,
        [one] => format!("{one}=-"),
        ref several => several.join("=@FILE ") + "=@FILE",
    };
    let journal = if given.flag(field::JOURNAL) { "; no journal is kept for it" } else { "" };
    Some(format!(" (`edgekeep write {CONFIG}/{name} {fields}`){journal}"))
}

/// What was given of the targets in the store.
fn stored(txn: &mut Txn) -> Result<Vec<(String, Fields)>, TxnError> {
    let mut found = Vec::new();
    for name in stored::list(txn)? {
        found.extend(stored::read(txn, &name)?.map(|given| (name, given)));
    }
    Ok(found)
}

/// There is a journal while a target wants one, and nothing is left of it but where it ended when
/// none does.
pub fn keep_journal(unsealed: &Arc<Unsealed>, wanted: bool) -> Result<(), TxnError> {
    if wanted {
        return match unsealed.journal() {
            None => unsealed.begin_journal(),
            Some(head) if head.is_ended() && head.bytes < unsealed.journal_limit() => {
                unsealed.begin_journal()
            }
            Some(_) => Ok(()),
        };
    }
    unsealed.end_journal()?;
    // Also what is left where the server ended before it was done.
    // Somebody may have just begun it again.
    let is_over = || unsealed.journal().is_none_or(|head| head.is_ended());
    while let Some(&timeline) = timelines(&*unsealed.journal_view()?)?.first().filter(|_| is_over())
    {
        unsealed.drop_journal(timeline, u64::MAX)?;
    }
    Ok(())
}
