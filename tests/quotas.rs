//! Rate limits through the HTTP API, under a clock that is turned by hand: it stands still while
//! requests are counted, so that what is let through is exact.

mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::world::World;
use support::{TempDir, data};

const SECOND: Duration = Duration::from_secs(1);

fn set(world: &World, name: &str, quota: Value) {
    let reply = world.root().post(&format!("sys/quotas/rate-limit/{name}"), quota);
    assert_eq!(reply.status, 204, "{}", reply.json());
}

fn configure(world: &World, config: Value) {
    assert_eq!(world.root().post("sys/quotas/config", config).status, 204);
}

/// The statuses of some requests, one after the other.
fn statuses<const N: usize>(client: &Client, path: &str) -> [u16; N] {
    std::array::from_fn(|_| client.get(path).status)
}

/// How many of `times` requests are let through.
fn within(times: usize, ask: impl Fn() -> Reply) -> usize {
    (0..times).filter(|_| ask().status != 429).count()
}

/// Somebody who is not on this machine, as far as limits go, needs an address of their own.
fn other(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 7, number)
}

#[test]
fn requests_at_once_are_let_through_exactly_as_many_as_the_limit_says() {
    let world = World::new(1);
    set(&world, "kv", json!({ "path": "secret", "rate": 150, "interval": "1h" }));
    for round in 0..2 {
        let let_through: usize = thread::scope(|threads| {
            let ask = |_| {
                let root = world.root();
                threads.spawn(move || within(25, || root.get("secret/x")))
            };
            let threads: Vec<_> = (0..12).map(ask).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(let_through, 150, "round {round}");
        assert_eq!(world.root().get("secret/x").status, 429);
        assert_eq!(world.root().get("sys/mounts").status, 200, "another mount");
        world.advance(SECOND * 3600);
    }
}

#[test]
fn each_address_is_counted_by_itself() {
    let world = World::new(1);
    set(&world, "kv", json!({ "path": "secret", "rate": 2, "interval": "1h" }));
    for number in 1..4 {
        let client = world.root().from(other(number));
        assert_eq!(statuses(&client, "secret/x"), [404, 404, 429], "client {number}");
    }
    // The token matters as little as there being none.
    assert_eq!(statuses(&world.client().from(other(1)), "secret/x"), [429]);
    assert_eq!(statuses(&world.client().from(other(9)), "secret/x"), [403, 403, 429]);
}

#[test]
fn the_quota_in_the_narrowest_place_counts() {
    let world = World::new(1);
    let hour = |path: &str, rate: u64| json!({ "path": path, "rate": rate, "interval": "1h" });
    let root = world.root().from(other(1));
    set(&world, "mount", hour("secret", 3));
    set(&world, "glob", hour("secret/a*", 2));
    set(&world, "path", hour("secret/ab", 1));
    assert_eq!(statuses(&root, "secret/ab"), [404, 429]);
    assert_eq!(statuses(&root, "secret/abc"), [404, 404, 429]);
    assert_eq!(statuses(&root, "secret/b"), [404, 404, 404, 429]);
    set(&world, "all", hour("", 1));
    assert_eq!(statuses(&root, "sys/mounts"), [200, 429]);
    // Whoever is limited everywhere can still be told whether the server lives.
    assert_eq!(statuses(&root, "sys/health"), [200; 8]);
    assert_eq!(statuses(&root, "sys/seal-status"), [200; 8]);
    assert_eq!(world.root().delete("sys/quotas/rate-limit/all").status, 204);
    assert_eq!(statuses(&root, "sys/mounts"), [200; 3]);
}

#[test]
fn logins_can_be_limited_by_role() {
    let world = World::new(1);
    let root = world.root();
    assert_eq!(root.post("sys/auth/approle", json!({ "type": "approle" })).status, 204);
    let role_id = |name: &str| {
        let terms = json!({ "bind_secret_id": false, "secret_id_bound_cidrs": ["127.0.0.0/8"] });
        let reply = root.post(&format!("auth/approle/role/{name}"), terms);
        assert_eq!(reply.status, 204, "{}", reply.json());
        let reply = root.get(&format!("auth/approle/role/{name}/role-id"));
        data(&reply)["role_id"].as_str().unwrap().to_owned()
    };
    let (app, web) = (role_id("app"), role_id("web"));
    let quota = json!({ "path": "auth/approle", "role": "app", "rate": 2, "interval": "1h" });
    set(&world, "app", quota);
    let log_in = |role_id: &str| {
        world.client().post("auth/approle/login", json!({ "role_id": role_id })).status
    };
    assert_eq!([(); 3].map(|()| log_in(&app)), [200, 200, 429]);
    assert_eq!([(); 3].map(|()| log_in(&web)), [200; 3]);
    assert_eq!(log_in("nobody"), 400);
    assert_eq!(statuses(&root, "auth/approle/role/app"), [200; 3], "these are no logins");
}

#[test]
fn answers_say_how_much_is_left_where_that_is_wanted() {
    let world = World::new(1);
    let standing = |reply: &Reply| {
        let number = |name| reply.header(name).map(|text| text.parse().unwrap());
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"]
            .map(number)
    };
    let root = world.root();
    set(&world, "kv", json!({ "path": "secret", "rate": 2, "interval": 100 }));
    assert_eq!(standing(&root.get("secret/x")), [None::<u64>; 4]);
    configure(&world, json!({ "enable_rate_limit_response_headers": true }));
    world.advance(SECOND * 40);
    assert_eq!(standing(&root.get("secret/x")), [Some(2), Some(0), Some(60), None]);
    world.advance(Duration::from_millis(20_500));
    let reply = root.get("secret/x");
    let text = "request path \"secret/x\": rate limit quota exceeded";
    assert_eq!((reply.status, reply.json()), (429, json!({ "errors": [text] })));
    assert_eq!(standing(&reply), [Some(2), Some(0), Some(40), Some(40)]);
    assert_eq!(standing(&root.get("sys/mounts")), [None; 4]);
    configure(&world, json!({}));
    assert_eq!(standing(&root.get("secret/x")), [None, None, None, Some(40)]);
}

#[test]
fn who_asks_for_more_is_blocked_for_as_long_as_the_quota_says() {
    let world = World::new(1);
    let quota = json!({ "path": "secret", "rate": 1, "interval": "1s", "block_interval": "1m" });
    set(&world, "kv", quota);
    let root = world.root();
    assert_eq!(statuses(&root, "secret/x"), [404, 429]);
    world.advance(SECOND * 59);
    assert_eq!(statuses(&root, "secret/x"), [429; 3]);
    assert_eq!(statuses(&root.clone().from(other(1)), "secret/x"), [404]);
    world.advance(SECOND);
    assert_eq!(statuses(&root, "secret/x"), [404]);
}

#[test]
fn what_is_exempt_is_not_counted() {
    let world = World::new(1);
    let root = world.root();
    configure(&world, json!({ "rate_limit_exempt_paths": ["sys/quotas", "/v1/secret/free"] }));
    set(&world, "all", json!({ "rate": 1, "interval": "1h" }));
    assert_eq!(statuses(&root, "secret/free"), [404; 4]);
    assert_eq!(statuses(&root, "secret/free/too"), [404; 4]);
    assert_eq!(statuses(&root, "secret/x"), [404, 429]);
    // What is needed to watch and unseal the server is exempt even then.
    configure(&world, json!({ "rate_limit_exempt_paths": ["sys/quotas", "!sys/health"] }));
    assert_eq!(statuses(&root, "secret/free"), [429]);
    assert_eq!(statuses(&root, "sys/seal-status"), [200; 3]);
}

#[test]
fn quotas_outlive_restarts_and_go_with_their_mounts() {
    let mut world = World::new(1);
    set(&world, "kv", json!({ "path": "secret", "rate": 1, "interval": "1h" }));
    assert_eq!(statuses(&world.root(), "secret/x"), [404, 429]);
    world.restart();
    assert_eq!(statuses(&world.root(), "secret/x"), [404, 429]);
    world.crash();
    let root = world.root();
    assert_eq!(statuses(&root, "secret/x"), [404, 429]);
    let to = json!({ "from": "secret", "to": "moved" });
    assert_eq!(root.post("sys/remount", to).status, 200);
    assert_eq!(data(&root.get("sys/quotas/rate-limit/kv"))["path"], "moved/");
    assert_eq!(statuses(&root, "moved/x"), [429], "it is the same limit for the same engine");
    assert_eq!(root.delete("sys/mounts/moved").status, 200);
    assert_eq!(root.get("sys/quotas/rate-limit/kv").status, 404);
    assert_eq!(statuses(&root, "moved/x"), [404; 3]);
}

#[test]
fn a_quota_that_changes_counts_anew_and_one_that_is_refused_changes_nothing() {
    let world = World::new(1);
    let root = world.root();
    set(&world, "kv", json!({ "path": "secret", "rate": 1, "interval": "1h" }));
    assert_eq!(statuses(&root, "secret/x"), [404, 429]);
    let other = json!({ "path": "secret/", "rate": 5 });
    assert_eq!(root.post("sys/quotas/rate-limit/second", other).status, 400);
    assert_eq!(root.post("sys/quotas/rate-limit/kv", json!({ "rate": -1 })).status, 400);
    assert_eq!(statuses(&root, "secret/x"), [429]);
    set(&world, "kv", json!({ "path": "secret", "rate": 2, "interval": "1h" }));
    assert_eq!(statuses(&root, "secret/x"), [404, 404, 429]);
}

#[test]
fn what_is_over_a_limit_is_audited_only_where_that_is_wanted() {
    let world = World::configured(1, "limits {\n  unauthenticated_total_rate = 1\n}");
    let folder = TempDir::new();
    let file = folder.path().join("audit.log");
    let root = world.root();
    let device = json!({ "type": "file", "options": { "file_path": file } });
    assert_eq!(root.post("sys/audit/file", device).status, 204);
    set(&world, "kv", json!({ "path": "secret", "rate": 1, "interval": "1h" }));
    let told = |path: &str| {
        let text = fs::read_to_string(&file).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_path = |entry: &Value| entry["request"]["path"] == path;
        entries.filter(of_path).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&root, "secret/x"), [404, 429, 429]);
    assert_eq!(told("secret/x").len(), 2, "a request and its answer");
    let look_up = || world.client().post("sys/wrapping/lookup", json!({ "token": "none" })).status;
    assert_eq!([(); 11].map(|()| look_up())[9..], [400, 429]);
    assert_eq!(told("sys/wrapping/lookup").len(), 20);

    configure(&world, json!({ "enable_rate_limit_audit_logging": true }));
    assert_eq!(statuses(&root, "secret/x"), [429]);
    let entries = told("secret/x");
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[2]["type"], "request");
    assert_eq!(entries[2]["error"], "request path \"secret/x\": rate limit quota exceeded");
    assert_eq!(look_up(), 429);
    let entries = told("sys/wrapping/lookup");
    assert_eq!((entries.len(), &entries[20]["type"]), (21, &json!("request")));
}

#[test]
fn those_without_a_token_are_limited_and_nobody_else_for_it() {
    // Averaged over ten seconds. What is on this machine may do what all others together may.
    let limits = "limits {\n  unauthenticated_rate = 1\n  unauthenticated_total_rate = 2\n}";
    let world = World::configured(1, limits);
    let stranger = world.client();
    assert_eq!(within(30, || stranger.get("sys/leader")), 20);
    let reply = stranger.post("auth/userpass/login/bob", json!({ "password": "wrong" }));
    assert_eq!(reply.status, 403, "nothing is mounted there, and so it is not open");
    let reply = stranger.post("sys/wrapping/lookup", json!({ "token": "none" }));
    let text = "request path \"sys/wrapping/lookup\": rate limit quota exceeded";
    assert_eq!((reply.status, reply.json()), (429, json!({ "errors": [text] })));
    assert_eq!(reply.header("retry-after"), Some("10"));
    assert_eq!(stranger.get("sys/internal/ui/mounts").status, 429);
    // Who has a token is served, and so is who watches the server.
    assert_eq!(statuses(&world.root(), "sys/internal/ui/mounts"), [200; 3]);
    assert_eq!(statuses(&world.root(), "secret/x"), [404; 3]);
    assert_eq!(statuses(&stranger, "sys/health"), [200; 40]);
    assert_eq!(statuses(&stranger, "sys/seal-status"), [200; 40]);
    world.advance(SECOND * 10);
    assert_eq!(within(30, || stranger.get("sys/leader")), 20);
}

#[test]
fn logins_by_password_have_a_limit_of_their_own() {
    let world = World::configured(1, "limits {\n  password_total_rate = 1\n}");
    let root = world.root();
    assert_eq!(root.post("sys/auth/userpass", json!({ "type": "userpass" })).status, 204);
    // Each of somebody else, as too many of one would lock them out.
    let guests = AtomicU32::new(0);
    let log_in = || {
        let path = format!("auth/userpass/login/guest-{}", guests.fetch_add(1, Ordering::Relaxed));
        world.client().post(&path, json!({ "password": "wrong" }))
    };
    let tried: usize = thread::scope(|threads| {
        let threads: Vec<_> = (0..4).map(|_| threads.spawn(|| within(4, log_in))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(tried, 10);
    assert_eq!(world.client().get("sys/leader").status, 200);
    world.advance(SECOND * 10);
    assert_eq!(log_in().status, 400);
}

#[test]
fn a_limit_of_zero_is_none() {
    let limits = "limits {\n  unauthenticated_rate = 0\n  unauthenticated_total_rate = 0\n}";
    let world = World::configured(1, limits);
    assert_eq!(within(300, || world.client().get("sys/leader")), 300);
}
