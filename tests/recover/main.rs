//! One secret back: snapshots that are loaded beside the store, what is read in them and what is
//! brought back from them.

mod differ;
mod door;
mod engines;
mod instants;
mod loads;
mod refusals;
mod rights;
mod source;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use serde_json::{Value, json};
use support::http::{Client, Reply};

pub const LOAD: &str = "sys/storage/raft/snapshot-load";
pub const SNAPSHOT: &str = "sys/storage/raft/snapshot";

/// Takes a snapshot.
pub fn take(client: &Client) -> Vec<u8> {
    let reply = client.get(SNAPSHOT);
    assert_eq!(reply.status, 200);
    reply.body
}

/// Loads a snapshot; its id.
pub fn load(client: &Client, file: &[u8]) -> String {
    let reply = client.upload(LOAD, file).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert_eq!(reply.json()["data"]["status"], "ready");
    reply.json()["data"]["snapshot_id"].as_str().unwrap().to_owned()
}

/// Takes a snapshot and loads it.
pub fn keep(client: &Client) -> String {
    load(client, &take(client))
}

/// Reads in a snapshot.
pub fn read(client: &Client, id: &str, path: &str) -> Reply {
    let and = if path.contains('?') { '&' } else { '?' };
    client.get(&format!("{path}{and}read_snapshot_id={id}"))
}

/// Lists in a snapshot.
pub fn list(client: &Client, id: &str, path: &str) -> Reply {
    client.list(&format!("{path}?read_snapshot_id={id}"))
}

/// Brings back what a snapshot has there.
pub fn recover(client: &Client, id: &str, path: &str) -> Reply {
    client.ask_with("RECOVER", path, &[("X-Vault-Recover-Snapshot-Id", id)], None).unwrap()
}

/// Brings back what a snapshot has at `from`.
pub fn recover_from(client: &Client, id: &str, path: &str, from: &str) -> Reply {
    let headers = [("X-Vault-Recover-Snapshot-Id", id), ("X-Vault-Recover-Source-Path", from)];
    client.ask_with("RECOVER", path, &headers, None).unwrap()
}

/// A client with a new token of one policy of that text.
pub fn allowed(root: &Client, name: &str, policy: &str) -> Client {
    let written = root.post(&format!("sys/policies/acl/{name}"), json!({ "policy": policy }));
    assert_eq!(written.status, 204, "{}", written.json());
    let made = root.post("auth/token/create", json!({ "policies": [name] })).json();
    root.clone().token(made["auth"]["client_token"].as_str().unwrap())
}

/// The one error of an answer.
pub fn error(reply: &Reply) -> String {
    let document = reply.json();
    let errors = document["errors"].as_array().unwrap_or_else(|| panic!("{document}"));
    errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}
