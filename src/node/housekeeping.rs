//! What is done now and then while nobody asks: maintenance of the store, the scrub, the renewal
//! of our own certificate, the deletion of what nobody can reach any more.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::front::Certificates;
use super::supervision::Supervision;
use crate::audit::devices::Audit;
use crate::barrier::journal::record::Mark;
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::process;
use crate::base::sync::lock;
use crate::base::systemd::{self, Word};
use crate::mount::purge;
use crate::mount::store::MountStore;
use crate::pipeline::lockout::Lockouts;
use crate::pipeline::revoke::Reaper;
use crate::pipeline::tokens::Tokens;
use crate::quota::limiter::Quotas;
use crate::server::Front;
use crate::server::certificate::Now;
use crate::snapshot::follow::Follower;
use crate::snapshot::keeper::Keeper;
use crate::storage::Storage;
use crate::storage::redb::{Progress, Repair};
use crate::sys::undo::Undo;
use crate::sys::unsealing::Unsealing;

/// How often the store, the certificate and free memory are looked at.
const MAINTENANCE: Duration = Duration::from_secs(10);

/// How often it is looked for what has expired. What has is dead at once; this only removes it.
const EXPIRY: Duration = Duration::from_secs(5);

/// How long after a scrub the next one waits.
const SCRUB_REST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the first one waits, and one after a scrub that came to no end.
const SCRUB_FIRST: Duration = Duration::from_secs(10 * 60);
/// How often it is looked whether there is an unsealed store to scrub; one that was restored is
/// scrubbed at once.
const SCRUB_LOOK: Duration = Duration::from_secs(1);
/// Bytes a second that a scrub reads: an SD card does 20 times that.
const SCRUB_RATE: u64 = 1 << 20;
/// The same for a store that was just restored: what it is worth should be known.
const RECOUNT_RATE: u64 = 16 << 20;
/// How often it is looked whether the targets of snapshots are still the same.
const TARGETS: Duration = Duration::from_secs(1);
/// How often it is looked whether a store with an automatic seal is to be opened.
const UNSEAL: Duration = Duration::from_secs(1);
/// How often a standby looks whether there is something to do.
const STANDBY: Duration = Duration::from_secs(1);
/// How long a chore that broke waits at least: it may be the rest that breaks.
const BREATH: Duration = Duration::from_secs(1);
/// So many of the entries that do not open are named in the log.
const SCRUB_NAMES: usize = 10;

/// What is looked after.
pub struct Care {
    pub storage: Arc<dyn Storage>,
    pub front: Arc<Front>,
    pub certificates: Certificates,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub barrier: Arc<Barrier>,
    pub audit: Arc<Audit>,
    pub quotas: Arc<Quotas>,
    pub lockouts: Arc<Lockouts>,
    pub tokens: Arc<Tokens>,
    pub keeper: Arc<Keeper>,
    pub follower: Option<Arc<Follower>>,
    pub undo: Undo,
    pub unsealing: Arc<Unsealing>,
    /// What was last said of the machine's clock: minutes behind, back and ahead.
    pub clock_told: [Option<u64>; 3],
    /// What was last said of the store.
    pub store_told: Option<String>,
}

/// The threads that do it.
pub struct Housekeeping {
    chores: Vec<Chore>,
    /// Waits for what opens the store.
    unseal: Option<Chore>,
    keeper: Arc<Keeper>,
    follower: Option<Arc<Follower>>,
}

impl Housekeeping {
    /// Begins.
    pub fn start(mut care: Care, supervision: Option<Supervision>) -> io::Result<Self> {
        let (barrier, purged) = (care.barrier.clone(), care.barrier.clone());
        let (keeper, kept) = (care.keeper.clone(), care.keeper.clone());
        let follower = care.follower.clone();
        let automatic = care.barrier.configured_seal().is_some();
        let (unsealing, waiting) = (care.unsealing.clone(), care.follower.clone());
        let (expired, tokens) = (care.barrier.clone(), care.tokens.clone());
        let maintenance = Chore::start("maintenance", MAINTENANCE, move |_| care.round());
        let mut rest = SCRUB_FIRST;
        let scrub = Chore::start("scrub", SCRUB_LOOK, move |stopped| {
            rest = rest.saturating_sub(SCRUB_LOOK);
            let Some(unsealed) = barrier.unsealed() else { return };
            let unproven = unsealed.take_unproven();
            if unproven || rest.is_zero() {
                rest = SCRUB_FIRST;
                let rate = if unproven { RECOUNT_RATE } else { SCRUB_RATE };
                if scrub(&unsealed, rate, stopped) {
                    rest = SCRUB_REST;
                }
            }
        });
        let purge = Chore::start("purge", MAINTENANCE, move |stopped| purge(&purged, stopped));
        let mut reaper = Reaper::new(tokens);
        let expiry = Chore::start("expiry", EXPIRY, move |stopped| {
            reap(&expired, &mut reaper, stopped);
        });
        let targets = Chore::start("targets", TARGETS, move |_| kept.round());
        let mut chores = vec![maintenance?, scrub?, purge?, expiry?, targets?];
        let unseal = move |_: &Stopped| {
            // A standby has its keys when it is promoted.
            if !waiting.as_ref().is_some_and(|follower| follower.is_following()) {
                unsealing.round();
            }
        };
        let unseal = automatic.then(|| Chore::start_now("unseal", UNSEAL, unseal)).transpose()?;
        if let Some(standby) = follower.clone() {
            chores.push(Chore::start("standby", STANDBY, move |_| standby.round())?);
        }
        if let Some(mut supervision) = supervision {
            let rest = supervision.rest();
            let round = move |_: &Stopped| supervision.round();
            chores.push(Chore::start("supervision", rest, round)?);
        }
        Ok(Self { chores, unseal, keeper, follower })
    }

    /// Ends all but the keeper of the targets, which is to be stopped when nothing is committed any
    /// more. What still waits for what opens the store is left to itself: it opens none any more.
    pub fn stop(self) -> Arc<Keeper> {
        self.follower.iter().for_each(|standby| standby.stop());
        for chore in self.chores {
            let _ = chore.ring().join();
        }
        self.keeper.begin_end();
        drop(self.unseal.map(Chore::ring));
        self.keeper
    }
}

/// A thread that ends when it is told to.
struct Chore {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// The other end of a chore's bell.
struct Stopped(Receiver<()>);

impl Stopped {
    /// Waits; whether the chore was told to end meanwhile.
    fn within(&self, patience: Duration) -> bool {
        !matches!(self.0.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }

    /// Whether the chore was told to end.
    fn already(&self) -> bool {
        !matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

impl Chore {
    /// Does a `round` after each rest. One that breaks, or a rest that does, is not the last: the
    /// others may not need what broke it.
    fn start(
        name: &'static str,
        rest: Duration,
        round: impl FnMut(&Stopped) + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_after(name, rest, rest, round)
    }

    /// The same with a round at once.
    fn start_now(
        name: &'static str,
        rest: Duration,
        round: impl FnMut(&Stopped) + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_after(name, Duration::ZERO, rest, round)
    }

    fn start_after(
        name: &'static str,
        first: Duration,
        rest: Duration,
        mut round: impl FnMut(&Stopped) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let stopped = Stopped(stopped);
        let work = move || {
            let mut next = first;
            loop {
                let turn = catch_unwind(AssertUnwindSafe(|| {
                    let over = stopped.within(std::mem::replace(&mut next, rest));
                    if !over {
                        round(&stopped);
                    }
                    over
                }));
                let over = turn.unwrap_or_else(|_| {
                    log::error!("{name}: broken off by a defect of edgekeep; it goes on later");
                    thread::sleep(BREATH);
                    stopped.already()
                });
                if over {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Has it end; the thread does when its round is over.
    fn ring(self) -> JoinHandle<()> {
        // Heard however often it is listened for.
        drop(self.stop);
        self.thread
    }
}

impl Care {
    fn round(&mut self) {
        let trouble = self.storage.maintain().err().map(|error| error.to_string());
        if trouble != self.store_told {
            match &trouble {
                Some(error) => log::error!("maintenance of the store: {error}"),
                None => log::info!("maintenance of the store: it is well again"),
            }
            self.store_told = trouble;
        }
        let now = match self.barrier.unsealed() {
            Some(unsealed) => Now::Known(unsealed.time().now()),
            None => Now::Claimed(self.clock.wall()),
        };
        match self.certificates.renew(now, &*self.entropy) {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = self.front.reload() {
                    log::error!("the new certificate cannot be used: {error}");
                }
            }
            Err(error) => log::error!("the certificate cannot be renewed: {error}"),
        }
        self.audit.retry();
        self.quotas.sweep();
        if let Some(unsealed) = self.barrier.unsealed() {
            // A loaded snapshot whose time is over goes, though nobody asks for it.
            let _ = unsealed.pasts();
            self.watch_clock(&unsealed);
            self.rotate_when_due(&unsealed);
            keep(&self.lockouts, &unsealed, &self.tokens.mounts);
        }
        process::give_back_free_pages();
    }

    /// Says once what is odd about the machine's clock.
    fn watch_clock(&mut self, unsealed: &Unsealed) {
        let report = unsealed.time().report();
        let minutes = |span: Option<Duration>| span.map(|span| span.as_secs() / 60);
        let told = [report.behind, report.back, report.ahead].map(minutes);
        if told == self.clock_told {
            return;
        }
        self.clock_told = told;
        let now = unsealed.time().now().rfc3339();
        if let Some(behind) = report.behind {
            log::warn!(
                "the clock is {behind:?} behind the store's last commit: it is taken for {now}"
            );
        }
        if let Some(back) = report.back {
            log::warn!("the clock went back by {back:?}");
        }
        if let Some(ahead) = report.ahead {
            log::warn!(
                "the clock went ahead by {ahead:?} at once: nothing expires until it has stood \
                 for five minutes"
            );
        }
    }

    /// As `sys/rotate/config` wants.
    fn rotate_when_due(&self, unsealed: &Unsealed) {
        if !unsealed.rotation_due() {
            return;
        }
        if let Some(kept) = self.undo.before(unsealed, Mark::Rotate) {
            log::info!("{kept}");
        }
        match unsealed.rotate() {
            Ok(()) => log::info!("the data key was rotated: term {}", unsealed.keyring().term()),
            Err(error) if error.is_closed() => {}
            Err(error) => log::error!("the data key cannot be rotated: {error}"),
        }
    }
}

/// Has the store know who is locked out.
pub fn keep(lockouts: &Lockouts, unsealed: &Arc<Unsealed>, mounts: &MountStore) {
    match lockouts.keep(unsealed, mounts) {
        Err(error) if !error.is_closed() => log::error!("keeping who is locked out: {error}"),
        _ => {}
    }
}

/// Deletes what is left of unmounted engines and of tokens that ended.
fn purge(barrier: &Barrier, stopped: &Stopped) {
    let Some(unsealed) = barrier.unsealed() else { return };
    loop {
        match purge::step(&unsealed) {
            Ok(true) if !stopped.within(Duration::ZERO) => {}
            Err(error) if !error.is_closed() => {
                return log::error!("deleting what nobody can reach: {error}");
            }
            _ => return,
        }
    }
}

/// Removes what has expired.
fn reap(barrier: &Barrier, reaper: &mut Reaper, stopped: &Stopped) {
    let Some(unsealed) = barrier.unsealed() else { return };
    match reaper.round(&unsealed, &|| stopped.within(Duration::ZERO)) {
        Err(error) if !error.is_closed() => log::error!("removing what has expired: {error}"),
        _ => {}
    }
}

/// Scrubs the store; whether that came to an end.
fn scrub(unsealed: &Unsealed, rate: u64, stopped: &Stopped) -> bool {
    match unsealed.scrub(rate, &mut |pause| !stopped.within(pause)) {
        Ok(None) => false,
        Ok(Some(scrubbed)) if scrubbed.good() => {
            log::info!("scrub: all {} entries are as they were written", scrubbed.found.entries);
            true
        }
        Ok(Some(scrubbed)) => {
            log::error!("scrub: {scrubbed}");
            for bad in scrubbed.bad.named.iter().take(SCRUB_NAMES) {
                log::error!("scrub: does not open: {bad}");
            }
            true
        }
        Err(error) => {
            log::error!("scrub: {error}");
            false
        }
    }
}

/// A store that was not closed is read whole before it is served: how far that is, every five
/// seconds. Some pages are read twice, so that the end may come late. Who ends the server meanwhile
/// is heard.
pub fn tell_repair(clock: Arc<dyn Clock>, interrupted: Arc<AtomicBool>) -> Progress {
    const OFTEN: Duration = Duration::from_secs(5);
    const PATIENCE: Duration = Duration::from_secs(30);
    let told = Mutex::new(None::<Duration>);
    Arc::new(move |repair: Repair| {
        if interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let now = clock.boot();
        let mut told = lock(&told);
        if told.is_some_and(|told| now.saturating_sub(told) < OFTEN) {
            return ControlFlow::Continue(());
        }
        *told = Some(now);
        let megabytes = |bytes: u64| bytes >> 20;
        let (read, size) = (megabytes(repair.read.min(repair.size)), megabytes(repair.size));
        log::warn!("the store was not closed: it is looked through, {read} of {size} MB");
        // The service manager is not to lose patience: neither with a start, nor with a server that
        // opens its store anew.
        let percent = 100 * read / size.max(1);
        let state = format!("checking the store {percent} %");
        systemd::tell(&[Word::Patience(PATIENCE), Word::Alive, Word::Status(&state)]);
        ControlFlow::Continue(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_outlives_a_round_that_breaks() {
        let (tell, told) = channel();
        let mut round = 0;
        let chore = Chore::start("test", Duration::from_millis(1), move |_| {
            round += 1;
            assert_ne!(round, 1, "as it is meant to");
            let _ = tell.send(round);
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(2));
        chore.unwrap().ring().join().unwrap();
    }
}
