//! `sys/leader` and `sys/step-down`, as a server that stands alone answers them.

use serde_json::json;

use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};

/// The endpoints.
pub fn engine() -> Bound<()> {
    Bound::new("A cluster of one.", ROUTES, ())
}

const ROUTES: &[Route<()>] = &[
    Route {
        path: "leader",
        synopsis: "Which server of a cluster leads.",
        description: "There is no cluster: `ha_enabled` is false.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Read, "Tell it.", leader)],
    },
    Route {
        path: "step-down",
        synopsis: "Let another server lead.",
        description: "There is no other: nothing happens.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Write, "Do nothing.", step_down)],
    },
];

fn leader((): &(), _: DirectAsk) -> Outcome {
    Ok(Reply::bare(json!({
        "ha_enabled": false,
        "is_self": false,
        "active_time": "0001-01-01T00:00:00Z",
        "leader_address": "",
        "leader_cluster_address": "",
        "performance_standby": false,
        "performance_standby_last_remote_wal": 0,
    })))
}

fn step_down((): &(), _: DirectAsk) -> Outcome {
    Ok(Reply::nothing())
}
