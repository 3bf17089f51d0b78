//! Which paths a rule is for, and which of several rules holds.

use serde_json::json;

use crate::world::{World, rule};

#[test]
fn a_rule_is_for_the_paths_that_it_matches() {
    let world = World::new();
    for (path, asked, expected) in [
        ("kv/a", "kv/a", true),
        ("/kv/a", "kv/a", true),
        ("//kv/a", "kv/a", false),
        ("kv/a", "kv/ab", false),
        ("kv/a", "kv/a/b", false),
        ("kv/A", "kv/a", false),
        ("kv/a*", "kv/a", true),
        ("kv/a*", "kv/ab/c", true),
        ("kv/a/*", "kv/a", false),
        ("kv/a/*", "kv/a/b/c", true),
        ("kv/*", "kv/a", true),
        ("kv*", "kv/a", true),
        ("*", "kv/a", true),
        ("", "kv/a", false),
        // A star in the middle is a star; only one at the end is taken away.
        ("kv/*/b", "kv/a/b", false),
        ("kv/*/b", "kv/*/b", true),
        ("kv/a**", "kv/ab", false),
        ("kv/a**", "kv/a*b", true),
        // A plus is a wildcard only where it is a whole segment.
        ("kv/+", "kv/a", true),
        ("kv/+", "kv/a/b", false),
        ("kv/+/b", "kv/a/b", true),
        ("kv/+/b", "kv/a/c/b", false),
        ("kv/+/b*", "kv/a/bc/d", true),
        ("kv/+/b*", "kv/a/cb", false),
        ("kv/+/+", "kv/a", false),
        ("kv/+/*", "kv/a/b/c", true),
        ("kv/+/*", "kv/a", false),
        ("+/a", "kv/a", true),
        ("+/+/+", "kv/a/b", true),
        ("kv/+a", "kv/ba", false),
        ("kv/+a", "kv/+a", true),
        ("kv/a+", "kv/ab", false),
        ("kv/a+", "kv/a+", true),
        // What is compared is the path as it is understood, not as it was sent.
        ("kv/a/b", "kv/a%2Fb", true),
        ("kv/+", "kv/a%2Fb", false),
        ("kv/a%2Fb", "kv/a%2Fb", false),
        ("kv/a b", "kv/a%20b", true),
        ("kv/é*", "kv/%C3%A9a", true),
        ("kv/%61", "kv/a", false),
    ] {
        let holder = world.holder(&[rule(path, &["read"])]);
        assert_eq!(holder.may("GET", asked), expected, "GET {asked} by {path:?}");
    }
}

#[test]
fn no_spelling_of_a_path_leads_around_a_rule() {
    let world = World::new();
    world.ok("kv/hidden", json!({ "x": 1 }));
    let wide = [rule("kv/open/*", &["read"]), rule("kv/hidden", &["deny"])].concat();
    let holder = world.holder(&[wide + &rule("kv/*", &["read"])]);
    for path in [
        "kv/open/../hidden",
        "kv/open/%2e%2e/hidden",
        "kv/open/..%2fhidden",
        "kv/./hidden",
        "kv//hidden",
        "kv/%2fhidden",
        "/kv/hidden",
        "kv/hidden/",
        "kv/hidden%2f",
        "kv/hidden?x=1",
        "kv/%68idden",
        "kv/hidden%00",
    ] {
        let reply = holder.client.get(path);
        assert_ne!(reply.status, 200, "{path}: {}", reply.json());
    }
}

/// Each is judged by the first rule and not by the second, by the order that Vault documents:
/// where the first wildcard stands, a star at the end, how many segments are `+`, length, order.
const PRECEDENCE: [(&str, &str, &str); 29] = [
    ("kv/a", "kv/*", "kv/a"),
    ("kv/a", "kv/a*", "kv/a"),
    ("kv/a/b", "kv/a/+", "kv/a/b"),
    ("kv/a/b", "kv/+/b", "kv/a/b"),
    ("kv/a/b", "+/a/b", "kv/a/b"),
    ("kv/a*", "kv/*", "kv/ab"),
    ("kv/a/*", "kv/a*", "kv/a/b"),
    ("kv/a/bc*", "kv/a/b*", "kv/a/bcd"),
    ("kv/*", "k*", "kv/a"),
    ("k*", "*", "kv/a"),
    ("kv/a*", "kv/+", "kv/ab"),
    ("kv/a*", "kv/+/b", "kv/a/b"),
    ("kv/a/*", "kv/+/b/c", "kv/a/b/c"),
    ("kv/a/+/c", "kv/+/b/c", "kv/a/b/c"),
    ("kv/a/+", "kv/a*", "kv/a/b"),
    ("kv/+", "+/a", "kv/a"),
    ("kv/+", "kv/*", "kv/a"),
    ("kv/+/b", "kv/*", "kv/a/b"),
    ("kv/+/+", "kv/+/*", "kv/a/b"),
    ("kv/+/b", "kv/+/b*", "kv/a/b"),
    ("+/a", "*", "kv/a"),
    ("kv/+/b", "kv/+/+", "kv/a/b"),
    ("kv/+/b/+", "kv/+/+/+", "kv/a/b/c"),
    ("kv/*", "kv/+/+/c/*", "kv/a/b/c/d"),
    ("kv/+/*", "kv/+/+/*", "kv/a/b/c"),
    ("kv/+/bc*", "kv/+/b*", "kv/a/bcd"),
    ("kv/+/b/*", "kv/+/b*", "kv/a/b/c"),
    ("kv/+/b/+", "kv/+/+/c", "kv/a/b/c"),
    ("kv/+/+/d/+", "kv/+/+/+/e", "kv/b/c/d/e"),
];

#[test]
fn of_all_that_match_the_most_specific_rule_holds() {
    let world = World::new();
    for (better, worse, asked) in PRECEDENCE {
        for (mine, other, expected) in [("read", "deny", true), ("deny", "read", false)] {
            let [better, worse] = [rule(better, &[mine]), rule(worse, &[other])];
            for texts in [
                vec![better.clone() + &worse],
                vec![worse.clone() + &better],
                vec![better.clone(), worse.clone()],
            ] {
                let holder = world.holder(&texts);
                assert_eq!(holder.may("GET", asked), expected, "GET {asked} by {texts:?}");
                assert_eq!(holder.capabilities(asked), [mine], "{asked} by {texts:?}");
            }
        }
    }
}

#[test]
fn rules_for_the_same_path_add_up_and_deny_wins_among_them() {
    let world = World::new();
    let same = |path: &str, lists: &[&[&str]]| -> Vec<String> {
        lists.iter().map(|capabilities| rule(path, capabilities)).collect()
    };
    for path in ["kv/a", "kv/*", "kv/+", "+/a", "*"] {
        for (lists, expected) in [
            (&[&["read"][..], &["list"]][..], &["list", "read"][..]),
            (&[&["read"], &["update", "create"], &[]], &["create", "read", "update"]),
            (&[&["read"], &["read"]], &["read"]),
            (&[&["read"], &["deny"]], &["deny"]),
            (&[&["deny"], &["read", "sudo"]], &["deny"]),
            (&[&["read", "deny", "list"]], &["deny"]),
            (&[&[], &[]], &["deny"]),
        ] {
            let texts = same(path, lists);
            for texts in [texts.clone(), vec![texts.concat()]] {
                let holder = world.holder(&texts);
                assert_eq!(holder.capabilities("kv/a"), expected, "by {texts:?}");
                let reads = expected.contains(&"read");
                assert_eq!(holder.may("GET", "kv/a"), reads, "by {texts:?}");
            }
        }
    }
    // A slash in front and a name of another case make no other path, and no other policy.
    let holder = world.holder(&[rule("kv/a", &["read"]), rule("/kv/a", &["deny"])]);
    assert!(!holder.may("GET", "kv/a"));
}

#[test]
fn each_verb_wants_its_own_capability() {
    let world = World::new();
    let all = ["create", "read", "update", "delete", "list", "patch", "sudo"];
    for capability in all {
        let path = format!("secret/data/{capability}");
        world.ok(&path, json!({ "data": { "a": 1 } }));
        let holder = world.holder(&[rule("secret/*", &[capability])]);
        let patch = holder.client.send("PATCH", &path, Some(&json!({ "data": { "b": 2 } }))).status;
        let metadata = format!("secret/metadata/{capability}");
        for (verb, may, wanted) in [
            ("patch", patch != 403, "patch"),
            ("update", holder.may_write(&path, json!({ "data": {} })), "update"),
            ("create", holder.may_write(&format!("{path}/new"), json!({ "data": {} })), "create"),
            ("read", holder.may("GET", &path), "read"),
            ("list", holder.may("LIST", "secret/metadata/"), "list"),
            ("list by query", holder.may("GET", "secret/metadata?list=true"), "list"),
            ("delete", holder.may("DELETE", &path), "delete"),
            ("delete all", holder.may("DELETE", &metadata), "delete"),
        ] {
            assert_eq!(may, capability == wanted, "{verb} with {capability}");
        }
    }
}

#[test]
fn a_listing_may_be_given_with_and_without_its_slash() {
    let world = World::new();
    world.ok("kv/dir/a", json!({ "x": 1 }));
    for (text, expected) in [
        (rule("kv/dir", &["list"]), true),
        (rule("kv/dir/", &["list"]), true),
        (rule("kv/dir*", &["list"]), true),
        (rule("kv/dir/*", &["list"]), true),
        (rule("kv/+", &["list"]), true),
        (rule("kv/+/", &["list"]), true),
        (rule("kv/*", &["list"]), true),
        (rule("kv/dir/a", &["list"]), false),
        (rule("kv/dir/+/b", &["list"]), false),
        (rule("kv/", &["list"]), false),
        (rule("kv/dir/*", &["read"]), false),
        (rule("kv/dir/", &["list"]) + &rule("kv/dir", &["deny"]), true),
        (rule("kv/dir/", &["deny"]) + &rule("kv/dir", &["list"]), false),
        (rule("kv/dir/*", &["list"]) + &rule("kv/dir", &["deny"]), false),
        (rule("kv/dir/*", &["deny"]) + &rule("kv/dir", &["list"]), true),
        (rule("kv/*", &["deny"]) + &rule("kv/dir/*", &["list"]), true),
        (rule("kv/*", &["list"]) + &rule("kv/dir/*", &["deny"]), false),
        (rule("kv/dir*", &["list"]) + &rule("kv/dir/*", &["deny"]), false),
        (rule("kv/+", &["list"]) + &rule("kv/*", &["deny"]), false),
    ] {
        let holder = world.holder(&[&text]);
        for (method, path) in [("LIST", "kv/dir"), ("LIST", "kv/dir/"), ("GET", "kv/dir?list=true")]
        {
            assert_eq!(holder.may(method, path), expected, "{method} {path} by {text}");
        }
        let shown = holder.capabilities("kv/dir/").contains(&"list".to_owned());
        assert_eq!(shown, expected, "shown by {text}");
    }
}

#[test]
fn guarded_paths_want_sudo_beside_the_verb() {
    let world = World::new();
    for (method, path, capability) in [
        ("GET", "sys/audit", "read"),
        ("DELETE", "sys/audit/none", "delete"),
        ("GET", "sys/config/cors", "read"),
        ("GET", "sys/config/auditing/request-headers", "read"),
        ("LIST", "sys/config/ui/headers", "list"),
        ("GET", "sys/auth/token/tune", "read"),
        ("DELETE", "sys/auth/none", "delete"),
        ("POST", "sys/remount", "update"),
        ("POST", "sys/rotate", "update"),
        ("GET", "sys/leases", "read"),
        ("LIST", "sys/leases/lookup/auth", "list"),
        ("POST", "sys/leases/revoke-prefix/none", "update"),
        ("POST", "sys/leases/revoke-force/none", "update"),
        ("POST", "sys/revoke-prefix/none", "update"),
        ("LIST", "auth/token/accessors", "list"),
        ("GET", "sys/storage/raft/snapshot-auto/config/none", "read"),
        ("GET", "sys/snapshots/targets/none/log", "read"),
        ("POST", "sys/snapshots/targets/none/restore", "update"),
        ("POST", "sys/snapshots/targets/none/forget", "update"),
        ("POST", "sys/snapshots/targets/none/adopt", "update"),
    ] {
        let verb_alone = rule(path, &[capability]);
        let sudo_alone = rule(path, &["sudo"]);
        let wider = rule(&format!("{}*", &path[..path.len() - 1]), &["sudo", capability]);
        let may = |texts: &[&str]| world.holder(texts).may(method, path);
        assert!(!may(&[&verb_alone]), "{path} without sudo");
        assert!(!may(&[&sudo_alone]), "{path} by sudo alone");
        assert!(!may(&[&verb_alone, &wider]), "{path} by a rule that is less specific");
        assert!(may(&[&verb_alone, &sudo_alone]), "{path} by two policies");
        assert!(may(&[&wider]), "{path} by a prefix");
    }
}

#[test]
fn orphans_are_made_by_sudo_alone() {
    let world = World::new();
    let update = rule("auth/token/*", &["update"]);
    let sudo = [&update, &rule("auth/token/revoke-orphan", &["update", "sudo"]) as &str].concat();
    let sudo = [&sudo, &rule("auth/token/create", &["update", "sudo"]) as &str].concat();
    for (text, revoked, made) in [(&update, 400, 400), (&sudo, 204, 200)] {
        let holder = world.holder(&[text]);
        let other = world.holder(&[rule("kv/a", &["read"])]);
        let body = json!({ "token": other.token });
        let reply = holder.client.post("auth/token/revoke-orphan", body);
        assert_eq!(reply.status, revoked, "{}", reply.json());
        assert_eq!(other.may("GET", "kv/a"), revoked == 400);
        let reply = holder.client.post("auth/token/create", json!({ "no_parent": true }));
        assert_eq!(reply.status, made, "{}", reply.json());
    }
}

#[test]
fn nobody_writes_to_a_folder_and_asking_for_it_is_no_use_of_a_token() {
    let world = World::new();
    let body = json!({ "policies": ["none"], "num_uses": 1 });
    let made = world.root.post("auth/token/create", body).json();
    let once = world.bearer(made["auth"]["client_token"].as_str().unwrap());
    for client in [&world.root, &world.server.client(), &once.client] {
        for path in ["kv/a/", "kv/a%2F", "secret/data/a/", "sys/policies/acl/", "nothing/"] {
            for method in ["POST", "PUT", "PATCH"] {
                let reply = client.send(method, path, Some(&json!({ "x": 1 })));
                let why = reply.json()["errors"][0].clone();
                assert_eq!(reply.status, 400, "{method} {path}: {why}");
                assert_eq!(why, "cannot write to a path ending in '/'");
            }
        }
    }
    assert_eq!(once.client.get("auth/token/lookup-self").status, 200);
}
