//! How the store comes to be open: by shares that people give, or by its automatic seal, which is
//! tried again and again while what it needs is away. And that it would come to be so again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::shares::Gathering;
use super::undo::Undo;
use super::versions;
use crate::audit::devices::Audit;
use crate::barrier::automatic::{Proof, Standing, astray};
use crate::barrier::journal::record::Mark;
use crate::barrier::seal::auto::SealError;
use crate::barrier::seal::{Kind, SHAMIR};
use crate::barrier::{Barrier, UnsealError, Unsealed};
use crate::base::clock::Clock;
use crate::base::pages::Key;
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
    given: Mutex<Option<Given>>,
}

/// Shares given to open the store, fewer than are needed. They are worth nothing any more once it
/// is open, however it came to be.
pub struct Given {
    /// Who gives them sees by this that others began anew.
    pub nonce: String,
    /// Whether they are given to change the seal.
    pub migrate: bool,
    /// The shares.
    pub gathering: Gathering,
}

/// How it went with the automatic seal: of a sealed store, with opening it; of an open one, with
/// making sure that it would open it again.
#[derive(Default)]
struct Attempts {
    /// Somebody has sealed the store: it is to stay so until somebody says otherwise.
    resting: bool,
    /// The server ends: nothing is opened any more.
    ending: bool,
    /// What is not known yet of the seal of an open store.
    open_question: Option<Proof>,
    /// The seal was asked to open it.
    asked: bool,
    failed: u32,
    why: Option<String>,
    /// What it was given was refused, so that it is looked for another one, and nothing is tried.
    refused: bool,
    /// When to try again, on the boot clock.
    next: Duration,
    /// When to look after what the seal is opened with.
    keep: Duration,
    /// Why that failed, as it was told.
    not_kept: Option<String>,
}

/// What a sealed store waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Shares of its unseal key.
    Shares,
    /// Its automatic seal of that name, or recovery keys.
    Seal(&'static str),
    /// Recovery keys: somebody has sealed it.
    Request,
    /// Keys, to go from its seal to the configured one.
    Migration,
}

impl Unsealing {
    /// Nothing was tried yet.
    pub fn new(
        barrier: Arc<Barrier>,
        audit: Arc<Audit>,
        clock: Arc<dyn Clock>,
        undo: Undo,
    ) -> Self {
        Self { barrier, audit, clock, undo, attempts: Mutex::default(), given: Mutex::default() }
    }

    /// What is to be done every second: opens the store by the automatic seal, or looks after that
    /// while it is open, when it is time.
    pub fn round(&self) {
        let due = {
            let attempts = lock(&self.attempts);
            if attempts.ending {
                return;
            }
            attempts.next <= self.clock.boot()
        };
        if let Some(unsealed) = self.barrier.unsealed() {
            if due {
                self.prove(&unsealed);
            }
            return self.keep();
        }
        let kind = self.barrier.settings().ok().flatten().map(|settings| settings.kind);
        let waits = kind.is_some_and(|kind| matches!(self.waiting(&kind), Waiting::Seal(_)));
        if !due || !waits {
            return;
        }
        lock(&self.attempts).asked = true;
        match self.barrier.unseal_automatically(|| self.is_wanted()) {
            Ok(_) => self.opened(Proof::Given),
            Err(UnsealError::Unwanted) => {}
            Err(error) => self.failed("sealed", &error),
        }
    }

    /// Opens it by the key that people hold shares of, or has them change its seal.
    pub fn open(&self, key: &Key<32>, migrate: bool) -> Result<(), UnsealError> {
        let proof = match migrate {
            false => {
                self.barrier.unseal_if(key, || self.is_wanted_by_people())?;
                Proof::Wanted
            }
            true => {
                self.barrier.migrate(key, |unsealed| {
                    self.is_wanted_by_people()?;
                    if let Some(kept) = self.undo.before(unsealed, Mark::Rekey) {
                        log::info!("{kept}");
                    }
                    Ok(())
                })?;
                Proof::Given
            }
        };
        self.opened(proof);
        Ok(())
    }

    /// Opens a store that was just made under its automatic seal.
    pub fn made(&self) -> Result<(), UnsealError> {
        self.barrier.unseal_automatically(|| self.is_wanted_by_people())?;
        self.opened(Proof::Given);
        Ok(())
    }

    /// Has what is to be done with a store that is being opened be done before anybody else has it.
    pub fn prepare(self: &Arc<Self>) {
        let unsealing = Arc::downgrade(self);
        self.barrier.when_unsealed(move |unsealed| {
            unsealing.upgrade().iter().for_each(|unsealing| unsealing.before_open(unsealed));
        });
    }

    fn before_open(&self, unsealed: &Arc<Unsealed>) {
        versions::before_upgrade(unsealed, &self.undo);
        versions::note_opened(unsealed);
        // Requests find out by themselves, and are refused.
        if let Err(error) = self.audit.devices(unsealed) {
            log::error!("the audit devices cannot be opened: {error}");
        }
    }

    /// Seals it. It stays so, whatever seal it has. One that is sealed already goes on as it was.
    pub fn seal(&self) {
        self.barrier.seal_and(|| {
            lock(&self.attempts).resting = true;
            *self.given() = None;
            self.audit.close();
            log::info!("sealed");
        });
    }

    /// Tries what failed again, and what was refused: somebody says that it was mended.
    pub fn retry(&self) {
        self.barrier.configured_seal().into_iter().for_each(|seal| seal.reconsider());
        let mut attempts = lock(&self.attempts);
        (attempts.next, attempts.keep) = Default::default();
    }

    /// Opens nothing any more, and gives up what it waits for.
    pub fn end(&self) {
        lock(&self.attempts).ending = true;
        self.barrier.configured_seal().into_iter().for_each(|seal| seal.stop());
    }

    /// The shares that were given to open it.
    pub fn given(&self) -> MutexGuard<'_, Option<Given>> {
        lock(&self.given)
    }

    /// What a sealed store under such a seal waits for.
    pub fn waiting(&self, kind: &Kind) -> Waiting {
        match (self.barrier.standing(kind), kind.mechanism()) {
            (Standing::Migrating, _) => Waiting::Migration,
            (Standing::InUse, None) => Waiting::Shares,
            (Standing::InUse, Some(_)) if lock(&self.attempts).resting => Waiting::Request,
            (Standing::InUse, Some(mechanism)) => Waiting::Seal(mechanism.name()),
        }
    }

    /// Why a store that should have opened itself is sealed, or would not open itself again.
    pub fn trouble(&self) -> Option<String> {
        let kind = match self.barrier.settings() {
            Ok(settings) => settings?.kind,
            Err(error) => return Some(error.to_string()),
        };
        if self.barrier.unsealed().is_some() {
            let Attempts { why, not_kept, .. } = &*lock(&self.attempts);
            let why = why.as_ref().or(not_kept.as_ref())?;
            return Some(format!("the seal may not open the store after a start: {why}"));
        }
        match self.waiting(&kind) {
            Waiting::Shares => None,
            Waiting::Migration => {
                let configured = self.barrier.configured_seal();
                let configured = configured.map_or(SHAMIR, |seal| seal.mechanism().name());
                let (what, remedy) = astray(&kind, configured);
                Some(format!("{what}: {remedy}"))
            }
            Waiting::Request => {
                Some("sealed by request: enough recovery keys, or a restart, open it".to_owned())
            }
            Waiting::Seal(name) => {
                let Attempts { why, failed, asked, refused, .. } = &*lock(&self.attempts);
                match why {
                    Some(why) if *refused => Some(why.clone()),
                    Some(why) => Some(format!("{why} ({failed} attempts so far)")),
                    None => asked.then(|| format!("the seal {name:?} has not answered yet")),
                }
            }
        }
    }

    /// Whether the seal may open the store.
    fn is_wanted(&self) -> Result<(), UnsealError> {
        let attempts = lock(&self.attempts);
        // People may have opened it meanwhile.
        match attempts.resting || attempts.ending || self.barrier.unsealed().is_some() {
            true => Err(UnsealError::Unwanted),
            false => Ok(()),
        }
    }

    /// Whether people may, who have the last word on what somebody has sealed.
    fn is_wanted_by_people(&self) -> Result<(), UnsealError> {
        let mut attempts = lock(&self.attempts);
        attempts.resting = false;
        match attempts.ending {
            true => Err(UnsealError::Unwanted),
            false => Ok(()),
        }
    }

    fn opened(&self, proof: Proof) {
        {
            let mut attempts = lock(&self.attempts);
            let Attempts { resting, ending, .. } = *attempts;
            let open_question = Some(proof);
            *attempts = Attempts { resting, ending, open_question, ..Attempts::default() };
        }
        // Who gives one from now on is told that it is open.
        *self.given() = None;
        log::info!("unsealed");
    }

    /// Makes sure that the seal would open the store again, by its present key.
    fn prove(&self, unsealed: &Arc<Unsealed>) {
        let Some(proof) = lock(&self.attempts).open_question else { return };
        let renewed = self.barrier.renewal(unsealed, proof).and_then(|next| {
            next.map(|next| unsealed.rekey(&next)).transpose().map(|done| done.is_some())
        });
        match renewed {
            Ok(renewed) => {
                if renewed {
                    log::info!("the unseal key was wrapped anew, by the present key of the seal");
                }
                let mut attempts = lock(&self.attempts);
                (attempts.open_question, attempts.failed, attempts.why) = Default::default();
            }
            // Whoever changed the seal has proved it.
            Err(UnsealError::Overtaken) => {}
            Err(UnsealError::NotChanged(error)) if error.is_closed() => {}
            Err(error) => {
                let said = match proof {
                    Proof::Given => "the unseal key cannot be wrapped anew",
                    Proof::Wanted => "the seal would not open the store after a start",
                };
                self.failed(said, &error);
            }
        }
    }

    /// Keeps in force what the seal is opened with, such as a token, when it is time.
    fn keep(&self) {
        let now = self.clock.boot();
        if lock(&self.attempts).keep > now {
            return;
        }
        let Some(seal) = self.barrier.configured_seal() else { return };
        let (next, why) = match seal.keep() {
            Ok(next) => (next.unwrap_or(NEVER), None),
            Err((error, next)) => (next, Some(error.to_string())),
        };
        let mut attempts = lock(&self.attempts);
        if let Some(error) = why.as_ref().filter(|_| attempts.not_kept != why) {
            log::warn!("what the seal is opened with cannot be kept in force: {error}");
        }
        attempts.not_kept = why;
        attempts.keep = now.saturating_add(next);
    }

    /// It is told once, and tried again after a rest.
    fn failed(&self, said: &str, error: &UnsealError) {
        let refused = matches!(error, UnsealError::Seal(SealError::Refused(_)));
        let again = match refused {
            true => "it is tried with another one, or after a reload, and not before",
            false => "it is tried again every few seconds",
        };
        let why = format!("{error}; {again}");
        let mut attempts = lock(&self.attempts);
        if attempts.why.as_ref() != Some(&why) {
            log::warn!("{said}: {why}");
        }
        let rest = Duration::from_secs(1 << attempts.failed.min(5));
        attempts.failed = attempts.failed.saturating_add(1);
        attempts.next = self.clock.boot() + rest.min(LONGEST);
        (attempts.why, attempts.refused) = (Some(why), refused);
    }
}
