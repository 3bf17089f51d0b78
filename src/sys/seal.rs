//! `sys/seal`, `sys/unseal` and `sys/seal-status`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::about::About;
use super::shares::{Gathering, KEY, Share, Step, refused};
use super::standby::Standby;
use super::unsealing::{Given, Unsealing};
use crate::api::VERSION;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
use crate::barrier::UnsealError;
use crate::barrier::automatic::Standing;
use crate::barrier::seal::{Kind, SHAMIR};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;

/// What these endpoints are given.
pub struct Seal {
    /// What is told of the store.
    pub about: About,
    /// Opens and seals it.
    pub unsealing: Arc<Unsealing>,
    /// Whether it follows another server.
    pub standby: Standby,
    /// For nonces.
    pub entropy: Arc<dyn Entropy>,
}

/// The endpoints with their service.
pub fn engine(service: Seal) -> Bound<Seal> {
    Bound::new("Opening and closing the store.", ROUTES, service)
}

const RESET: Field<bool> = Field::new("reset", "Forget the shares given so far.");
const MIGRATE: Field<bool> =
    Field::new("migrate", "Whether the shares are given to change to the seal in use.");

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
        description: "Where the shares are with people there is nothing to be reached.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Read, "Tell it.", backend)],
    },
    Route {
        path: "unseal",
        synopsis: "Give one share of the unseal key.",
        description: "When as many are given as are needed, the store is open. Where \
                      an automatic seal is lost, shares of the recovery key open it.",
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
    service.unsealing.seal();
    Ok(Reply::nothing())
}

fn backend(service: &Seal, _: DirectAsk) -> Outcome {
    let seal = service.about.barrier.configured_seal();
    let name = seal.map_or(SHAMIR, |seal| seal.mechanism().name());
    let healthy = seal.is_none() || service.unsealing.trouble().is_none();
    Ok(Reply::bare(json!({
        "healthy": healthy,
        "fully_wrapped": true,
        "backends": [{ "name": name, "healthy": healthy }],
    })))
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
        *service.unsealing.given() = None;
        return status(service, ask);
    }
    let share = Share::sent(&body, "invalid key: ", MISSING);
    let settings = barrier.settings().map_err(|error| wrong(&error))?;
    let Some(settings) = settings else {
        // Where there is nothing to open no share is too short.
        let sent = body.text("Key")?;
        return Err(Fault::bad_request(if sent.is_empty() { MISSING } else { UNINITIALIZED }));
    };
    let share = share?;
    if barrier.unsealed().is_none() {
        let migrate = body.bool("Migrate")?;
        must_fit(migrate, barrier.standing(&settings.kind))?;
        give(service, share, migrate, &settings.kind)?;
    }
    status(service, ask)
}

/// Whether shares may be given so; the texts are Vault's.
fn must_fit(migrate: bool, standing: Standing) -> Result<(), Fault> {
    match (standing, migrate) {
        (Standing::InUse, false) | (Standing::Migrating, true) => Ok(()),
        (Standing::InUse, true) => {
            Err(Fault::bad_request("can't perform a seal migration, no migration seal found"))
        }
        (Standing::Migrating, false) => {
            Err(Fault::bad_request("migrate option not provided and seal migration is in progress"))
        }
    }
}

fn give(service: &Seal, share: Share, migrate: bool, kind: &Kind) -> Result<(), Fault> {
    let mut given = service.unsealing.given();
    if service.about.barrier.unsealed().is_some() {
        return Ok(());
    }
    let new = || Given { nonce: service.entropy.uuid(), migrate, gathering: Gathering::default() };
    let current = given.get_or_insert_with(new);
    if current.migrate != migrate {
        *current = new();
    }
    if let Step::Enough(key) = current.gathering.give(share, kind.split().threshold()) {
        *given = None;
        // An automatic seal may be slow to answer, and others ask how far this is.
        drop(given);
        let opened = key.and_then(|key| service.unsealing.open(&key, migrate));
        opened.map_err(|error| {
            log::warn!("shares were given that do not unseal: {error}");
            wrong(&error)
        })?;
        if migrate {
            let now = service.about.barrier.configured_seal();
            let now = now.map_or(SHAMIR, |seal| seal.mechanism().name());
            log::warn!("the seal was changed: {} before, {now} from now on", kind.name());
        }
    }
    Ok(())
}

fn wrong(error: &UnsealError) -> Fault {
    refused("unable to retrieve stored keys", error)
}

fn status(service: &Seal, _: DirectAsk) -> Outcome {
    let About { barrier, storage_type, certificate, .. } = &service.about;
    let unsealed = barrier.unsealed();
    let settings = barrier.settings();
    let settings = settings.map_err(|error| Fault::internal(error.to_string()))?;
    let configured = barrier.configured_seal().map(|seal| seal.mechanism());
    let mechanism = match &settings {
        Some(settings) => settings.kind.mechanism(),
        None => configured,
    };
    let (threshold, shares) = match settings.as_ref().map(|settings| settings.kind.split()) {
        Some(split) => (split.threshold(), split.shares()),
        None => (0, 0),
    };
    let (progress, nonce) = match &*service.unsealing.given() {
        Some(given) => (given.gathering.progress(), given.nonce.clone()),
        None => (0, String::new()),
    };
    let migration = settings
        .as_ref()
        .is_some_and(|settings| barrier.standing(&settings.kind) == Standing::Migrating);
    let mut answer = object([
        ("type", Value::from(mechanism.map_or(SHAMIR, |mechanism| mechanism.name()))),
        ("initialized", settings.is_some().into()),
        ("sealed", unsealed.is_none().into()),
        ("t", threshold.into()),
        ("n", shares.into()),
        ("progress", progress.into()),
        ("nonce", nonce.into()),
        ("version", VERSION.into()),
        ("migration", migration.into()),
        ("recovery_seal", mechanism.is_some().into()),
        ("storage_type", json!(storage_type)),
    ]);
    if mechanism.is_some() {
        answer.insert("recovery_seal_type".to_owned(), SHAMIR.into());
    }
    let standby = service.standby.status();
    let trouble = service.unsealing.trouble();
    if let Some(trouble) = trouble.or_else(|| standby.as_ref()?.trouble.clone()) {
        answer.insert("degraded".to_owned(), trouble.into());
    }
    if let Some(standby) = standby {
        service.standby.add_to(&standby, &mut answer);
    }
    service.about.add_cluster(unsealed.as_deref(), &mut answer);
    certificate.add_to(&mut answer);
    Ok(Reply::bare(answer.into()))
}
