//! What `status` and `operator unseal` print of a server.

use serde_json::{Value, json};

use super::context::Context;
use super::format::Format;
use super::stop::Stop;
use super::table;
use crate::base::golang;
use crate::client::Call;

/// Whether an answer tells that.
pub fn is_one(answer: &Value) -> bool {
    answer["sealed"].is_boolean()
}

/// Prints the answer of `sys/seal-status` or `sys/unseal`.
pub fn print(cx: &mut Context, mut status: Value) -> Result<(), Stop> {
    // A server that is not yet ready to say who leads has no cluster to tell of.
    let leader = cx.client()?.call(&Call::get("sys/leader")).map(|a| a.body).unwrap_or_default();
    // Only an unsealed server knows what ails it; others do not say so.
    let health = match &status["sealed"] {
        Value::Bool(false) => cx.client()?.call(&health()).map(|a| a.body).ok(),
        _ => None,
    };
    // Of a sealed one the status itself tells why it did not open itself.
    if let (Some(trouble), Value::Object(fields)) =
        (health.as_ref().and_then(|health| health.get("degraded")), &mut status)
    {
        fields.insert("degraded".into(), trouble.clone());
    }
    if cx.format == Format::Table {
        return cx.say(&table::pairs(&rows(&status, &leader)));
    }
    if let Value::Object(fields) = &mut status {
        let ha = leader["ha_enabled"] == true;
        for (name, value) in [
            ("active_time", json!("0001-01-01T00:00:00Z")),
            ("build_date", json!("")),
            ("ha_enabled", json!(ha)),
            ("migration", json!(false)),
            ("recovery_seal", json!(false)),
        ] {
            fields.entry(name).or_insert(value);
        }
        for name in ["is_self", "leader_address", "leader_cluster_address"] {
            if ha && let Some(value) = leader.get(name) {
                fields.insert(name.into(), value.clone());
            }
        }
    }
    cx.say_value(&status)
}

/// The health of a server, with that of its targets, also where it serves nothing.
fn health() -> Call {
    Call::get("sys/health").with_query("snapshots", "true").with_query("sealedcode", "299")
}

/// Whom a standby follows, and how far.
fn followed(target: &str, follows: &Value) -> String {
    match (follows["revision"].as_u64(), follows["timeline"].as_str()) {
        (Some(revision), Some(timeline)) => {
            let behind = follows["behind"].as_u64().unwrap_or_default();
            format!(
                "{target}, with all up to transaction {revision} of timeline {timeline}; it has \
                 {behind} more"
            )
        }
        _ => format!("{target}, and has nothing of it yet"),
    }
}

fn rows(status: &Value, leader: &Value) -> Vec<[String; 2]> {
    let get = |name: &str| status.get(name).map(golang::display).unwrap_or_default();
    let sealed = status["sealed"] == true;
    let mut rows = Vec::new();
    let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
    // With an automatic seal people hold shares of a recovery key.
    let recovery = if status["recovery_seal"] == true { "Recovery " } else { "" };
    add("Seal Type", get("type"));
    if !get("recovery_seal_type").is_empty() {
        add("Recovery Seal Type", get("recovery_seal_type"));
    }
    add("Initialized", get("initialized"));
    add("Sealed", get("sealed"));
    add(&format!("Total {recovery}Shares"), get("n"));
    add("Threshold", get("t"));
    if sealed {
        add("Unseal Progress", format!("{}/{}", get("progress"), get("t")));
        add("Unseal Nonce", get("nonce"));
    }
    if status["migration"] == true {
        add("Seal Migration in Progress", "true".into());
    }
    if let Some(target) = status["follows"]["target"].as_str() {
        add("Follows", followed(target, &status["follows"]));
    }
    if !get("degraded").is_empty() {
        add("Degraded", get("degraded"));
    }
    add("Version", get("version"));
    add("Build Date", get("build_date"));
    add("Storage Type", get("storage_type"));
    if !get("certificate_sha256").is_empty() {
        add("CA SHA-256", get("certificate_ca_sha256"));
        add("Certificate SHA-256", get("certificate_sha256"));
        add("Certificate Expires", get("certificate_expires"));
    }
    if !get("cluster_name").is_empty() {
        add("Cluster Name", get("cluster_name"));
        add("Cluster ID", get("cluster_id"));
    }
    let ha = leader["ha_enabled"] == true;
    add("HA Enabled", ha.to_string());
    if ha && !sealed {
        let named = |name: &str| match leader[name].as_str() {
            None | Some("") => "<none>".to_owned(),
            Some(text) => text.to_owned(),
        };
        add("HA Cluster", named("leader_cluster_address"));
        if leader["is_self"] == true {
            add("HA Mode", "active".into());
        } else {
            add("HA Mode", "standby".into());
            add("Active Node Address", named("leader_address"));
        }
    }
    rows
}
