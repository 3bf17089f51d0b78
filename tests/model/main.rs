//! A seeded history of logins, tokens, roles, policies, leases and wrapped answers against a small
//! model of them: with a clock that is turned, restarts, and crashes, after each of which what
//! lives, what is dead, and who may do what are as the model says.

mod acts;
mod logins;
#[path = "../support/mod.rs"]
mod support;
mod time;
mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use acts::secret_path;
use logins::Failures;
use serde_json::{Value, json};
use support::dice::Dice;
use support::world::World;
use time::Time;
use token::{Policy, Role, Token, Wrapped};

const SEEDS: u64 = 4;
const STEPS: u64 = 400;
const POLICIES: usize = 4;
const ROLES: usize = 2;
/// When a history begins: late enough for a clock to be turned back.
const START: u64 = 1_000_000;

#[test]
fn the_server_does_as_the_model_says() {
    for seed in 0..SEEDS {
        let mut run = Run::new(seed);
        for step in 0..STEPS {
            let what = run.step();
            run.check(&format!("seed {seed}, step {step}: {what}"));
        }
    }
}

struct Run {
    dice: Dice,
    world: World,
    time: Time,
    /// The latest time at which something ended by its time.
    last_end: u64,
    policies: [Policy; POLICIES],
    roles: [Option<Role>; ROLES],
    tokens: BTreeMap<String, Token>,
    wrapped: BTreeMap<String, Wrapped>,
    failures: Failures,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut run = Self {
            dice: Dice::new(seed),
            // The only time that passes is what the test lets pass.
            world: World::configured(seed, "limits {\n  password_total_rate = 0\n}\n"),
            time: Time::new(START),
            last_end: 0,
            policies: [Policy::Gone; POLICIES],
            roles: [None; ROLES],
            tokens: BTreeMap::new(),
            wrapped: BTreeMap::new(),
            failures: Failures::default(),
        };
        run.mount();
        for policy in 0..POLICIES {
            run.set_policy(policy, Policy::Reads);
        }
        for secret in run.secrets() {
            let path = secret_path(secret);
            assert_eq!(run.world.root().post(&path, json!({ "value": path })).status, 204);
        }
        run
    }

    /// Does one thing, and says what.
    fn step(&mut self) -> String {
        match self.dice.below(33) {
            0..6 => self.create(),
            6..9 => self.renew(),
            9..12 => self.use_one(),
            12..14 => self.revoke(),
            14 => self.revoke_orphan(),
            15..17 => self.write_policy(),
            17 => self.write_role(),
            18 => self.wrap(),
            19 => self.unwrap(),
            20 => self.revoke_leases(),
            21..24 => self.let_time_pass(),
            24 => self.turn_back(),
            25..27 => {
                self.world.restart();
                self.time.restart();
                self.start_over();
                "a restart".to_owned()
            }
            27 => {
                self.world.crash();
                self.time.restart();
                self.unlock();
                "a crash".to_owned()
            }
            28..32 => self.log_in(),
            _ => self.mount_anew(),
        }
    }

    fn let_time_pass(&mut self) -> String {
        let seconds = self.time.pass(self.dice.below(40 * 60) + 1, self.last_end);
        self.world.advance(Duration::from_secs(seconds));
        self.tell_the_time();
        format!("{seconds} s pass")
    }

    /// Turns the clock back, but never so far that what has ended by its time might live again:
    /// that hangs on whether it was removed already.
    fn turn_back(&mut self) -> String {
        let most = self.time.now.saturating_sub(self.last_end).min(1800);
        let seconds = self.dice.below(most.max(1));
        self.time.turn_back(seconds);
        self.world.turn_back(Duration::from_secs(seconds));
        self.tell_the_time();
        format!("the clock is turned back by {seconds} s")
    }

    /// A commit tells the store what time it is. Without one for an hour, a start takes the clock
    /// for one that jumped, and lets nothing expire for five minutes.
    fn tell_the_time(&self) {
        assert_eq!(self.world.root().post("secret/tick", json!({ "n": 1 })).status, 204);
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
        let alone = !token.ended && token.expires > self.time.now;
        alone && token.parent.as_deref().is_none_or(|parent| self.is_alive(parent))
    }

    /// Each policy's secret, and the one that all speak of.
    fn secrets(&self) -> impl Iterator<Item = Option<usize>> + use<> {
        (0..POLICIES).map(Some).chain([None])
    }

    fn may_read(&self, id: &str, secret: Option<usize>) -> bool {
        let speaking = self.tokens[id].policies.iter().filter(|p| secret.is_none_or(|s| s == **p));
        let said: Vec<Policy> = speaking.map(|policy| self.policies[*policy]).collect();
        said.contains(&Policy::Reads) && !said.contains(&Policy::Denies)
    }

    fn may_create(&self, id: &str) -> bool {
        self.tokens[id].policies.iter().any(|policy| self.policies[*policy] != Policy::Gone)
    }

    fn check(&mut self, after: &str) {
        let now = self.time.now;
        let times = self.tokens.values().map(|token| token.expires);
        let times = times.chain(self.wrapped.values().map(|wrapped| wrapped.expires));
        let times = times.chain([self.failures.end()]);
        let ended = times.filter(|end| *end <= now).max().unwrap_or(0);
        self.last_end = self.last_end.max(ended);
        for id in self.tokens.keys() {
            self.check_token(id, after);
        }
        let root = self.world.root();
        let mut wraps = 0;
        for (id, wrapped) in &self.wrapped {
            let reply = root.post("sys/wrapping/lookup", json!({ "token": id }));
            let alive = wrapped.is_alive(now);
            let expected = if alive { 200 } else { 400 };
            assert_eq!(reply.status, expected, "{after}\n{id} {wrapped:?} at {now}");
            wraps += usize::from(alive);
        }
        let listed = |path: &str, folders: bool| {
            let keys = root.list(path).json()["data"]["keys"].clone();
            let keys = keys.as_array().cloned().unwrap_or_default();
            let leaf = |key: &&Value| folders || !key.as_str().unwrap().ends_with('/');
            keys.iter().filter(leaf).count()
        };
        let living = |meant: &dyn Fn(&Token) -> bool| {
            let living = self.living().into_iter().map(|id| &self.tokens[&id]);
            living.filter(|token| !token.batch && meant(token)).count()
        };
        let accessors = listed("auth/token/accessors", true);
        let expected = living(&|_| true) + wraps + 1;
        assert_eq!(accessors, expected, "{after}: accessors of root and of all that lives");
        let leases = listed("sys/leases/lookup/auth/token/create", false);
        let expected = living(&|token| token.role.is_none() && !token.login) + 1;
        assert_eq!(leases, expected, "{after}: leases of root and without a role");
        let leases = listed("sys/leases/lookup/auth/people/login/ann", true);
        assert_eq!(leases, living(&|token| token.login), "{after}: leases of logins");
        for role in 0..ROLES {
            let leases = listed(&format!("sys/leases/lookup/auth/token/create/r{role}"), false);
            let expected = living(&|token| token.role == Some(role));
            assert_eq!(leases, expected, "{after}: leases by role {role}");
        }
    }

    fn check_token(&self, id: &str, after: &str) {
        let (root, now, token) = (self.world.root(), self.time.now, &self.tokens[id]);
        let reply = root.post("auth/token/lookup", json!({ "token": id }));
        let alive = self.is_alive(id);
        let expected = if alive { 200 } else { 403 };
        assert_eq!(reply.status, expected, "{after}\n{id} {token:?} at {now}");
        if !alive {
            return;
        }
        let shown = reply.json()["data"].clone();
        let seen = (&shown["ttl"], &shown["num_uses"], &shown["orphan"]);
        let uses = Value::from(token.uses.unwrap_or(0));
        let (ttl, orphan) = (Value::from(token.expires - now), Value::from(token.orphan));
        assert_eq!(seen, (&ttl, &uses, &orphan), "{after}\n{id} {token:?} at {now}");
        let paths: Vec<String> = self.secrets().map(secret_path).collect();
        let body = json!({ "token": id, "paths": paths });
        let given = root.post("sys/capabilities", body).json()["data"].clone();
        for secret in self.secrets() {
            let reads = given[secret_path(secret)].to_string().contains("read");
            assert_eq!(reads, self.may_read(id, secret), "{after}\n{id} {secret:?}: {given}");
        }
    }
}
