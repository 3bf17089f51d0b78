//! What entries say.

use std::collections::BTreeMap;
use std::thread;

use serde_json::{Value, json};

use crate::log::{Log, hash, names};
use crate::support::{ROOT, Server};

/// What nobody may read in a log.
const PASSWORD: &str = "correct horse battery staple";

pub fn an_entry_has_vaults_fields_and_every_text_hashed() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let secret = json!({ "password": PASSWORD, "port": 5432, "tags": ["a", {"b": "c"}] });
    assert_eq!(root.post("secret/data/db", json!({ "data": secret })).status, 200);
    assert_eq!(root.get("secret/data/db?version=1").status, 200);
    let hashed = |text: &str| hash(&root, "file", text);
    let shown = json!({
        "password": hashed(PASSWORD),
        "port": 5432,
        "tags": [hashed("a"), {"b": hashed("c")}],
    });

    let mut found = log.entries();
    found.retain(|entry| entry["request"]["path"] == "secret/data/db");
    let [written, answered, read, given] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(names(written), ["auth", "request", "time", "type"]);
    assert_eq!(names(answered), ["auth", "request", "response", "time", "type"]);
    let auth = &written["auth"];
    assert_eq!(auth["client_token"], hashed(ROOT));
    assert!(auth["accessor"].as_str().unwrap().starts_with("hmac-sha256:"), "{auth}");
    assert_eq!(auth["display_name"], "token");
    assert_eq!(auth["policies"], json!(["root"]));
    assert_eq!(auth["token_policies"], json!(["root"]));
    assert_eq!(auth["token_type"], "service");
    let request = &written["request"];
    assert_eq!(request["operation"], "create");
    assert_eq!(request["mount_type"], "kv");
    assert_eq!(request["client_token"], hashed(ROOT));
    assert_eq!(request["client_token_accessor"], auth["accessor"]);
    assert_eq!(request["namespace"], json!({ "id": "root" }));
    assert_eq!(request["data"], json!({ "data": shown }));
    assert_eq!(request["remote_address"], "127.0.0.1");
    assert!(request["remote_port"].as_u64().is_some_and(|port| port > 0));
    assert_eq!(answered["auth"], written["auth"]);
    assert_eq!(answered["request"], written["request"]);
    assert_eq!(answered["response"]["mount_type"], "kv");
    assert_eq!(answered["response"]["data"]["version"], 1);
    let created = answered["response"]["data"]["created_time"].as_str().unwrap();
    assert!(created.starts_with("hmac-sha256:"), "{created}");

    assert_eq!(read["request"]["operation"], "read");
    assert_eq!(read["request"]["data"], json!({ "version": hashed("1") }));
    assert_eq!(given["response"]["data"]["data"], shown);
    for secret in [PASSWORD, ROOT] {
        let text = log.text().replace("\"root\"", "");
        assert!(!text.contains(secret) || secret == ROOT, "{secret} is in {text}");
    }
}

pub fn a_line_has_vaults_order() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    root.post("secret/data/a", json!({ "data": { "b": "c" } }));
    let text = log.text();
    let line = text.lines().find(|line| line.contains("\"response\"")).unwrap();
    let mut places = ["time", "type", "auth", "request", "response"].map(|name| {
        line.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {line}"))
    });
    let found = places;
    places.sort_unstable();
    assert_eq!(found, places, "{line}");
}

pub fn a_device_starts_with_an_entry_of_nobody() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let first = &log.entries()[0];
    assert_eq!(first["auth"], json!({ "token_type": "default" }));
    assert_eq!(first["type"], "request");
    assert_eq!(first["request"]["path"], "sys/audit/test");
    assert_eq!(first["request"]["operation"], "update");
    let skipped = server.home.path().join("skipped.log");
    let skipped = Log::enable(&root, "other", &skipped, json!({ "skip_test": "true" }));
    let paths: Vec<Value> =
        skipped.entries().iter().map(|e| e["request"]["path"].clone()).collect();
    assert!(!paths.contains(&"sys/audit/test".into()), "{paths:?}");
}

pub fn raw_and_accessors_are_shown_where_that_is_asked_for() {
    let server = Server::dev();
    let root = server.root();
    let raw = json!({ "log_raw": "true", "prefix": "@cee: " });
    let raw = Log::enable(&root, "raw", &server.home.path().join("raw.log"), raw);
    let plain = json!({ "hmac_accessor": "false" });
    let plain = Log::enable(&root, "plain", &server.home.path().join("plain.log"), plain);
    assert_eq!(root.post("secret/data/x", json!({ "data": { "p": PASSWORD } })).status, 200);
    let accessor = root.get("auth/token/lookup-self").json()["data"]["accessor"].clone();

    let text = raw.text();
    let line = text.lines().find(|line| line.contains("secret/data/x")).unwrap();
    let entry: Value = serde_json::from_str(line.strip_prefix("@cee: ").unwrap()).unwrap();
    assert_eq!(entry["request"]["data"]["data"]["p"], PASSWORD);
    assert_eq!(entry["auth"]["client_token"], ROOT);

    let (request, _) = plain.pair("secret/data/x");
    assert_eq!(request["auth"]["accessor"], accessor);
    assert_eq!(request["request"]["client_token_accessor"], accessor);
    assert_eq!(request["auth"]["client_token"], hash(&root, "plain", ROOT));
}

pub fn jsonx_is_one_line_of_xml() {
    let server = Server::dev();
    let root = server.root();
    let log = json!({ "format": "jsonx" });
    let log = Log::enable(&root, "x", &server.home.path().join("x.log"), log);
    root.get("secret/data/none");
    for line in log.text().lines() {
        assert!(line.starts_with("<json:object name=\"auth\">"), "{line}");
        assert!(line.ends_with("</json:string>"), "{line}");
    }
}

pub fn a_mount_names_keys_that_are_shown() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let tune = json!({
        "audit_non_hmac_request_keys": ["user"],
        "audit_non_hmac_response_keys": ["host"],
    });
    assert_eq!(root.post("sys/mounts/secret/tune", tune).status, 204);
    let secret = json!({ "user": "bob", "host": "db", "password": PASSWORD });
    assert_eq!(root.post("secret/data/x", json!({ "data": secret })).status, 200);
    let hashed = |text: &str| hash(&root, "file", text);
    let (request, _) = log.pair("secret/data/x");
    let expected = json!({ "user": "bob", "host": hashed("db"), "password": hashed(PASSWORD) });
    assert_eq!(request["request"]["data"]["data"], expected);
    root.get("secret/data/x");
    let response =
        log.entries().into_iter().rev().find(|entry| {
            entry["request"]["path"] == "secret/data/x" && entry["type"] == "response"
        });
    let expected = json!({ "user": hashed("bob"), "host": "db", "password": hashed(PASSWORD) });
    assert_eq!(response.unwrap()["response"]["data"]["data"], expected);
}

pub fn listings_are_shown_by_their_length_where_that_is_asked_for() {
    let server = Server::dev();
    let root = server.root();
    let options = json!({ "elide_list_responses": "true" });
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), options);
    for name in ["a", "b", "c"] {
        root.post(&format!("secret/data/{name}"), json!({ "data": { "k": "v" } }));
    }
    assert_eq!(root.list("secret/metadata").status, 200);
    let (_, response) = log.pair("secret/metadata/");
    assert_eq!(response["request"]["operation"], "list");
    assert_eq!(response["response"]["data"], json!({ "keys": 3 }));
}

pub fn headers_are_shown_that_are_asked_for() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let headers = "sys/config/auditing/request-headers";
    assert_eq!(root.post(&format!("{headers}/X-Forwarded-For"), json!({})).status, 204);
    assert_eq!(root.post(&format!("{headers}/X-Key"), json!({ "hmac": true })).status, 204);
    let sent = [
        ("X-Vault-Token", ROOT),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-KEY", "k"),
        ("X-Other", "o"),
    ];
    server.client().try_send("GET", "/v1/secret/data/none", &sent, None).unwrap();
    let (request, response) = log.pair("secret/data/none");
    let expected = json!({ "x-forwarded-for": ["10.0.0.1"], "x-key": [hash(&root, "file", "k")] });
    assert_eq!(request["request"]["headers"], expected);
    assert_eq!(response["request"]["headers"], expected);
}

pub fn who_is_refused_is_told_of_and_gives_nothing_away() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let unknown = "hvs.some-token-that-nobody-knows";
    let stranger = server.client().token(unknown);
    assert_eq!(stranger.post("secret/data/s", json!({ "data": { "p": PASSWORD } })).status, 403);
    let (request, response) = log.pair("secret/data/s");
    assert_eq!(request["error"], "permission denied");
    assert_eq!(response["error"], "permission denied");
    assert_eq!(request["auth"], json!({ "token_type": "default" }));
    assert_eq!(request["request"]["client_token"], hash(&root, "file", unknown));
    assert_eq!(request["request"]["data"]["data"]["p"], hash(&root, "file", PASSWORD));
    assert_eq!(response["response"]["data"]["error"], hash(&root, "file", "permission denied"));

    assert_eq!(server.client().get("secret/data/nobody").status, 403);
    let (request, _) = log.pair("secret/data/nobody");
    assert_eq!(request["auth"], json!({ "token_type": "default" }));
    assert_eq!(request["request"].get("client_token"), None);

    // What a text repeats of what was sent is hashed with it.
    let wrong = root.post("secret/config", json!({ "max_versions": PASSWORD }));
    assert_eq!(wrong.status, 400);
    assert!(wrong.json().to_string().contains(PASSWORD), "{}", wrong.json());
    let (request, response) = log.pair("secret/config");
    assert_eq!(request.get("error"), None, "it was refused by its engine, not before");
    assert_eq!(response["error"], "1 error occurred:\n\t* invalid request\n\n");
    let text = log.text();
    assert!(!text.contains(PASSWORD) && !text.contains(unknown), "{text}");
}

pub fn tokens_that_are_handed_out_are_hashed() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let hashed = |text: &Value| hash(&root, "file", text.as_str().unwrap());
    let wanted = json!({ "policies": ["default"], "meta": { "who": "bob" }, "num_uses": 5 });
    let made = root.post("auth/token/create", wanted).json()["auth"].clone();
    let (request, response) = log.pair("auth/token/create");
    assert_eq!(request["request"]["mount_type"], "token");
    let auth = &response["response"]["auth"];
    assert_eq!(auth["client_token"], hashed(&made["client_token"]));
    assert_eq!(auth["accessor"], hashed(&made["accessor"]));
    assert_eq!(auth["policies"], json!(["default"]));
    assert_eq!(auth["metadata"], json!({ "who": "bob" }));
    assert_eq!(auth["num_uses"], 5);
    assert_eq!(auth["token_ttl"], made["lease_duration"]);
    assert_eq!(response["auth"]["policies"], json!(["root"]), "that is who asked");

    let token = made["client_token"].as_str().unwrap();
    let own = server.client().token(token);
    assert_eq!(own.get("auth/token/lookup-self").status, 200);
    let (request, response) = log.pair("auth/token/lookup-self");
    assert_eq!(request["auth"]["remaining_uses"], 5);
    assert_eq!(request["auth"]["token_ttl"], made["lease_duration"]);
    assert_eq!(request["auth"]["metadata"], json!({ "who": "bob" }));
    let shown = &response["response"]["data"];
    assert_eq!(shown["id"], hashed(&made["client_token"]));
    let expires = shown["expire_time"].as_str().unwrap();
    assert!(expires.starts_with("20"), "times are shown: {expires}");

    assert_eq!(own.get("secret/data/not-mine").status, 403);
    let (request, response) = log.pair("secret/data/not-mine");
    let denied = "1 error occurred:\n\t* permission denied\n\n";
    assert_eq!(request["error"], denied);
    assert_eq!(response["error"], denied);
    assert_eq!(request["auth"]["policies"], json!(["default"]));
    assert_eq!(request["auth"]["remaining_uses"], 4);
    assert!(!log.text().contains(token));
}

pub fn a_login_is_told_of_with_whom_it_makes_known() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(root.post("sys/auth/userpass", json!({ "type": "userpass" })).status, 204);
    let user = json!({ "password": PASSWORD, "policies": "default" });
    assert_eq!(root.post("auth/userpass/users/bob", user).status, 204);
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let hashed = |text: &str| hash(&root, "file", text);
    let stranger = server.client();
    let wrong = "guessed wrong";
    assert_eq!(stranger.post("auth/userpass/login/bob", json!({ "password": wrong })).status, 400);
    let (request, response) = log.pair("auth/userpass/login/bob");
    assert_eq!(request["auth"], json!({ "token_type": "default" }));
    assert_eq!(request["request"]["mount_type"], "userpass");
    assert_eq!(request["request"]["data"], json!({ "password": hashed(wrong) }));
    let said = "invalid username or password";
    assert_eq!(response["response"]["data"], json!({ "error": hashed(said) }));
    let reply = stranger.post("auth/userpass/login/bob", json!({ "password": PASSWORD }));
    let made = reply.json()["auth"].clone();
    let found = log.entries();
    let [.., request, response] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(request["request"]["data"], json!({ "password": hashed(PASSWORD) }));
    let auth = &response["response"]["auth"];
    let token = made["client_token"].as_str().unwrap();
    assert_eq!(auth["client_token"], hashed(token));
    assert_eq!(auth["accessor"], hashed(made["accessor"].as_str().unwrap()));
    assert_eq!(auth["metadata"], json!({ "username": "bob" }));
    assert_eq!(auth["entity_id"], made["entity_id"]);
    assert_eq!(auth["token_type"], "service");
    assert_eq!(&response["auth"], auth);
    let text = log.text();
    for secret in [wrong, PASSWORD, token] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    // What the token does later is found by the same hash, and by its entity.
    server.client().token(token).get("auth/token/lookup-self");
    let (request, _) = log.pair("auth/token/lookup-self");
    assert_eq!(request["auth"]["client_token"], auth["client_token"]);
    assert_eq!(request["request"]["client_id"], made["entity_id"]);
    assert_eq!(request["auth"]["display_name"], "userpass-bob");
    // Root has no entity: what knows it is a digest of its policies, the one that Vault makes.
    root.get("sys/mounts");
    let (request, _) = log.pair("sys/mounts");
    let client = "0DHqvq2D77kL2/JTPSZkTMJbkFVmUu0TzMi0jiXcFy8=";
    assert_eq!(request["request"]["client_id"], client);
}

pub fn what_is_wrapped_is_told_of_when_it_is_and_when_it_is_not_any_more() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let hashed = |text: &Value| hash(&root, "file", text.as_str().unwrap());
    root.post("secret/data/w", json!({ "data": { "password": PASSWORD } }));
    let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", "60s")];
    let reply = server.client().try_send("GET", "/v1/secret/data/w", &headers, None).unwrap();
    let info = reply.json()["wrap_info"].clone();
    let response = log.entries().pop().unwrap();
    assert_eq!(response["request"]["wrap_ttl"], 60);
    let told = &response["response"]["wrap_info"];
    assert_eq!(told["token"], hashed(&info["token"]));
    assert_eq!(told["accessor"], hashed(&info["accessor"]));
    assert_eq!(told["ttl"], 60);
    assert_eq!(told["creation_path"], "secret/data/w");
    assert_eq!(told["creation_time"], info["creation_time"]);
    let password = hashed(&PASSWORD.into());
    assert_eq!(response["response"]["data"]["data"]["password"], password);

    let token = info["token"].as_str().unwrap();
    let reply = server.client().token(token).post("sys/wrapping/unwrap", json!({}));
    assert_eq!(reply.json()["data"]["data"]["password"], PASSWORD);
    let (_, response) = log.pair("sys/wrapping/unwrap");
    assert!(response.to_string().contains(password.as_str().unwrap()), "{response}");
    let text = log.text();
    assert!(!text.contains(PASSWORD) && !text.contains(token), "{text}");
}

pub fn a_wrapping_token_is_known_again_in_whatever_form_it_comes() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let headers = [("X-Vault-Wrap-TTL", "60s"), ("X-Vault-Wrap-Format", "jwt")];
    let reply = root.ask_with("POST", "sys/wrapping/wrap", &headers, Some(&json!({}))).unwrap();
    let jwt = reply.json()["wrap_info"]["token"].as_str().unwrap().to_owned();
    let made = log.entries().pop().unwrap()["response"]["wrap_info"]["token"].clone();
    assert_ne!(made, hash(&root, "file", &jwt), "it is the token that the JWT stands for");
    server.client().token(&jwt).post("sys/wrapping/unwrap", json!({}));
    let (request, _) = log.pair("sys/wrapping/unwrap");
    assert_eq!(request["auth"]["client_token"], made, "{request}");
}

pub fn what_is_no_json_is_no_data() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    assert_eq!(root.get("sys/storage/raft/snapshot").status, 200);
    let (_, response) = log.pair("sys/storage/raft/snapshot");
    assert_eq!(response["response"].get("data"), None);
    let not_asked = server.client().get("sys/health").status;
    assert_eq!(not_asked, 200);
    assert!(!log.text().contains("sys/health"), "anybody may ask that");
}

pub fn a_request_that_meets_conflicts_has_one_entry() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 20;
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let root = root.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    let body = json!({ "data": { "writer": writer, "n": n } });
                    assert_eq!(root.post("secret/data/contended", body).status, 200);
                }
            });
        }
    });
    let mut kinds = BTreeMap::<String, Vec<String>>::new();
    for entry in log.entries() {
        if entry["request"]["path"] == "secret/data/contended" {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            kinds.entry(text(&entry["request"]["id"])).or_default().push(text(&entry["type"]));
        }
    }
    assert_eq!(kinds.len() as u64, WRITERS * EACH);
    assert!(kinds.values().all(|kinds| kinds == &["request", "response"]), "{kinds:?}");
}

pub fn an_answer_names_its_request() {
    let server = Server::dev();
    let root = server.root();
    let log = Log::enable(&root, "file", &server.home.path().join("audit.log"), json!({}));
    let id = root.post("secret/data/x", json!({ "data": {} })).json()["request_id"].clone();
    assert_eq!(log.pair("secret/data/x").0["request"]["id"], id);
}
