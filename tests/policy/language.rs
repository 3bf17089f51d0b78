//! The language of policies, and their life: what is read and what refused, when a change holds
//! and whom it concerns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::data;
use crate::world::{World, rule};

/// Each gives to read `kv/a`, in its own way.
const SPELLINGS: [&str; 24] = [
    r#"path "kv/a" { capabilities = ["read"] }"#,
    r#"path "kv/a" { capabilities = ["read",] }"#,
    r#"path "kv/a" { capabilities = ["read", "read"] }"#,
    r#"path "kv/a" { "capabilities" = ["read"] }"#,
    "path \"kv/a\" {\r\n  capabilities = [\r\n    \"read\",\r\n  ]\r\n}\r\n",
    "# a\n// b\n/* c\n */ path \"kv/a\" { # d\n capabilities = [ # e\n \"read\" /* f */ ] }",
    r#"path "kv/\u0061" { capabilities = ["\x72ead"] }"#,
    "path \"kv/a\" { comment = <<END\nany { text\nEND\n capabilities = [\"read\"] }",
    "path \"kv/a\" {\ncapabilities = [\"read\"]\ncomment = <<-END\n    x\n    END\n}",
    r#"path "kv/a" "more" { capabilities = ["read"] }"#,
    r#"path "kv/a" { capabilities = ["read"] } path "kv/a" { capabilities = [] }"#,
    r#"path "kv/a" { capabilities = [] capabilities = ["read"] }"#,
    r#"path "kv/a" { capabilities = ["list"] capabilities = ["read"] }"#,
    r#"path "kv/a" { policy = "read" }"#,
    r#"path "kv/a" { policy = "sudo" }"#,
    r#"path "kv/a" { policy = "write" capabilities = ["patch"] }"#,
    r#"name = "else" path "kv/a" { capabilities = ["read"] mfa_methods = ["x"] }"#,
    r#"path "kv/{{identity.entity.id}}" { capabilities = ["list"] }
       path "kv/a" { capabilities = ["read"] }"#,
    r#"{"path":{"kv/a":{"capabilities":["read"]}}}"#,
    r#"{"path":[{"kv/a":{"capabilities":["read"]}}]}"#,
    r#"{"path":{"kv/a":[{"capabilities":["read"]}]}}"#,
    r#"{"path":{"kv/a":{"policy":"read"},"kv/b":{"capabilities":[]}},"name":"x"}"#,
    r#" { "path" : { "kv/a" : { "capabilities" : [ "read" ] } } } and more"#,
    r#"{"path":{"\u006bv/a":{"capabilities":["read"],"comment":"\"}"}}}"#,
];

/// None of these is a policy.
const REFUSED: [&str; 23] = [
    "",
    "path",
    "path \"kv/a\"",
    "path \"kv/a\" = { capabilities = [\"read\"] ",
    r#"path "kv/a" { capabilities = ["read" }"#,
    r#"path "kv/a" { capabilities = ["Read"] }"#,
    r#"path "kv/a" { capabilities = ["read", "write"] }"#,
    r#"path "kv/a" { capabilities = ["root"] }"#,
    r#"path "kv/a" { capabilities = [true] }"#,
    r#"path "kv/a" { capabilities = [["read"]] }"#,
    r#"path "kv/a" { capability = ["read"] }"#,
    r#"path "kv/a" { Capabilities = ["read"] }"#,
    r#"Path "kv/a" { capabilities = ["read"] }"#,
    r#"path "kv/a" { policy = "all" }"#,
    r#"path "kv/+*" { capabilities = ["read"] }"#,
    r#"path "kv/{{a" { capabilities = ["read"] }"#,
    r#"path "kv/a" { min_wrapping_ttl = 20 max_wrapping_ttl = 10 }"#,
    r#"path "kv/a" { max_wrapping_ttl = 9223372036854775808 }"#,
    r#"path "kv/a" { capabilities = ["read"] required_parameters = { a = "b" } }"#,
    r#"{"path":{"kv/a":{"capabilities":"read"}}}"#,
    r#"{"paths":{}}"#,
    r#"["path"]"#,
    "\u{feff}path \"kv/a\" { capabilities = [\"read\"] }",
];

#[test]
fn a_policy_may_be_spelt_in_many_ways() {
    let world = World::new();
    for text in SPELLINGS {
        for sent in [text.to_owned(), STANDARD.encode(text)] {
            let holder = world.holder(&[sent]);
            assert!(holder.may("GET", "kv/a") && !holder.may("GET", "kv/b"), "{text}");
            assert!(holder.capabilities("kv/a").contains(&"read".to_owned()), "{text}");
        }
    }
    for text in REFUSED {
        let reply = world.root.post("sys/policies/acl/no", json!({ "policy": text }));
        assert_eq!(reply.status, 400, "{text}: {}", reply.json());
        assert_eq!(world.root.get("sys/policies/acl/no").status, 404, "{text}");
    }
    let mib = format!("{}#{}", rule("kv/a", &["read"]), "x".repeat(1 << 20));
    assert_eq!(world.root.post("sys/policies/acl/no", json!({ "policy": mib })).status, 400);
    let deep = format!("path \"kv/a\" {{ denied_parameters = {{ a = {} }} }}", "[".repeat(100_000));
    assert_eq!(world.root.post("sys/policies/acl/no", json!({ "policy": deep })).status, 400);
}

#[test]
fn a_text_is_kept_as_it_was_sent_and_a_refused_one_changes_nothing() {
    let world = World::new();
    let text = format!("\n  # why: \"é\"\t\n{}\r\n", rule("kv/a", &["read"]));
    world.policy("kept", &STANDARD.encode(&text));
    let holder = world.holder_of(&["kept"]);
    let read = || data(&world.root.get("sys/policies/acl/kept"))["policy"].clone();
    assert_eq!(read(), text);
    let refused = world.root.post("sys/policies/acl/kept", json!({ "policy": "path {" }));
    assert_eq!(refused.status, 400);
    assert_eq!(read(), text);
    assert!(holder.may("GET", "kv/a"));
}

#[test]
fn a_change_holds_at_once_for_all_tokens_that_have_the_policy() {
    let world = World::new();
    let holders = [
        world.holder_of(&["Dev"]),
        world.holder_of(&["other", " dev "]),
        world.bearer(batch(&world, &["dev"]).as_str()),
    ];
    let all = |method: &str, expected: bool, when: &str| {
        for holder in &holders {
            assert_eq!(holder.may(method, "kv/a"), expected, "{method} {when}");
        }
    };
    all("GET", false, "before the policy is there");
    world.policy("dev", &rule("kv/a", &["read"]));
    all("GET", true, "once it is there");
    world.policy("DEV", &rule("kv/a", &["delete"]));
    all("GET", false, "once it is another");
    all("DELETE", true, "once it is another");
    world.policy("other", &rule("kv/a", &["deny"]));
    assert!(!holders[1].may("DELETE", "kv/a") && holders[0].may("DELETE", "kv/a"));
    assert_eq!(world.root.delete("sys/policies/acl/other").status, 204);
    assert_eq!(world.root.delete("sys/policy/Dev").status, 204);
    all("DELETE", false, "once it is gone");
    world.policy("dev", &rule("kv/+", &["read"]));
    all("GET", true, "once it is there again");
}

fn batch(world: &World, policies: &[&str]) -> String {
    let body = json!({ "type": "batch", "policies": policies, "ttl": "1h" });
    let reply = world.root.post("auth/token/create", body);
    reply.json()["auth"]["client_token"].as_str().unwrap().to_owned()
}

#[test]
fn the_default_policy_is_everybodys_unless_they_are_made_without_it() {
    let world = World::new();
    let without = world.holder_of(&["none"]);
    let reply = world.root.post("auth/token/create", json!({ "policies": ["none"] }));
    let with = world.bearer(reply.json()["auth"]["client_token"].as_str().unwrap());
    assert!(with.may("GET", "auth/token/lookup-self"));
    assert!(!without.may("GET", "auth/token/lookup-self"));
    assert!(!with.may("GET", "kv/a"));
    world.policy("default", &rule("kv/a", &["read"]));
    assert!(with.may("GET", "kv/a") && !with.may("GET", "auth/token/lookup-self"));
    assert!(!without.may("GET", "kv/a"));
    assert_eq!(world.root.delete("sys/policies/acl/default").status, 400);
    for fixed in ["root", "response-wrapping", "ROOT"] {
        let body = json!({ "policy": rule("*", &["read"]) });
        assert_eq!(world.root.post(&format!("sys/policies/acl/{fixed}"), body).status, 400);
        assert_eq!(world.root.delete(&format!("sys/policies/acl/{fixed}")).status, 400);
    }
}

#[test]
fn who_may_write_policies_gets_no_more_by_names() {
    let world = World::new();
    let text = [
        rule("sys/policies/acl/team-*", &["create", "update", "read", "delete"]),
        rule("auth/token/create", &["update"]),
    ];
    let holder = world.holder(&[text.concat()]);
    let write = |name: &str| {
        let body = json!({ "policy": rule("*", &["sudo"]) });
        holder.client.post(&format!("sys/policies/acl/{name}"), body).status == 204
    };
    assert!(write("team-a") && write("team-b/c"));
    for name in ["other", "default", "Team-a", "TEAM-a", "%20team-a", "team-a/../other"] {
        assert!(!write(name), "{name}");
    }
    // The old path is another path.
    assert!(!holder.may_write("sys/policy/team-a", json!({ "policy": rule("*", &["read"]) })));
    // A policy that one may write is none that one may hand out.
    let body = json!({ "policies": ["team-a"] });
    assert_eq!(holder.client.post("auth/token/create", body).status, 400);
}
