//! What can be recorded, and by which requests.

use std::time::Duration;

use serde_json::{Value, json};

use super::Pace;
use crate::base::clock::Timestamp;
use crate::client::{Call, Client, Error};

/// One thing that is recorded.
pub struct Target {
    /// By which `-target` names it.
    pub name: &'static str,
    /// The file in the bundle, a JSON array of the answers.
    pub file: &'static str,
    every: Every,
    ask: fn(&Client, Timestamp) -> Result<Value, Error>,
}

/// How often it is asked for.
enum Every {
    Once,
    Interval,
    Metrics,
}

/// All of them, but for the log, which is a stream. Names and files are Vault's; it has profiles of
/// its Go runtime besides.
pub const ALL: &[Target] = &[
    Target { name: "config", file: "config.json", every: Every::Once, ask: config },
    Target { name: "host", file: "host_info.json", every: Every::Interval, ask: host },
    Target { name: "requests", file: "requests.json", every: Every::Interval, ask: requests },
    Target { name: "metrics", file: "metrics.json", every: Every::Metrics, ask: metrics },
    Target {
        name: "replication-status",
        file: "replication_status.json",
        every: Every::Interval,
        ask: replication,
    },
    Target {
        name: "server-status",
        file: "server_status.json",
        every: Every::Interval,
        ask: status,
    },
];

impl Target {
    /// Asks for it.
    pub fn ask(&self, client: &Client, now: Timestamp) -> Result<Value, Error> {
        (self.ask)(client, now)
    }

    /// When it is to be asked for again; never for what does not change.
    pub const fn every(&self, pace: &Pace) -> Option<Duration> {
        match self.every {
            Every::Once => None,
            Every::Interval => Some(pace.interval),
            Every::Metrics => Some(pace.metrics),
        }
    }
}

/// The server's health, whatever that is.
pub fn health() -> Call {
    let kinds = ["uninitcode", "sealedcode", "standbycode", "drsecondarycode"];
    let kinds = kinds.into_iter().chain(["performancestandbycode"]);
    kinds.fold(Call::get("sys/health"), |call, kind| call.with_query(kind, "299"))
}

fn config(client: &Client, now: Timestamp) -> Result<Value, Error> {
    let found = client.call(&Call::get("sys/config/state/sanitized"))?;
    Ok(json!({ "timestamp": now.rfc3339(), "config": found.body["data"] }))
}

fn host(client: &Client, _: Timestamp) -> Result<Value, Error> {
    Ok(client.call(&Call::get("sys/host-info"))?.body["data"].clone())
}

fn requests(client: &Client, now: Timestamp) -> Result<Value, Error> {
    let found = client.call(&Call::get("sys/in-flight-req"))?;
    Ok(json!({ "timestamp": now.rfc3339(), "in_flight_requests": found.body }))
}

fn metrics(client: &Client, _: Timestamp) -> Result<Value, Error> {
    Ok(client.call(&Call::get("sys/metrics"))?.body)
}

fn replication(client: &Client, now: Timestamp) -> Result<Value, Error> {
    let mut found = client.call(&Call::get("sys/replication/status"))?.body["data"].clone();
    if let Value::Object(found) = &mut found {
        found.insert("timestamp".into(), now.rfc3339().into());
    }
    Ok(found)
}

fn status(client: &Client, now: Timestamp) -> Result<Value, Error> {
    let health = client.call(&health())?.body;
    let seal = client.call(&Call::get("sys/seal-status"))?.body;
    Ok(json!({ "timestamp": now.rfc3339(), "health": health, "seal": seal }))
}
