//! What is done in a history, to the server and to the model alike.

use serde_json::json;

use crate::logins::TTL;
use crate::support::ROOT;
use crate::token::{Policy, Role, Token, Wrapped};
use crate::{POLICIES, ROLES, Run};

const HOUR: u64 = 3600;
pub const MOST_TOKENS: usize = 24;
const MOST_WRAPPED: usize = 6;

impl Run {
    /// Makes a token: by root or by another token, by a role or not, service or batch.
    pub fn create(&mut self) -> String {
        self.forget();
        if self.tokens.len() >= MOST_TOKENS {
            return "nothing: there are tokens enough".to_owned();
        }
        let token = self.draft();
        let ttl = 60 + self.dice.below(3 * HOUR);
        let role = match token.role {
            Some(number) => self.roles[number],
            None => Some(Role::default()),
        };
        let names: Vec<String> = token.policies.iter().map(|policy| format!("p{policy}")).collect();
        let body = json!({
            "policies": names,
            "no_default_policy": true,
            "type": if token.batch { "batch" } else { "service" },
            "ttl": ttl,
            "explicit_max_ttl": token.explicit_max,
            "period": token.period,
            "num_uses": token.uses.unwrap_or(0),
        });
        let client = match &token.parent {
            Some(parent) => self.world.client().token(parent),
            None => self.world.root(),
        };
        let path = token.role.map_or(String::new(), |number| format!("/r{number}"));
        let reply = client.post(&format!("auth/token/create{path}"), body);
        let what = format!("{token:?} is asked for, for {ttl} s");
        let may = token.parent.as_ref().is_none_or(|parent| self.may_create(parent));
        let Some(role) = role.filter(|_| may) else {
            let expected = if may { 400 } else { 403 };
            assert_eq!(reply.status, expected, "{what}: {}", reply.json());
            return what;
        };
        assert_eq!(reply.status, 200, "{what}: {}", reply.json());
        let granted = token.grant(ttl, role, self.time.now).unwrap();
        let auth = reply.json()["auth"].clone();
        assert_eq!(auth["lease_duration"], granted, "{what}: {auth}");
        let id = auth["client_token"].as_str().unwrap().to_owned();
        let parent = token.parent.clone().filter(|_| !role.orphan);
        let expires = self.time.now + granted;
        let token = Token { parent, orphan: role.orphan, granted, expires, ..token };
        self.tokens.insert(id.clone(), token);
        format!("{what}: it is {id}")
    }

    /// A token by chance: what is asked for, and by whom.
    fn draft(&self) -> Token {
        let able = |id: &String| self.tokens[id].uses.is_none() && !self.tokens[id].batch;
        let parents: Vec<String> = self.living().into_iter().filter(able).collect();
        let parent = parents.get(self.dice.below(parents.len() as u64 + 2) as usize).cloned();
        let given = match &parent {
            Some(parent) => self.tokens[parent].policies.clone(),
            None => (0..POLICIES).collect(),
        };
        let some: Vec<usize> = given.iter().copied().filter(|_| self.dice.one_in(2)).collect();
        let policies = if some.is_empty() { given } else { some };
        let (parent_is_root, created) = (parent.is_none(), self.time.now);
        let drafted = Token { policies, parent, created, ..Token::default() };
        if self.dice.one_in(5) {
            return Token { batch: true, ..drafted };
        }
        let pick = |one_in: u64, value: u64| if self.dice.one_in(one_in) { value } else { 0 };
        Token {
            role: self.dice.one_in(3).then(|| self.dice.below(ROLES as u64) as usize),
            explicit_max: pick(4, 600 + self.dice.below(4 * HOUR)),
            period: if parent_is_root { pick(4, 1800) } else { 0 },
            uses: Some(pick(5, 1 + self.dice.below(4))).filter(|uses| *uses > 0),
            ..drafted
        }
    }

    pub fn renew(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to renew".to_owned() };
        let increment = self.dice.below(2) * (60 + self.dice.below(2 * HOUR));
        let body = json!({ "token": id, "increment": increment });
        let reply = self.world.root().post("auth/token/renew", body);
        let (alive, now) = (self.is_alive(&id), self.time.now);
        let token = self.tokens.get_mut(&id).unwrap();
        let what = format!("{id} is renewed for {increment} s");
        let role = match token.role {
            Some(number) => self.roles[number],
            None => Some(Role::default()),
        };
        let wish = match increment {
            0 if token.login => TTL,
            0 => token.granted,
            increment => increment,
        };
        let granted = role.and_then(|role| token.grant(wish, role, now));
        let Some(granted) = granted.filter(|_| alive && !token.batch) else {
            // The server can do nothing for one whose role is gone.
            let expected = if alive && role.is_none() { 500 } else { 400 };
            assert_eq!(reply.status, expected, "{what}: {} {token:?}", reply.json());
            return what;
        };
        (token.granted, token.expires) = (granted, now + granted);
        let told = reply.json()["auth"]["lease_duration"].clone();
        assert_eq!((reply.status, told), (200, granted.into()), "{what}: {token:?}");
        what
    }

    /// Reads a secret with a token: one use, whether it is allowed or not.
    pub fn use_one(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to use".to_owned() };
        let secret = self.dice.below(POLICIES as u64 + 1) as usize;
        let secret = Some(secret).filter(|secret| *secret < POLICIES);
        let (alive, allowed) = (self.is_alive(&id), self.may_read(&id, secret));
        let path = secret_path(secret);
        let reply = self.world.client().token(&id).get(&path);
        let what = format!("{id} reads {path}");
        let expected = if alive && allowed { 200 } else { 403 };
        assert_eq!(reply.status, expected, "{what}: {} {:?}", reply.json(), self.tokens[&id]);
        let token = self.tokens.get_mut(&id).unwrap();
        if let (true, Some(uses)) = (alive, &mut token.uses) {
            *uses -= 1;
            token.ended = *uses == 0;
        }
        what
    }

    pub fn revoke(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to revoke".to_owned() };
        let reply = self.world.root().post("auth/token/revoke", json!({ "token": id }));
        let alive = self.is_alive(&id);
        let refused = alive && self.tokens[&id].batch;
        let expected = if refused { 400 } else { 204 };
        assert_eq!(reply.status, expected, "{id}: {}", reply.json());
        if alive && !refused {
            self.tokens.get_mut(&id).unwrap().ended = true;
        }
        format!("{id} is revoked")
    }

    pub fn revoke_orphan(&mut self) -> String {
        let Some(id) = self.any() else { return "nothing to revoke".to_owned() };
        let reply = self.world.root().post("auth/token/revoke-orphan", json!({ "token": id }));
        let done = self.is_alive(&id) && !self.tokens[&id].batch;
        let expected = if done { 204 } else { 400 };
        assert_eq!(reply.status, expected, "{id}: {}", reply.json());
        if done {
            self.tokens.get_mut(&id).unwrap().ended = true;
            // A batch token holds its parent in itself, and dies with it.
            let own = |token: &&mut Token| token.parent.as_deref() == Some(&id) && !token.batch;
            for child in self.tokens.values_mut().filter(own) {
                (child.parent, child.orphan) = (None, true);
            }
        }
        format!("{id} is revoked, its children are orphans")
    }

    /// Revokes the leases of all tokens of a role.
    pub fn revoke_leases(&mut self) -> String {
        let role = self.dice.below(ROLES as u64) as usize;
        let path = format!("sys/leases/revoke-prefix/auth/token/create/r{role}");
        let reply = self.world.root().post(&path, json!({}));
        assert_eq!(reply.status, 204, "{path}: {}", reply.json());
        let meant = self.tokens.values_mut().filter(|token| token.role == Some(role));
        meant.for_each(|token| token.ended = true);
        path
    }

    pub fn write_policy(&mut self) -> String {
        let number = self.dice.below(POLICIES as u64) as usize;
        let policy = Policy::ALL[self.dice.below(4) as usize];
        self.set_policy(number, policy);
        format!("policy {number} is {policy:?}")
    }

    pub fn set_policy(&mut self, number: usize, policy: Policy) {
        let path = format!("sys/policies/acl/p{number}");
        let reply = match policy.text(number) {
            Some(text) => self.world.root().post(&path, json!({ "policy": text })),
            None => self.world.root().delete(&path),
        };
        assert_eq!(reply.status, 204, "{path}: {}", reply.json());
        self.policies[number] = policy;
    }

    pub fn write_role(&mut self) -> String {
        let number = self.dice.below(ROLES as u64) as usize;
        let pick = |value: u64| if self.dice.one_in(2) { value } else { 0 };
        let role = (!self.dice.one_in(4)).then(|| Role {
            period: pick(600 + self.dice.below(HOUR)),
            explicit_max: pick(HOUR + self.dice.below(2 * HOUR)),
            orphan: self.dice.one_in(2),
        });
        let path = format!("auth/token/roles/r{number}");
        let reply = match role {
            Some(role) => self.world.root().post(&path, role.body()),
            None => self.world.root().delete(&path),
        };
        assert_eq!(reply.status, 204, "{path}: {}", reply.json());
        self.roles[number] = role;
        format!("role {number} is {role:?}")
    }

    pub fn wrap(&mut self) -> String {
        let now = self.time.now;
        self.wrapped.retain(|_, wrapped| wrapped.is_alive(now) || !self.dice.one_in(3));
        if self.wrapped.len() >= MOST_WRAPPED {
            return "nothing: there is wrapped enough".to_owned();
        }
        let (number, ttl) = (self.dice.below(1000), 60 + self.dice.below(2 * HOUR));
        let span = ttl.to_string();
        let headers = [("X-Vault-Token", ROOT), ("X-Vault-Wrap-TTL", span.as_str())];
        let body = json!({ "n": number }).to_string();
        let sent = self.world.client().try_send(
            "POST",
            "/v1/sys/wrapping/wrap",
            &headers,
            Some(body.as_bytes()),
        );
        let id = sent.unwrap().json()["wrap_info"]["token"].as_str().unwrap().to_owned();
        self.wrapped.insert(id.clone(), Wrapped { number, expires: now + ttl, spent: false });
        format!("{id} wraps {number} for {ttl} s")
    }

    pub fn unwrap(&mut self) -> String {
        let ids: Vec<&String> = self.wrapped.keys().collect();
        if ids.is_empty() {
            return "nothing to unwrap".to_owned();
        }
        let id = ids[self.dice.below(ids.len() as u64) as usize].clone();
        let reply = self.world.root().post("sys/wrapping/unwrap", json!({ "token": id }));
        let now = self.time.now;
        let wrapped = self.wrapped.get_mut(&id).unwrap();
        let expected = if wrapped.is_alive(now) { 200 } else { 400 };
        assert_eq!(reply.status, expected, "{id} {wrapped:?} at {now}: {}", reply.json());
        if reply.status == 200 {
            assert_eq!(reply.json()["data"]["n"], wrapped.number, "{}", reply.json());
            wrapped.spent = true;
        }
        format!("{id} is unwrapped")
    }

    /// Forgets some of the dead. To who descends from one it makes no difference.
    pub fn forget(&mut self) {
        let dead: Vec<String> =
            self.tokens.keys().filter(|id| !self.is_alive(id)).cloned().collect();
        for id in dead {
            if self.dice.one_in(3) {
                self.tokens.remove(&id);
            }
        }
    }
}

/// The secret of a policy, or the one that all speak of.
pub fn secret_path(policy: Option<usize>) -> String {
    policy.map_or("secret/all".to_owned(), |policy| format!("secret/s{policy}"))
}
