//! `sys/health`: the state of the server, told by the HTTP status.

use std::sync::Arc;

use serde_json::Value;

use super::about::{About, VERSION};
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::reply::{Content, Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Clock;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::storage::Storage;

/// What this endpoint is given.
pub struct Health {
    /// What is said besides.
    pub about: About,
    /// Its condition is told.
    pub storage: Arc<dyn Storage>,
    /// The time while the store is sealed.
    pub clock: Arc<dyn Clock>,
}

/// The endpoint with its service.
pub fn engine(service: Health) -> Bound<Health> {
    Bound::new("The health of the server.", ROUTES, service)
}

const ROUTES: &[Route<Health>] = &[Route {
    path: "health",
    synopsis: "How the server is, as an HTTP status.",
    description: "200 unsealed, 501 not initialized, 503 sealed. A query may ask for other codes: \
                  activecode, sealedcode, uninitcode, and degradedcode for a server that is \
                  unsealed but whose store refuses writes, fails or was found damaged (200 unless \
                  asked for). What a \
                  server of a cluster would say (standbyok, standbycode, drsecondarycode, \
                  performancestandbycode, haunhealthycode) is taken and never needed.",
    fields: &[],
    access: Access::Sealed,
    operations: &[Operation::direct(Verb::Read, "Tell it.", read)],
}];

fn read(health: &Health, ask: DirectAsk) -> Outcome {
    let asked = Codes::asked(&ask)?;
    let barrier = &health.about.barrier;
    let unsealed = barrier.unsealed();
    let scrubbed = || unsealed.as_ref()?.last_scrub().filter(|scrubbed| !scrubbed.good());
    let trouble = health.storage.condition().trouble;
    let trouble = trouble.or_else(|| scrubbed().map(|scrubbed| scrubbed.to_string()));
    let initialized = match (&unsealed, barrier.settings()) {
        (Some(_), _) => true,
        (None, Ok(settings)) => settings.is_some(),
        // A store that cannot be read was there to be read: it is not for a new init.
        (None, Err(_)) => true,
    };
    let sealed = unsealed.is_none();
    let status = match (initialized, sealed, &trouble) {
        (false, ..) => asked.uninitialized,
        (true, true, _) => asked.sealed,
        (true, false, Some(_)) => asked.degraded,
        (true, false, None) => asked.active,
    };
    let now = unsealed.as_ref().map_or_else(|| health.clock.wall(), |u| u.time().now());
    let mode = if sealed { "unknown" } else { "disabled" };
    let mut answer = object([
        ("initialized", Value::from(initialized)),
        ("sealed", sealed.into()),
        ("standby", sealed.into()),
        ("performance_standby", false.into()),
        ("replication_performance_mode", mode.into()),
        ("replication_dr_mode", mode.into()),
        ("server_time_utc", now.as_secs().into()),
        ("version", VERSION.into()),
    ]);
    health.about.add_cluster(unsealed.as_deref(), &mut answer);
    if let Some(trouble) = trouble {
        answer.insert("degraded".to_owned(), trouble.into());
    }
    Ok(match status {
        // HTTP allows these no body.
        204 | 304 => Reply::of(status, Content::Nothing),
        _ => Reply::bare(answer.into()).with_status(status),
    })
}

/// The status for each state.
struct Codes {
    active: u16,
    sealed: u16,
    uninitialized: u16,
    degraded: u16,
}

impl Codes {
    fn asked(ask: &DirectAsk) -> Result<Self, Fault> {
        for name in ["standbyok", "perfstandbyok"] {
            if let Some(text) = ask.query(name).filter(|text| !text.is_empty()) {
                golang::parse_bool(text).map_err(|_| Fault::bare(400))?;
            }
        }
        let unused =
            ["standbycode", "drsecondarycode", "performancestandbycode", "haunhealthycode"];
        for name in unused {
            code(ask, name)?;
        }
        let active = code(ask, "activecode")?.unwrap_or(200);
        Ok(Self {
            active,
            sealed: code(ask, "sealedcode")?.unwrap_or(503),
            uninitialized: code(ask, "uninitcode")?.unwrap_or(501),
            degraded: code(ask, "degradedcode")?.unwrap_or(active),
        })
    }
}

/// A status asked for; what is no number is Vault's bare 400.
fn code(ask: &DirectAsk, name: &str) -> Result<Option<u16>, Fault> {
    let Some(text) = ask.query(name) else { return Ok(None) };
    match text.parse() {
        Ok(code @ 200..=599) => Ok(Some(code)),
        Ok(_) => Err(Fault::bad_request(format!("{name} must be from 200 to 599"))),
        Err(_) => Err(Fault::bare(400)),
    }
}
