//! What requests ask for by Vault's headers, refused when they are malformed or ask for what there
//! is not, before anything is done; and what answers say by theirs.

mod support;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::store::Store;
use support::{ROOT, Server, TempDir, free_address};

/// POST of a value at `secret/data/a`, by root, with one header more.
fn write(server: &Server, header: (&str, &str)) -> Reply {
    let headers = [("X-Vault-Token", ROOT), header];
    let body = json!({ "data": { "n": 1 } }).to_string();
    let body = Some(body.as_bytes());
    server.client().try_send("POST", "/v1/secret/data/a", &headers, body).unwrap()
}

#[test]
fn what_applies_to_nothing_is_passed_over() {
    let server = Server::dev();
    for header in [
        ("X-Vault-Namespace", ""),
        ("X-Vault-Namespace", "/"),
        ("X-Vault-Namespace", "root"),
        ("X-Vault-Namespace", "root/"),
        ("X-Vault-MFA", ""),
        ("X-Vault-MFA", "method"),
        ("X-Vault-MFA", "method:123456"),
        ("X-Vault-Policy-Override", ""),
        ("X-Vault-Policy-Override", "true"),
        ("X-Vault-Policy-Override", "F"),
        ("X-Vault-Index", "bm90aGluZw"),
        ("X-Vault-Inconsistent", "fail"),
        ("X-Vault-No-Request-Forwarding", "true"),
        ("X-Vault-Forward", "active-node"),
        ("X-Vault-Request", "perhaps"),
    ] {
        assert_eq!(write(&server, header).status, 200, "{header:?}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is() {
    let server = Server::dev();
    for (header, words) in [
        (("X-Vault-Namespace", "team"), "root namespace"),
        (("X-Vault-Namespace", "root/team"), "root namespace"),
        (("X-Vault-MFA", ":123456"), "missing method name or ID"),
        (("X-Vault-MFA", "method:"), "missing method value"),
        (("X-Vault-Policy-Override", "perhaps"), "failed to parse X-Vault-Policy-Override"),
        (("X-Vault-Wrap-TTL", "-1"), "cannot be negative"),
        (("X-Vault-Wrap-TTL", "soon"), "invalid duration"),
    ] {
        let reply = write(&server, header);
        let said = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert_eq!((reply.status, said.contains(words)), (400, true), "{header:?}: {said}");
    }
    assert_eq!(server.root().get("secret/data/a").status, 404);
    let health = [("X-Vault-Namespace", "team")];
    let health = server.client().try_send("GET", "/v1/sys/health", &health, None).unwrap();
    assert_eq!(health.status, 200, "it belongs to no namespace");
}

#[test]
fn nobody_without_a_token_learns_what_there_is() {
    let server = Server::dev();
    let nobody = server.client();
    for (method, path) in [
        ("GET", "secret/data/a"),
        ("GET", "nowhere/a"),
        ("HEAD", "sys/mounts"),
        ("OPTIONS", "sys/nope"),
        ("PATCH", "secret/data/a"),
        ("LIST", "sys/policies/acl"),
        ("GET", "sys/mounts?help=1"),
        ("GET", "nowhere/a?help=1"),
        ("POST", "sys/mounts/x"),
        ("DELETE", "sys/auth/token"),
        ("GET", "sys/internal/ui/mounts/secret"),
    ] {
        let reply = nobody.send(method, path, (method == "POST").then_some(&json!({})));
        let denied = json!(["permission denied"]);
        let said = if method == "HEAD" { denied.clone() } else { reply.json()["errors"].clone() };
        assert_eq!((reply.status, said), (403, denied), "{method} {path}");
    }
    assert_eq!(nobody.send("HEAD", "sys/mounts", None).json(), Value::Null);
}

/// GET of `secret/data/a` with these headers.
fn read(server: &Server, headers: &[(&str, &str)]) -> u16 {
    server.client().try_send("GET", "/v1/secret/data/a", headers, None).unwrap().status
}

#[test]
fn a_token_is_sent_in_either_of_two_headers() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({ "data": {} }));
    let bearer = format!("Bearer {ROOT}");
    for (headers, status) in [
        (&[("X-Vault-Token", ROOT)][..], 200),
        (&[("x-vault-token", ROOT)], 200),
        (&[("Authorization", &bearer)], 200),
        (&[("authorization", &bearer)], 200),
        (&[("X-Vault-Token", ""), ("Authorization", &bearer)], 200),
        // Vault's own goes first.
        (&[("X-Vault-Token", ROOT), ("Authorization", "Bearer wrong")], 200),
        (&[("X-Vault-Token", "wrong"), ("Authorization", &bearer)], 403),
        (&[("Authorization", "bearer root")], 403),
        (&[("Authorization", "Basic cm9vdA==")], 403),
        (&[("Authorization", "Bearer ")], 403),
        (&[("Authorization", ROOT)], 403),
        (&[], 403),
    ] {
        assert_eq!(read(&server, headers), status, "{headers:?}");
    }
}

#[test]
fn an_answer_is_wrapped_for_as_long_as_is_asked() {
    let server = Server::dev();
    for (ttl, seconds) in [("60", Some(60)), ("90s", Some(90)), ("1h", Some(3600)), ("0", None)] {
        let reply = write(&server, ("X-Vault-Wrap-TTL", ttl)).json();
        assert_eq!(reply["wrap_info"]["ttl"].as_u64(), seconds, "{ttl}: {reply}");
    }
}

/// What a JWT says: its header and its claims.
fn says(jwt: &str) -> (Value, Value) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let part = |n: usize| {
        let part = jwt.split('.').nth(n).and_then(|part| BASE64.decode(part).ok());
        serde_json::from_slice(&part.unwrap_or_else(|| panic!("{jwt}"))).unwrap()
    };
    (part(0), part(1))
}

/// The wrapping token of what root POSTs.
fn wrapped(root: &Client, format: &str, path: &str, body: &Value) -> Value {
    let headers = [("X-Vault-Wrap-TTL", "60"), ("X-Vault-Wrap-Format", format)];
    let reply = root.ask_with("POST", path, &headers, Some(body)).unwrap().json();
    assert!(reply["wrap_info"].is_object(), "{reply}");
    reply["wrap_info"].clone()
}

#[test]
fn a_wrapping_token_can_be_a_jwt() {
    let home = TempDir::new();
    let (store, server) = Store::make(&home.path().join("data"));
    let root = store.root(&server);
    let wrap = |format| wrapped(&root, format, "sys/wrapping/wrap", &json!({ "n": 1 }));
    let token = |info: &Value| info["token"].as_str().unwrap().to_owned();

    assert!(token(&wrap("other")).starts_with("hvs."), "Vault knows one other form");
    let info = wrap("jwt");
    let jwt = token(&info);
    let (header, claims) = says(&jwt);
    assert_eq!(header, json!({ "alg": "ES512", "typ": "JWT" }));
    for (name, value) in [("type", "wrapping"), ("accessor", "")] {
        assert_eq!(claims[name], value, "{claims}");
    }
    assert_eq!(claims["addr"], format!("http://{}", server.address));
    let time = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!((time("exp") - time("iat"), time("iat") - time("nbf")), (60, 5));
    assert!(claims["jti"].as_str().unwrap().starts_with("hvs."));

    // In its data, and as the token of the request.
    let nobody = server.client();
    let key = nobody.get("sys/wrapping/pubkey").json()["data"].clone();
    assert_eq!(key["jwt_curve"], "p521");
    for coordinate in [&key["jwt_x"], &key["jwt_y"]] {
        let digits = coordinate.as_str().unwrap();
        assert!(digits.len() > 140 && digits.bytes().all(|c| c.is_ascii_digit()), "{digits}");
    }
    let bearer = |jwt: &str| server.client().token(jwt);
    let unwrap = "sys/wrapping/unwrap";
    for looked in [
        nobody.post("sys/wrapping/lookup", json!({ "token": jwt })),
        bearer(&jwt).get("sys/wrapping/lookup"),
    ] {
        assert_eq!(looked.json()["data"]["creation_path"], "sys/wrapping/wrap");
    }
    assert_eq!(root.post(unwrap, json!({ "token": jwt })).json()["data"]["n"], 1);
    assert_eq!(root.post(unwrap, json!({ "token": jwt })).status, 400, "it is used up");
    assert_eq!(bearer(&token(&wrap("jwt"))).post(unwrap, json!({})).json()["data"]["n"], 1);
    let jwt = token(&wrap("jwt"));
    let again = wrapped(&root, "jwt", "sys/wrapping/rewrap", &json!({ "token": jwt }));
    assert_eq!(root.post(unwrap, json!({ "token": jwt })).status, 400, "it was wrapped anew");
    let id = says(&token(&again)).1["jti"].as_str().unwrap().to_owned();
    assert_eq!(root.post(unwrap, json!({ "token": id })).json()["data"]["n"], 1);

    // What is wrapped with a token names that.
    let made = wrapped(&root, "jwt", "auth/token/create", &json!({ "policies": "default" }));
    assert_eq!(says(&token(&made)).1["accessor"], made["wrapped_accessor"]);

    // The key is kept with the store.
    let kept = token(&wrap("jwt"));
    drop(server);
    let server = store.start();
    let reply = server.client().token(&kept).post(unwrap, json!({}));
    assert_eq!(reply.json()["data"]["n"], 1, "{}", reply.json());
}

#[test]
fn a_forged_jwt_unwraps_nothing() {
    use base64::Engine as _;
    let server = Server::dev();
    let root = server.root();
    let wrap = || wrapped(&root, "jwt", "sys/wrapping/wrap", &json!({ "n": 1 }));
    let jwt = wrap()["token"].as_str().unwrap().to_owned();
    let other = wrap()["token"].as_str().unwrap().to_owned();
    let part = |jwt: &str, n: usize| jwt.split('.').nth(n).unwrap().to_owned();
    let none = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}");
    for forged in [
        format!("{}.{}.{}", part(&jwt, 0), part(&jwt, 1), part(&other, 2)),
        format!("{}.{}.{}", part(&jwt, 0), part(&other, 1), part(&jwt, 2)),
        format!("{none}.{}.", part(&jwt, 1)),
        format!("{}.{}.", part(&jwt, 0), part(&jwt, 1)),
        format!("{}.{}.!", part(&jwt, 0), part(&jwt, 1)),
        "eyJ..".to_owned(),
    ] {
        let reply = root.post("sys/wrapping/unwrap", json!({ "token": forged }));
        assert_eq!(reply.status, 400, "{forged}: {}", reply.json());
        let reply = server.client().token(&forged).get("cubbyhole/response");
        assert_eq!(reply.status, 403, "{forged}: {}", reply.json());
    }
    for jwt in [jwt, other] {
        let reply = root.post("sys/wrapping/unwrap", json!({ "token": jwt }));
        assert_eq!(reply.json()["data"]["n"], 1, "it was not used up meanwhile");
    }
}

#[test]
fn no_answer_is_cached_nor_fetched_without_tls() {
    let server = Server::dev();
    let root = server.root();
    for (method, path, status) in [
        ("GET", "sys/mounts", 200),
        ("GET", "sys/health", 200),
        ("POST", "sys/policies/acl/a", 204),
        ("GET", "secret/data/none", 404),
        ("GET", "sys//mounts", 301),
        ("POST", "sys/mounts", 405),
        ("GET", "sys/storage/raft/snapshot", 200),
        ("BREW", "sys/mounts", 405),
    ] {
        let body = json!({ "policy": "path \"a\" {}" });
        let reply = root.send(method, path, (method == "POST").then_some(&body));
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{method} {path}");
        let strict = Some("max-age=31536000; includeSubDomains");
        assert_eq!(reply.header("strict-transport-security"), strict, "{method} {path}");
    }
}

/// A server with two listeners, the first of which has these lines too.
struct Two {
    server: Server,
    /// Without them.
    other: String,
    _home: TempDir,
}

impl Two {
    fn start(lines: &str) -> Self {
        let home = TempDir::new();
        let (address, other) = (free_address(), free_address());
        let file = home.path().join("edgekeep.hcl");
        let text = format!(
            "storage \"inmem\" {{}}\ndisable_mlock = true\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n{lines}\n}}\n\
             listener \"tcp\" {{\n  address = \"{other}\"\n  tls_disable = true\n}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let config = format!("-config={}", file.display());
        Self { server: Server::start(&["server", &config], address), other, _home: home }
    }
}

const ADDED: &str = r#"
  custom_response_headers {
    "default" = {
      "Strict-Transport-Security" = ["max-age=1", "preload"],
      "x-house" = ["any"]
      "X-Vault-House" = ["mine"]
    }
    "4xx" = { "X-House" = ["bad"], "Cache-Control" = ["private"] }
    "404" = { "X-House" = ["none"] }
  }"#;

#[test]
fn a_listener_adds_headers_to_its_answers() {
    let two = Two::start(ADDED);
    let server = &two.server;
    let nobody = server.client();
    for (path, status, house, cache) in [
        ("sys/init", 200, "any", "no-store"),
        ("sys/mounts", 503, "any", "no-store"),
        ("sys/unseal", 405, "bad", "private"),
        // The gate refuses it by itself.
        ("sys/init HTTP/9.9", 505, "any", "no-store"),
        ("sys/in%0ait", 400, "bad", "private"),
    ] {
        let reply = nobody.get(path);
        let header = |name| reply.header(name).unwrap_or_default().to_owned();
        assert_eq!((reply.status, header("x-house")), (status, house.to_owned()), "{path}");
        assert_eq!(header("cache-control"), cache, "{path}");
        assert_eq!(header("strict-transport-security"), "max-age=1; preload", "{path}");
        assert_eq!(reply.header("x-vault-house"), None, "{path}");
        let once = reply.headers.iter().filter(|(name, _)| name == "cache-control").count();
        assert_eq!(once, 1, "{path}");
    }
    let reply = nobody.try_send("GET", "/elsewhere", &[], None).unwrap();
    assert_eq!((reply.status, reply.header("x-house")), (404, Some("none")));
    assert!(server.output().contains("X-Vault-House is not heeded"), "{}", server.output());

    let other = Client::new(&two.other).get("sys/init");
    assert_eq!((other.status, other.header("x-house")), (200, None));

    // What is configured cannot be set for the web interface too.
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let made = nobody.post("sys/init", split).json();
    nobody.post("sys/unseal", json!({ "key": made["keys"][0] }));
    let root = server.client().token(made["root_token"].as_str().unwrap());
    let set = |name: &str| {
        root.post(&format!("sys/config/ui/headers/{name}"), json!({ "values": ["x"] })).status
    };
    assert_eq!((set("X-House"), set("X-Other")), (400, 200));
    let shown = root.get("sys/config/state/sanitized").json();
    let shown = &shown["data"]["listeners"][0]["config"]["custom_response_headers"];
    assert_eq!(shown["404"], json!({ "X-House": ["none"] }));
}

#[test]
fn headers_that_cannot_be_added_stop_the_start() {
    for (added, words) in [
        (r#""6xx" = { "X-A" = ["a"] }"#, ["\"6xx\" is no status", "write default, 2xx, or 404"]),
        (r#""200" = { "X-A" = "a" }"#, ["no list of texts", "write \"X-A\" = [\"value\"]"]),
        (r#""200" = { "Content-Length" = ["1"] }"#, ["the server's own", "leave it out"]),
        (r#""200" = { "X A" = ["a"] }"#, ["cannot be sent", "in ASCII"]),
        (r#""200" = "a""#, ["is a section, not a value", "{ ... }"]),
    ] {
        let home = TempDir::new();
        let file = home.path().join("c.hcl");
        let text = format!(
            "storage \"inmem\" {{}}\nlistener \"tcp\" {{\n  custom_response_headers {{\n\
             {added}\n  }}\n}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let config = format!("-config={}", file.display());
        let (success, said) = Server::spawn(&["server", &config, "-test"], free_address()).wait();
        assert!(!success && words.iter().all(|word| said.contains(word)), "{added}: {said}");
        assert!(said.contains("c.hcl:4: "), "{said}");
    }
}

#[test]
fn a_listener_can_ask_that_requests_are_meant_for_it() {
    let two = Two::start("  require_request_header = true");
    let ask = |headers: &[(&str, &str)]| {
        two.server.client().try_send("GET", "/v1/sys/init", headers, None).unwrap()
    };
    for (headers, status) in [
        (&[("X-Vault-Request", "true")][..], 200),
        (&[("x-vault-request", "true")], 200),
        (&[], 412),
        (&[("X-Vault-Request", "false")], 412),
        (&[("X-Vault-Request", "")], 412),
        (&[("X-Vault-Request", "true"), ("X-Vault-Request", "true")], 412),
    ] {
        let reply = ask(headers);
        assert_eq!(reply.status, status, "{headers:?}");
        if status == 412 {
            let said = json!({ "errors": ["missing 'X-Vault-Request' header"] });
            assert_eq!(reply.json(), said, "{headers:?}");
        }
    }
    assert_eq!(Client::new(&two.other).get("sys/init").status, 200);
}
