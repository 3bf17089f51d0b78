//! A seeded history of tokens and policies against a small model of them: with a clock that is
//! turned, restarts, and crashes, after each of which what lives, what is dead, and who may do what
//! are as the model says.

#[path = "../support/mod.rs"]
mod support;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::dice::Dice;
use world::World;

const SEEDS: u64 = 4;
const STEPS: u64 = 400;
/// Each gives, or does not, the right to read one secret.
const POLICIES: u64 = 4;
const MOST_TOKENS: usize = 24;
const HOUR: u64 = 3600;
/// The system's longest life, in seconds.
const SYSTEM_MAX: u64 = 768 * HOUR;

#[test]
fn tokens_and_policies_are_as_the_model_says() {
    for seed in 0..SEEDS {
        let mut run = Run::new(seed);
        for step in 0..STEPS {
            let what = run.step();
            run.check(&format!("seed {seed}, step {step}: {what}"));
        }
    }
}

/// A token as it should be. Times are in seconds since the run began.
#[derive(Clone, Debug)]
struct Token {
    policies: Vec<u64>,
    parent: Option<String>,
    created: u64,
    granted: u64,
    expires: u64,
    period: u64,
    explicit_max: u64,
    uses: Option<u64>,
    /// Not by its time: revoked, or used up.
    ended: bool,
}

struct Run {
    dice: Dice,
    world: World,
    now: u64,
    /// Which policies give their right.
    gives: Vec<bool>,
    tokens: BTreeMap<String, Token>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let run = Self {
            dice: Dice::new(seed),
            world,
            now: 0,
            gives: vec![true; POLICIES as usize],
            tokens: BTreeMap::new(),
        };
        for policy in 0..POLICIES {
            let path = format!("secret/s{policy}");
            assert_eq!(run.world.root().post(&path, json!({ "value": policy })).status, 204);
            run.write_policy(policy);
        }
        run
    }

    /// Does one thing, and says what.
    fn step(&mut self) -> String {
        match self.dice.below(20) {
            0..5 => self.create(),
            5..8 => self.renew(),
            8..11 => self.use_one(),
            11..13 => self.revoke(),
            13 => self.revoke_orphan(),
            14 => {
                let policy = self.dice.below(POLICIES);
                self.gives[policy as usize] ^= true;
                self.write_policy(policy);
                format!("policy {policy} gives: {}", self.gives[policy as usize])
            }
            15..18 => {
                let seconds = self.dice.below(40 * 60) + 1;
                self.now += seconds;
                self.world.advance(Duration::from_secs(seconds));
                // A commit tells the store what time it is. Without one for an hour, a start takes
                // the clock for one that jumped, and lets nothing expire for five minutes.
                assert_eq!(self.world.root().post("secret/tick", json!({ "n": 1 })).status, 204);
                format!("{seconds} s pass")
            }
            18 => {
                self.world.restart();
                "a restart".to_owned()
            }
            _ => {
                self.world.crash();
                "a crash".to_owned()
            }
        }
    }

    fn write_policy(&self, policy: u64) {
        let right = if self.gives[policy as usize] { "read" } else { "list" };
        let text = format!(
            "path \"secret/s{policy}\" {{ capabilities = [\"{right}\"] }}
             path \"auth/token/create\" {{ capabilities = [\"update\"] }}"
        );
        let path = format!("sys/policies/acl/p{policy}");
        assert_eq!(self.world.root().post(&path, json!({ "policy": text })).status, 204);
    }

    fn create(&mut self) -> String {
        self.tokens.retain(|_, token| !(token.ended && self.dice.one_in(3)));
        if self.tokens.len() >= MOST_TOKENS {
            return "nothing: there are tokens enough".to_owned();
        }
        let parents: Vec<String> = self.living().into_iter().collect();
        let parent = parents.get(self.dice.below(parents.len() as u64 + 2) as usize).cloned();
        let parent = parent.filter(|parent| self.tokens[parent].uses.is_none());
        let policies = match &parent {
            Some(parent) => self.tokens[parent].policies.clone(),
            None => (0..POLICIES).filter(|_| self.dice.one_in(2)).chain([0]).collect(),
        };
        let mut policies: Vec<u64> = policies;
        policies.sort_unstable();
        policies.dedup();
        let ttl = 60 + self.dice.below(3 * HOUR);
        let rooted = parent.is_none();
        let pick = |one_in: u64, value: u64| if self.dice.one_in(one_in) { value } else { 0 };
        let explicit_max = pick(4, ttl + HOUR / 2);
        let period = if rooted { pick(4, 1800) } else { 0 };
        let uses = Some(pick(5, 1 + ttl % 4)).filter(|uses| *uses > 0);
        let names: Vec<String> = policies.iter().map(|policy| format!("p{policy}")).collect();
        let body = json!({
            "policies": names,
            "no_default_policy": true,
            "ttl": ttl,
            "explicit_max_ttl": explicit_max,
            "period": period,
            "num_uses": uses.unwrap_or(0),
        });
        let client = match &parent {
            Some(parent) => self.world.client().token(parent),
            None => self.world.root(),
        };
        let reply = client.post("auth/token/create", body);
        assert_eq!(reply.status, 200, "{}", reply.json());
        let auth = reply.json()["auth"].clone();
        let first = if period > 0 { period } else { ttl };
        let granted = if explicit_max > 0 { first.min(explicit_max) } else { first };
        assert_eq!(auth["lease_duration"], granted, "{auth}");
        let id = auth["client_token"].as_str().unwrap().to_owned();
        let (created, expires) = (self.now, self.now + granted);
        let ended = false;
        let what = format!("{id} is made by {parent:?} for {granted} s, {uses:?} uses");
        let token = Token {
            policies,
            parent,
            created,
            granted,
            expires,
            period,
            explicit_max,
            uses,
            ended,
        };
        self.tokens.insert(id, token);
        what
    }

    fn renew(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to renew".to_owned() };
        let increment = self.dice.below(2) * (60 + self.dice.below(2 * HOUR));
        let body = json!({ "token": id, "increment": increment });
        let reply = self.world.root().post("auth/token/renew", body);
        let (alive, now) = (self.is_alive(&id), self.now);
        let token = self.tokens.get_mut(&id).unwrap();
        let what = format!("{id} is renewed for {increment} s");
        if !alive {
            assert_eq!(reply.status, 400, "{what}: {}", reply.json());
            return what;
        }
        let wish = match (token.period, increment) {
            (0, 0) => token.granted,
            (0, increment) => increment,
            (period, _) => period,
        };
        let max = if token.explicit_max > 0 { token.explicit_max } else { SYSTEM_MAX };
        token.granted = wish.min(token.created + max - now);
        token.expires = now + token.granted;
        let granted = reply.json()["auth"]["lease_duration"].clone();
        assert_eq!((reply.status, granted), (200, token.granted.into()), "{what}: {token:?}");
        what
    }

    /// Reads a secret with a token: one use, whether it is allowed or not.
    fn use_one(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to use".to_owned() };
        let policy = self.dice.below(POLICIES);
        let (alive, allowed) = (self.is_alive(&id), self.is_allowed(&id, policy));
        let reply = self.world.client().token(&id).get(&format!("secret/s{policy}"));
        let what = format!("{id} reads s{policy}");
        let expected = if alive && allowed { 200 } else { 403 };
        assert_eq!(reply.status, expected, "{what}: {} {:?}", reply.json(), self.tokens[&id]);
        let token = self.tokens.get_mut(&id).unwrap();
        if let (true, Some(uses)) = (alive, &mut token.uses) {
            *uses -= 1;
            token.ended = *uses == 0;
        }
        what
    }

    fn revoke(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to revoke".to_owned() };
        let reply = self.world.root().post("auth/token/revoke", json!({ "token": id }));
        assert_eq!(reply.status, 204, "{}", reply.json());
        if self.is_alive(&id) {
            self.tokens.get_mut(&id).unwrap().ended = true;
        }
        format!("{id} is revoked")
    }

    fn revoke_orphan(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to revoke".to_owned() };
        let reply = self.world.root().post("auth/token/revoke-orphan", json!({ "token": id }));
        let alive = self.is_alive(&id);
        let expected = if alive { 204 } else { 400 };
        assert_eq!(reply.status, expected, "{id}: {}", reply.json());
        if alive {
            self.tokens.get_mut(&id).unwrap().ended = true;
            for child in self.tokens.values_mut().filter(|t| t.parent.as_deref() == Some(&id)) {
                child.parent = None;
            }
        }
        format!("{id} is revoked, its children are orphans")
    }

    fn any(&self) -> Option<String> {
        let ids: Vec<&String> = self.tokens.keys().collect();
        (!ids.is_empty()).then(|| ids[self.dice.below(ids.len() as u64) as usize].clone())
    }

    fn living(&self) -> Vec<String> {
        self.tokens.keys().filter(|id| self.is_alive(id)).cloned().collect()
    }

    /// Whether a token and all above it are alive. One that the model has forgotten had ended.
    fn is_alive(&self, id: &str) -> bool {
        let Some(token) = self.tokens.get(id) else { return false };
        let alone = !token.ended && token.expires > self.now;
        alone && token.parent.as_deref().is_none_or(|parent| self.is_alive(parent))
    }

    fn is_allowed(&self, id: &str, policy: u64) -> bool {
        self.tokens[id].policies.contains(&policy) && self.gives[policy as usize]
    }

    fn check(&self, after: &str) {
        let root = self.world.root();
        for (id, token) in &self.tokens {
            let reply = root.post("auth/token/lookup", json!({ "token": id }));
            let alive = self.is_alive(id);
            let expected = if alive { 200 } else { 403 };
            assert_eq!(reply.status, expected, "{after}\n{id} {token:?} at {}", self.now);
            if !alive {
                continue;
            }
            let shown = reply.json()["data"].clone();
            let seen = (&shown["ttl"], &shown["num_uses"], &shown["orphan"]);
            let uses = Value::from(token.uses.unwrap_or(0));
            let (ttl, orphan) = (Value::from(token.expires - self.now), Value::from(false));
            let had_parent = token.parent.is_some() || shown["orphan"] == false;
            let orphan = if had_parent { orphan } else { Value::from(true) };
            assert_eq!(seen, (&ttl, &uses, &orphan), "{after}\n{id} {token:?}");
            for policy in 0..POLICIES {
                let path = format!("secret/s{policy}");
                let body = json!({ "token": id, "paths": [path] });
                let reply = root.post("sys/capabilities", body).json();
                let given = reply["data"][&path].to_string().contains("read");
                assert_eq!(given, self.is_allowed(id, policy), "{after}\n{id} {path}: {reply}");
            }
        }
        let listed = root.list("auth/token/accessors").json();
        let listed = listed["data"]["keys"].as_array().unwrap().len();
        assert_eq!(listed, self.living().len() + 1, "{after}: root's and the living");
    }
}
