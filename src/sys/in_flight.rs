//! `sys/in-flight-req`: the requests that run.

use std::sync::Arc;

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::pipeline::flights::Flights;

/// The endpoint with its service.
pub fn engine(flights: Arc<Flights>) -> Bound<Arc<Flights>> {
    Bound::new("The requests that run.", ROUTES, flights)
}

const ROUTES: &[Route<Arc<Flights>>] = &[Route {
    path: "in-flight-req",
    synopsis: "The requests that run.",
    description: "Of each its path, and from where and since when it is: this one is among them.",
    fields: &[],
    access: Access::Policy,
    operations: &[Operation::system(Verb::Read, "Tell them.", read)],
}];

fn read(flights: &Arc<Flights>, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::bare(flights.show().into()))
}
