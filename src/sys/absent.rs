//! What clients ask of Vault and this server does not have, said so that they understand it.

use serde_json::json;

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;

/// The endpoints.
pub fn engine() -> Bound<()> {
    Bound::new("What is not there.", ROUTES, ())
}

const PROFILE: Field<String> = Field::new("profile", "Which profile.");

const ROUTES: &[Route<()>] = &[
    Route {
        path: "experiments",
        synopsis: "Features that have to be switched on.",
        description: "There are none.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List them.", experiments)],
    },
    Route {
        path: "pprof/?",
        synopsis: "Profiles of a Go program.",
        description: "This is none.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Say so.", profile).signpost()],
    },
    Route {
        path: "pprof/{profile+}",
        synopsis: "A profile of a Go program.",
        description: "This is none.",
        fields: &[&PROFILE.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Say so.", profile).signpost()],
    },
];

fn experiments((): &(), _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(object([("available", json!([])), ("enabled", json!([]))])))
}

fn profile((): &(), _: &mut SystemCall<'_>) -> Outcome {
    Err(Fault::new(
        404,
        "there are no profiles: this is no Go program; sys/host-info tells how the machine is",
    ))
}
