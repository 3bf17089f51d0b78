//! What web interfaces ask besides: namespaces, features, the version.

use serde_json::json;

use crate::api::VERSION;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;

/// The endpoints.
pub fn engine() -> Bound<()> {
    Bound::new("What web interfaces ask besides.", ROUTES, ())
}

const ROUTES: &[Route<()>] = &[
    Route {
        path: "internal/ui/namespaces",
        synopsis: "The namespaces that the caller may see.",
        description: "There is one, which has no name.",
        fields: &[],
        access: Access::Guest,
        operations: &[Operation::system(Verb::Read, "List them.", namespaces)],
    },
    Route {
        path: "internal/ui/version",
        synopsis: "The version of the server.",
        description: "That of Vault whose API is followed, and our own behind it.",
        fields: &[],
        access: Access::Guest,
        operations: &[Operation::system(Verb::Read, "Tell it.", version)],
    },
    Route {
        path: "internal/ui/feature-flags",
        synopsis: "Features that are switched on.",
        description: "There are none.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Read, "List them.", |(), _| {
            Ok(Reply::bare(json!({ "feature_flags": null })))
        })],
    },
];

fn namespaces((): &(), call: &mut SystemCall<'_>) -> Outcome {
    to_anybody_known(call)?;
    Ok(Reply::data(object([("keys", json!([""]))])))
}

fn version((): &(), call: &mut SystemCall<'_>) -> Outcome {
    to_anybody_known(call)?;
    Ok(Reply::data(object([("version", VERSION.into())])))
}

/// Any token will do.
fn to_anybody_known(call: &SystemCall<'_>) -> Result<(), Fault> {
    call.caller.map(drop).ok_or_else(Fault::denied)
}
