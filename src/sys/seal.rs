//! `sys/seal`, `sys/unseal` and `sys/seal-status`.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::about::About;
use super::shares::{Gathering, KEY, Share, Step, refused};
use super::undo::Undo;
use super::versions;
use crate::api::VERSION;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
use crate::audit::devices::Audit;
use crate::barrier::seal::Kind;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::sync::lock;

/// What these endpoints are given.
pub struct Seal {
    about: About,
    audit: Arc<Audit>,
    entropy: Arc<dyn Entropy>,
    undo: Undo,
    unsealing: Arc<Mutex<Option<Unsealing>>>,
}

/// Who wants to know how many shares were given.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<Option<Unsealing>>>);

impl Progress {
    /// So many were given to open the store, fewer than are needed.
    pub fn shares(&self) -> usize {
        lock(&self.0).as_ref().map_or(0, |unsealing| unsealing.gathering.progress())
    }
}

/// Shares given to open the store, fewer than are needed.
struct Unsealing {
    nonce: String,
    gathering: Gathering,
}

impl Seal {
    /// No share was given yet.
    pub fn new(about: About, audit: Arc<Audit>, entropy: Arc<dyn Entropy>, undo: Undo) -> Self {
        Self { about, audit, entropy, undo, unsealing: Arc::default() }
    }

    /// How many shares were given, from now on.
    pub fn progress(&self) -> Progress {
        Progress(self.unsealing.clone())
    }

    fn unsealing(&self) -> MutexGuard<'_, Option<Unsealing>> {
        lock(&self.unsealing)
    }
}

/// The endpoints with their service.
pub fn engine(service: Seal) -> Bound<Seal> {
    Bound::new("Opening and closing the store.", ROUTES, service)
}

const RESET: Field<bool> = Field::new("reset", "Forget the shares given so far.");
const MIGRATE: Field<bool> = Field::new("migrate", "Not heeded: there is one kind of seal.");

const ROUTES: &[Route<Seal>] = &[
    Route {
        path: "seal-status",
        synopsis: "How the store is sealed.",
        description: "Shares, threshold and how many shares were given so far.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Read, "Tell it.", status)],
    },
    Route {
        path: "seal-backend-status",
        synopsis: "Whether what opens the store can be reached.",
        description: "The shares are with people: there is nothing to be reached.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Read, "Tell it.", |_, _| {
            Ok(Reply::bare(json!({
                "healthy": true,
                "fully_wrapped": true,
                "backends": [{ "name": "shamir", "healthy": true }],
            })))
        })],
    },
    Route {
        path: "unseal",
        synopsis: "Give one share of the unseal key.",
        description: "When as many are given as are needed, the store is open.",
        fields: &[&KEY.info, &RESET.info, &MIGRATE.info],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Write, "Give a share.", unseal)],
    },
    Route {
        path: "seal",
        synopsis: "Seal the store.",
        description: "Lets go of all keys: nothing is read or written until enough shares are \
                      given again.",
        fields: &[],
        access: Access::SudoUnlessSealed,
        operations: &[Operation::direct(Verb::Write, "Seal it.", seal)],
    },
];

fn seal(service: &Seal, _: DirectAsk) -> Outcome {
    service.about.barrier.seal();
    service.audit.close();
    log::info!("sealed");
    Ok(Reply::nothing())
}

fn unseal(service: &Seal, ask: DirectAsk) -> Outcome {
    const MISSING: &str = "'key' must be specified in request body as JSON, or 'reset' set to true";
    const UNINITIALIZED: &str = "Vault is not initialized";
    let barrier = &service.about.barrier;
    let body = Strict::read("UnsealRequest", &ask.body)?;
    if body.bool("Reset")? {
        if barrier.unsealed().is_some() {
            return Err(Fault::bad_request("vault is unsealed"));
        }
        *service.unsealing() = None;
        return status(service, ask);
    }
    let share = Share::sent(&body, "invalid key: ", MISSING);
    let wrong = |error| refused("unable to retrieve stored keys", &error);
    let settings = barrier.settings().map_err(wrong)?;
    let Some(settings) = settings else {
        // Where there is nothing to open no share is too short.
        let sent = body.text("Key")?;
        return Err(Fault::bad_request(if sent.is_empty() { MISSING } else { UNINITIALIZED }));
    };
    let share = share?;
    let Kind::Shamir(split) = settings.kind;
    let mut unsealing = service.unsealing();
    if barrier.unsealed().is_none() {
        let current = unsealing.get_or_insert_with(|| Unsealing {
            nonce: service.entropy.uuid(),
            gathering: Gathering::default(),
        });
        if let Step::Enough(key) = current.gathering.give(share, split.threshold()) {
            *unsealing = None;
            let unsealed = key.and_then(|key| barrier.unseal(&key)).map_err(|error| {
                log::warn!("shares were given that do not unseal: {error}");
                wrong(error)
            })?;
            log::info!("unsealed");
            versions::before_upgrade(&unsealed, &service.undo);
            versions::note_opened(&unsealed);
            // Requests find out by themselves, and are refused.
            if let Err(error) = service.audit.devices(&unsealed) {
                log::error!("the audit devices cannot be opened: {error}");
            }
        }
    }
    drop(unsealing);
    status(service, ask)
}

fn status(service: &Seal, _: DirectAsk) -> Outcome {
    let About { barrier, storage_type, certificate, .. } = &service.about;
    let unsealed = barrier.unsealed();
    let settings = barrier.settings();
    let settings = settings.map_err(|error| Fault::internal(error.to_string()))?;
    let (threshold, shares) = match settings.map(|settings| settings.kind) {
        Some(Kind::Shamir(split)) => (split.threshold(), split.shares()),
        None => (0, 0),
    };
    let (progress, nonce) = match &*service.unsealing() {
        Some(unsealing) => (unsealing.gathering.progress(), unsealing.nonce.clone()),
        None => (0, String::new()),
    };
    let mut answer = object([
        ("type", Value::from("shamir")),
        ("initialized", settings.is_some().into()),
        ("sealed", unsealed.is_none().into()),
        ("t", threshold.into()),
        ("n", shares.into()),
        ("progress", progress.into()),
        ("nonce", nonce.into()),
        ("version", VERSION.into()),
        ("migration", false.into()),
        ("recovery_seal", false.into()),
        ("storage_type", json!(storage_type)),
    ]);
    service.about.add_cluster(unsealed.as_deref(), &mut answer);
    certificate.add_to(&mut answer);
    Ok(Reply::bare(answer.into()))
}
