//! `sys/config/state/sanitized`: by which configuration the server runs.

use serde_json::{Map, Value};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};

/// What may be shown of the configuration.
pub type Sanitized = Map<String, Value>;

/// The endpoint with what it shows.
pub fn engine(configuration: Sanitized) -> Bound<Sanitized> {
    Bound::new("The configuration of the server.", ROUTES, configuration)
}

const ROUTES: &[Route<Sanitized>] = &[Route {
    path: "config/state/sanitized",
    synopsis: "The configuration that the server was started with.",
    description: "Nothing in it is secret. Times are in seconds.",
    fields: &[],
    access: Access::Policy,
    operations: &[Operation::system(Verb::Read, "Read it.", read)],
}];

fn read(configuration: &Sanitized, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(configuration.clone()))
}
