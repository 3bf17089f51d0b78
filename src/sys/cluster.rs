//! What is asked of a server about its cluster: it is one of one, whose leader it is.

use serde_json::{Value, json};

use crate::api::VERSION;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;

/// The one server of the cluster.
pub struct Member {
    /// The name of the machine.
    pub hostname: String,
    /// The URL at which clients reach it.
    pub address: String,
    /// Since when it runs.
    pub since: Timestamp,
}

/// The endpoints with their server.
pub fn engine(member: Member) -> Bound<Member> {
    Bound::new("A cluster of one.", ROUTES, member)
}

const ROUTES: &[Route<Member>] = &[
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
    guarded(
        "ha-status",
        "The servers of a cluster.",
        &[Operation::system(Verb::Read, "This one.", ha_status)],
    ),
    Route {
        path: "replication/status",
        synopsis: "Whether other clusters have the same data.",
        description: "None has: replication is Vault Enterprise's.",
        fields: &[],
        access: Access::Unauthenticated,
        operations: &[Operation::system(Verb::Read, "Tell it.", replication)],
    },
    guarded(
        "storage/raft/configuration",
        "The servers that vote on what is stored.",
        &[Operation::system(Verb::Read, "This one.", configuration)],
    ),
    guarded(
        "storage/raft/autopilot/state",
        "How the servers of a cluster are.",
        &[Operation::system(Verb::Read, "This one.", autopilot)],
    ),
    guarded(
        "storage/raft/autopilot/configuration",
        "When servers of a cluster are given up.",
        &[
            Operation::system(Verb::Read, "As Vault has it by default.", autopilot_configuration),
            Operation::system(Verb::Write, "There is nothing to configure.", alone).signpost(),
        ],
    ),
    guarded(
        "storage/raft/remove-peer",
        "Take a server out of a cluster.",
        &[Operation::system(Verb::Write, "There is no other.", alone).signpost()],
    ),
    Route {
        path: "storage/raft/join",
        synopsis: "Join a cluster.",
        description: "There is one server: it joins none.",
        fields: &[],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Write, "Say so.", |_, _| refuse()).signpost()],
    },
];

const fn guarded(
    path: &'static str,
    synopsis: &'static str,
    operations: &'static [Operation<Member>],
) -> Route<Member> {
    let description = "There is one server: the answers are those of a cluster of one.";
    Route { path, synopsis, description, fields: &[], access: Access::Policy, operations }
}

fn leader(_: &Member, _: DirectAsk) -> Outcome {
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

fn step_down(_: &Member, _: DirectAsk) -> Outcome {
    Ok(Reply::nothing())
}

fn ha_status(member: &Member, _: &mut SystemCall<'_>) -> Outcome {
    let node = json!({
        "hostname": member.hostname,
        "api_address": member.address,
        "cluster_address": "",
        "active_node": true,
        "last_echo": null,
        "version": VERSION,
    });
    Ok(Reply::data_at_top(object([("nodes", [node].into_iter().collect())])))
}

fn replication(_: &Member, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(object([("mode", "disabled".into())])))
}

fn configuration(member: &Member, call: &mut SystemCall<'_>) -> Outcome {
    let server = json!({
        "node_id": member.hostname,
        "address": member.host(),
        "leader": true,
        "voter": true,
        "protocol_version": "3",
    });
    let config = json!({ "index": call.txn.unsealed().status().revision, "servers": [server] });
    Ok(Reply::data(object([("config", config)])))
}

fn autopilot(member: &Member, call: &mut SystemCall<'_>) -> Outcome {
    let status = call.txn.unsealed().status();
    let name = &member.hostname;
    let server = json!({
        "id": name,
        "name": name,
        "address": member.host(),
        "node_status": "alive",
        "node_type": "voter",
        "status": "leader",
        "healthy": true,
        "last_contact": "0s",
        "last_term": status.timeline.number,
        "last_index": status.revision,
        "stable_since": member.since.rfc3339(),
        "version": VERSION,
    });
    Ok(Reply::data(object([
        ("healthy", true.into()),
        ("failure_tolerance", 0.into()),
        ("leader", name.as_str().into()),
        ("voters", json!([name])),
        ("servers", Value::from(object([(name, server)]))),
    ])))
}

fn autopilot_configuration(_: &Member, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(object([
        ("cleanup_dead_servers", false.into()),
        ("dead_server_last_contact_threshold", "24h0m0s".into()),
        ("last_contact_threshold", "10s".into()),
        ("max_trailing_logs", 1000.into()),
        ("min_quorum", 0.into()),
        ("server_stabilization_time", "10s".into()),
    ])))
}

fn alone(_: &Member, _: &mut SystemCall<'_>) -> Outcome {
    refuse()
}

fn refuse() -> Outcome {
    Err(Fault::bad_request("one server is all there is: it joins no cluster, and has no peers"))
}

impl Member {
    /// Host and port of its URL, as members of a cluster are named.
    fn host(&self) -> &str {
        self.address.split_once("://").map_or(&*self.address, |(_, host)| host)
    }
}
