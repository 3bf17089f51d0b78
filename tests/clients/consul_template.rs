//! consul-template renders secrets, renders them anew when they change, and keeps its token alive.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::secured::Secured;
use super::support::harness::needs;
use super::support::http::{Client, Reply};
use super::support::{TempDir, data};
use super::{PATIENCE, environment, folder, passes};

const CLIENT: &str = "consul-template";

/// What the templates ask for, and nothing more.
const RULES: &str = r#"
path "kv2/data/app"      { capabilities = ["read"] }
path "kv1/*"             { capabilities = ["read", "list"] }
path "auth/token/create" { capabilities = ["update"] }
"#;

pub fn consul_template() {
    let program = needs(CLIENT, environment::go_program(CLIENT));
    let server = Secured::new();
    let token = server.open().token;
    let root = server.plain().token(&token);
    done(root.post("sys/mounts/kv1", json!({ "type": "kv" })));
    done(root.post("sys/mounts/kv2", json!({ "type": "kv-v2" })));
    done(root.post("sys/policies/acl/templates", json!({ "policy": RULES })));
    write(&root, "first");

    // Once, with a token that comes wrapped.
    let rendered = TempDir::new();
    let wrapped = wrapped_token(&server, &token);
    let mut once = template(&server, &program, &rendered, &wrapped);
    passes("consul-template, once", &server, once.args(["-once", "-vault-unwrap-token"]));
    assert_eq!(read(&rendered), "app:first\napp for 2\napp;other;\n");

    // For as long as it is let: what changes is rendered anew, by a token that would have ended.
    let rendered = TempDir::new();
    let token = create(&root, json!({ "policies": ["templates", "default"], "period": "6s" }));
    let text = |name: &str| token[name].as_str().unwrap().to_owned();
    let output = File::create(rendered.path().join("output")).unwrap();
    let mut running = template(&server, &program, &rendered, &text("client_token"));
    running.stdout(output.try_clone().unwrap()).stderr(output);
    let running = Running(running.spawn().unwrap());
    for password in ["first", "second"] {
        write(&root, password);
        eventually(&rendered, || read(&rendered).starts_with(&format!("app:{password}\n")));
    }
    let accessor = json!({ "accessor": text("accessor") });
    let known = || data(&root.post("auth/token/lookup-accessor", accessor.clone()));
    let made = known()["creation_time"].as_u64().unwrap();
    eventually(&rendered, || known()["last_renewal_time"].as_u64() > Some(made + 6));
    let own = fs::read_to_string(rendered.path().join("accessor")).unwrap();
    let own = root.post("auth/token/lookup-accessor", json!({ "accessor": own }));
    assert_eq!(data(&own)["policies"], json!(["default"]));
    drop(running);
    server.lives();
}

/// A consul-template that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn template(server: &Secured, program: &Path, rendered: &TempDir, token: &str) -> Command {
    let mut command = server.client(program);
    command.arg("-config").arg(folder(CLIENT).join("config.hcl")).env("VAULT_TOKEN", token);
    command.current_dir(rendered.path()).stdin(Stdio::null());
    command
}

fn write(root: &Client, password: &str) {
    let secret = json!({ "data": { "user": "app", "password": password } });
    done(root.post("kv2/data/app", secret));
    done(root.post("kv1/app", json!({ "user": "app", "ttl": "2s" })));
    done(root.post("kv1/other", json!({ "a": "b" })));
}

fn create(root: &Client, body: Value) -> Value {
    root.post("auth/token/create", body).json()["auth"].clone()
}

/// A token with the policy `templates` that lies in another.
fn wrapped_token(server: &Secured, root: &str) -> String {
    let body = json!({ "policies": ["templates", "default"] }).to_string();
    let headers = [("X-Vault-Token", root), ("X-Vault-Wrap-TTL", "60")];
    let path = "/v1/auth/token/create";
    let made = server.plain().try_send("POST", path, &headers, Some(body.as_bytes())).unwrap();
    made.json()["wrap_info"]["token"].as_str().unwrap().to_owned()
}

fn done(reply: Reply) {
    assert!(reply.status < 300, "{} {}", reply.status, reply.json());
}

fn read(rendered: &TempDir) -> String {
    fs::read_to_string(rendered.path().join("rendered")).unwrap_or_default()
}

/// Waits until something holds.
fn eventually(rendered: &TempDir, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        let said = || fs::read_to_string(rendered.path().join("output")).unwrap_or_default();
        assert!(Instant::now() < deadline, "{}\n{}", read(rendered), said());
        sleep(Duration::from_millis(50));
    }
}
