//! What mounts promise beyond the recorded answers: one winner, all of a change or nothing, no
//! slowness with their number, no write lost in a move.

mod support;

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::{Server, data};

fn enable(client: &Client, path: &str) -> u16 {
    client.post(&format!("sys/mounts/{path}"), json!({ "type": "kv" })).status
}

fn tune(client: &Client, path: &str, body: Value) -> Reply {
    client.post(&format!("sys/mounts/{path}/tune"), body)
}

fn remount(client: &Client, from: &str, to: &str) -> Reply {
    client.post("sys/remount", json!({ "from": from, "to": to }))
}

fn refused(reply: &Reply, words: &str) {
    let said = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
    assert_eq!((reply.status, said.contains(words)), (400, true), "{said:?}, not {words:?}");
}

/// Runs `job` in `count` threads that begin together; what each returns.
fn together<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (start, job) = (&Barrier::new(count), &job);
    thread::scope(|threads| {
        let spawn = |n| {
            threads.spawn(move || {
                start.wait();
                job(n)
            })
        };
        let all: Vec<_> = (0..count).map(spawn).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn of_several_that_mount_in_each_others_way_one_wins() {
    let server = Server::dev();
    for round in 0..5 {
        let paths = [format!("r{round}"), format!("r{round}/in"), format!("r{round}/in/it")];
        let mut statuses = together(9, |n| enable(&server.root(), &paths[n % 3]));
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400, 400, 400, 400, 400, 400, 400, 400]);
        let table = data(&server.root().get("sys/mounts"));
        let there = |path: &&String| !table[format!("{path}/")].is_null();
        assert_eq!(paths.iter().filter(there).count(), 1);
    }
}

#[test]
fn mounts_side_by_side_are_all_made() {
    let server = Server::dev();
    assert_eq!(together(16, |n| enable(&server.root(), &format!("side/{n}"))), [204; 16]);
    let table = data(&server.root().get("sys/mounts"));
    assert!((0..16).all(|n| table[format!("side/{n}/")]["type"] == "kv"));
}

/// The time of the quickest of many requests: how busy the machine is hardly shows in it.
fn quickest(mut request: impl FnMut() -> Reply) -> Duration {
    let times = (0..101).map(|_| {
        let begun = Instant::now();
        assert_eq!(request().status, 200);
        begun.elapsed()
    });
    times.min().unwrap()
}

fn resident_kib(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn two_thousand_mounts_are_no_burden() {
    const MANY: usize = 2000;
    let server = Server::dev();
    let root = server.root();
    assert_eq!(enable(&root, "many/0000"), 204);
    assert_eq!(root.post("many/0000/a", json!({ "n": 0 })).status, 204);
    let (alone, small) = (quickest(|| root.get("many/0000/a")), resident_kib(&server));
    for n in 1..MANY {
        assert_eq!(enable(&root, &format!("many/{n:04}")), 204);
    }
    for n in [0, 1, MANY / 2, MANY - 1] {
        assert_eq!(root.post(&format!("many/{n:04}/a"), json!({ "n": n })).status, 204);
        assert_eq!(data(&root.get(&format!("many/{n:04}/a"))), json!({ "n": n }));
    }
    let (among_many, large) = (quickest(|| root.get("many/0000/a")), resident_kib(&server));
    println!("a read: {alone:?} and {among_many:?}; resident: {small} and {large} KiB");
    assert!(among_many < alone * 3 + Duration::from_millis(2), "{alone:?}, then {among_many:?}");
    assert!(large < small + (16 << 10), "{small} KiB, then {large} KiB");
    assert_eq!(data(&root.get("sys/mounts")).as_object().unwrap().len(), MANY + 4);
}

#[test]
fn a_tune_that_is_refused_changes_nothing() {
    let server = Server::dev();
    let root = server.root();
    let config = json!({ "default_lease_ttl": "1h", "max_lease_ttl": "2h" });
    let body = json!({ "type": "kv", "description": "before", "config": config });
    assert_eq!(root.post("sys/mounts/one", body).status, 204);
    root.post("one/a", json!({ "a": 1 }));
    let before = data(&root.get("sys/mounts/one"));
    for (wrong, words) in [
        (json!({ "default_lease_ttl": "soon" }), "invalid duration"),
        (json!({ "default_lease_ttl": "-1h" }), "negative"),
        (json!({ "max_lease_ttl": "30m" }), "would be less than"),
        (json!({ "listing_visibility": "everyone" }), "invalid listing_visibility everyone"),
        (json!({ "token_type": "batch" }), "only be modified on auth mounts"),
        (json!({ "options": { "version": "3" } }), "invalid version"),
        (json!({ "options": { "version": "two" } }), "unable to parse options"),
        (json!({ "options": "text" }), "invalid key pair"),
        (json!({ "passthrough_request_headers": [{ "a": 1 }] }), "Field validation failed"),
        (json!({ "options": { "long": "x".repeat(64 << 10) } }), "at most 64 KiB"),
    ] {
        let mut body = json!({ "description": "after", "allowed_response_headers": "X-After" });
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        refused(&tune(&root, "one", body), words);
        assert_eq!(data(&root.get("sys/mounts/one")), before, "{words}");
    }
    assert_eq!(data(&root.get("one/a")), json!({ "a": 1 }), "it is still of version 1");
}

#[test]
fn what_is_tuned_is_kept() {
    let server = Server::dev();
    let root = server.root();
    let lists = json!({
        "passthrough_request_headers": ["X-One", "X-Two"],
        "allowed_response_headers": ["X-Three"],
        "audit_non_hmac_request_keys": ["a"],
        "audit_non_hmac_response_keys": ["b", "c"],
    });
    let mount = json!({ "type": "kv", "config": lists });
    assert_eq!(root.post("sys/mounts/one", mount).status, 204);
    let config = || data(&root.get("sys/mounts/one"))["config"].clone();
    for (name, list) in lists.as_object().unwrap() {
        assert_eq!(&config()[name], list, "{name}");
    }
    let tuned = json!({ "audit_non_hmac_request_keys": "x,y", "allowed_response_headers": [] });
    assert_eq!(tune(&root, "one", tuned).status, 204);
    assert_eq!(config()["audit_non_hmac_request_keys"], json!(["x", "y"]));
    assert_eq!(config()["allowed_response_headers"], Value::Null);
    assert_eq!(config()["passthrough_request_headers"], json!(["X-One", "X-Two"]));
    let both = together(8, |n| {
        let name = if n % 2 == 0 { "description" } else { "listing_visibility" };
        tune(&server.root(), "one", json!({ name: if n % 2 == 0 { "said" } else { "unauth" } }))
    });
    assert!(both.iter().all(|reply| reply.status == 204));
    let mount = data(&root.get("sys/mounts/one"));
    assert_eq!(mount["description"], "said");
    assert_eq!(mount["config"]["listing_visibility"], "unauth");
}

#[test]
fn a_mount_is_made_and_moved_only_where_it_can_be_reached() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(enable(&root, "here"), 204);
    let long = "x".repeat(2048);
    for to in ["", "/", "a//b", "../x", "a/../sys", "a\u{0}b", "x/tune", "auth/x", "sys/x", &long] {
        assert_eq!(remount(&root, "here", to).status, 400, "{to:?}");
    }
    assert_eq!(enable(&root, &long), 400);
    let body = json!({ "type": "kv", "description": "x".repeat(64 << 10) });
    refused(&root.post("sys/mounts/described", body), "at most 64 KiB");
    assert_eq!(remount(&root, "here/inside", "there").status, 400);
    assert_eq!(remount(&root, "here", "here/inside").status, 400);
    assert_eq!(remount(&root, "here", "there/it/is").status, 200);
    assert_eq!(root.post("there/it/is/a", json!({ "a": 1 })).status, 204);
    for odd in ["%20", "a%25b", "%F0%9F%98%80/x", "...", ".a", "a;b", "%7E", "q%3Fq", "a+b"] {
        assert_eq!(enable(&root, odd), 204, "{odd}");
        assert_eq!(root.post(&format!("{odd}/k"), json!({ "in": odd })).status, 204, "{odd}");
        assert_eq!(data(&root.get(&format!("{odd}/k"))), json!({ "in": odd }), "{odd}");
        assert_eq!(root.delete(&format!("sys/mounts/{odd}")).status, 204, "{odd}");
        assert_eq!(root.get(&format!("{odd}/k")).status, 404, "{odd}");
    }
}

#[test]
fn no_write_is_lost_in_a_move() {
    const WRITERS: usize = 4;
    const MOVES: usize = 20;
    let server = Server::dev();
    let root = server.root();
    assert_eq!(enable(&root, "a/b"), 204);
    let moving = AtomicBool::new(true);
    let written: Vec<String> = together(WRITERS + 1, |n| {
        let client = server.root();
        let mut written = Vec::new();
        if n == WRITERS {
            for step in 0..MOVES {
                let (from, to) = if step % 2 == 0 { ("a/b", "c") } else { ("c", "a/b") };
                assert_eq!(remount(&client, from, to).status, 200);
            }
            moving.store(false, Ordering::Relaxed);
        }
        let mut count = 0;
        while moving.load(Ordering::Relaxed) {
            let key = format!("k{n}-{count}");
            count += 1;
            for mount in ["a/b", "c"] {
                let reply = client.post(&format!("{mount}/{key}"), json!({ "a": 1 }));
                assert!(matches!(reply.status, 204 | 404), "{}", reply.json());
                if reply.status == 204 {
                    written.push(key.clone());
                }
            }
        }
        written
    })
    .concat();
    assert!(!written.is_empty());
    for key in written {
        assert_eq!(root.get(&format!("a/b/{key}")).status, 200, "{key}");
    }
    assert_eq!(root.get("c/k0-0").status, 404);
}

#[test]
fn a_move_is_told_of_by_its_id_and_the_oldest_is_forgotten() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(enable(&root, "a"), 204);
    let ids: Vec<String> = (0..66)
        .map(|n| {
            let (from, to) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
            data(&remount(&root, from, to))["migration_id"].as_str().unwrap().to_owned()
        })
        .collect();
    let status = |id: &str| root.get(&format!("sys/remount/status/{id}"));
    assert_eq!([status(&ids[0]).status, status(&ids[1]).status], [404; 2]);
    let info = data(&status(&ids[65]))["migration_info"].clone();
    let moved = json!({ "source_mount": "b/", "target_mount": "a/", "status": "success" });
    assert_eq!(info, moved);
    assert_eq!(status(&ids[2]).status, 200);
}

#[test]
fn what_was_unmounted_is_gone_for_good() {
    let server = Server::dev();
    let root = server.root();
    let shown = || data(&root.get("sys/mounts/one"));
    assert_eq!(enable(&root, "one"), 204);
    let before = shown();
    root.post("one/a", json!({ "a": 1 }));
    assert_eq!(root.delete("sys/mounts/one").status, 204);
    assert_eq!(enable(&root, "one"), 204);
    assert_eq!(root.get("one/a").status, 404);
    for name in ["accessor", "uuid"] {
        assert_ne!(shown()[name], before[name], "{name}");
    }
}

/// Enables userpass at `path` (below `auth/`), with a user who may do nothing.
fn enable_userpass(root: &Client, path: &str) {
    let userpass = json!({ "type": "userpass" });
    assert_eq!(root.post(&format!("sys/auth/{path}"), userpass).status, 204);
    let password = json!({ "password": "pw" });
    assert_eq!(root.post(&format!("auth/{path}/users/ada"), password).status, 204);
}

fn log_in(client: &Client, path: &str) -> Option<String> {
    let reply = client.post(&format!("auth/{path}/login/ada"), json!({ "password": "pw" }));
    assert!(matches!(reply.status, 200 | 403 | 404), "{}", reply.json());
    reply.json()["auth"]["client_token"].as_str().map(str::to_owned)
}

#[test]
fn no_token_outlives_its_auth_method() {
    let server = Server::dev();
    let root = server.root();
    for moved in [false, true] {
        enable_userpass(&root, "team/up");
        let there = AtomicBool::new(true);
        let tokens = together(4, |n| {
            let mut tokens = Vec::new();
            if n == 0 {
                // One at least, before it goes.
                tokens.extend(log_in(&server.client(), "team/up"));
                let reply = match moved {
                    true => remount(&root, "auth/team/up", "auth/people"),
                    false => root.delete("sys/auth/team/up"),
                };
                assert!(reply.status < 300, "{}", reply.json());
                there.store(false, Ordering::Relaxed);
            }
            while there.load(Ordering::Relaxed) {
                tokens.extend(log_in(&server.client(), "team/up"));
            }
            tokens
        })
        .concat();
        assert!(!tokens.is_empty());
        for token in tokens {
            let reply = server.client().token(&token).get("auth/token/lookup-self");
            assert_eq!(reply.status, 403, "{}", reply.json());
        }
        assert_eq!(log_in(&server.client(), "team/up"), None);
        assert_eq!(log_in(&server.client(), "people").is_some(), moved);
    }
    assert_eq!(root.post("sys/auth/team/up", json!({ "type": "userpass" })).status, 204);
    assert_eq!(root.list("auth/team/up/users").status, 404, "it is empty");
}

#[test]
fn a_mount_that_comes_back_brings_no_token_back() {
    let server = Server::dev();
    let root = server.root();
    enable_userpass(&root, "team/up");
    let status = |token: &str| server.client().token(token).get("auth/token/lookup-self").status;
    for kind in ["service", "batch"] {
        let tune = json!({ "token_type": kind });
        assert_eq!(root.post("sys/auth/team/up/tune", tune).status, 204);
        let before = log_in(&server.client(), "team/up").unwrap();
        assert_eq!(status(&before), 200);
        assert_eq!(remount(&root, "auth/team/up", "auth/people").status, 200);
        assert_eq!(status(&before), 403);
        assert_eq!(remount(&root, "auth/people", "auth/team/up").status, 200);
        assert_eq!(status(&before), 403);
        let since = log_in(&server.client(), "team/up").unwrap();
        assert_eq!(status(&since), 200);
    }
}

#[test]
fn engines_and_auth_methods_are_not_in_each_others_way() {
    let server = Server::dev();
    let root = server.root();
    enable_userpass(&root, "secret");
    enable_userpass(&root, "sys");
    let accessor = |path: &str| data(&root.get(path))["accessor"].as_str().unwrap().to_owned();
    assert!(accessor("sys/auth/secret").starts_with("auth_userpass_"));
    assert!(accessor("sys/mounts/secret").starts_with("kv_"));
    for path in ["secret/inside", "token", "token/inside", ""] {
        let userpass = json!({ "type": "userpass" });
        assert!(root.post(&format!("sys/auth/{path}"), userpass).status >= 400, "{path}");
    }
    for (from, to) in [("auth/secret", "people"), ("secret", "auth/kv"), ("auth/token", "auth/t")] {
        assert_eq!(remount(&root, from, to).status, 400, "{from} to {to}");
    }
    refused(&tune(&root, "auth/token", json!({ "token_type": "batch" })), "cannot be set");
    assert_eq!(tune(&root, "auth/secret", json!({ "token_type": "batch" })).status, 204);
    assert!(log_in(&server.client(), "secret").unwrap().starts_with("hvb."));
    assert!(log_in(&server.client(), "sys").unwrap().starts_with("hvs."));
}

#[test]
fn a_token_sees_the_mounts_that_its_policies_reach() {
    let server = Server::dev();
    let root = server.root();
    enable_userpass(&root, "up");
    assert_eq!(enable(&root, "kv"), 204);
    let rules = "path \"secret/data/app/*\" { capabilities = [\"read\"] }\n\
                 path \"auth/up/users/ada\" { capabilities = [\"update\"] }\n\
                 path \"kv/*\" { capabilities = [\"deny\"] }";
    assert_eq!(root.post("sys/policies/acl/app", json!({ "policy": rules })).status, 204);
    let wanted = json!({ "policies": ["app"], "no_default_policy": true });
    let reply = root.post("auth/token/create", wanted).json();
    let app = server.client().token(reply["auth"]["client_token"].as_str().unwrap());
    let seen = data(&app.get("sys/internal/ui/mounts"));
    let names = |of: &str| seen[of].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((names("secret"), names("auth")), (vec!["secret/".into()], vec!["up/".into()]));
    for (path, status) in
        [("secret", 200), ("secret/data/x", 200), ("auth/up", 200), ("kv", 403), ("nowhere", 403)]
    {
        let reply = app.get(&format!("sys/internal/ui/mounts/{path}"));
        assert_eq!(reply.status, status, "{path}: {}", reply.json());
    }
}

#[test]
fn without_a_token_only_what_is_listed_for_all_is_seen() {
    let server = Server::dev();
    let (root, nobody) = (server.root(), server.client());
    let seen = |client: &Client| data(&client.get("sys/internal/ui/mounts"));
    assert_eq!(seen(&nobody), json!({ "auth": {}, "secret": {} }));
    let unauth = json!({ "listing_visibility": "unauth" });
    let body = json!({ "type": "kv", "description": "open", "config": unauth });
    assert_eq!(root.post("sys/mounts/open", body).status, 204);
    let glimpse = json!({ "type": "kv", "description": "open", "options": {} });
    assert_eq!(seen(&nobody), json!({ "auth": {}, "secret": { "open/": glimpse } }));
    assert_eq!(nobody.get("sys/internal/ui/mounts/open").status, 403);
    assert_eq!(server.client().token("junk").get("sys/internal/ui/mounts").status, 403);
    let all = seen(&root);
    assert!(all["secret"]["sys/"]["uuid"].is_string() && all["auth"]["token/"].is_object());
    let found = data(&root.get("sys/internal/ui/mounts/secret/data/x"));
    assert_eq!((&found["path"], &found["options"]["version"]), (&json!("secret/"), &json!("2")));
    assert_eq!(root.get("sys/internal/ui/mounts/nowhere/x").status, 403);
}

#[test]
fn what_is_mounted_is_described() {
    let server = Server::dev();
    let root = server.root();
    assert_eq!(enable(&root, "team/kv"), 204);
    assert_eq!(root.post("sys/auth/people", json!({ "type": "userpass" })).status, 204);
    assert_eq!(root.post("sys/auth/hosts", json!({ "type": "approle" })).status, 204);
    let paths = root.get("sys/internal/specs/openapi").json()["paths"].clone();
    for path in [
        "/secret/data/{path}",
        "/team/kv/{path}",
        "/auth/people/login/{username}",
        "/auth/hosts/role/{role_name}",
        "/auth/token/create",
        // With a slash or without one they are the same.
        "/auth/people/users",
        "/sys/policies/acl",
    ] {
        assert!(paths[path].is_object(), "{path}");
    }
    for path in paths.as_object().unwrap().keys() {
        assert!(!path.contains('?') && paths[format!("{path}/")].is_null(), "{path}");
    }

    let policy = json!({ "policy": "path \"team/kv/*\" { capabilities = [\"read\"] }" });
    assert_eq!(root.post("sys/policies/acl/team", policy).status, 204);
    let made = root.post("auth/token/create", json!({ "policies": ["team"] })).json();
    let member = server.client().token(made["auth"]["client_token"].as_str().unwrap());
    let seen = member.get("sys/internal/specs/openapi").json()["paths"].clone();
    assert!(seen["/team/kv/{path}"].is_object() && seen["/secret/data/{path}"].is_null());
    assert_eq!(server.client().get("sys/internal/specs/openapi").status, 403);
}

#[test]
fn a_prefix_has_help_with_and_without_its_slash() {
    let server = Server::dev();
    for prefix in ["sys", "sys/", "identity", "auth/token", "secret", "cubbyhole"] {
        let help = server.root().get(&format!("{prefix}?help=1"));
        assert!(help.json()["help"].is_string(), "{prefix}: {}", help.status);
    }
}
