//! Rules whose paths follow who asks.

use serde_json::{Value, json};

use crate::support::data;
use crate::world::{Holder, World};

/// People who log in by userpass.
struct People {
    world: World,
    accessor: String,
}

impl People {
    fn new() -> Self {
        let world = World::new();
        world.ok("sys/auth/up", json!({ "type": "userpass" }));
        let mounts = data(&world.root.get("sys/auth"));
        let accessor = mounts["up/"]["accessor"].as_str().unwrap().to_owned();
        Self { world, accessor }
    }

    /// An entity with this metadata that logs in under its own name, and its token with the policy
    /// `templates`.
    fn person(&self, name: &str, metadata: Value) -> (String, Holder) {
        let sent = json!({ "name": name, "metadata": metadata });
        let id = self.id(&self.world.ok("identity/entity", sent));
        let alias = json!({
            "name": format!("{name}-login"),
            "canonical_id": id,
            "mount_accessor": self.accessor,
            "custom_metadata": { "room": "7" },
        });
        self.world.ok("identity/entity-alias", alias);
        let user = json!({ "password": "pw", "token_policies": ["templates"] });
        self.world.ok(&format!("auth/up/users/{name}-login"), user);
        (id, self.log_in(name))
    }

    fn log_in(&self, name: &str) -> Holder {
        let path = format!("auth/up/login/{name}-login");
        let reply = self.world.server.client().post(&path, json!({ "password": "pw" }));
        self.world.bearer(reply.json()["auth"]["client_token"].as_str().unwrap())
    }

    fn group(&self, body: Value) -> String {
        self.id(&self.world.ok("identity/group", body))
    }

    fn id(&self, made: &Value) -> String {
        made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// The policy `templates`: to read each of these paths.
    fn readable(&self, paths: &[&str]) {
        let block = |path: &&str| format!("path {path:?} {{ capabilities = [\"read\"] }}\n");
        let text: String = paths.iter().map(block).collect();
        self.world.policy("templates", &text);
    }
}

#[test]
fn templates_stand_for_the_sender_alone() {
    let people = People::new();
    let accessor = &people.accessor;
    let (ann_id, ann) = people.person("ann", json!({ "team": "red", "deep": "x/y" }));
    let (bob_id, bob) = people.person("bob", json!({ "team": "blue" }));
    people.readable(&[
        "kv/id/{{identity.entity.id}}/*",
        "kv/name/{{ identity.entity.name }}",
        "kv/team/{{identity.entity.metadata.team}}-{{identity.entity.name}}/+/x",
        "kv/deep/{{identity.entity.metadata.deep}}",
        &format!("kv/alias/{{{{identity.entity.aliases.{accessor}.name}}}}"),
        &format!("kv/room/{{{{identity.entity.aliases.{accessor}.custom_metadata.room}}}}"),
        "kv/{{identity.entity.metadata.team}}/{{identity.entity.name}}",
        "kv/all",
    ]);
    for (path, ann_may, bob_may) in [
        (format!("kv/id/{ann_id}/a"), true, false),
        (format!("kv/id/{bob_id}/a"), false, true),
        ("kv/name/ann".to_owned(), true, false),
        ("kv/name/bob".to_owned(), false, true),
        ("kv/name/".to_owned(), false, false),
        ("kv/name/{{identity.entity.name}}".to_owned(), false, false),
        ("kv/team/red-ann/any/x".to_owned(), true, false),
        ("kv/team/blue-bob/any/x".to_owned(), false, true),
        ("kv/team/red-ann/x".to_owned(), false, false),
        ("kv/deep/x/y".to_owned(), true, false),
        ("kv/alias/ann-login".to_owned(), true, false),
        ("kv/room/7".to_owned(), true, true),
        ("kv/blue/bob".to_owned(), false, true),
        ("kv/all".to_owned(), true, true),
    ] {
        for (who, may) in [(&ann, ann_may), (&bob, bob_may)] {
            assert_eq!(who.may("GET", &path), may, "{path}");
            assert_eq!(who.capabilities(&path), [if may { "read" } else { "deny" }], "{path}");
        }
    }
    let nobody = people.world.holder_of(&["templates"]);
    assert!(nobody.may("GET", "kv/all") && !nobody.may("GET", "kv/name/ann"));
    let rights = data(&ann.client.get("sys/internal/ui/resultant-acl"));
    assert_eq!(rights["exact_paths"]["kv/name/ann"]["capabilities"], json!(["read"]));
    assert_eq!(rights["glob_paths"][format!("kv/id/{ann_id}/")]["capabilities"], json!(["read"]));
}

#[test]
fn what_templates_stand_for_is_looked_up_for_each_request() {
    let people = People::new();
    let world = &people.world;
    let (id, ann) = people.person("ann", json!({ "team": "red" }));
    people.readable(&["kv/{{identity.entity.name}}/{{identity.entity.metadata.team}}"]);
    assert!(ann.may("GET", "kv/ann/red"));
    let entity = format!("identity/entity/id/{id}");
    for (change, path) in [
        (json!({ "metadata": { "team": "blue" } }), "kv/ann/blue"),
        (json!({ "name": "anna" }), "kv/anna/blue"),
        (json!({ "metadata": { "team": "x/y" } }), "kv/anna/x/y"),
    ] {
        world.ok(&entity, change);
        assert!(ann.may("GET", path), "{path}");
        assert!(!ann.may("GET", "kv/ann/red"));
    }
    // A value that is none or would be a wildcard makes the rule void.
    for team in ["", "*", "+", "a*", "+/a"] {
        world.ok(&entity, json!({ "metadata": { "team": team } }));
        for path in ["kv/anna/", "kv/anna/a", "kv/anna/a*", "kv/anna/*", "kv/anna/x/a", "kv/anna"] {
            assert!(!ann.may("GET", path), "{path} with {team:?}");
        }
    }
    assert_eq!(world.root.delete(&entity).status, 204);
    assert!(!ann.may("GET", "kv/anna/a"));
}

#[test]
fn groups_count_while_one_is_in_them_however_far_up() {
    let people = People::new();
    let world = &people.world;
    let (ann_id, ann) = people.person("ann", json!({}));
    let (bob_id, bob) = people.person("bob", json!({}));
    let crew = people.group(json!({ "name": "crew", "member_entity_ids": [ann_id] }));
    let fleet =
        json!({ "name": "fleet", "member_group_ids": [crew], "metadata": { "sea": "red" } });
    let fleet = people.group(fleet);
    people.readable(&[
        "kv/crew/{{identity.groups.names.crew.id}}",
        &format!("kv/by-id/{{{{identity.groups.ids.{crew}.name}}}}/*"),
        "kv/sea/{{identity.groups.names.fleet.metadata.sea}}/+",
        "kv/land/{{identity.groups.names.fleet.metadata.land}}/*",
    ]);
    let inside = [format!("kv/crew/{crew}"), "kv/by-id/crew/a".into(), "kv/sea/red/a".into()];
    let check = |who: &Holder, expected: bool, when: &str| {
        for path in &inside {
            assert_eq!(who.may("GET", path), expected, "{path} {when}");
        }
        assert!(!who.may("GET", "kv/land/a"), "{when}");
    };
    check(&ann, true, "as a member");
    check(&bob, false, "as a stranger");
    world.ok(&format!("identity/group/id/{crew}"), json!({ "member_entity_ids": [bob_id] }));
    check(&ann, false, "after she has left");
    check(&bob, true, "after he has come");
    world.ok(&format!("identity/group/id/{fleet}"), json!({ "member_group_ids": [] }));
    assert!(bob.may("GET", &inside[0]) && !bob.may("GET", "kv/sea/red/a"));
}

#[test]
fn templated_rules_stand_beside_others_by_what_they_are_filled_with() {
    let people = People::new();
    let world = &people.world;
    let (_, ann) = people.person("ann", json!({ "team": "red" }));
    world.policy(
        "templates",
        "path \"kv/team/*\" { capabilities = [\"read\"] }
         path \"kv/team/{{identity.entity.metadata.team}}/*\" { capabilities = [\"deny\"] }
         path \"kv/{{identity.entity.name}}/a\" { capabilities = [\"read\"] }
         path \"kv/ann/a\" { capabilities = [\"list\"] }
         path \"kv/{{identity.entity.metadata.none}}*\" { capabilities = [\"read\"] }
         path \"{{identity.entity.name}}/*\" { capabilities = [\"read\"]
            required_parameters = [\"x\"] }",
    );
    assert!(ann.may("GET", "kv/team/blue/a") && !ann.may("GET", "kv/team/red/a"));
    assert_eq!(ann.capabilities("kv/ann/a"), ["list", "read"]);
    assert!(!ann.may("GET", "kv/b"));
    world.ok("sys/mounts/ann", json!({ "type": "kv" }));
    assert!(ann.may("GET", "ann/a?x=1") && !ann.may("GET", "ann/a"));
    // An entity's own policies follow it as a token's do.
    world.policy("own", "path \"kv/own/{{identity.entity.name}}\" { capabilities = [\"read\"] }");
    world.ok("identity/entity/name/ann", json!({ "policies": ["own"] }));
    assert!(ann.may("GET", "kv/own/ann") && !ann.may("GET", "kv/own/bob"));
}
