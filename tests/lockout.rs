//! Users that are locked out after failed logins, under a clock that is turned by hand.

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::world::World;
use support::{Server, data, free_address};

const MINUTE: Duration = Duration::from_secs(60);

/// A server on which bob, al and eve can log in, with `more` in its configuration.
fn world(more: &str) -> World {
    let world = World::configured(1, &format!("limits {{\n  password_total_rate = 0\n}}\n{more}"));
    let root = world.root();
    assert_eq!(root.post("sys/auth/userpass", json!({ "type": "userpass" })).status, 204);
    for name in ["bob", "al", "eve"] {
        let user = json!({ "password": "right" });
        assert_eq!(root.post(&format!("auth/userpass/users/{name}"), user).status, 204);
    }
    world
}

fn log_in(client: &Client, name: &str, password: &str) -> Reply {
    client.post(&format!("auth/userpass/login/{name}"), json!({ "password": password }))
}

/// The statuses of some logins with a wrong password.
fn fail<const N: usize>(world: &World, name: &str) -> [u16; N] {
    std::array::from_fn(|_| log_in(&world.client(), name, "wrong").status)
}

fn succeeds(world: &World, name: &str) -> bool {
    let reply = log_in(&world.client(), name, "right");
    assert!(matches!(reply.status, 200 | 403), "{}", reply.json());
    reply.status == 200
}

fn tune(world: &World, config: Value) -> Reply {
    let body = json!({ "user_lockout_config": config });
    world.root().post("sys/auth/userpass/tune", body)
}

/// The names that are said to be locked out.
fn locked(world: &World) -> Vec<String> {
    let said = data(&world.root().get("sys/locked-users"));
    let methods = said["by_namespace"][0]["mount_accessors"].as_array().cloned();
    let names = methods
        .unwrap_or_default()
        .into_iter()
        .flat_map(|method| method["alias_identifiers"].as_array().unwrap().clone());
    let names: Vec<String> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(said["total"], names.len());
    names
}

fn accessor(world: &World) -> String {
    data(&world.root().get("sys/auth"))["userpass/"]["accessor"].as_str().unwrap().to_owned()
}

#[test]
fn five_failures_lock_a_user_out_for_fifteen_minutes() {
    let world = world("");
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403, 403]);
    let reply = log_in(&world.client(), "BOB", "right");
    assert_eq!((reply.status, reply.json()), (403, json!({ "errors": ["permission denied"] })));
    assert_eq!(locked(&world), ["bob"]);
    assert!(succeeds(&world, "al"));
    world.advance(MINUTE * 14);
    assert!(!succeeds(&world, "bob"), "asking while locked out prolongs nothing and ends nothing");
    world.advance(MINUTE);
    assert!(locked(&world).is_empty());
    assert!(succeeds(&world, "bob"));
}

#[test]
fn of_many_guesses_at_once_no_more_are_judged_than_one_after_the_other() {
    let world = world("");
    for name in ["bob", "nobody"] {
        let statuses: Vec<u16> = thread::scope(|threads| {
            let guess = |n| log_in(&world.client(), name, &format!("guess {n}")).status;
            let threads: Vec<_> = (0..12).map(|n| threads.spawn(move || guess(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let judged = statuses.iter().filter(|status| **status == 400).count();
        assert_eq!(judged, 5, "{name}: {statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 400 | 403)), "{statuses:?}");
    }
}

#[test]
fn nobody_learns_from_a_lock_who_there_is() {
    let mut world = world("");
    let (there, not): ([u16; 8], [u16; 8]) = (fail(&world, "bob"), fail(&world, "nobody"));
    assert_eq!(there, not);
    assert_eq!(locked(&world), ["bob"], "it is no secret to who may ask");
    world.restart();
    assert_eq!([fail(&world, "bob"), fail(&world, "nobody")], [[403; 2]; 2]);
    for _ in 0..2 {
        world.advance(MINUTE * 15);
        let (there, not): ([u16; 8], [u16; 8]) = (fail(&world, "bob"), fail(&world, "nobody"));
        assert_eq!(there, not);
    }
}

#[test]
fn what_failed_is_forgotten_after_a_login_or_a_while() {
    let world = world("");
    for _ in 0..3 {
        assert_eq!(fail(&world, "bob"), [400; 4]);
        assert!(succeeds(&world, "bob"));
    }
    for _ in 0..3 {
        assert_eq!(fail(&world, "bob"), [400; 4]);
        world.advance(MINUTE * 15 + Duration::from_secs(1));
    }
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
}

#[test]
fn somebody_is_let_in_again_by_hand() {
    let world = world("");
    let (root, accessor) = (world.root(), accessor(&world));
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
    let unlock = |accessor: &str, name: &str| {
        root.post(&format!("sys/locked-users/{accessor}/unlock/{name}"), json!({})).status
    };
    assert_eq!([unlock(&accessor, "al"), unlock("other", "bob")], [204; 2]);
    assert!(!succeeds(&world, "bob"));
    assert_eq!(unlock(&accessor, "bob"), 204);
    assert!(locked(&world).is_empty());
    assert!(succeeds(&world, "bob"));
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
}

#[test]
fn what_failed_before_somebody_was_there_is_nothing_to_them() {
    let mut world = world("");
    let root = world.root();
    let make = |root: &Client, path: &str, body: Value| {
        assert_eq!(root.post(path, body).status, 204, "{path}");
    };
    let user = json!({ "password": "right" });
    assert_eq!(fail(&world, "carol"), [400, 400, 400, 400, 400, 403]);
    assert_eq!(fail(&world, "dave"), [400, 400, 400, 400, 400, 403]);
    make(&root, "auth/userpass/users/Carol", user.clone());
    assert!(succeeds(&world, "carol"));
    // Who is there already stays locked out, whatever is written of them.
    assert_eq!(fail(&world, "carol"), [400, 400, 400, 400, 400, 403]);
    make(&root, "auth/userpass/users/carol", user.clone());
    assert!(!succeeds(&world, "carol"));
    world.restart();
    assert_eq!(fail(&world, "dave"), [403]);
    make(&world.root(), "auth/userpass/users/dave", user);
    world.restart();
    assert!(succeeds(&world, "dave"));
    let root = world.root();
    make(&root, "sys/auth/approle", json!({ "type": "approle" }));
    let log_in = |role_id: &str| {
        let body = json!({ "role_id": role_id, "secret_id": "wrong" });
        world.client().post("auth/approle/login", body).status
    };
    for (role_id, path) in [("one", "auth/approle/role/a"), ("two", "auth/approle/role/a/role-id")]
    {
        assert_eq!([(); 6].map(|()| log_in(role_id)), [400, 400, 400, 400, 400, 403]);
        make(&root, path, json!({ "role_id": role_id }));
        assert_eq!(log_in(role_id), 400);
    }
}

#[test]
fn a_lock_outlives_a_restart_and_not_the_store_that_it_was_in() {
    let mut world = world("");
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
    assert_eq!(fail(&world, "al"), [400; 4]);
    world.advance(MINUTE * 10);
    world.restart();
    assert_eq!(locked(&world), ["bob"]);
    assert!(!succeeds(&world, "bob"));
    assert!(succeeds(&world, "al"));
    world.restart();
    world.advance(MINUTE * 5);
    assert!(succeeds(&world, "bob"));
    world.restart();
    assert!(locked(&world).is_empty());
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
    let root = world.root();
    assert_eq!(root.delete("sys/auth/userpass").status, 200);
    assert!(locked(&world).is_empty());
}

#[test]
fn a_method_is_tuned_for_itself() {
    let world = world("");
    let two = json!({
        "lockout_threshold": "2",
        "lockout_duration": "1m",
        "lockout_counter_reset_duration": 30,
    });
    assert_eq!(tune(&world, two).status, 204);
    let tuning = data(&world.root().get("sys/auth/userpass/tune"));
    assert_eq!(tuning["user_lockout_threshold"], 2);
    assert_eq!(tuning["user_lockout_duration"], 60);
    assert_eq!(tuning["user_lockout_counter_reset_duration"], 30);
    assert_eq!(tuning["user_lockout_disable"], false);
    let listed = data(&world.root().get("sys/auth"))["userpass/"]["config"].clone();
    assert_eq!(listed["user_lockout_config"]["user_lockout_threshold"], 2);
    assert_eq!(fail(&world, "bob"), [400, 400, 403]);
    world.advance(MINUTE);
    assert_eq!(fail(&world, "bob"), [400, 400, 403]);
    // What is not sent stays.
    assert_eq!(tune(&world, json!({ "lockout_disable": true })).status, 204);
    assert!(succeeds(&world, "bob"));
    assert_eq!(fail(&world, "bob"), [400; 9]);
    assert_eq!(tune(&world, json!({ "lockout_disable": false })).status, 204);
    assert_eq!(fail(&world, "al"), [400, 400, 403]);
    for wrong in [
        json!({ "lockout_threshold": "-1" }),
        json!({ "lockout_threshold": "many" }),
        json!({ "lockout_threshold": ["1"] }),
        json!({ "lockout_duration": "long" }),
        json!({ "lockout_disable": 7 }),
    ] {
        assert_eq!(tune(&world, wrong.clone()).status, 400, "{wrong}");
    }
    let elsewhere = json!({ "user_lockout_config": { "lockout_threshold": "2" } });
    let reply = world.root().post("sys/auth/token/tune", elsewhere.clone());
    let text = "tuning of user lockout configuration for auth type \"token\" not allowed";
    assert_eq!((reply.status, reply.json()), (400, json!({ "errors": [text] })));
    let enable = json!({ "type": "userpass", "config": elsewhere });
    assert_eq!(world.root().post("sys/auth/other", enable).status, 204);
    let other = data(&world.root().get("sys/auth/other/tune"));
    assert_eq!(other["user_lockout_threshold"], 2);
    let warned = [
        tune(&world, json!({ "lockout_bogus": "1", "lockout_threshold": 7 })),
        world.root().post(
            "sys/auth/third",
            json!({ "type": "userpass", "config": { "user_lockout_config": { "bogus": 1 } } }),
        ),
    ];
    for (reply, name) in warned.iter().zip(["lockout_bogus", "bogus"]) {
        let warning = format!("Endpoint ignored these unrecognized parameters: [{name}]");
        assert_eq!((reply.status, &reply.json()["warnings"]), (200, &json!([warning])));
    }
    assert_eq!(data(&world.root().get("sys/auth/userpass/tune"))["user_lockout_threshold"], 7);
}

#[test]
fn a_role_is_locked_out_by_wrong_secret_ids() {
    let world = world("user_lockout \"approle\" {\n  lockout_threshold = 2\n}");
    let root = world.root();
    assert_eq!(root.post("sys/auth/approle", json!({ "type": "approle" })).status, 204);
    assert_eq!(root.post("auth/approle/role/app", json!({})).status, 204);
    let role_id = data(&root.get("auth/approle/role/app/role-id"))["role_id"].clone();
    let secret_id = data(&root.post("auth/approle/role/app/secret-id", json!({})));
    let secret_id = secret_id["secret_id"].clone();
    let log_in = |role_id: &Value, secret_id: &Value| {
        let body = json!({ "role_id": role_id, "secret_id": secret_id });
        world.client().post("auth/approle/login", body).status
    };
    let wrong = json!("wrong");
    assert_eq!([(); 3].map(|()| log_in(&role_id, &wrong)), [400, 400, 403]);
    assert_eq!(log_in(&role_id, &secret_id), 403);
    assert_eq!([(); 3].map(|()| log_in(&json!("no role"), &wrong)), [400, 400, 403]);
    assert_eq!(locked(&world), [role_id.as_str().unwrap()]);
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 400, 400, 403]);
    world.advance(MINUTE * 15);
    assert_eq!(log_in(&role_id, &secret_id), 200);
}

#[test]
fn the_configuration_says_when() {
    let lenient =
        "user_lockout \"all\" {\n  lockout_threshold = \"3\"\n  lockout_duration = \"1m\"\n}";
    let world = world(lenient);
    assert_eq!(fail(&world, "bob"), [400, 400, 400, 403]);
    world.advance(MINUTE);
    assert!(succeeds(&world, "bob"));

    let folder = support::TempDir::new();
    let file = folder.path().join("edgekeep.hcl");
    let address = free_address();
    let text = format!(
        "storage \"inmem\" {{}}\ndisable_mlock = true\n\
         listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n\
         user_lockout \"all\" {{\n  lockout_threshold = \"none\"\n}}\n"
    );
    fs::write(&file, text).unwrap();
    let config = format!("-config={}", file.display());
    let (ended_well, said) = Server::spawn(&["server", &config], address).wait();
    assert!(!ended_well && said.contains(":8: ") && said.contains("lockout_threshold"), "{said}");
}

#[test]
fn failed_logins_write_nothing() {
    let world = world("");
    let revision = || {
        let reply = world.root().get("sys/storage/raft/configuration");
        data(&reply)["config"]["index"].as_u64().unwrap()
    };
    // What is left of a mount that was disabled is deleted in these seconds, too, and is soon gone.
    let writes_nothing = |(user, stranger)| {
        let before = revision();
        // One more each would lock, and locks are written.
        let _: [u16; 4] = fail(&world, user);
        let _: [u16; 4] = fail(&world, stranger);
        revision() == before
    };
    let mut pairs = [("bob", "nobody"), ("al", "somebody"), ("eve", "anybody")].into_iter();
    assert!(pairs.any(writes_nothing));
}
