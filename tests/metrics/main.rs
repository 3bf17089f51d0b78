//! What the built server tells of itself: metrics in both forms, to whom, and what is in them.

mod exposition;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use exposition::Exposition;
use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::{ROOT, Server, TempDir, free_address};

const METRICS: &str = "sys/metrics";
const PROMETHEUS: &str = "sys/metrics?format=prometheus";

/// A server of a configuration, initialized and unsealed, and its root token.
struct Configured {
    server: Server,
    root: String,
    share: String,
    _folder: TempDir,
}

impl Configured {
    fn with(top: &str, listener: &str) -> Self {
        let (folder, address) = (TempDir::new(), free_address());
        let file = folder.path().join("edgekeep.hcl");
        let store = folder.path().join("store");
        let config = format!(
            "disable_mlock = true\n\
             listener \"tcp\" {{ address = \"{address}\" tls_disable = true\n{listener} }}\n\
             storage \"redb\" {{ path = {store:?} }}\n{top}\n"
        );
        fs::write(&file, config).unwrap();
        let server = Server::start(&["server", "-config", file.to_str().unwrap()], address);
        let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let keys = server.client().post("sys/init", body).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (root, share) = (text(&keys["root_token"]), text(&keys["keys_base64"][0]));
        let configured = Self { server, root, share, _folder: folder };
        configured.unseal();
        configured
    }

    fn unseal(&self) {
        let body = json!({ "key": self.share });
        assert_eq!(self.server.client().post("sys/unseal", body).json()["sealed"], false);
    }

    fn root(&self) -> Client {
        self.server.client().token(&self.root)
    }

    fn nobody(&self) -> Client {
        self.server.client()
    }
}

/// A token with these rules.
fn token(root: &Client, rules: &str) -> String {
    root.post("sys/policies/acl/watcher", json!({ "policy": rules }));
    let made = root.post("auth/token/create", json!({ "policies": ["watcher"] })).json();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// What Prometheus is told.
fn scrape(client: &Client) -> Exposition {
    let reply = client.get(PROMETHEUS);
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = text(&reply);
    Exposition::read(&text).unwrap_or_else(|why| panic!("{why}\nin\n{text}"))
}

/// Waits for something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn requests_are_counted_and_measured() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    let before = scrape(&root);
    for n in 0..5 {
        assert_eq!(root.post("secret/data/a", json!({ "data": { "n": n } })).status, 200);
        assert_eq!(root.get("secret/data/a").status, 200);
        assert_eq!(server.client().get("secret/data/a").status, 403);
        assert_eq!(server.client().post("auth/none/login", json!({})).status, 403);
        let login = server.client().post("auth/userpass/login/nobody", json!({ "password": "x" }));
        assert_eq!(login.status, 400);
    }
    let after = scrape(&root);
    let new = |series: &str| after.value(series) - before.get(series).unwrap_or_default();
    assert_eq!(new("vault_core_handle_request_count"), 20.0);
    assert_eq!(new("vault_core_handle_login_request_count"), 5.0);
    // A login is run again after its slow work.
    assert_eq!(new("vault_core_fetch_acl_and_token_count"), 30.0);
    assert_eq!(new("vault_core_check_token_count"), 30.0);
    assert!(new("vault_core_handle_request_sum") > 0.0);
    let median = after.value("vault_core_handle_request{quantile=\"0.5\"}");
    let slowest = after.value("vault_core_handle_request{quantile=\"0.99\"}");
    assert!(median > 0.0 && median <= slowest, "{median} {slowest}");
    assert!(new("edgekeep_gate_requests_total") >= 26.0);
    assert!(new("edgekeep_gate_sent_bytes_total") > 1000.0);
    assert!(new("edgekeep_gate_body_bytes_count") >= 15.0);
    assert!(after.value("process_cpu_seconds_total") > 0.0);
    assert!(after.value("process_resident_memory_bytes") > 1e6);
    assert!(after.value("process_open_fds") > 3.0);
}

/// How much a series has grown between two looks.
fn grown(before: &Exposition, after: &Exposition, series: &str) -> f64 {
    after.value(series) - before.get(series).unwrap_or_default()
}

#[test]
fn each_layer_counts_its_own() {
    let server = Server::dev();
    let root = server.root();
    let log = server.home.path().join("audit.log");
    let device = json!({ "type": "file", "options": { "file_path": log.to_str().unwrap() } });
    assert_eq!(root.post("sys/audit/log", device).status, 204);
    let watcher =
        root.clone().token(&token(&root, "path \"secret/*\" { capabilities = [\"read\"] }"));
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let before = scrape(&root);
    for n in 0..10 {
        root.post("secret/data/a", json!({ "data": { "n": n } }));
        assert_eq!(watcher.get("secret/data/a").status, 200);
    }
    root.delete("secret/data/a");
    root.list("secret/metadata");
    let after = scrape(&root);
    let grown = |series: &str| grown(&before, &after, series);

    // The barrier: each is counted, and some are measured.
    assert!(grown("vault_barrier_get_count") >= 60.0);
    assert!(grown("vault_barrier_put_count") >= 20.0);
    assert!(grown("vault_barrier_list_count") >= 1.0);
    assert!(after.value("vault_barrier_get_sum") > 0.0);
    assert!(after.value("vault_barrier_estimated_encryptions{term=\"1\"}") > 20.0);
    // The store: one commit a write, one request a commit as they come one after the other.
    assert_eq!(grown("edgekeep_storage_commit_seconds_count"), 11.0);
    assert_eq!(grown("edgekeep_storage_commit_requests_sum"), 11.0);
    assert!(grown("edgekeep_storage_commit_bytes_sum") > 1000.0);
    assert!(
        grown("edgekeep_storage_written_bytes_total") > grown("edgekeep_storage_commit_bytes_sum")
    );
    assert_eq!(grown("edgekeep_storage_revision"), 11.0);
    assert_eq!(after.value("edgekeep_storage_failures_total"), 0.0);
    assert_eq!(after.value("edgekeep_storage_degraded"), 0.0);
    assert!(after.value("edgekeep_storage_file_bytes") > 10_000.0);
    assert!(after.value("edgekeep_storage_free_bytes") > 1e6);
    assert_eq!(after.value("edgekeep_storage_compaction_seconds_count"), 0.0);
    // Tokens and policies: root's own is not looked up by name.
    assert_eq!(grown("vault_token_lookup_count"), 22.0);
    assert_eq!(grown("vault_policy_get_policy_count"), 20.0);
    assert_eq!(after.value("vault_policy_set_policy_count"), 1.0);
    assert_eq!(after.value("vault_token_create_count"), 2.0);
    assert_eq!(after.value("vault_token_create_root"), 1.0);
    assert_eq!(after.value("vault_expire_register_auth_count"), 2.0);
    // Audit: of each request and each answer, together and for the device.
    for series in ["vault_audit_log_request", "vault_audit_log__log_request"] {
        assert_eq!(grown(&format!("{series}_count")), 22.0);
        assert_eq!(grown(&format!("{}_count", series.replace("request", "response"))), 22.0);
        assert_eq!(grown(&format!("{series}_failure")), 0.0);
    }
    // Engines, by verb and mount.
    assert_eq!(grown("vault_route_update_secret__count"), 10.0);
    assert_eq!(grown("vault_route_read_secret__count"), 10.0);
    assert_eq!(grown("vault_route_delete_secret__count"), 1.0);
    assert_eq!(grown("vault_route_list_secret__count"), 1.0);
    assert_eq!(after.value("vault_route_update_auth_token__count"), 1.0);
    assert!(after.value("vault_route_update_sys__count") >= 2.0);
}

#[test]
fn what_tokens_and_leases_come_to_is_counted() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/up", json!({ "type": "userpass" }));
    let user = json!({ "password": "p", "token_ttl": "30m", "token_type": "batch" });
    root.post("auth/up/users/bob", user);
    let log_in = || server.client().post("auth/up/login/bob", json!({ "password": "p" }));
    assert_eq!((log_in().status, log_in().status), (200, 200));
    let short = root.post("auth/token/create", json!({ "ttl": "1m", "policies": ["default"] }));
    let accessor = short.json()["auth"]["accessor"].clone();
    let renewal = json!({ "token": short.json()["auth"]["client_token"], "increment": "2m" });
    assert_eq!(root.post("auth/token/renew", renewal).status, 200);
    let revoked = root.post("auth/token/revoke-accessor", json!({ "accessor": accessor }));
    assert_eq!(revoked.status, 204);
    let told = scrape(&root);
    let created = |mount: &str, ttl: &str| {
        let of = told.named("vault_token_creation").into_iter();
        let mut of = of.filter(|(labels, _)| labels["mount_point"] == mount);
        let (labels, count) = of.find(|(labels, _)| labels["creation_ttl"] == ttl).unwrap();
        assert_eq!(labels["namespace"], "root");
        (labels["auth_method"].clone(), labels["token_type"].clone(), count)
    };
    assert_eq!(created("auth/up/", "1h"), ("userpass".into(), "batch".into(), 2.0));
    assert_eq!(created("auth/token/", "1m"), ("token".into(), "service".into(), 1.0));
    assert_eq!(created("auth/token/", "+Inf").2, 1.0, "the root token");
    assert_eq!(told.value("vault_expire_renew_token_count"), 1.0);
    assert_eq!(told.value("vault_token_revoke_tree_count"), 1.0);
    // A tree is revoked once, however many are in it.
    let policy = "path \"auth/token/create\" { capabilities = [\"update\"] }";
    root.post("sys/policies/acl/makes", json!({ "policy": policy }));
    let parent = root.post("auth/token/create", json!({ "policies": ["makes"], "ttl": "1h" }));
    let parent = parent.json()["auth"]["client_token"].as_str().unwrap().to_owned();
    let child = || server.client().token(&parent).post("auth/token/create", json!({}));
    assert_eq!((child().status, child().status), (200, 200));
    root.post("auth/token/revoke", json!({ "token": parent }));
    // The root token's lease is the one that is left.
    let told = eventually("the children are removed", || {
        Some(scrape(&root)).filter(|told| told.value("vault_expire_num_leases") == 1.0)
    });
    assert_eq!(told.value("vault_token_revoke_tree_count"), 2.0);
}

#[test]
fn where_requests_meet_a_bound_is_told() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    root.post("auth/userpass/users/bob", json!({ "password": "right" }));
    let limit = json!({ "path": "secret/data/a", "rate": 1, "interval": "1h" });
    assert_eq!(root.post("sys/quotas/rate-limit/few", limit).status, 204);
    let count = json!({ "path": "auth/token", "max_leases": 2 });
    assert_eq!(root.post("sys/quotas/lease-count/couple", count).status, 204);
    assert_eq!([(); 3].map(|()| root.get("secret/data/a").status), [404, 429, 429]);
    let make = || root.post("auth/token/create", json!({ "policies": ["default"] })).status;
    assert_eq!([(); 3].map(|()| make()), [200, 200, 429]);
    let log_in = |name: &str| {
        server.client().post(&format!("auth/userpass/login/{name}"), json!({ "password": "x" }))
    };
    for _ in 0..5 {
        assert_eq!((log_in("bob").status, log_in("nobody").status), (400, 400));
    }
    let told = scrape(&root);
    let one = |name: &str, label: &str, value: &str| {
        let of = told.named(name);
        let mut of = of.iter().filter(|(labels, _)| labels.get(label).is_some_and(|v| v == value));
        of.next().map(|(_, count)| *count)
    };
    assert_eq!(one("vault_quota_rate_limit_violation", "name", "few"), Some(2.0));
    assert_eq!(one("vault_quota_lease_count_counter", "name", "couple"), Some(2.0));
    assert_eq!(one("vault_quota_lease_count_max", "name", "couple"), Some(2.0));
    assert_eq!(one("vault_quota_lease_count_violation", "name", "couple"), Some(1.0));
    assert_eq!(told.value("vault_core_locked_users"), 1.0);
    let answered = |code: &str| one("vault_core_response_status_code", "code", code);
    assert_eq!(
        (answered("429"), answered("400"), answered("404")),
        (Some(3.0), Some(10.0), Some(1.0))
    );
    assert_eq!(answered("503"), None);
    // A changed quota counts on, and one that is gone is not told.
    let limit = json!({ "path": "secret/data/a", "rate": 1, "interval": "2h" });
    root.post("sys/quotas/rate-limit/few", limit);
    assert_eq!([(); 2].map(|()| root.get("secret/data/a").status), [404, 429]);
    root.delete("sys/quotas/lease-count/couple");
    let told = scrape(&root);
    let violations = told.named("vault_quota_rate_limit_violation");
    assert_eq!(violations.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [3.0]);
    assert!(told.named("vault_quota_lease_count_max").is_empty());
}

#[test]
fn snapshots_are_counted_when_they_are_whole() {
    let server = Server::dev();
    let root = server.root();
    let snapshot = root.get("sys/storage/raft/snapshot");
    assert_eq!(snapshot.status, 200);
    // Its last byte may be here before it is counted.
    let told = eventually("it is counted", || {
        Some(scrape(&root)).filter(|t| t.value("edgekeep_snapshot_taken_seconds_count") == 1.0)
    });
    let bytes = snapshot.body.len() as f64;
    assert_eq!(told.value("edgekeep_snapshot_taken_bytes_total"), bytes);
    assert_eq!(told.value("edgekeep_snapshot_failures_total"), 0.0);
    assert_eq!(told.value("edgekeep_snapshot_restored_seconds_count"), 0.0);
    let restored = root.upload("sys/storage/raft/snapshot", &snapshot.body).unwrap();
    assert_eq!(restored.status, 200);
    let refused = root.upload("sys/storage/raft/snapshot", b"no snapshot").unwrap();
    assert_eq!(refused.status, 400);
    let told = scrape(&root);
    assert_eq!(told.value("edgekeep_snapshot_restored_seconds_count"), 1.0);
}

#[test]
fn mounts_are_told_by_the_names_that_they_have() {
    let server = Server::dev();
    let root = server.root();
    for path in ["odd-name", "odd.name", "moved", "gone", "team/k%C3%BCche"] {
        let made = root.post(&format!("sys/mounts/{path}"), json!({ "type": "kv" }));
        assert_eq!(made.status, 204, "{path}");
        root.get(&format!("{path}/a"));
    }
    let moved = json!({ "from": "moved", "to": "elsewhere" });
    assert_eq!(root.post("sys/remount", moved).status, 200);
    root.delete("sys/mounts/gone");
    let told = scrape(&root);
    // To Prometheus these two are one.
    assert_eq!(told.value("vault_route_read_odd_name__count"), 2.0);
    assert_eq!(told.value("vault_route_read_elsewhere__count"), 1.0);
    assert_eq!(told.value("vault_route_read_team_k_che__count"), 1.0);
    assert_eq!(told.get("vault_route_read_moved__count"), None);
    assert_eq!(told.get("vault_route_read_gone__count"), None);
    let json = text(&root.get(METRICS));
    for name in ["read.odd-name-", "read.odd.name-", "read.team-k\u{fc}che-"] {
        assert!(json.contains(&format!("\"vault.route.{name}\"")), "{name}");
    }
}

#[test]
fn mounts_without_end_do_not_fill_the_memory() {
    let server = Server::dev();
    let root = server.root();
    for n in 0..140 {
        root.post(&format!("sys/mounts/m{n}"), json!({ "type": "kv" }));
        assert_eq!(root.get(&format!("m{n}/a")).status, 404);
    }
    let told = scrape(&root);
    let alone = (0..140).filter(|n| told.get(&format!("vault_route_read_m{n}__count")).is_some());
    let alone = alone.count() as f64;
    assert!(alone > 100.0 && alone < 129.0, "{alone}");
    assert_eq!(told.value("vault_route_read_others_count"), 140.0 - alone);
}

#[test]
fn what_there_is_is_counted_now_and_then() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/up", json!({ "type": "userpass" }));
    root.post("auth/up/users/bob", json!({ "password": "p", "token_policies": ["reader"] }));
    root.post("sys/mounts/old", json!({ "type": "kv" }));
    server.client().post("auth/up/login/bob", json!({ "password": "p" }));
    root.post("auth/token/create", json!({ "ttl": "1m", "policies": ["default"] }));
    for path in ["a", "b/c", "b/d/e", "b"] {
        for _ in 0..3 {
            root.post(&format!("secret/data/{path}"), json!({ "data": { "n": 1 } }));
        }
        root.post(&format!("old/{path}"), json!({ "n": 1 }));
    }
    root.post("secret/config", json!({ "max_versions": 2 }));
    root.delete("old/a");
    let one = |told: &Exposition, name: &str, label: &str, value: &str| {
        let of = told.named(name);
        let mut of = of.iter().filter(|(labels, _)| labels.get(label).is_some_and(|v| v == value));
        of.next().map_or(0.0, |(_, count)| *count)
    };
    let told = eventually("all is counted", || {
        let told = scrape(&root);
        let secrets = |mount: &str| one(&told, "vault_secret_kv_count", "mount_point", mount);
        ((secrets("secret/"), secrets("old/")) == (4.0, 3.0)).then_some(told)
    });
    let count = |name: &str, label: &str, value: &str| one(&told, name, label, value);
    assert_eq!(count("vault_token_count", "namespace", "root"), 3.0);
    assert_eq!(count("vault_token_count_by_auth", "auth_method", "userpass"), 1.0);
    assert_eq!(count("vault_token_count_by_auth", "auth_method", "token"), 2.0);
    assert_eq!(count("vault_token_count_by_policy", "policy", "default"), 2.0);
    assert_eq!(count("vault_token_count_by_policy", "policy", "reader"), 1.0);
    assert_eq!(count("vault_token_count_by_ttl", "creation_ttl", "1m"), 1.0);
    assert_eq!(told.value("vault_expire_num_leases"), 3.0);
    assert_eq!(told.value("vault_identity_num_entities"), 1.0);
    let aliases = "vault_identity_entity_alias_count";
    assert_eq!(count(aliases, "mount_point", "auth/up/"), 1.0);
    assert_eq!(count(aliases, "mount_point", "auth/token/"), 0.0);
}

#[test]
fn counts_that_cost_something_can_be_switched_off() {
    let none = Configured::with("telemetry { usage_gauge_period = \"none\" }", "");
    let told = scrape(&none.root());
    assert_eq!(told.get("vault_expire_num_leases"), None);
    let few = Configured::with("telemetry { maximum_gauge_cardinality = 1 }", "");
    assert_eq!(scrape(&few.root()).named("vault_token_count_by_policy").len(), 1);
}

#[test]
fn a_request_that_runs_is_told_with_its_sender() {
    let server = Server::dev();
    let root = server.root();
    let shown = root.get("sys/in-flight-req").json();
    let shown = shown.as_object().unwrap();
    let (name, own) = shown.iter().next().unwrap();
    assert_eq!((shown.len(), name.len(), own["request_method"].as_str()), (1, 36, Some("GET")));
    assert_eq!(own["request_path"], "/v1/sys/in-flight-req");
    assert!(own["client_remote_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(own["start_time"].as_str().unwrap().ends_with('Z'));
    // As Vault makes it: a digest of the policies.
    assert_eq!(own["client_id"], "0DHqvq2D77kL2/JTPSZkTMJbkFVmUu0TzMi0jiXcFy8=");

    // One that streams runs as long as somebody listens.
    let mut monitor = TcpStream::connect(&server.address).unwrap();
    let ask = format!("GET /v1/sys/monitor HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT}\r\n\r\n");
    monitor.write_all(ask.as_bytes()).unwrap();
    let watches = || {
        let shown = root.get("sys/in-flight-req").json();
        let mut shown = shown.as_object().unwrap().values();
        shown.find(|one| one["request_path"] == "/v1/sys/monitor").cloned()
    };
    // It is told before it is known who sends it.
    let known = |one: &Value| one["client_id"] == own["client_id"];
    eventually("it runs", || watches().filter(known));
    let cluster = server.client().get("sys/health").json()["cluster_name"].clone();
    let gauge = format!("vault_core_in_flight_requests{{cluster={cluster}}}");
    assert_eq!(scrape(&root).value(&gauge), 1.0);
    drop(monitor);
    eventually("it has ended", || watches().is_none().then_some(()));
}

#[test]
fn tokens_and_entities_are_counted_and_clients_are_not() {
    let server = Server::dev();
    let root = server.root();
    let counted = |what: &str| {
        let counters = root.get(&format!("sys/internal/counters/{what}")).json();
        counters["data"]["counters"].clone()
    };
    assert_eq!(counted("tokens"), json!({ "service_tokens": { "total": 1 } }));
    assert_eq!(counted("entities"), json!({ "entities": { "total": 0 } }));
    for (name, kind) in [("a", "service"), ("b", "batch"), ("c", "service")] {
        root.post("identity/entity", json!({ "name": name }));
        root.post("auth/token/create", json!({ "type": kind }));
    }
    assert_eq!(counted("tokens"), json!({ "service_tokens": { "total": 3 } }));
    assert_eq!(counted("entities"), json!({ "entities": { "total": 3 } }));
    for path in ["activity", "activity/monthly", "activity?start_time=2020-01-01T00:00:00Z"] {
        assert_eq!(root.get(&format!("sys/internal/counters/{path}")).status, 204, "{path}");
    }
    let config = "sys/internal/counters/config";
    assert_eq!(root.get(config).json()["data"]["enabled"], "default-disabled");
    assert_eq!(root.post(config, json!({ "enabled": "default" })).status, 200);
    for (body, words) in [
        (json!({ "enabled": "enable" }), "not counted here"),
        (json!({ "enabled": "perhaps" }), "enabled must be one of"),
        (json!({ "default_report_months": 0 }), "greater than 0"),
        (json!({ "retention_months": -1 }), "greater than or equal to 0"),
    ] {
        let refused = root.post(config, body);
        let said = refused.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert_eq!((refused.status, said.contains(words)), (400, true), "{said}");
    }
}

#[test]
fn the_state_of_the_server_is_told_sealed_or_not() {
    let server = Server::dev();
    let cluster = server.client().get("sys/health").json()["cluster_name"].clone();
    let cluster = format!("cluster={cluster}");
    let open = scrape(&server.client());
    assert_eq!(open.value(&format!("vault_core_unsealed{{{cluster}}}")), 1.0);
    assert_eq!(open.value(&format!("vault_core_active{{{cluster}}}")), 1.0);
    let mounts = |kind: &str, local: &str| {
        let labels = format!("{cluster},local=\"{local}\",type=\"{kind}\"");
        open.value(&format!("vault_core_mount_table_num_entries{{{labels}}}"))
    };
    assert_eq!((mounts("auth", "false"), mounts("auth", "true")), (1.0, 0.0));
    assert_eq!((mounts("logical", "false"), mounts("logical", "true")), (3.0, 1.0));
    server.root().post("sys/seal", json!({}));
    let sealed = scrape(&server.client());
    assert_eq!(sealed.value("vault_core_unsealed{cluster=\"\"}"), 0.0);
    assert!(sealed.named("vault_core_mount_table_num_entries").is_empty());
}

#[test]
fn metrics_are_for_those_who_may_read_them() {
    let configured = Configured::with("", "");
    let (root, nobody) = (configured.root(), configured.nobody());
    assert_eq!(root.get(METRICS).status, 200);
    assert_eq!(nobody.get(METRICS).status, 403);
    let other =
        nobody.clone().token(&token(&root, "path \"sys/health\" { capabilities = [\"read\"] }"));
    assert_eq!(other.get(METRICS).status, 403);
    let watcher =
        nobody.clone().token(&token(&root, "path \"sys/metrics\" { capabilities = [\"read\"] }"));
    scrape(&watcher);
    assert_eq!(watcher.get("secret/a").status, 403);
    let post = root.post(METRICS, json!({}));
    assert_eq!(
        (post.status, &post.json()["errors"][0]),
        (405, &json!("1 error occurred:\n\t* unsupported operation\n\n"))
    );
    root.post("sys/seal", json!({}));
    assert_eq!(root.get(METRICS).status, 503);
    configured.unseal();
    scrape(&root);
}

#[test]
fn a_listener_may_tell_them_to_everybody() {
    let open = "telemetry { unauthenticated_metrics_access = true }";
    let configured = Configured::with("", open);
    let nobody = configured.nobody();
    scrape(&nobody);
    scrape(&nobody.clone().token("hvs.nonsense"));
    assert_eq!(nobody.post(METRICS, json!({})).status, 405);
    assert_eq!(nobody.get("sys/in-flight-req").status, 403);
    configured.root().post("sys/seal", json!({}));
    scrape(&nobody);
}

#[test]
fn everybody_may_ask_as_often_as_strangers_may() {
    let open = "telemetry { unauthenticated_metrics_access = true }";
    let configured = Configured::with("limits {\n  unauthenticated_total_rate = 1\n}", open);
    let nobody = configured.nobody();
    let statuses: Vec<u16> = (0..20).map(|_| nobody.get(METRICS).status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(configured.root().get(METRICS).status, 429, "the listener tells it to everybody");
}

#[test]
fn the_form_is_chosen_by_name_or_by_what_the_client_accepts() {
    let server = Server::dev();
    let ask = |path: &str, accept: &str| {
        let headers = [("X-Vault-Token", ROOT), ("Accept", accept)];
        server.client().try_send("GET", &format!("/v1/{path}"), &headers, None).unwrap()
    };
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    for (path, accept, kind) in [
        (METRICS, "*/*", "application/json"),
        (METRICS, prometheus, "text/plain; version=0.0.4; charset=utf-8"),
        (METRICS, "prometheus/telemetry", "text/plain; version=0.0.4; charset=utf-8"),
        (PROMETHEUS, "application/json", "text/plain; version=0.0.4; charset=utf-8"),
        ("sys/metrics?format=", "text/html", "application/json"),
    ] {
        let reply = ask(path, accept);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(kind)),
            "{path} {accept}"
        );
    }
    let odd = ask("sys/metrics?format=odd", "*/*");
    assert_eq!((odd.status, text(&odd).as_str()), (400, "metric response format \"odd\" unknown"));
    let off = Configured::with("telemetry { prometheus_retention_time = \"0s\" }", "");
    let reply = off.root().get(PROMETHEUS);
    assert_eq!((reply.status, text(&reply).as_str()), (400, "prometheus is not enabled"));
    assert_eq!(off.root().get(METRICS).status, 200);
}

#[test]
fn json_has_the_shape_that_vaults_clients_read() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": {} }));
    root.get("secret/data/a");
    let said = root.get(METRICS).json();
    let time = said["Timestamp"].as_str().unwrap();
    assert!(time.len() == 29 && time.ends_with(" +0000 UTC"), "{time}");
    assert_eq!(said["Points"], json!([]));
    let entries = |kind: &str| said[kind].as_array().unwrap().clone();
    let fields = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for gauge in entries("Gauges") {
        assert_eq!(fields(&gauge), ["Labels", "Name", "Value"]);
        assert!(gauge["Value"].is_number() && gauge["Labels"].is_object(), "{gauge}");
    }
    let sampled = ["Count", "Labels", "Max", "Mean", "Min", "Name", "Rate", "Stddev", "Sum"];
    for entry in [entries("Counters"), entries("Samples")].concat() {
        assert_eq!(fields(&entry), sampled);
        assert!(entry["Count"].is_u64() && entry["Sum"].is_number(), "{entry}");
    }
    let samples = entries("Samples");
    let handled = samples.iter().find(|s| s["Name"] == "vault.core.handle_request").unwrap();
    assert_eq!(handled["Count"], 2, "the development server tells metrics outside of that");
    let number = |field: &str| handled[field].as_f64().unwrap();
    assert!(number("Min") <= number("Mean") * 1.13 && number("Mean") <= number("Max") * 1.13);
    assert!((number("Mean") * 2.0 - number("Sum")).abs() < 1e-6);
    assert!(entries("Counters").iter().any(|c| c["Name"] == "edgekeep.gate.requests_total"));
}

#[test]
fn no_secret_no_path_and_no_user_is_told() {
    let server = Server::dev();
    let root = server.root();
    root.post("sys/auth/userpass", json!({ "type": "userpass" }));
    let user = json!({ "password": "hidden-password", "token_policies": ["default"] });
    root.post("auth/userpass/users/hidden-user", user);
    let login = json!({ "password": "hidden-password" });
    let made = server.client().post("auth/userpass/login/hidden-user", login).json();
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    root.post("secret/data/hidden-path", json!({ "data": { "hidden-key": "hidden-value" } }));
    root.get("secret/data/hidden-path");
    server.client().token(&token).get("hidden-mount/x");
    root.get("hidden-mount/x");
    for form in [METRICS, PROMETHEUS] {
        let told = text(&root.get(form));
        let accessor = made["auth"]["accessor"].as_str().unwrap();
        for hidden in ["hidden", &token, accessor] {
            assert_eq!(told.lines().find(|line| line.contains(hidden)), None);
        }
    }
}
