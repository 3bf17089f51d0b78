//! Snapshots and the journal leave the machine by themselves.
//!
//! Each target has a thread of its own, which may hang for as long as the target does: no request,
//! no lock and no view of the store waits for it. What a target holds is always learned from its
//! listing, so that nothing here has to be kept in step with it.

mod age;
mod check;
mod contact;
mod desk;
mod ledger;
mod meters;
mod reach;
pub mod retention;
mod schedule;
pub mod settings;
mod ship;
mod snapshot;
pub mod status;
pub mod stored;
mod trouble;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

pub use self::desk::{Desk, Listing, Wishes};
pub use self::ledger::Ledger;
pub use self::worker::Worker;

use self::settings::Settings;
use self::status::Status;
use super::meters::Meters;
use super::spool::Spools;
use crate::barrier::journal::DEFAULT_LIMIT;
use crate::barrier::journal::live::timelines;
use crate::barrier::txn::{Txn, TxnError};
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::sync::lock;

/// How long the end of a server waits for targets that hang.
const PATIENCE: Duration = Duration::from_secs(5);

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
}

#[derive(Default)]
struct Running {
    /// For which store, at which change, the targets below were found.
    seen: Option<(Weak<Unsealed>, u64)>,
    targets: BTreeMap<String, Served>,
    /// Those that were told to end.
    ending: Vec<Arc<Desk>>,
}

/// A target that is served.
struct Served {
    settings: Settings,
    desk: Arc<Desk>,
}

impl Keeper {
    /// Begins nothing yet. `configured` are the targets that stand in the configuration.
    pub fn new(means: Means, configured: BTreeMap<String, Settings>) -> Self {
        let (changes, ledger, running) = Default::default();
        Self { means: Arc::new(means), configured, changes, ledger, running }
    }

    /// A target that stands in the configuration.
    pub fn configured(&self, name: &str) -> Option<&Settings> {
        self.configured.get(name)
    }

    /// The names of those.
    pub fn configured_names(&self) -> impl Iterator<Item = &str> {
        self.configured.keys().map(String::as_str)
    }

    /// Has a change of the targets in the store heeded once it is committed.
    pub fn changed(self: &Arc<Self>, txn: &mut Txn) {
        let keeper = Arc::clone(self);
        txn.after_commit(move || {
            keeper.changes.fetch_add(1, Ordering::Release);
            keeper.look();
        });
    }

    /// What is to be done every second.
    pub fn round(&self) {
        let Some((unsealed, journaling)) = self.look() else { return };
        if let Err(error) = keep_journal(&unsealed, journaling)
            && !matches!(error, TxnError::Sealed | TxnError::Restoring)
        {
            log::error!("snapshots: the journal: {error}");
        }
    }

    /// Looks whether the targets are still those that are to be served; whether any wants the
    /// journal.
    fn look(&self) -> Option<(Arc<Unsealed>, bool)> {
        let unsealed = self.means.barrier.unsealed()?;
        let mut running = lock(&self.running);
        running.ending.retain(|desk| !desk.wait_for_end(Duration::ZERO));
        let now = (Arc::downgrade(&unsealed), self.changes.load(Ordering::Acquire));
        let same = |(of, changes): &(Weak<Unsealed>, u64)| of.ptr_eq(&now.0) && *changes == now.1;
        if !running.seen.as_ref().is_some_and(same) {
            match self.reload(&unsealed, &mut running) {
                Ok(()) => running.seen = Some(now),
                Err(error) => log::error!("snapshots: the targets cannot be read: {error}"),
            }
        }
        let journaling = running.targets.values().any(|target| target.settings.journal);
        drop(running);
        Some((unsealed, journaling))
    }

    /// Ends all threads; those that hang end when their target lets them.
    pub fn stop(&self) {
        let mut running = lock(&self.running);
        let targets = std::mem::take(&mut running.targets);
        running.ending.extend(targets.into_values().map(|target| target.desk));
        running.ending.iter().for_each(|desk| desk.stop());
        let until = self.means.clock.boot() + PATIENCE;
        for desk in &running.ending {
            desk.wait_for_end(until.saturating_sub(self.means.clock.boot()));
        }
    }

    /// How each target stands.
    pub fn statuses(&self) -> Vec<(String, Status)> {
        let running = lock(&self.running);
        let unsealed = self.means.barrier.unsealed();
        let status = |target: &Served| fresh(target.desk.status(), unsealed.as_deref());
        running.targets.iter().map(|(name, target)| (name.clone(), status(target))).collect()
    }

    /// How one stands; `None` where none of that name is served.
    pub fn status(&self, name: &str) -> Option<Status> {
        let (desk, _) = self.target(name)?;
        Some(fresh(desk.status(), self.means.barrier.unsealed().as_deref()))
    }

    /// Where a target is told of, and its settings; `None` where none of that name is served.
    pub fn target(&self, name: &str) -> Option<(Arc<Desk>, Settings)> {
        let running = lock(&self.running);
        running.targets.get(name).map(|target| (target.desk.clone(), target.settings.clone()))
    }

    /// What targets promised and do not keep, each in a line.
    pub fn broken_promises(&self) -> Vec<String> {
        let Some(unsealed) = self.means.barrier.unsealed() else { return Vec::new() };
        let now = unsealed.time().now();
        let told = |(name, status): (String, Status)| {
            Some(format!("target {name}: {}", status.broken_promise(now)?))
        };
        self.statuses().into_iter().filter_map(told).collect()
    }

    fn reload(&self, unsealed: &Arc<Unsealed>, running: &mut Running) -> Result<(), TxnError> {
        let mut wanted = self.configured.clone();
        for (name, settings) in stored(unsealed)? {
            wanted.entry(name).or_insert(settings);
        }
        let (stay, go) = std::mem::take(&mut running.targets)
            .into_iter()
            .partition(|(name, t)| wanted.get(name).is_some_and(|w| w.given == t.settings.given));
        running.targets = stay;
        for target in BTreeMap::into_values(go) {
            target.desk.stop();
            running.ending.push(target.desk);
        }
        for (name, settings) in &wanted {
            if running.targets.contains_key(name) {
                continue;
            }
            match self.start(name, settings) {
                Ok(target) => drop(running.targets.insert(name.clone(), target)),
                Err(error) => log::error!("snapshots to {name}: no thread for them: {error}"),
            }
        }
        let journaling = || wanted.iter().filter(|(_, settings)| settings.journal);
        self.ledger.set(journaling().map(|(name, _)| name.as_str()));
        let limit = journaling().map(|(_, settings)| settings.journal_max).max();
        unsealed.set_journal_limit(limit.unwrap_or(DEFAULT_LIMIT));
        Ok(())
    }

    fn start(&self, name: &str, settings: &Settings) -> io::Result<Served> {
        let desk = Arc::new(Desk::default());
        let target = settings.place.open().map_err(io::Error::other)?;
        let (means, ledger) = (self.means.clone(), self.ledger.clone());
        let worker = Worker::new(name, settings.clone(), target, means, ledger, desk.clone());
        thread::Builder::new().name("target".into()).spawn(move || worker.run())?;
        Ok(Served { settings: settings.clone(), desk })
    }
}

/// A status with the journal as it stands now, not when the target's thread last looked.
fn fresh(mut status: Status, unsealed: Option<&Unsealed>) -> Status {
    if let (Some(journal), Some(unsealed)) = (&mut status.journal, unsealed)
        && let Some(head) = unsealed.journal().filter(|head| head.timeline == journal.timeline)
    {
        (journal.head, journal.cut) = (head.revision, head.cut);
        if journal.behind() > 0 {
            journal.since.get_or_insert(unsealed.time().now());
        }
    }
    status
}

/// The targets in the store. One that cannot be understood (a newer program's) is left alone.
fn stored(unsealed: &Arc<Unsealed>) -> Result<Vec<(String, Settings)>, TxnError> {
    let mut txn = unsealed.begin()?;
    let mut found = Vec::new();
    for name in stored::list(&mut txn)? {
        let Some(fields) = stored::read(&mut txn, &name)? else { continue };
        match Settings::read(fields) {
            Ok(settings) => found.push((name, settings)),
            Err(wrong) => log::error!("snapshots to {name}: not served: {wrong}"),
        }
    }
    Ok(found)
}

/// There is a journal while a target wants one, and nothing is left of it when none does.
pub fn keep_journal(unsealed: &Arc<Unsealed>, wanted: bool) -> Result<(), TxnError> {
    match (unsealed.journal(), wanted) {
        (None, true) => unsealed.begin_journal(),
        (Some(_), false) => {
            unsealed.end_journal()?;
            loop {
                let left = timelines(&*unsealed.journal_view()?)?;
                let Some(&timeline) = left.first() else { return Ok(()) };
                unsealed.drop_journal(timeline, u64::MAX)?;
            }
        }
        (Some(_), true) | (None, false) => Ok(()),
    }
}
