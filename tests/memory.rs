//! What requests cost in memory, at the worst: none of them may end the server of a small board.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use edgekeep::snapshot::inspect::inspect;
use serde_json::{Value, json};
use support::http::Client;
use support::store::Store;
use support::{Server, TempDir};

/// How many large values there are: all together they are more than the server may take.
const MANY: usize = 8;

fn large() -> Value {
    json!({ "v": "x".repeat(8 << 20) })
}

/// Kilobytes of memory that the server has had at most.
fn most_memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// Holds the server to a few of the values at once.
fn assert_took_few(server: &Server) {
    let most = most_memory(server);
    assert!(most < 70_000, "{most} kB");
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < end, "it never came to be that {what}");
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// How many entries the store has.
fn entries(root: &Client) -> u64 {
    let snapshot = root.get("sys/storage/raft/snapshot").body;
    inspect(&snapshot[..]).unwrap().meta.about.entries
}

/// A token that may nearly nothing, and its cubbyhole full of large values.
struct Hoarder {
    token: String,
    accessor: String,
}

impl Hoarder {
    fn new(root: &Client, server: &Server) -> Self {
        let made = root.post("auth/token/create", json!({ "policies": ["default"] })).json();
        let text = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
        let hoarder = Self { token: text("client_token"), accessor: text("accessor") };
        let client = hoarder.client(server);
        for n in 0..MANY {
            assert_eq!(client.post(&format!("cubbyhole/{n}"), large()).status, 204);
        }
        hoarder
    }

    fn client(&self, server: &Server) -> Client {
        server.client().token(&self.token)
    }

    fn is_known(&self, root: &Client) -> bool {
        let body = json!({ "accessor": self.accessor });
        root.post("auth/token/lookup-accessor", body).status == 200
    }
}

#[test]
fn the_end_of_a_token_with_a_large_cubbyhole_takes_little() {
    let folder = TempDir::new();
    let (store, server) = Store::make(folder.path());
    let root = store.root(&server);
    let before = entries(&root);
    let hoarder = Hoarder::new(&root, &server);
    let soon = json!({ "increment": "1s" });
    assert_eq!(hoarder.client(&server).post("auth/token/renew-self", soon).status, 200);
    drop(server);

    let server = store.start();
    let root = store.root(&server);
    eventually("it is removed", || !hoarder.is_known(&root));
    assert_eq!(hoarder.client(&server).get("cubbyhole/0").status, 403);
    assert_took_few(&server);
    eventually("its cubbyhole is removed", || entries(&root) == before);
}

#[test]
fn the_end_of_a_secret_with_large_versions_takes_little() {
    let folder = TempDir::new();
    let (store, server) = Store::make(folder.path());
    let root = store.root(&server);
    let mount = json!({ "type": "kv", "options": { "version": "2" } });
    assert_eq!(root.post("sys/mounts/safe", mount).status, 204);
    let before = entries(&root);
    for _ in 0..MANY {
        assert_eq!(root.post("safe/data/a", json!({ "data": large() })).status, 200);
    }
    drop(server);

    let server = store.start();
    let root = store.root(&server);
    assert_eq!(root.delete("safe/metadata/a").status, 204);
    assert_eq!(root.get("safe/data/a").status, 404);
    assert_took_few(&server);
    assert_eq!(entries(&root), before);
}

/// An object with so many objects in it.
fn objects(count: usize) -> String {
    format!("{{\"data\":{{\"a\":[{{}}{}]}}}}", ",{\"a\":0}".repeat(count - 1))
}

#[test]
fn what_objects_cost_is_counted() {
    let server = Server::dev();
    let root = server.root();
    let upload = |body: &str| root.upload("secret/data/a", body.as_bytes()).unwrap();
    let refused = upload(&objects(500_000));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["errors"], json!(["error parsing JSON"]));
    assert_eq!(upload(&objects(20_000)).status, 200);
    assert_took_few(&server);
}

#[test]
fn a_text_may_be_as_long_as_a_request() {
    let server = Server::dev();
    let text = json!({ "v": "x".repeat((32 << 20) - 100) });
    assert_eq!(server.root().post("cubbyhole/a", text).status, 204);
    let read = server.root().get("cubbyhole/a").json();
    assert_eq!(read["data"]["v"].as_str().map(str::len), Some((32 << 20) - 100));
    let most = most_memory(&server);
    assert!(most < 200_000, "{most} kB");
}
