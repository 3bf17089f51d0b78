//! `sys/health`: the state of the server, told by the HTTP status.

use std::sync::Arc;

use serde_json::Value;

use super::about::About;
use super::standby::Standby;
use crate::api::VERSION;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Content, Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::audit::devices::Audit;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::snapshot::keeper::Keeper;
use crate::storage::Storage;

/// What this endpoint is given.
pub struct Health {
    /// What is said besides.
    pub about: About,
    /// Its condition is told.
    pub storage: Arc<dyn Storage>,
    /// Whether its devices take their entries is told.
    pub audit: Arc<Audit>,
    /// Whether targets of snapshots keep what they promised is told to who asks.
    pub keeper: Arc<Keeper>,
    /// Where the server may be a standby; has the time while the store is sealed.
    pub standby: Standby,
}

/// The endpoint with its service.
pub fn engine(service: Health) -> Bound<Health> {
    Bound::new("The health of the server.", ROUTES, service)
}

/// With the status of a sealed server: it serves as little.
const OPENING: &str = "the store is being opened: nothing is served before what comes first is \
                       done, as a restore may have tokens revoked";

const UNUSED: &str = "Of a server of a cluster: taken and never needed.";

const ACTIVE: Field<i64> = Field::new("activecode", "The status when unsealed, not 200.").query();
const SEALED: Field<i64> =
    Field::new("sealedcode", "The status when sealed or being opened, not 503.").query();
const UNINITIALIZED: Field<i64> =
    Field::new("uninitcode", "The status when not initialized, not 501.").query();
const DEGRADED: Field<i64> =
    Field::new("degradedcode", "The status when unsealed and in trouble, not 200.").query();
const SNAPSHOTS: Field<bool> = Field::new(
    "snapshots",
    "Tell of targets of snapshots that are late; a server with such is in trouble then.",
)
.query();
const STANDBY_OK: Field<bool> = Field::new("standbyok", UNUSED).query();
const PERF_STANDBY_OK: Field<bool> = Field::new("perfstandbyok", UNUSED).query();
const STANDBY: Field<i64> = Field::new("standbycode", UNUSED).query();
const DR_SECONDARY: Field<i64> =
    Field::new("drsecondarycode", "The status of a standby, not 472.").query();
const PERFORMANCE_STANDBY: Field<i64> = Field::new("performancestandbycode", UNUSED).query();
const HA_UNHEALTHY: Field<i64> = Field::new("haunhealthycode", UNUSED).query();

const ROUTES: &[Route<Health>] = &[Route {
    path: "health",
    synopsis: "How the server is, as an HTTP status.",
    description: "200 unsealed, 472 a standby that follows a target, 501 not initialized, 503 \
                  sealed or being opened. A server is in trouble whose store refuses writes, \
                  fails or was found damaged, or whose audit devices fail; a standby that cannot \
                  follow.",
    fields: &[
        &ACTIVE.info,
        &SEALED.info,
        &UNINITIALIZED.info,
        &DEGRADED.info,
        &SNAPSHOTS.info,
        &STANDBY_OK.info,
        &PERF_STANDBY_OK.info,
        &STANDBY.info,
        &DR_SECONDARY.info,
        &PERFORMANCE_STANDBY.info,
        &HA_UNHEALTHY.info,
    ],
    access: Access::Sealed,
    operations: &[Operation::direct(Verb::Read, "Tell it.", read)],
}];

fn read(health: &Health, ask: DirectAsk) -> Outcome {
    let asked = Codes::asked(&ask)?;
    let barrier = &health.about.barrier;
    let unsealed = barrier.unsealed();
    let opening = barrier.is_opening();
    let scrubbed = || unsealed.as_ref()?.last_scrub().filter(|scrubbed| !scrubbed.good());
    let late = asked.snapshots.then(|| health.keeper.broken_promises());
    let standby = health.standby.status();
    let store = health.storage.condition().trouble;
    let store = store.or_else(|| scrubbed().map(|scrubbed| scrubbed.to_string()));
    // Whoever mends the one must know of the others.
    let awaited = opening.then(|| OPENING.to_owned());
    let troubles: Vec<String> = [awaited, store, health.audit.trouble()]
        .into_iter()
        .flatten()
        .chain(late.iter().flatten().cloned())
        .chain(standby.as_ref().and_then(|standby| standby.trouble.clone()))
        .collect();
    let trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
    let initialized = match (&unsealed, barrier.settings()) {
        (Some(_), _) => true,
        (None, Ok(settings)) => settings.is_some(),
        // A store that cannot be read was there to be read: it is not for a new init.
        (None, Err(_)) => true,
    };
    let sealed = unsealed.is_none();
    let status = match (initialized, sealed || opening, &trouble) {
        _ if standby.is_some() => asked.standby,
        (false, ..) => asked.uninitialized,
        (true, true, _) => asked.sealed,
        (true, false, Some(_)) => asked.degraded,
        (true, false, None) => asked.active,
    };
    let now = unsealed.as_ref().map_or_else(|| health.standby.clock.wall(), |u| u.time().now());
    let mode = if sealed { "unknown" } else { "disabled" };
    let mut answer = object([
        ("initialized", Value::from(initialized)),
        ("sealed", sealed.into()),
        ("standby", sealed.into()),
        ("performance_standby", false.into()),
        ("replication_performance_mode", mode.into()),
        ("replication_dr_mode", if standby.is_some() { "secondary" } else { mode }.into()),
        ("server_time_utc", now.as_secs().into()),
        ("version", VERSION.into()),
    ]);
    health.about.add_cluster(unsealed.as_deref(), &mut answer);
    if let Some(late) = late {
        answer.insert("snapshots".to_owned(), late.into());
    }
    if let Some(standby) = standby {
        health.standby.add_to(&standby, &mut answer);
    }
    if let Some(trouble) = trouble {
        answer.insert("degraded".to_owned(), trouble.into());
    }
    Ok(match status {
        // HTTP allows these no body.
        204 | 304 => Reply::of(status, Content::Nothing),
        _ => Reply::bare(answer.into()).with_status(status),
    })
}

/// The status for each state, and what else is asked for.
struct Codes {
    active: u16,
    sealed: u16,
    uninitialized: u16,
    degraded: u16,
    standby: u16,
    /// Whether what is late of snapshots is asked for.
    snapshots: bool,
}

impl Codes {
    fn asked(ask: &DirectAsk) -> Result<Self, Fault> {
        for flag in [&STANDBY_OK, &PERF_STANDBY_OK] {
            if let Some(text) = ask.query(flag.info.name).filter(|text| !text.is_empty()) {
                golang::parse_bool(text).map_err(|_| Fault::bare(400))?;
            }
        }
        let snapshots = ask.query(SNAPSHOTS.info.name).filter(|text| !text.is_empty());
        let snapshots = snapshots.map(golang::parse_bool).transpose();
        let snapshots = snapshots.map_err(|_| Fault::bare(400))?.unwrap_or_default();
        for unused in [&STANDBY, &PERFORMANCE_STANDBY, &HA_UNHEALTHY] {
            code(ask, unused)?;
        }
        let active = code(ask, &ACTIVE)?.unwrap_or(200);
        Ok(Self {
            active,
            sealed: code(ask, &SEALED)?.unwrap_or(503),
            uninitialized: code(ask, &UNINITIALIZED)?.unwrap_or(501),
            degraded: code(ask, &DEGRADED)?.unwrap_or(active),
            standby: code(ask, &DR_SECONDARY)?.unwrap_or(472),
            snapshots,
        })
    }
}

/// A status asked for; what is no number is Vault's bare 400.
fn code(ask: &DirectAsk, field: &Field<i64>) -> Result<Option<u16>, Fault> {
    let name = field.info.name;
    let Some(text) = ask.query(name) else { return Ok(None) };
    match text.parse() {
        Ok(code @ 200..=599) => Ok(Some(code)),
        Ok(_) => Err(Fault::bad_request(format!("{name} must be from 200 to 599"))),
        Err(_) => Err(Fault::bare(400)),
    }
}
