//! `sys/metrics`: what is counted and measured, as Vault tells it.

mod core;
mod lately;
mod prometheus;
mod summary;
pub mod usage;

use std::sync::Arc;

use zeroize::Zeroizing;

use self::lately::Lately;
use super::about::About;
use crate::api::ask::{DirectAsk, READ_SNAPSHOT, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Content, Reply, Response, ResponseBody};
use crate::api::request::{Method, Request};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Clock;
use crate::base::meter::{Metered, Readings};

pub use self::core::Core;

/// What this endpoint is given.
pub struct Metrics {
    about: About,
    /// Who has meters.
    sources: Vec<Arc<dyn Metered>>,
    /// Whether they are told in the Prometheus format.
    prometheus: bool,
    lately: Lately,
}

/// The endpoint with its service.
pub fn engine(service: Arc<Metrics>) -> Bound<Arc<Metrics>> {
    Bound::new("What is counted and measured.", ROUTES, service)
}

const FORMAT: Field<String> = Field::new("format", "`prometheus`; JSON when left out.").query();

const ROUTES: &[Route<Arc<Metrics>>] = &[Route {
    path: "metrics",
    synopsis: "What is counted and measured.",
    description: "As Prometheus reads it, or as JSON: then counts are those since the last \
                  reading that is at least ten seconds old. Listeners may tell it to everybody.",
    fields: &[&FORMAT.info],
    access: Access::Policy,
    operations: &[Operation::direct(Verb::Read, "Tell it.", read)],
}];

fn read(metrics: &Arc<Metrics>, ask: DirectAsk) -> Outcome {
    let (status, body) = metrics.answer(ask.query(FORMAT.info.name), ask.header("accept"));
    Ok(Reply::of(status, Content::Body(body)))
}

/// How the metrics are asked for.
enum Format<'a> {
    Json,
    Prometheus,
    Unknown(&'a str),
}

impl<'a> Format<'a> {
    /// What is asked for by name goes before what the client accepts, which is what Prometheus
    /// says of itself.
    fn of(named: Option<&'a str>, accepted: Option<&str>) -> Self {
        const OF_PROMETHEUS: [&str; 3] =
            ["application/openmetrics-text", "prometheus/telemetry", "version=0.0.4"];
        match named.filter(|name| !name.is_empty()) {
            Some("prometheus") => Self::Prometheus,
            Some(name) => Self::Unknown(name),
            None if OF_PROMETHEUS.iter().any(|kind| accepted.is_some_and(|a| a.contains(kind))) => {
                Self::Prometheus
            }
            None => Self::Json,
        }
    }
}

impl Metrics {
    /// Tells what `sources` have.
    pub fn new(
        about: About,
        sources: Vec<Arc<dyn Metered>>,
        prometheus: bool,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { about, sources, prometheus, lately: Lately::new(clock) }
    }

    /// Whether a request asks for them at a listener that tells them to everybody. One that means a
    /// snapshot does not: none holds them.
    pub fn are_for_anybody(&self, request: &Request) -> bool {
        request.peer.sees_metrics
            && request.path == "sys/metrics"
            && request.query(READ_SNAPSHOT).is_none()
    }

    /// The answer to such a request.
    pub fn answer_anybody(&self, request: &Request) -> Response {
        let (status, body) = match request.method {
            Method::Get => self.answer(request.query(FORMAT.info.name), request.header("accept")),
            _ => (405, whole("application/json", "{\"errors\":[]}\n".to_owned())),
        };
        Response::new(status, body)
    }

    fn answer(&self, named: Option<&str>, accepted: Option<&str>) -> (u16, ResponseBody) {
        match Format::of(named, accepted) {
            Format::Json => {
                (200, whole("application/json", summary::of(&self.lately.look(self.read()))))
            }
            Format::Prometheus if self.prometheus => {
                let text = prometheus::of(self.lately.look(self.read()).seen);
                (200, whole(prometheus::CONTENT_TYPE, text))
            }
            Format::Prometheus => {
                (400, whole("text/plain", "prometheus is not enabled".to_owned()))
            }
            Format::Unknown(name) => {
                (400, whole("text/plain", format!("metric response format \"{name}\" unknown")))
            }
        }
    }

    fn read(&self) -> Readings {
        let unsealed = self.about.barrier.unsealed();
        let cluster = unsealed.map(|unsealed| self.about.cluster(&unsealed).0).unwrap_or_default();
        let mut readings = Readings::of(cluster);
        self.sources.iter().for_each(|source| source.tell(&mut readings));
        readings
    }
}

fn whole(content_type: &'static str, text: String) -> ResponseBody {
    ResponseBody::Whole(content_type, Zeroizing::new(text.into_bytes()))
}
