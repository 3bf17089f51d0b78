//! The things that are changed while the server is killed, and how each must behave.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::subject::{Model, Step};
use crate::support::data;
use crate::support::dice::Dice;
use crate::support::http::Client;

/// Versions that the mount keeps of each secret.
pub const KEPT: u64 = 3;

/// A value that is like no other.
fn value(dice: &Dice) -> Value {
    let length = if dice.one_in(15) { 20_000 } else { dice.below(300) };
    json!({ "n": dice.below(1 << 50), "filling": "x".repeat(length as usize) })
}

/// A secret of kv version 2 at `secret/`.
pub struct Secret(pub String);

/// A version of a secret.
#[derive(Clone)]
pub struct Version {
    value: Value,
    deleted: bool,
    destroyed: bool,
}

/// What is known of a secret that is there.
#[derive(Clone, Default)]
pub struct History {
    current: u64,
    team: Option<String>,
    versions: BTreeMap<u64, Version>,
}

impl History {
    fn with(&self, value: Value) -> Self {
        let mut next = self.clone();
        next.current += 1;
        next.versions.insert(next.current, Version { value, deleted: false, destroyed: false });
        next.versions.retain(|number, _| number + KEPT > next.current);
        next
    }

    fn with_changed(&self, number: u64, change: impl Fn(&mut Version)) -> Self {
        let mut next = self.clone();
        next.versions.get_mut(&number).into_iter().for_each(change);
        next
    }
}

impl Secret {
    fn put(&self, history: &History, dice: &Dice) -> Step<Option<History>> {
        let value = value(dice);
        let body = json!({ "data": value, "options": { "cas": history.current } });
        self.step_to("data", 200, "POST", Some(body), history.with(value))
    }

    fn step_to(
        &self,
        of: &str,
        status: u16,
        method: &'static str,
        body: Option<Value>,
        after: History,
    ) -> Step<Option<History>> {
        Step {
            by: None,
            method,
            path: format!("secret/{of}/{}", self.0),
            body,
            status,
            after: Some(after),
        }
    }

    fn patch(&self, history: &History, dice: &Dice) -> Step<Option<History>> {
        let latest = &history.versions[&history.current];
        let patched = dice.below(1 << 50);
        let body = json!({
            "data": { "patched": patched },
            "options": { "cas": history.current },
        });
        if latest.deleted || latest.destroyed {
            return self.step_to("data", 404, "PATCH", Some(body), history.clone());
        }
        let mut value = latest.value.clone();
        value["patched"] = patched.into();
        self.step_to("data", 200, "PATCH", Some(body), history.with(value))
    }
}

impl Model for Secret {
    type State = Option<History>;

    fn name(&self) -> &str {
        &self.0
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let Some(history) = state else { return self.put(&History::default(), dice) };
        let oldest = history.versions.keys().next().copied().unwrap_or(0);
        let number = oldest + dice.below(history.current - oldest + 1);
        let numbers = Some(json!({ "versions": [number] }));
        match dice.below(20) {
            0..8 => self.put(history, dice),
            8..11 => self.patch(history, dice),
            11..13 => {
                let after = history.with_changed(history.current, |version| version.deleted = true);
                self.step_to("data", 204, "DELETE", None, after)
            }
            13 => {
                let after = history.with_changed(number, |version| version.deleted = true);
                self.step_to("delete", 204, "POST", numbers, after)
            }
            14..16 => {
                let after = history.with_changed(number, |version| version.deleted = false);
                self.step_to("undelete", 204, "POST", numbers, after)
            }
            16..18 => {
                let after = history.with_changed(number, |version| version.destroyed = true);
                self.step_to("destroy", 204, "POST", numbers, after)
            }
            18 => {
                let team = format!("team {}", dice.below(1 << 50));
                let body = json!({ "custom_metadata": { "team": team } });
                let after = History { team: Some(team), ..history.clone() };
                self.step_to("metadata", 204, "POST", Some(body), after)
            }
            _ => {
                let path = format!("secret/metadata/{}", self.0);
                Step { by: None, method: "DELETE", path, body: None, status: 204, after: None }
            }
        }
    }

    fn show(&self, state: &Self::State) -> Value {
        let Some(history) = state else { return Value::Null };
        let versions: BTreeMap<String, Value> = history
            .versions
            .iter()
            .map(|(number, Version { value, deleted, destroyed })| {
                let gone = *deleted || *destroyed;
                let value = if gone { &Value::Null } else { value };
                let shown = json!({ "deleted": gone, "destroyed": destroyed, "value": value });
                (number.to_string(), shown)
            })
            .collect();
        json!({ "current": history.current, "team": history.team, "versions": versions })
    }

    fn look(&self, client: &Client) -> Value {
        let version = |number: u64| client.get(&format!("secret/data/{}?version={number}", self.0));
        let metadata = client.get(&format!("secret/metadata/{}", self.0));
        if metadata.status == 404 {
            for number in 1..=KEPT {
                assert_eq!(version(number).status, 404, "{}: {number} is left", self.0);
            }
            return Value::Null;
        }
        let metadata = data(&metadata);
        let mut versions = BTreeMap::new();
        for (number, about) in metadata["versions"].as_object().unwrap() {
            let reply = version(number.parse().unwrap());
            let read = data(&reply);
            // A version that is gone is named by its metadata; one that never was is not.
            assert!(!read["metadata"].is_null(), "{} {number}: {}", self.0, reply.json());
            let gone = reply.status == 404;
            let shown = json!({
                "deleted": gone,
                "destroyed": about["destroyed"],
                "value": read["data"],
            });
            versions.insert(number.clone(), shown);
        }
        let current = metadata["current_version"].as_u64().unwrap();
        for number in [current + 1, current.saturating_sub(KEPT)] {
            let stray = number > 0 && !data(&version(number)).is_null();
            assert!(!stray, "{}: {number} beside {metadata}", self.0);
        }
        let team = &metadata["custom_metadata"]["team"];
        json!({ "current": current, "team": team, "versions": versions })
    }
}

/// A value of kv version 1 at `plain/`.
pub struct Plain(pub String);

impl Model for Plain {
    type State = Option<Value>;

    fn name(&self) -> &str {
        &self.0
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let path = format!("plain/{}", self.0);
        if state.is_some() && dice.one_in(3) {
            return Step { by: None, method: "DELETE", path, body: None, status: 204, after: None };
        }
        let value = value(dice);
        Step {
            by: None,
            method: "POST",
            path,
            body: Some(value.clone()),
            status: 204,
            after: Some(value),
        }
    }

    fn show(&self, state: &Self::State) -> Value {
        state.clone().unwrap_or_default()
    }

    fn look(&self, client: &Client) -> Value {
        data(&client.get(&format!("plain/{}", self.0)))
    }
}

/// A kv mount that comes, is upgraded, and goes, with one value at `x`.
pub struct Mount(pub String);

/// What is known of a mount that is there.
#[derive(Clone)]
pub struct Mounted {
    version: u64,
    value: Option<Value>,
}

impl Model for Mount {
    type State = Option<Mounted>;

    fn name(&self) -> &str {
        &self.0
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let mount = format!("sys/mounts/{}", self.0);
        let options = |version: u64| json!({ "version": version.to_string() });
        let Some(mounted) = state else {
            let version = 1 + dice.below(2);
            let body = Some(json!({ "type": "kv", "options": options(version) }));
            let after = Some(Mounted { version, value: None });
            return Step { by: None, method: "POST", path: mount, body, status: 204, after };
        };
        match (dice.below(6), mounted.version) {
            (0, _) => Step {
                by: None,
                method: "DELETE",
                path: mount,
                body: None,
                status: 200,
                after: None,
            },
            (1, 1) => Step {
                by: None,
                method: "POST",
                path: format!("{mount}/tune"),
                body: Some(json!({ "options": options(2) })),
                status: 200,
                after: Some(Mounted { version: 2, ..mounted.clone() }),
            },
            (_, version) => {
                let value = value(dice);
                let (path, body, status) = match version {
                    1 => (format!("{}/x", self.0), value.clone(), 204),
                    _ => (format!("{}/data/x", self.0), json!({ "data": value }), 200),
                };
                let after = Some(Mounted { version, value: Some(value) });
                Step { by: None, method: "POST", path, body: Some(body), status, after }
            }
        }
    }

    fn show(&self, state: &Self::State) -> Value {
        let Some(Mounted { version, value }) = state else { return Value::Null };
        json!({ "version": version.to_string(), "value": value })
    }

    fn look(&self, client: &Client) -> Value {
        let mounts = data(&client.get("sys/mounts"));
        let version = &mounts[format!("{}/", self.0)]["options"]["version"];
        let (one, two) = (format!("{}/x", self.0), format!("{}/data/x", self.0));
        match version.as_str() {
            None => {
                for path in [one, two] {
                    assert_eq!(client.get(&path).status, 404, "{path} without its mount");
                }
                Value::Null
            }
            Some("1") => json!({ "version": version, "value": data(&client.get(&one)) }),
            _ => json!({ "version": version, "value": data(&client.get(&two))["data"] }),
        }
    }
}

/// The keyring, to which terms are added.
pub struct Keyring;

impl Model for Keyring {
    type State = u64;

    fn name(&self) -> &str {
        "the keyring"
    }

    fn step(&self, term: &u64, _: &Dice) -> Step<u64> {
        let path = "sys/rotate".to_owned();
        Step { by: None, method: "POST", path, body: None, status: 200, after: term + 1 }
    }

    fn show(&self, term: &u64) -> Value {
        (*term).into()
    }

    fn look(&self, client: &Client) -> Value {
        data(&client.get("sys/key-status"))["term"].clone()
    }
}

/// A token of an id that is known before it is made, with at most one child that it has made. Each
/// is made by a role of its own, which has the same name, so that its lease is known.
pub struct Tokens(pub String);

/// What is known of a token that is there.
#[derive(Clone)]
pub struct Family {
    n: u64,
    hours: u64,
    child: Option<u64>,
}

impl Tokens {
    fn child(&self) -> String {
        format!("{}-child", self.0)
    }

    fn create(&self, by: Option<String>, id: &str, n: u64, after: Family) -> Step<Option<Family>> {
        let body = json!({
            "id": id,
            "policies": ["root"],
            "ttl": "1h",
            "meta": { "n": n.to_string() },
        });
        let path = format!("auth/token/create/{id}");
        Step { by, method: "POST", path, body: Some(body), status: 200, after: Some(after) }
    }

    /// Makes the roles.
    pub fn prepare(&self, root: &Client) {
        for role in [&self.0, &self.child()] {
            let reply = root.post(&format!("auth/token/roles/{role}"), json!({}));
            assert_eq!(reply.status, 204, "{}", reply.json());
        }
    }

    /// A token, if it is alive; its lease is with it, and gone without it.
    fn look_at(client: &Client, token: &str) -> Option<Value> {
        let reply = client.post("auth/token/lookup", json!({ "token": token }));
        assert!(matches!(reply.status, 200 | 403), "{token}: {}", reply.json());
        let found = (reply.status == 200).then(|| data(&reply));
        let ends: Vec<&Value> = found.iter().map(|token| &token["expire_time"]).collect();
        let leases = leases(client, &format!("auth/token/create/{token}"));
        assert_eq!(leases.iter().map(|lease| &lease["expire_time"]).collect::<Vec<_>>(), ends);
        found
    }
}

impl Model for Tokens {
    type State = Option<Family>;

    fn name(&self) -> &str {
        &self.0
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let n = dice.below(1 << 50);
        let Some(family) = state else {
            return self.create(None, &self.0, n, Family { n, hours: 1, child: None });
        };
        let revoke = |token: &str, after: Option<Family>| Step {
            by: None,
            method: "POST",
            path: "auth/token/revoke".to_owned(),
            body: Some(json!({ "token": token })),
            status: 204,
            after,
        };
        match (dice.below(4), family.child) {
            (0, _) => revoke(&self.0, None),
            (1, Some(_)) => revoke(&self.child(), Some(Family { child: None, ..family.clone() })),
            (1, None) => {
                let after = Family { child: Some(n), ..family.clone() };
                self.create(Some(self.0.clone()), &self.child(), n, after)
            }
            _ => {
                let hours = 1 + dice.below(100);
                Step {
                    by: None,
                    method: "POST",
                    path: "auth/token/renew".to_owned(),
                    body: Some(json!({ "token": self.0, "increment": format!("{hours}h") })),
                    status: 200,
                    after: Some(Family { hours, ..family.clone() }),
                }
            }
        }
    }

    fn show(&self, state: &Self::State) -> Value {
        let Some(Family { n, hours, child }) = state else { return Value::Null };
        let child = child.map(|child| child.to_string());
        json!({ "n": n.to_string(), "hours": hours, "child": child })
    }

    fn look(&self, client: &Client) -> Value {
        let child = Self::look_at(client, &self.child());
        let Some(token) = Self::look_at(client, &self.0) else {
            assert!(child.is_none(), "{}: it is gone, its child is not", self.0);
            return Value::Null;
        };
        // By its accessor it is the same.
        let accessor = json!({ "accessor": token["accessor"] });
        let found = data(&client.post("auth/token/lookup-accessor", accessor));
        assert_eq!(found["meta"], token["meta"], "{}", self.0);
        let hours = (token["ttl"].as_u64().unwrap() + 1800) / 3600;
        let child = child.map(|child| child["meta"]["n"].clone());
        json!({ "n": token["meta"]["n"], "hours": hours, "child": child })
    }
}

/// The leases right below a path.
pub fn leases(client: &Client, path: &str) -> Vec<Value> {
    let names = data(&client.list(&format!("sys/leases/lookup/{path}")))["keys"].clone();
    let lease = |name: &Value| {
        let id = format!("{path}/{}", name.as_str().unwrap());
        let reply = client.post("sys/leases/lookup", json!({ "lease_id": id }));
        assert_eq!(reply.status, 200, "{id}: {}", reply.json());
        data(&reply)
    };
    names.as_array().into_iter().flatten().map(lease).collect()
}

/// A policy.
pub struct Policy(pub String);

impl Model for Policy {
    type State = Option<u64>;

    fn name(&self) -> &str {
        &self.0
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let path = format!("sys/policies/acl/{}", self.0);
        if state.is_some() && dice.one_in(3) {
            return Step { by: None, method: "DELETE", path, body: None, status: 204, after: None };
        }
        let n = dice.below(1 << 50);
        let text = format!("path \"secret/{n}\" {{ capabilities = [\"read\"] }}");
        let body = Some(json!({ "policy": text }));
        Step { by: None, method: "POST", path, body, status: 204, after: Some(n) }
    }

    fn show(&self, state: &Self::State) -> Value {
        state.map(|n| json!([n.to_string(), "read"])).unwrap_or_default()
    }

    fn look(&self, client: &Client) -> Value {
        let reply = client.get(&format!("sys/policies/acl/{}", self.0));
        if reply.status == 404 {
            return Value::Null;
        }
        let policy = data(&reply);
        let words = policy["policy"].as_str().unwrap().split('"');
        let words: Vec<&str> = words.collect();
        json!([words[1].trim_start_matches("secret/"), words[3]])
    }
}
