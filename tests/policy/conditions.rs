//! Rules with conditions: on what is sent, and on how the answer is wrapped.

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::world::{World, rule};

/// A rule for `kv/*` with these conditions.
fn limited(conditions: &str) -> String {
    format!(
        "path \"kv/*\" {{ capabilities = [\"create\", \"update\", \"read\", \"delete\", \"list\"]
             {conditions} }}\n"
    )
}

/// Checks which of some bodies may be written under some policies.
fn judge(world: &World, texts: &[String], cases: Vec<(Value, bool)>) {
    let holder = world.holder(texts);
    for (body, expected) in cases {
        assert_eq!(holder.may_write("kv/a", body.clone()), expected, "{body} by {texts:?}");
    }
}

#[test]
fn only_allowed_parameters_may_be_sent() {
    let world = World::new();
    let allowed = |what: &str| vec![limited(&format!("allowed_parameters = {what}"))];
    judge(
        &world,
        &allowed(r#"{ "ttl" = ["1h", "2h"], "env" = ["prod-*", "*-test", "*mid*"], "any" = [] }"#),
        vec![
            (json!({ "ttl": "1h" }), true),
            (json!({ "TTL": "2h" }), true),
            (json!({ "ttl": "1H" }), false),
            (json!({ "ttl": "" }), false),
            (json!({ "ttl": null }), false),
            (json!({ "ttl": ["1h"] }), false),
            (json!({ "env": "prod-" }), true),
            (json!({ "env": "prod-eu" }), true),
            (json!({ "env": "a-test" }), true),
            (json!({ "env": "amidst" }), true),
            (json!({ "env": "mi" }), false),
            (json!({ "env": "xprod-" }), false),
            (json!({ "any": { "deep": [1, null] } }), true),
            (json!({ "any": null, "ttl": "1h" }), true),
            (json!({ "any": 1, "other": 1 }), false),
            (json!({ "other": "1h" }), false),
            (json!({ "*": "1h" }), false),
        ],
    );
    judge(
        &world,
        &allowed(
            r#"{ "flag" = [true], "n" = [1, 1.5], "list" = [["a", "b"]], "map" = [{ a = "b" }] }"#,
        ),
        vec![
            (json!({ "flag": true }), true),
            (json!({ "flag": "true" }), false),
            (json!({ "flag": false }), false),
            // Vault reads numbers in two ways, and so they never match.
            (json!({ "n": 1 }), false),
            (json!({ "n": 1.5 }), false),
            (json!({ "n": "1" }), false),
            (json!({ "list": ["a", "b"] }), true),
            (json!({ "list": ["b", "a"] }), false),
            (json!({ "list": "a" }), false),
            (json!({ "map": { "a": "b" } }), true),
            (json!({ "map": { "a": "b", "c": "d" } }), false),
        ],
    );
    judge(
        &world,
        &allowed(r#"{ "ttl" = ["1h"], "*" = [] }"#),
        vec![
            (json!({ "ttl": "1h", "x": 1 }), true),
            (json!({ "ttl": "2h", "x": 1 }), false),
            (json!({ "x": null }), true),
        ],
    );
    for all in [r#"{ "*" = [] }"#, r#"{ "*" = ["only"] }"#, "{}"] {
        judge(&world, &allowed(all), vec![(json!({ "x": "y", "z": 1 }), true)]);
    }
    // A star alone is a star, not a pattern.
    let cases = vec![(json!({ "x": "y" }), false), (json!({ "x": "*" }), true)];
    judge(&world, &allowed(r#"{ "x" = ["*"] }"#), cases);
}

#[test]
fn denied_parameters_may_not_be_sent_and_go_before_allowed_ones() {
    let world = World::new();
    let denied = |what: &str| limited(&format!("denied_parameters = {what}"));
    judge(
        &world,
        &[denied(r#"{ "ttl" = ["1h", "9*"], "never" = [] }"#)],
        vec![
            (json!({ "ttl": "1h" }), false),
            (json!({ "tTl": "1h" }), false),
            (json!({ "ttl": "99h" }), false),
            (json!({ "ttl": "2h", "x": 1 }), true),
            (json!({ "never": null }), false),
            (json!({ "x": 1, "NEVER": "" }), false),
        ],
    );
    let allowed = "\nallowed_parameters = { \"x\" = [], \"y\" = [\"b\"] }";
    let cases = vec![
        (json!({ "x": "abc" }), false),
        (json!({ "x": "b" }), true),
        (json!({ "y": "b" }), true),
        (json!({ "y": "c" }), false),
        (json!({ "z": "b" }), false),
    ];
    judge(&world, &[denied(&[r#"{ "x" = ["a*"] }"#, allowed].concat())], cases);
    judge(&world, &[denied("{}")], vec![(json!({ "x": 1 }), true)]);
    let nothing = world.holder(&[denied(r#"{ "*" = ["x"] }"#)]);
    assert!(!nothing.may_write("kv/a", json!({ "y": 1 })));
    assert!(nothing.may("GET", "kv/a") && nothing.may_write("kv/a", json!({})));
}

#[test]
fn required_parameters_must_be_sent() {
    let world = World::new();
    let text = limited("required_parameters = [\"who\", \"Why\"]");
    judge(
        &world,
        std::slice::from_ref(&text),
        vec![
            (json!({ "who": 1, "why": null }), true),
            (json!({ "who": 1, "why": 2, "x": 3 }), true),
            (json!({ "who": 1 }), false),
            (json!({}), false),
            // Vault looks for the name in lower case alone.
            (json!({ "who": 1, "Why": 2 }), false),
        ],
    );
    let holder = world.holder(&[text]);
    assert!(!holder.may("GET", "kv/a?who=1"));
    assert!(holder.may("GET", "kv/a?who=1&why=2"));
    // Neither is asked of a listing or a deletion, nor is a query of a write.
    assert!(holder.may("LIST", "kv/") && holder.may("DELETE", "kv/a"));
    assert!(!holder.may("POST", "kv/a?who=1&why=2"));
}

#[test]
fn conditions_of_several_policies_add_up() {
    let world = World::new();
    let allowed = |what: &str| limited(&format!("allowed_parameters = {what}"));
    let denied = |what: &str| limited(&format!("denied_parameters = {what}"));
    let cases = |x: bool, y: bool, z: bool| {
        vec![(json!({ "a": "x" }), x), (json!({ "a": "y" }), y), (json!({ "b": "z" }), z)]
    };
    let free = limited("");
    for (texts, expected) in [
        (vec![allowed(r#"{ "a" = ["x"] }"#)], cases(true, false, false)),
        (vec![allowed(r#"{ "a" = ["x"] }"#), free.clone()], cases(true, false, false)),
        (vec![allowed(r#"{ "a" = ["x"] }"#), allowed("{}")], cases(true, false, false)),
        (
            vec![allowed(r#"{ "a" = ["x"] }"#), allowed(r#"{ "a" = ["y"] }"#)],
            cases(true, true, false),
        ),
        (vec![allowed(r#"{ "a" = ["x"] }"#), allowed(r#"{ "a" = [] }"#)], cases(true, true, false)),
        (vec![allowed(r#"{ "a" = ["x"] }"#), allowed(r#"{ "b" = [] }"#)], cases(true, false, true)),
        (vec![allowed(r#"{ "a" = ["x"] }"#), allowed(r#"{ "*" = [] }"#)], cases(true, false, true)),
        (vec![denied(r#"{ "a" = ["x"] }"#), free.clone()], cases(false, true, true)),
        (
            vec![denied(r#"{ "a" = ["x"] }"#), denied(r#"{ "a" = ["y"] }"#)],
            cases(false, false, true),
        ),
        (vec![denied(r#"{ "a" = ["x"] }"#), denied(r#"{ "a" = [] }"#)], cases(false, false, true)),
        (vec![denied(r#"{ "a" = ["x"] }"#), denied(r#"{ "*" = [] }"#)], cases(false, false, false)),
        (vec![allowed(r#"{ "a" = [] }"#), denied(r#"{ "a" = ["x"] }"#)], cases(false, true, false)),
    ] {
        let reversed: Vec<String> = texts.iter().rev().cloned().collect();
        for texts in [vec![texts.concat()], texts, reversed] {
            judge(&world, &texts, expected.clone());
        }
    }
    // Those of a rule that is less specific count for nothing.
    let narrow = "path \"kv/a\" { capabilities = [\"create\", \"update\"] }".to_owned();
    judge(&world, &[denied(r#"{ "*" = [] }"#), narrow], vec![(json!({ "a": 1 }), true)]);
}

#[test]
fn conditions_hold_however_the_parameters_are_sent() {
    let world = World::new();
    let text = limited("allowed_parameters = { \"x\" = [\"one\"] }");
    let holder = world.holder(&[text
        + "path \"secret/*\" { capabilities = [\"update\", \"patch\", \"create\"]
        allowed_parameters = { \"data\" = [] } }"]);
    let form = |body: &str| {
        let headers = [
            ("X-Vault-Token", holder.token.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let client: &Client = &holder.client;
        client.try_send("POST", "/v1/kv/a", &headers, Some(body.as_bytes())).unwrap().status != 403
    };
    assert!(form("x=one") && form("%78=%6Fne") && !form("x=two") && !form("x=one&y=1"));
    assert!(!form("{\"x\":\"two\"}"));
    assert!(holder.client.send("PUT", "kv/a", Some(&json!({ "x": "one" }))).status == 204);
    assert!(holder.client.send("PUT", "kv/a", Some(&json!({ "y": "one" }))).status == 403);
    assert!(!holder.may("GET", "kv/a?x=one&x=two") && holder.may("GET", "kv/a?x=one"));
    // What follows the object is no part of it, and of a name that comes twice the last counts.
    let raw = |body: &str| holder.client.upload("kv/a", body.as_bytes()).unwrap().status != 403;
    assert!(raw("{\"x\":\"one\"} {\"y\":1}") && !raw("{\"x\":\"one\",\"x\":\"two\"}"));
    world.ok("secret/data/a", json!({ "data": { "n": 1 } }));
    for (method, body, expected) in [
        ("POST", json!({ "data": { "n": 2 } }), true),
        ("POST", json!({ "data": {}, "options": { "cas": 1 } }), false),
        ("PATCH", json!({ "data": { "n": 3 } }), true),
        ("PATCH", json!({ "options": {}, "data": { "n": 3 } }), false),
    ] {
        let status = holder.client.send(method, "secret/data/a", Some(&body)).status;
        assert_eq!(status != 403, expected, "{method} of {body}");
    }
}

#[test]
fn wrapping_may_be_demanded_for_a_least_and_a_longest_time() {
    let world = World::new();
    world.ok("kv/a", json!({ "x": 1 }));
    let (least, most) = ("min_wrapping_ttl = \"2m\"\n", "max_wrapping_ttl = 300\n");
    for (texts, spans) in [
        (vec![limited(least)], &[("120", true), ("119s", false), ("24h", true)][..]),
        (vec![limited(most)], &[("300", true), ("1", true), ("301s", false)]),
        (vec![limited(&[least, most].concat())], &[("1m59s", false), ("4m", true), ("6m", false)]),
        (vec![limited(least), limited(most)], &[("1m59s", false), ("4m", true), ("6m", false)]),
        // The smaller of two bounds holds, of the least as of the most.
        (vec![limited(least), limited("min_wrapping_ttl = 60")], &[("60", true), ("59", false)]),
        (vec![limited(most), limited("max_wrapping_ttl = 60")], &[("60", true), ("61", false)]),
        (vec![limited(least), limited("max_wrapping_ttl = 60")], &[("60", false), ("120", false)]),
        (vec![limited(least), limited("")], &[("120", true), ("1", false)]),
    ] {
        let holder = world.holder(&texts);
        for (method, path) in [("GET", "kv/a"), ("LIST", "kv/"), ("DELETE", "kv/none")] {
            assert!(!holder.may(method, path), "{method} by {texts:?}");
            assert!(!holder.may_with(method, path, &[("X-Vault-Wrap-TTL", "0")]));
            for (span, expected) in spans {
                let may = holder.may_with(method, path, &[("X-Vault-Wrap-TTL", span)]);
                assert_eq!(may, *expected, "{method} wrapped for {span} by {texts:?}");
            }
        }
    }
    for none in ["min_wrapping_ttl = 0", "max_wrapping_ttl = \"0s\"", "max_wrapping_ttl = \"\""] {
        assert!(world.holder(&[limited(none)]).may("GET", "kv/a"), "{none}");
    }
}

#[test]
fn deny_says_no_whatever_else_is_said() {
    let world = World::new();
    let deny = "path \"kv/*\" { capabilities = [\"deny\"]
        allowed_parameters = { \"x\" = [] }
        min_wrapping_ttl = \"2m\" }";
    for texts in [vec![deny.to_owned()], vec![limited(""), deny.to_owned()]] {
        let holder = world.holder(&texts);
        assert!(!holder.may_write("kv/a", json!({ "x": 1 })));
        assert!(!holder.may_with("GET", "kv/a", &[("X-Vault-Wrap-TTL", "120")]));
    }
    let holder = world.holder(&[limited(""), rule("kv/x", &["deny"])]);
    assert!(holder.may("GET", "kv/a") && !holder.may("GET", "kv/x"));
}

#[test]
fn what_works_without_a_transaction_is_held_to_them_too() {
    let world = World::new();
    let rule = |path: &str, conditions: &str| {
        format!("path \"{path}\" {{ capabilities = [\"update\", \"sudo\"] {conditions} }}\n")
    };
    let holder = world.holder(&[
        rule("sys/loggers", r#"allowed_parameters = { "level" = ["info"] }"#),
        rule("sys/audit/*", r#"denied_parameters = { "type" = ["file"] }"#),
        rule("sys/rotate/config", r#"required_parameters = ["enabled"]"#),
    ]);
    for (path, body, expected) in [
        ("sys/loggers", json!({ "level": "info" }), true),
        ("sys/loggers", json!({ "level": "debug" }), false),
        ("sys/audit/a", json!({ "type": "unheard-of" }), true),
        ("sys/audit/a", json!({ "type": "file", "options": { "file_path": "discard" } }), false),
        ("sys/rotate/config", json!({ "enabled": true }), true),
        ("sys/rotate/config", json!({ "interval": 0 }), false),
    ] {
        assert_eq!(holder.may_write(path, body.clone()), expected, "{path} {body}");
    }
}
