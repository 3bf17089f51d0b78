//! What identity promises beyond the recorded answers: merges, cycles, sizes, odd names, one winner,
//! and a clear no to whatever else is sent.

mod support;

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::store::Store;
use support::{Server, TempDir, data};

/// A development server, with what tests do to it.
struct Identity {
    server: Server,
    root: Client,
}

impl Identity {
    fn new() -> Self {
        let server = Server::dev();
        let root = server.root();
        Self { server, root }
    }

    /// Makes a mount; its accessor. Aliases may be of any mount.
    fn mount(&self, path: &str) -> String {
        let mounted = self.root.post(&format!("sys/mounts/{path}"), json!({ "type": "kv" }));
        assert_eq!(mounted.status, 204, "{}", mounted.json());
        let mounts = data(&self.root.get("sys/mounts"));
        mounts[format!("{path}/")]["accessor"].as_str().unwrap().to_owned()
    }

    /// Writes what makes something; its id.
    fn make(&self, path: &str, body: Value) -> String {
        let made = self.root.post(&format!("identity/{path}"), body);
        assert_eq!(made.status, 200, "{path}: {}", made.json());
        data(&made)["id"].as_str().unwrap().to_owned()
    }

    fn entity(&self, name: &str) -> String {
        self.make("entity", json!({ "name": name }))
    }

    fn group(&self, name: &str, members: &[&str]) -> String {
        self.make("group", json!({ "name": name, "member_group_ids": members }))
    }

    fn alias(&self, name: &str, accessor: &str, entity: &str) -> String {
        let body = json!({ "name": name, "mount_accessor": accessor, "canonical_id": entity });
        self.make("entity-alias", body)
    }

    fn read(&self, path: &str) -> Value {
        data(&self.root.get(&format!("identity/{path}")))
    }

    fn post(&self, path: &str, body: Value) -> Reply {
        self.root.post(&format!("identity/{path}"), body)
    }
}

/// The texts of an array.
fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn set<const N: usize>(texts: [&String; N]) -> BTreeSet<String> {
    texts.into_iter().cloned().collect()
}

fn refused(reply: &Reply, why: &str) {
    assert_eq!(reply.status, 400, "{}", reply.json());
    let said = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
    assert!(said.contains(why), "{said}");
}

#[test]
fn of_two_aliases_at_one_mount_a_merge_keeps_the_one_that_is_named() {
    let at = Identity::new();
    let (one, two) = (at.mount("one"), at.mount("two"));
    let entities = ["a", "b", "c"].map(|name| at.entity(name));
    let [a, b, c] = &entities;
    let aliases = entities.each_ref().map(|id| at.alias(&format!("at-one-{id}"), &one, id));
    at.alias("b-at-two", &two, b);
    let merge = |from: &[&String], kept: &[&String]| {
        at.post(
            "entity/merge",
            json!({
                "to_entity_id": a,
                "from_entity_ids": from,
                "conflicting_alias_ids_to_keep": kept,
            }),
        )
    };
    refused(&merge(&[b], &[]), "aliases with the same mount accessor");
    // Whichever of them comes first.
    for kept in [&aliases[1], &aliases[2]] {
        for from in [[b, c], [c, b]] {
            refused(&merge(&from, &[kept]), "aliases with the same mount accessor");
        }
    }
    assert_eq!(at.read(&format!("entity/id/{b}"))["aliases"].as_array().unwrap().len(), 2);

    assert_eq!(merge(&[b], &[&aliases[1]]).status, 204);
    let merged = at.read(&format!("entity/id/{a}"));
    let names: Vec<&str> =
        merged["aliases"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, [&format!("at-one-{b}"), "b-at-two"]);
    assert_eq!(at.root.get(&format!("identity/entity-alias/id/{}", aliases[0])).status, 404);
    let gone = json!({ "alias_name": format!("at-one-{a}"), "alias_mount_accessor": one });
    assert_eq!(at.post("lookup/entity", gone).status, 204);

    assert_eq!(merge(&[c], &[&aliases[1]]).status, 204);
    let merged = at.read(&format!("entity/id/{a}"));
    assert_eq!(merged["aliases"].as_array().unwrap().len(), 2);
    assert_eq!(texts(&merged["merged_entity_ids"]), set([b, c]));
    assert_eq!(at.root.get(&format!("identity/entity-alias/id/{}", aliases[2])).status, 404);
}

#[test]
fn what_was_merged_into_what_was_merged_is_counted_too() {
    let at = Identity::new();
    let [a, b, c] = &["a", "b", "c"].map(|name| at.entity(name));
    let body = |to: &str, from: &str| json!({ "to_entity_id": to, "from_entity_ids": from });
    assert_eq!(at.post("entity/merge", body(b, &format!("{a},{a}"))).status, 204);
    assert_eq!(at.post("entity/merge", body(c, b)).status, 204);
    assert_eq!(texts(&at.read(&format!("entity/id/{c}"))["merged_entity_ids"]), set([a, b]));
    refused(&at.post("entity/merge", body(a, c)), "merge to is invalid");
    // Their names are free again.
    at.entity("a");
}

#[test]
fn no_group_is_in_itself_however_deep() {
    const DEPTH: usize = 40;
    let at = Identity::new();
    let ann = at.entity("ann");
    let mut chain = vec![at.make("group", json!({ "name": "0", "member_entity_ids": [ann] }))];
    for depth in 1..DEPTH {
        let below = chain[depth - 1].clone();
        chain.push(at.group(&depth.to_string(), &[&below]));
    }
    let (bottom, top) = (&chain[0], &chain[DEPTH - 1]);
    let members = |group: &str, ids: &[&String]| {
        at.post(&format!("group/id/{group}"), json!({ "member_group_ids": ids }))
    };
    refused(&members(bottom, &[top]), "cyclic relationship");
    refused(&members(bottom, &[bottom]), "same as the ID of the group");
    refused(&members(&chain[10], &[&chain[9], &chain[25]]), "cyclic relationship");

    let read = at.read(&format!("entity/id/{ann}"));
    assert_eq!(texts(&read["direct_group_ids"]), set([bottom]));
    assert_eq!(texts(&read["inherited_group_ids"]), chain[1..].iter().cloned().collect());

    // The same group by two ways is no cycle, and is shown once.
    assert_eq!(members(top, &[&chain[DEPTH - 2], bottom]).status, 204);
    let read = at.read(&format!("entity/id/{ann}"));
    assert_eq!(read["group_ids"].as_array().unwrap().len(), DEPTH);

    // Cut through, what was above may come below.
    assert_eq!(members(&chain[20], &[]).status, 204);
    assert_eq!(members(top, &[&chain[DEPTH - 2]]).status, 204);
    assert_eq!(members(bottom, &[top]).status, 204);
    refused(&members(&chain[20], &[&chain[19]]), "cyclic relationship");
}

#[test]
fn a_group_may_have_many_members() {
    const MANY: usize = 1500;
    let at = Identity::new();
    let ids: Vec<String> = (0..MANY).map(|n| at.entity(&n.to_string())).collect();
    let group = at.make("group", json!({ "name": "many", "member_entity_ids": ids }));
    let path = format!("group/id/{group}");
    assert_eq!(texts(&at.read(&path)["member_entity_ids"]), ids.iter().cloned().collect());
    let listed = data(&at.root.list("identity/group/id"));
    assert_eq!(listed["key_info"][&group]["num_member_entities"], MANY);

    let half = &ids[..MANY / 2];
    assert_eq!(at.post(&path, json!({ "member_entity_ids": half })).status, 204);
    assert_eq!(texts(&at.read(&path)["member_entity_ids"]), half.iter().cloned().collect());
    let stays = at.read(&format!("entity/id/{}", ids[0]));
    assert_eq!(texts(&stays["group_ids"]), set([&group]));
    assert_eq!(at.read(&format!("entity/id/{}", ids[MANY - 1]))["group_ids"], json!([]));

    let batch = json!({ "entity_ids": &ids[..100] });
    assert_eq!(at.post("entity/batch-delete", batch).status, 204);
    assert_eq!(at.read(&path)["member_entity_ids"].as_array().unwrap().len(), MANY / 2 - 100);

    assert_eq!(at.root.delete(&format!("identity/{path}")).status, 204);
    assert_eq!(at.read(&format!("entity/id/{}", ids[200]))["group_ids"], json!([]));
    // A new group of the same name has no old members.
    let group = at.group("many", &[]);
    assert_eq!(at.read(&format!("group/id/{group}"))["member_entity_ids"], json!([]));
}

#[test]
fn names_may_be_anything_and_differ_by_more_than_case() {
    let at = Identity::new();
    let accessor = at.mount("one");
    let long = "x".repeat(70_000);
    let odd = ["a/b", "a//b", "/", "..", "a b", "%2f", "ÄÖ", "日本", "\u{1}", "🦀", "{{x}}", &long];
    for name in odd {
        let entity = at.entity(name);
        let group = at.group(name, &[]);
        let alias = at.alias(name, &accessor, &entity);
        let found = at.post("lookup/entity", json!({ "name": name.to_lowercase() }));
        assert_eq!(data(&found)["id"], entity, "{name:.20}");
        let found = at.post("lookup/group", json!({ "name": name.to_uppercase() }));
        assert_eq!(data(&found)["id"], group, "{name:.20}");
        let by_alias = json!({ "alias_name": name, "alias_mount_accessor": accessor });
        assert_eq!(data(&at.post("lookup/entity", by_alias))["id"], entity, "{name:.20}");
        assert_eq!(at.read(&format!("entity-alias/id/{alias}"))["name"], name);
    }
    for kind in ["entity", "group"] {
        let listed = data(&at.root.list(&format!("identity/{kind}/name")));
        assert_eq!(texts(&listed["keys"]), odd.iter().map(|name| name.to_string()).collect());
    }
    refused(&at.post("group/id/x", json!({})), "invalid group ID");
    let lower = at.post("entity", json!({ "name": "äö" }));
    assert_eq!(lower.status, 204, "it is the same name");
    assert_eq!(at.root.delete("identity/entity/name/a/b").status, 204);
    assert_eq!(at.post("lookup/entity", json!({ "name": "a/b" })).status, 204);
    assert_eq!(data(&at.post("lookup/entity", json!({ "name": "a//b" })))["name"], "a//b");
}

#[test]
fn of_several_that_make_the_same_at_once_one_does() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 6;
    let at = Identity::new();
    let accessor = at.mount("one");
    let start = Barrier::new(WRITERS);
    let made: Vec<[u16; 3]> = thread::scope(|threads| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (root, start, accessor) = (at.server.root(), &start, &accessor);
                threads.spawn(move || {
                    let round = |round: usize| {
                        start.wait();
                        let name = json!({ "name": format!("r{round}") });
                        let alias =
                            json!({"name": format!("r{round}"), "mount_accessor": accessor});
                        [("entity", &name), ("group", &name), ("entity-alias", &alias)].map(
                            |(path, body)| {
                                let path = format!("identity/{path}");
                                root.post(&path, body.clone()).status
                            },
                        )
                    };
                    (0..ROUNDS).map(round).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    for kind in 0..3 {
        let count = |status| made.iter().filter(|all| all[kind] == status).count();
        assert_eq!((count(200), count(204)), (ROUNDS, ROUNDS * (WRITERS - 1)));
    }
    let keys = |path| data(&at.root.list(path))["keys"].as_array().unwrap().len();
    assert_eq!(keys("identity/group/id"), ROUNDS);
    assert_eq!(keys("identity/entity-alias/id"), ROUNDS);
    assert_eq!(keys("identity/entity/id"), 2 * ROUNDS, "each alias made an entity of its own");
}

#[test]
fn members_that_join_and_leave_at_once_are_counted_right() {
    const WRITERS: usize = 6;
    let at = Identity::new();
    let ids: Vec<String> = (0..WRITERS).map(|n| at.entity(&n.to_string())).collect();
    let group = at.make("group", json!({ "name": "g", "member_entity_ids": ids }));
    thread::scope(|threads| {
        for id in &ids {
            let root = at.server.root();
            threads.spawn(move || root.delete(&format!("identity/entity/id/{id}")).status);
        }
    });
    let listed = data(&at.root.list("identity/group/id"));
    assert_eq!(listed["key_info"][&group]["num_member_entities"], 0);
    assert_eq!(at.read(&format!("group/id/{group}"))["modify_index"], 1 + WRITERS);
}

#[test]
fn signing_keys_that_are_made_at_once_are_all_published() {
    const WRITERS: usize = 4;
    let at = Identity::new();
    let write = |root: &Client, path: &str, body: Value| {
        assert_eq!(root.post(&format!("identity/oidc/{path}"), body).status, 204, "{path}");
    };
    let published = || {
        let keys = at.root.get("identity/oidc/.well-known/keys").json()["keys"].clone();
        let ids = keys.as_array().unwrap().iter().map(|key| key["kid"].to_string());
        ids.collect::<BTreeSet<_>>().len()
    };
    write(&at.root, "key/k", json!({ "algorithm": "ES256" }));
    write(&at.root, "role/r", json!({ "key": "k" }));
    assert_eq!(published(), 2, "one that signs, and the next one");
    thread::scope(|threads| {
        for _ in 0..WRITERS {
            let root = at.server.root();
            threads.spawn(move || write(&root, "key/k/rotate", json!({})));
        }
    });
    assert_eq!(published(), 2 + WRITERS);
    write(&at.root, "key/k", json!({ "algorithm": "RS256" }));
    assert_eq!(published(), 4 + WRITERS);
    // The default key has none until somebody wants it.
    write(&at.root, "key/default/rotate", json!({}));
    write(&at.root, "role/d", json!({ "key": "default" }));
    assert_eq!(published(), 7 + WRITERS);
}

#[test]
fn whatever_is_sent_is_answered_without_a_fault() {
    let at = Identity::new();
    let entity = at.entity("ann");
    let group = at.group("devs", &[]);
    let alias = at.alias("ann", &at.mount("one"), &entity);
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("a=b,c"),
        json!("\u{0}/../"),
        json!([]),
        json!([null]),
        json!([[1], {"a": {}}]),
        json!({}),
        json!({ "a": [] }),
        json!({ "": "" }),
        json!({ "a": "b" }),
        json!("y".repeat(70_000)),
    ];
    const ENTITY: &[&str] = &["id", "name", "metadata", "policies", "disabled"];
    const ALIAS: &[&str] = &["id", "name", "mount_accessor", "canonical_id", "custom_metadata"];
    const GROUP: &[&str] =
        &["id", "name", "type", "metadata", "policies", "member_entity_ids", "member_group_ids"];
    const LOOKUP: &[&str] = &["id", "name", "alias_id", "alias_name", "alias_mount_accessor"];
    const MERGE: &[&str] =
        &["from_entity_ids", "to_entity_id", "conflicting_alias_ids_to_keep", "force"];
    let paths = [
        ("entity", ENTITY),
        (&format!("entity/id/{entity}"), ENTITY),
        ("entity/id/none", ENTITY),
        ("entity/name/bob", ENTITY),
        ("entity/batch-delete", &["entity_ids"]),
        ("entity/merge", MERGE),
        ("entity-alias", ALIAS),
        (&format!("entity-alias/id/{alias}"), ALIAS),
        ("group", GROUP),
        (&format!("group/id/{group}"), GROUP),
        ("group/name/new", GROUP),
        ("group-alias", ALIAS),
        ("group-alias/id/none", ALIAS),
        ("lookup/entity", LOOKUP),
        ("lookup/group", LOOKUP),
    ];
    for (path, fields) in paths {
        for field in fields {
            for value in &values {
                let reply = at.post(path, json!({ *field: value }));
                let said = reply.json();
                assert!(reply.status < 500, "{path} {field} {value:.60}: {said:.200}");
            }
        }
    }
}

#[test]
fn metadata_has_the_limits_of_vault() {
    let at = Identity::new();
    let accessor = at.mount("one");
    let texts = |count: usize, name: usize, text: usize| -> Value {
        (0..count).map(|n| (format!("{n:0name$}"), json!("x".repeat(text)))).collect()
    };
    for kind in ["entity", "group"] {
        let set = |metadata: Value| at.post(kind, json!({ "name": "n", "metadata": metadata }));
        assert_eq!(set(texts(64, 128, 512)).status, 200);
        refused(&set(texts(65, 3, 1)), "more than 64");
        refused(&set(texts(1, 129, 1)), "key is too long");
        refused(&set(texts(1, 1, 513)), "value is too long");
        refused(&set(json!({ "a b": "c" })), "invalid characters");
        refused(&set(json!({ "vault-x": "c" })), "reserved");
    }
    let set = |texts: Value| {
        let alias = json!({ "name": "n", "mount_accessor": accessor, "custom_metadata": texts });
        at.post("entity-alias", alias)
    };
    refused(&set(texts(65, 3, 1)), "at most 64 keys");
    refused(&set(texts(1, 1, 513)), "length of value");
    assert_eq!(set(texts(64, 128, 512)).status, 200);
}

#[test]
fn a_mount_that_is_gone_is_shown_no_more() {
    let at = Identity::new();
    let alias = at.alias("ann", &at.mount("one"), &at.entity("ann"));
    let read = || at.read(&format!("entity-alias/id/{alias}"));
    assert_eq!((&read()["mount_path"], &read()["mount_type"]), (&json!("one/"), &json!("kv")));
    assert_eq!(at.root.delete("sys/mounts/one").status, 204);
    assert_eq!((&read()["mount_path"], &read()["mount_type"]), (&Value::Null, &Value::Null));
}

#[test]
fn all_of_it_survives_a_power_cut() {
    let folder = TempDir::new();
    let (store, mut server) = Store::make(&folder.path().join("data"));
    let root = store.root(&server);
    let make = |path: &str, body: Value| data(&root.post(path, body))["id"].clone();
    let ann = make("identity/entity", json!({ "name": "Ann", "metadata": { "a": "b" } }));
    let old = make("identity/entity", json!({ "name": "old" }));
    let group = make("identity/group", json!({ "name": "G", "member_entity_ids": [old] }));
    let merged = json!({ "to_entity_id": ann, "from_entity_ids": [old] });
    assert_eq!(root.post("identity/entity/merge", merged).status, 204);
    let before = data(&root.get("identity/entity/name/ann"));
    server.kill();
    let server = store.start();
    let root = store.root(&server);
    assert_eq!(data(&root.get("identity/entity/name/ann")), before);
    assert_eq!(before["merged_entity_ids"], json!([old]));
    assert_eq!(before["group_ids"], json!([group]));
    store.verify(&server);
}
