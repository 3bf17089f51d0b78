//! Counts of leases through the HTTP API: what would be one too many is refused, and what has ended
//! by its time, by hand or with what it hung on makes room at once.

mod support;

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::world::World;
use support::{data, eventually};

const MINUTE: Duration = Duration::from_secs(60);

fn limit(world: &World, name: &str, quota: Value) {
    let reply = world.root().post(&format!("sys/quotas/lease-count/{name}"), quota);
    assert_eq!(reply.status, 204, "{}", reply.json());
}

/// How many leases the quota counts.
fn counter(world: &World, name: &str) -> u64 {
    let reply = world.root().get(&format!("sys/quotas/lease-count/{name}"));
    data(&reply)["counter"].as_u64().unwrap_or_else(|| panic!("{}", reply.json()))
}

fn create(client: &Client, ttl: &str) -> Reply {
    client.post("auth/token/create", json!({ "policies": ["default"], "ttl": ttl }))
}

fn created(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["auth"]["client_token"].as_str().unwrap().to_owned()
}

/// A method at `auth/approle/` with these roles, by whose ids alone one can log in.
fn roles<const N: usize>(world: &World, names: [&str; N]) -> [String; N] {
    let root = world.root();
    assert_eq!(root.post("sys/auth/approle", json!({ "type": "approle" })).status, 204);
    names.map(|name| {
        let terms = json!({
            "bind_secret_id": false,
            "secret_id_bound_cidrs": ["127.0.0.0/8"],
            "token_ttl": "1m",
        });
        let reply = root.post(&format!("auth/approle/role/{name}"), terms);
        assert_eq!(reply.status, 204, "{}", reply.json());
        let reply = root.get(&format!("auth/approle/role/{name}/role-id"));
        data(&reply)["role_id"].as_str().unwrap().to_owned()
    })
}

fn log_in(world: &World, role_id: &str) -> Reply {
    world.client().post("auth/approle/login", json!({ "role_id": role_id }))
}

/// That many at once; how many succeed. Others are refused by the quota, and by nothing else.
fn at_once(times: usize, ask: impl Fn() -> Reply + Sync) -> usize {
    let succeeds = || {
        let reply = ask();
        assert!(matches!(reply.status, 200 | 429), "{}", reply.json());
        reply.status == 200
    };
    thread::scope(|threads| {
        let threads: Vec<_> = (0..times).map(|_| threads.spawn(succeeds)).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    })
}

#[test]
fn leases_made_at_once_are_exactly_as_many_as_there_may_be() {
    let world = World::new(1);
    let [app] = roles(&world, ["app"]);
    limit(&world, "logins", json!({ "path": "auth/approle", "max_leases": 7 }));
    assert_eq!(at_once(24, || log_in(&world, &app)), 7);
    assert_eq!(counter(&world, "logins"), 7);
    let reply = log_in(&world, &app);
    let text = "1 error occurred:\n\t* request path \"auth/approle/login\": lease count quota \
                exceeded\n\n";
    assert_eq!((reply.status, reply.json()), (429, json!({ "errors": [text] })));
    assert_eq!(create(&world.root(), "1m").status, 200, "that is another mount");
}

#[test]
fn what_has_ended_makes_room_at_once() {
    let world = World::new(1);
    let root = world.root();
    limit(&world, "all", json!({ "max_leases": 3 }));
    // By its time, which ends in the middle of a minute.
    let fill =
        |ttl: &str| -> Vec<String> { (0..3).map(|_| created(&create(&root, ttl))).collect() };
    fill("90s");
    assert_eq!(create(&root, "1m").status, 429);
    world.advance(Duration::from_secs(91));
    let tokens = fill("1h");
    assert_eq!(create(&root, "1m").status, 429);
    // By hand.
    let revoke = json!({ "token": tokens[0] });
    assert_eq!(root.post("auth/token/revoke", revoke).status, 204);
    let parent = created(&create(&root, "1h"));
    assert_eq!(create(&root, "1m").status, 429);
    for token in &tokens[1..] {
        assert_eq!(root.post("auth/token/revoke", json!({ "token": token })).status, 204);
    }
    // With what it hangs on.
    let policy = "path \"auth/token/create\" { capabilities = [\"update\"] }";
    assert_eq!(root.post("sys/policies/acl/makes", json!({ "policy": policy })).status, 204);
    let revoke = json!({ "token": parent });
    assert_eq!(root.post("auth/token/revoke", revoke).status, 204);
    let maker = json!({ "policies": ["default", "makes"], "ttl": "1h" });
    let maker = created(&root.post("auth/token/create", maker));
    let own = world.client().token(&maker);
    assert_eq!([(); 3].map(|()| create(&own, "1h").status), [200, 200, 429]);
    assert_eq!(root.post("auth/token/revoke", json!({ "token": maker })).status, 204);
    fill("1h");
    assert_eq!(create(&root, "1m").status, 429);
}

#[test]
fn logins_end_with_their_mount() {
    let world = World::new(1);
    let [app] = roles(&world, ["app"]);
    limit(&world, "all", json!({ "max_leases": 2 }));
    assert_eq!([(); 3].map(|()| log_in(&world, &app).status), [200, 200, 429]);
    assert_eq!(world.root().delete("sys/auth/approle").status, 200);
    let tokens = [(); 3].map(|()| create(&world.root(), "1h").status);
    assert_eq!(tokens, [200, 200, 429]);
}

#[test]
fn what_many_logins_left_goes_and_what_came_through_a_new_mount_there_stays() {
    let mut world = World::new(1);
    let [app] = roles(&world, ["app"]);
    let logins = |world: &World, app: &str, count: usize| -> Vec<String> {
        thread::scope(|threads| {
            let some = || (0..count / 8).map(|_| created(&log_in(world, app))).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| threads.spawn(some)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    };
    let before = logins(&world, &app, 1600);
    limit(&world, "all", json!({ "max_leases": 4000 }));
    assert_eq!(counter(&world, "all"), 1600);
    assert_eq!(world.root().delete("sys/auth/approle").status, 200);
    let [app] = roles(&world, ["app"]);
    let since = logins(&world, &app, 400);
    // In the middle of it, or at its end.
    world.crash();
    eventually("what is over is removed", || counter(&world, "all") == 400);
    let leases = world.root().list("sys/leases/lookup/auth/approle/login");
    assert_eq!(data(&leases)["keys"].as_array().unwrap().len(), 400);
    let status = |token: &String| world.client().token(token).get("auth/token/lookup-self").status;
    assert!(since.iter().all(|token| status(token) == 200));
    assert!(before.iter().take(50).all(|token| status(token) == 403));
}

#[test]
fn a_count_is_the_same_after_restarts_and_crashes() {
    let mut world = World::new(1);
    let [app, web] = roles(&world, ["app", "web"]);
    assert_eq!(log_in(&world, &app).status, 200);
    limit(&world, "mount", json!({ "path": "auth/approle", "max_leases": 3 }));
    limit(&world, "role", json!({ "path": "auth/approle", "role": "app", "max_leases": 2 }));
    for round in 0..3 {
        assert_eq!((counter(&world, "role"), counter(&world, "mount")), (1, 0), "{round}");
        assert_eq!(log_in(&world, &app).status, 200);
        assert_eq!(log_in(&world, &app).status, 429);
        assert_eq!([(); 4].map(|()| log_in(&world, &web).status), [200, 200, 200, 429]);
        match round {
            0 => world.restart(),
            1 => world.crash(),
            _ => {}
        }
        assert_eq!((counter(&world, "role"), counter(&world, "mount")), (2, 3), "{round}");
        assert_eq!([&app, &web].map(|id| log_in(&world, id).status), [429; 2]);
        world.advance(MINUTE);
        assert_eq!(log_in(&world, &app).status, 200);
        assert_eq!(log_in(&world, &web).status, 200);
        world.advance(MINUTE);
        assert_eq!(log_in(&world, &app).status, 200);
        let reply = world.root().post("sys/leases/revoke-prefix/auth/approle", json!({}));
        assert_eq!(reply.status, 204);
        assert_eq!(log_in(&world, &app).status, 200);
        assert_eq!((counter(&world, "role"), counter(&world, "mount")), (1, 0), "{round}");
    }
}

#[test]
fn a_quota_counts_what_was_there_before_it() {
    let world = World::new(1);
    let root = world.root();
    let tokens: Vec<String> = (0..5).map(|_| created(&create(&root, "1h"))).collect();
    limit(&world, "tokens", json!({ "path": "auth/token", "max_leases": 3 }));
    assert_eq!(counter(&world, "tokens"), 5);
    for token in &tokens[..3] {
        assert_eq!(create(&root, "1h").status, 429);
        assert_eq!(root.post("auth/token/revoke", json!({ "token": token })).status, 204);
    }
    assert_eq!([(); 2].map(|()| create(&root, "1h").status), [200, 429]);
    limit(&world, "tokens", json!({ "path": "auth/token", "max_leases": 4 }));
    assert_eq!([(); 2].map(|()| create(&root, "1h").status), [200, 429]);
    assert_eq!(root.delete("sys/quotas/lease-count/tokens").status, 204);
    assert_eq!([(); 2].map(|()| create(&root, "1h").status), [200; 2]);
}

#[test]
fn root_tokens_and_batch_tokens_are_not_counted_and_only_the_latter_refused() {
    let world = World::new(1);
    let root = world.root();
    limit(&world, "all", json!({ "max_leases": 1 }));
    assert_eq!(counter(&world, "all"), 0);
    let another_root = || root.post("auth/token/create", json!({ "policies": ["root"] }));
    let batch = || {
        let terms = json!({ "type": "batch", "policies": ["default"], "ttl": "1h" });
        root.post("auth/token/create", terms).status
    };
    created(&another_root());
    assert_eq!([batch(), batch()], [200; 2]);
    assert_eq!(counter(&world, "all"), 0);
    created(&create(&root, "1h"));
    assert_eq!(batch(), 429);
    let other = created(&another_root());
    assert_eq!(world.client().token(&other).get("sys/mounts").status, 200);
    assert_eq!(root.post("auth/token/revoke", json!({ "token": other })).status, 204);
    assert_eq!(counter(&world, "all"), 1);
}

#[test]
fn a_wrapped_answer_is_a_lease_until_it_is_taken() {
    let world = World::new(1);
    let root = world.root();
    assert_eq!(root.post("secret/a", json!({ "k": "v" })).status, 204);
    limit(&world, "kv", json!({ "path": "secret", "max_leases": 1 }));
    let headers = [("X-Vault-Token", support::ROOT), ("X-Vault-Wrap-TTL", "1m")];
    let wrapped = || root.try_send("GET", "/v1/secret/a", &headers, None).unwrap();
    let first = wrapped();
    assert_eq!(first.status, 200, "{}", first.json());
    assert_eq!(wrapped().status, 429);
    assert_eq!(root.get("secret/a").status, 200, "no lease is made");
    let token = first.json()["wrap_info"]["token"].as_str().unwrap().to_owned();
    let unwrapped = world.client().token(&token).post("sys/wrapping/unwrap", json!({}));
    assert_eq!(data(&unwrapped)["k"], "v");
    assert_eq!(wrapped().status, 200);
}

#[test]
fn quotas_that_change_while_leases_come_and_go_count_right() {
    let world = World::new(1);
    let root = world.root();
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for n in 0..40 {
                    let token = created(&create(&root, "1h"));
                    if n % 3 != 0 {
                        let revoke = json!({ "token": token });
                        assert_eq!(root.post("auth/token/revoke", revoke).status, 204);
                    }
                }
            });
        }
        threads.spawn(|| {
            for n in 0..15 {
                limit(&world, "all", json!({ "max_leases": 1000 + n }));
                if n % 4 == 0 {
                    assert_eq!(root.delete("sys/quotas/lease-count/all").status, 204);
                }
            }
        });
    });
    limit(&world, "tokens", json!({ "path": "auth/token", "max_leases": 1000 }));
    limit(&world, "all", json!({ "path": "", "max_leases": 56 }));
    assert_eq!(counter(&world, "tokens"), 4 * 14);
    assert_eq!(root.delete("sys/quotas/lease-count/tokens").status, 204);
    assert_eq!(create(&root, "1h").status, 429);
}
