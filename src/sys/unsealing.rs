//! How the store comes to be open: by shares that people give, or by its automatic seal, which is
//! tried again and again while what it needs is away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::undo::Undo;
use super::versions;
use crate::audit::devices::Audit;
use crate::barrier::automatic::Standing;
use crate::barrier::seal::SHAMIR;
use crate::barrier::{Barrier, UnsealError, Unsealed};
use crate::base::clock::Clock;
use crate::base::sync::lock;

/// The longest rest between two attempts.
const LONGEST: Duration = Duration::from_secs(15);
const NEVER: Duration = Duration::MAX;

/// What opens the store.
pub struct Unsealing {
    barrier: Arc<Barrier>,
    audit: Arc<Audit>,
    clock: Arc<dyn Clock>,
    undo: Undo,
    attempts: Mutex<Attempts>,
}

/// How it went with the automatic seal.
#[derive(Default)]
struct Attempts {
    /// Somebody has sealed the store: it is to stay so until somebody says otherwise.
    resting: bool,
    failed: u32,
    why: Option<String>,
    /// When to try again, on the boot clock.
    next: Duration,
    /// When to look after what the seal is opened with.
    keep: Duration,
}

impl Unsealing {
    /// Nothing was tried yet.
    pub fn new(
        barrier: Arc<Barrier>,
        audit: Arc<Audit>,
        clock: Arc<dyn Clock>,
        undo: Undo,
    ) -> Self {
        Self { barrier, audit, clock, undo, attempts: Mutex::default() }
    }

    /// Opens it by the automatic seal, if it is time to try.
    pub fn round(&self) {
        let now = self.clock.boot();
        if self.barrier.unsealed().is_some() {
            return self.keep(now);
        }
        let due = |attempts: &Attempts| !attempts.resting && attempts.next <= now;
        if !due(&lock(&self.attempts)) || !self.is_automatic() {
            return;
        }
        let opened = self.barrier.unseal_automatically();
        match opened {
            Ok(unsealed) => self.opened(&unsealed),
            Err(error) => self.failed(now, &error),
        }
    }

    /// Keeps in force what the seal is opened with, such as a token, when it is time.
    fn keep(&self, now: Duration) {
        if lock(&self.attempts).keep > now {
            return;
        }
        let Some(seal) = self.barrier.configured_seal() else { return };
        let next = match seal.keep() {
            Ok(next) => next.unwrap_or(NEVER),
            Err((error, next)) => {
                log::warn!("what the seal is opened with cannot be kept in force: {error}");
                next
            }
        };
        lock(&self.attempts).keep = now.saturating_add(next);
    }

    /// Whether the seal in use is an automatic one, and the store is under it.
    fn is_automatic(&self) -> bool {
        let settings = self.barrier.settings().ok().flatten();
        settings.is_some_and(|settings| {
            settings.kind.mechanism().is_some()
                && self.barrier.standing(&settings.kind) == Standing::InUse
        })
    }

    fn failed(&self, now: Duration, error: &UnsealError) {
        let why = error.to_string();
        let mut attempts = lock(&self.attempts);
        if attempts.why.as_ref() != Some(&why) {
            log::warn!("sealed: {why}; it is tried again");
        }
        let rest = Duration::from_secs(1 << attempts.failed.min(5));
        attempts.failed = attempts.failed.saturating_add(1);
        attempts.next = now + rest.min(LONGEST);
        attempts.why = Some(why);
    }

    /// Does what is to be done with a store that was just opened.
    pub fn opened(&self, unsealed: &Arc<Unsealed>) {
        *lock(&self.attempts) = Attempts::default();
        log::info!("unsealed");
        versions::before_upgrade(unsealed, &self.undo);
        versions::note_opened(unsealed);
        // Requests find out by themselves, and are refused.
        if let Err(error) = self.audit.devices(unsealed) {
            log::error!("the audit devices cannot be opened: {error}");
        }
        match self.barrier.renew_seal(unsealed) {
            Ok(false) => {}
            Ok(true) => {
                log::info!("the unseal key was wrapped anew, by the present key of the seal")
            }
            Err(error) => log::error!("the unseal key cannot be wrapped anew: {error}"),
        }
    }

    /// Opens a store that was just made under its automatic seal.
    pub fn made(&self) -> Result<(), UnsealError> {
        self.opened(&self.barrier.unseal_automatically()?);
        Ok(())
    }

    /// Seals it. It stays so, whatever seal it has.
    pub fn seal(&self) {
        lock(&self.attempts).resting = true;
        self.barrier.seal();
        self.audit.close();
        log::info!("sealed");
    }

    /// Why a store that should have opened itself is sealed.
    pub fn trouble(&self) -> Option<String> {
        let settings = match self.barrier.settings() {
            Ok(settings) => settings?,
            Err(error) => return Some(error.to_string()),
        };
        if self.barrier.unsealed().is_some() {
            return None;
        }
        let name = settings.kind.name();
        match self.barrier.standing(&settings.kind) {
            Standing::Migrating => {
                let seal = self.barrier.configured_seal();
                let next = seal.map_or(SHAMIR, |seal| seal.mechanism().name());
                Some(format!(
                    "the store is under the seal {name:?}, and the configuration says {next:?}: to \
                     change to that, give enough keys with `edgekeep operator unseal -migrate`"
                ))
            }
            Standing::InUse => {
                settings.kind.mechanism()?;
                let attempts = lock(&self.attempts);
                if attempts.resting {
                    return Some(
                        "sealed by request: enough recovery keys, or a restart, open it".to_owned(),
                    );
                }
                let (why, times) = (attempts.why.as_ref()?, attempts.failed);
                Some(format!("{why}; attempt {times}, and another one every few seconds"))
            }
        }
    }
}
