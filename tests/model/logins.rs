//! Logins: who may log in, who is locked out, and what falls with the mount of the method.

use serde_json::{Value, json};

use crate::Run;
use crate::acts::MOST_TOKENS;
use crate::token::Token;

/// How long a login lasts, and a renewal for which no time is asked.
pub const TTL: u64 = 3000;

/// So many failures lock somebody out, until so long after the last.
const THRESHOLD: u64 = 5;
const SPAN: u64 = 15 * 60;

/// The failed logins since one succeeded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures {
    count: u64,
    last: u64,
}

impl Failures {
    /// When they matter no more.
    pub fn end(self) -> u64 {
        if self.count == 0 { 0 } else { self.last + SPAN }
    }

    fn lock(self, now: u64) -> bool {
        self.count >= THRESHOLD && now < self.end()
    }

    fn and_one(self, now: u64) -> Self {
        let count = if now > self.end() { 1 } else { self.count + 1 };
        Self { count, last: now }
    }
}

impl Run {
    /// Mounts the method by which a user logs in.
    pub fn mount(&self) {
        let root = self.world.root();
        assert_eq!(root.post("sys/auth/people", json!({ "type": "userpass" })).status, 204);
        let user = json!({
            "password": "right",
            "token_policies": ["p0", "p1"],
            "token_no_default_policy": true,
            "token_ttl": TTL,
        });
        assert_eq!(root.post("auth/people/users/ann", user).status, 204);
    }

    /// Another mount takes the place of that one, and with it fall all logins.
    pub fn mount_anew(&mut self) -> String {
        assert_eq!(self.world.root().delete("sys/auth/people").status, 200);
        self.mount();
        self.failures = Failures::default();
        let logins = self.tokens.values_mut().filter(|token| token.login);
        logins.for_each(|token| token.ended = true);
        "the method is mounted anew".to_owned()
    }

    pub fn log_in(&mut self) -> String {
        self.forget();
        let right = self.tokens.len() < MOST_TOKENS && self.dice.one_in(3);
        let password = if right { "right" } else { "wrong" };
        let body = json!({ "password": password });
        let reply = self.world.client().post("auth/people/login/ann", body);
        let now = self.time.now;
        let expected = match self.failures.lock(now) {
            true => 403,
            false if right => 200,
            false => 400,
        };
        let what = format!("a login with the {password} password, after {:?}", self.failures);
        assert_eq!(reply.status, expected, "{what} at {now}: {}", reply.json());
        match expected {
            200 => {
                let auth = reply.json()["auth"].clone();
                assert_eq!(auth["lease_duration"], TTL, "{what}: {auth}");
                let id = auth["client_token"].as_str().unwrap().to_owned();
                let token = Token {
                    policies: vec![0, 1],
                    orphan: true,
                    login: true,
                    created: now,
                    expires: now + TTL,
                    ..Token::default()
                };
                self.tokens.insert(id, token);
                self.failures = Failures::default();
            }
            400 => self.failures = self.failures.and_one(now),
            _ => {}
        }
        what
    }

    /// Of those who are not locked out, a server that starts knows no failures.
    pub fn start_over(&mut self) {
        if !self.failures.lock(self.time.now) {
            self.failures = Failures::default();
        }
    }

    /// A crash may come before the store was told who is locked out.
    pub fn unlock(&mut self) {
        let root = self.world.root();
        let methods: Value = root.get("sys/auth").json()["data"].clone();
        let accessor = methods["people/"]["accessor"].as_str().unwrap();
        let reply = root.post(&format!("sys/locked-users/{accessor}/unlock/ann"), json!({}));
        assert_eq!(reply.status, 204, "{}", reply.json());
        self.failures = Failures::default();
    }
}
