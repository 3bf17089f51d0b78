//! What a server tells of itself and of its machine.

mod support;

use edgekeep::api::VERSION;
use serde_json::{Value, json};
use support::store::Store;
use support::{Server, TempDir, data};

/// What stands in a file of the kernel's behind `name`.
fn kernel(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{path} has no {name}")).trim().to_owned()
}

#[test]
fn the_machine_is_told_as_the_kernel_tells_it() {
    let server = Server::dev();
    let reply = server.root().get("sys/host-info");
    assert_eq!((reply.status, &reply.json()["warnings"]), (200, &Value::Null));
    let told = data(&reply);

    let total = kernel("/proc/meminfo", "MemTotal:");
    let total: u64 = total.trim_end_matches(" kB").parse().unwrap();
    assert_eq!(told["memory"]["total"], total << 10);
    let used = told["memory"]["used"].as_u64().unwrap();
    assert!(0 < used && used < total << 10, "{used}");

    let processors = std::thread::available_parallelism().unwrap().get();
    let (cpu, times) = (told["cpu"].as_array().unwrap(), told["cpu_times"].as_array().unwrap());
    assert!(cpu.len() >= processors && times.len() >= processors);
    for (number, one) in cpu.iter().enumerate() {
        assert_eq!(one["cpu"], number);
        assert!(one["flags"].as_array().is_some_and(|flags| !flags.is_empty()), "{one}");
    }
    assert!(times.iter().all(|one| one["cpu"].as_str().unwrap().starts_with("cpu")));
    let spent = |kind: &str| times.iter().map(|one| one[kind].as_f64().unwrap()).sum::<f64>();
    assert!(spent("user") > 0.0 && spent("guestNice") >= 0.0);

    for disk in told["disk"].as_array().unwrap() {
        let bytes = |name: &str| disk[name].as_u64().unwrap_or_else(|| panic!("{name}: {disk}"));
        assert!(bytes("used") + bytes("free") <= bytes("total"), "{disk}");
    }
    let host = &told["host"];
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(host["hostname"], name.trim());
    assert_eq!(host["kernelArch"], std::env::consts::ARCH);
    assert!(host["uptime"].as_u64().unwrap() > 0 && host["procs"].as_u64().unwrap() > 1);
}

#[test]
fn the_versions_that_opened_a_store_are_kept_with_it() {
    let folder = TempDir::new();
    let (store, server) = Store::make(&folder.path().join("data"));
    let history = |server: &Server| data(&store.root(server).list("sys/version-history"));
    let first = history(&server);
    assert_eq!(first["keys"], json!([VERSION]));
    assert_eq!(first["key_info"][VERSION]["previous_version"], Value::Null);
    drop(server);
    let server = store.start();
    assert_eq!(history(&server), first, "nothing was installed meanwhile");
}

#[test]
fn one_server_is_a_cluster_of_one() {
    let server = Server::dev();
    let root = server.root();
    let nodes = &data(&root.get("sys/ha-status"))["nodes"];
    assert_eq!(nodes.as_array().map(Vec::len), Some(1));
    let api = format!("http://{}", server.address);
    assert_eq!((&nodes[0]["api_address"], &nodes[0]["active_node"]), (&json!(api), &json!(true)));

    let config = &data(&root.get("sys/storage/raft/configuration"))["config"];
    assert_eq!(config["servers"][0]["address"], server.address);
    assert_eq!(config["servers"][0]["node_id"], nodes[0]["hostname"]);
    root.post("secret/data/a", json!({ "data": {} }));
    let later = &data(&root.get("sys/storage/raft/configuration"))["config"];
    assert!(later["index"].as_u64() > config["index"].as_u64());

    let state = data(&root.get("sys/storage/raft/autopilot/state"));
    let name = nodes[0]["hostname"].as_str().unwrap();
    assert_eq!((&state["healthy"], &state["voters"]), (&json!(true), &json!([name])));
    assert_eq!(state["servers"][name]["status"], "leader");
    let settings = data(&root.get("sys/storage/raft/autopilot/configuration"));
    assert_eq!(settings["cleanup_dead_servers"], false);
    for path in ["autopilot/configuration", "remove-peer", "join"] {
        let reply = root.post(&format!("sys/storage/raft/{path}"), json!({}));
        let said = reply.json()["errors"].to_string();
        assert!(reply.status == 400 && said.contains("one server"), "{path}: {said}");
    }
    let seal = server.client().get("sys/seal-backend-status").json();
    assert_eq!((&seal["healthy"], &seal["backends"][0]["name"]), (&json!(true), &json!("shamir")));
    assert_eq!(data(&server.client().get("sys/replication/status"))["mode"], "disabled");
}

#[test]
fn what_is_built_in_is_the_catalog() {
    let server = Server::dev();
    let root = server.root();
    let catalog = data(&root.get("sys/plugins/catalog"));
    for kind in ["auth", "secret"] {
        let listed = data(&root.list(&format!("sys/plugins/catalog/{kind}")));
        assert_eq!(listed["keys"], catalog[kind]);
        // Whatever is listed can be mounted, and nothing else.
        let table = if kind == "auth" { "auth" } else { "mounts" };
        for name in catalog[kind].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let about = data(&root.get(&format!("sys/plugins/catalog/{kind}/{name}")));
            assert_eq!((&about["name"], &about["builtin"]), (&json!(name), &json!(true)));
            let mounted = root.post(&format!("sys/{table}/of-{name}"), json!({ "type": name }));
            assert_eq!(mounted.status, 204, "{name}: {}", mounted.json());
        }
    }
    assert_eq!(root.list("sys/plugins/catalog/database").status, 404);
    assert_eq!(root.list("sys/plugins/catalog/other").status, 400);
    assert_eq!(root.get("sys/plugins/catalog/secret/none").status, 404);
    let wanted = json!({ "sha256": "00", "command": "x" });
    assert_eq!(root.post("sys/plugins/catalog/secret/mine", wanted).status, 400);

    for (body, status) in [
        (json!({ "plugin": "kv" }), 200),
        (json!({ "plugin": "kv", "scope": "global" }), 202),
        (json!({ "mounts": "secret" }), 200),
        (json!({ "mounts": ["secret/", "nowhere/"] }), 400),
        (json!({ "plugin": "kv", "mounts": "secret" }), 400),
        (json!({ "plugin": "kv", "scope": "here" }), 400),
        (json!({}), 400),
    ] {
        let reply = root.post("sys/plugins/reload/backend", body.clone());
        assert_eq!(reply.status, status, "{body}: {}", reply.json());
        assert_eq!(reply.json()["data"]["reload_id"].is_string(), status < 300, "{body}");
    }
}

#[test]
fn what_requests_are_routed_by_is_for_root_alone() {
    let server = Server::dev();
    let root = server.root();
    for tag in ["root", "uuid", "accessor", "storage"] {
        let found = data(&root.get(&format!("sys/internal/inspect/router/{tag}")));
        let found = found[tag].as_array().unwrap();
        let secret = found.iter().find(|mount| mount["mount_path"] == "secret/").unwrap();
        assert_eq!(secret["mount_type"], "kv");
        assert_eq!(found.len(), 5, "{tag}");
    }
    assert_eq!(root.get("sys/internal/inspect/router/other").status, 400);
    let rule = "path \"sys/internal/inspect/*\" { capabilities = [\"read\"] }";
    root.post("sys/policies/acl/reader", json!({ "policy": rule }));
    let reader = root.post("auth/token/create", json!({ "policies": ["reader"] })).json();
    let reader = server.client().token(reader["auth"]["client_token"].as_str().unwrap());
    assert_eq!(reader.get("sys/internal/inspect/router/root").status, 403, "it has no sudo");
}

#[test]
fn a_covered_root_token_is_uncovered() {
    use base64::Engine as _;
    let server = Server::dev();
    let (token, otp) = ("hvs.abcdefghijklmnopqrstuvwx", "0123456789012345678901234567");
    let covered: Vec<u8> = token.bytes().zip(otp.bytes()).map(|(a, b)| a ^ b).collect();
    let covered = base64::engine::general_purpose::STANDARD_NO_PAD.encode(covered);
    let decode = |body| server.client().post("sys/decode-token", body);
    let reply = decode(json!({ "encoded_token": covered, "otp": otp }));
    assert_eq!(data(&reply)["token"], token);
    for (body, words) in [
        (json!({ "encoded_token": covered, "otp": "short" }), "length of byte slices"),
        (json!({ "encoded_token": "!", "otp": "x" }), "base64"),
        (json!({ "otp": otp }), "missing encoded_token"),
    ] {
        let reply = decode(body.clone());
        let said = reply.json()["errors"].to_string();
        assert!(reply.status == 400 && said.contains(words), "{body}: {said}");
    }
}

#[test]
fn what_is_not_there_is_said_clearly() {
    let server = Server::dev();
    let root = server.root();
    for path in ["sys/pprof", "sys/pprof/", "sys/pprof/heap", "sys/pprof/profile?seconds=1"] {
        let reply = root.get(path);
        let said = reply.json()["errors"].to_string();
        assert!(reply.status == 404 && said.contains("no profiles"), "{path}: {said}");
        assert_eq!(server.client().get(path).status, 403, "{path}");
    }
    assert_eq!(root.get("sys/license/status").status, 404, "as Vault without a license says");
    assert_eq!(data(&root.get("sys/experiments")), json!({ "available": [], "enabled": [] }));
    assert_eq!(data(&root.get("sys/internal/ui/namespaces"))["keys"], json!([""]));
    assert_eq!(data(&root.get("sys/internal/ui/version"))["version"], VERSION);
    for path in ["namespaces", "version"] {
        assert_eq!(server.client().get(&format!("sys/internal/ui/{path}")).status, 403);
    }
    let flags = server.client().get("sys/internal/ui/feature-flags").json();
    assert_eq!(flags, json!({ "feature_flags": null }));
}
