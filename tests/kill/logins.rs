//! An auth mount that comes, moves and goes, and the logins through it.

use serde_json::{Value, json};

use crate::subject::{Model, Step};
use crate::support::data;
use crate::support::dice::Dice;
use crate::support::http::Client;
use crate::things::leases;

/// An auth mount, at one of two paths.
pub struct Logins(pub [String; 2]);

/// What is known of a mount that is there.
#[derive(Clone)]
pub struct Entrance {
    /// At which of the paths.
    at: usize,
    /// Whether there is a role by which one can log in.
    role: bool,
    /// Since the mount came to where it is: those before fell with that.
    logins: u64,
}

impl Logins {
    fn role_id(&self) -> String {
        format!("role-of-{}", self.0[0])
    }
}

impl Model for Logins {
    type State = Option<Entrance>;

    fn name(&self) -> &str {
        &self.0[0]
    }

    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State> {
        let step = |path: String, body: Value, status: u16, after: Entrance| Step {
            by: None,
            method: "POST",
            path,
            body: Some(body),
            status,
            after: Some(after),
        };
        let Some(entrance) = state else {
            let at = dice.below(2) as usize;
            let after = Entrance { at, role: false, logins: 0 };
            return step(
                format!("sys/auth/{}", self.0[at]),
                json!({ "type": "approle" }),
                204,
                after,
            );
        };
        let path = &self.0[entrance.at];
        if dice.one_in(12) {
            let path = format!("sys/auth/{path}");
            return Step { by: None, method: "DELETE", path, body: None, status: 200, after: None };
        }
        if dice.one_in(12) {
            let at = 1 - entrance.at;
            let [from, to] = [path, &self.0[at]].map(|path| format!("auth/{path}"));
            let after = Entrance { at, logins: 0, ..entrance.clone() };
            let body = json!({ "from": from, "to": to });
            return step("sys/remount".to_owned(), body, 200, after);
        }
        if !entrance.role {
            let role = json!({
                "role_id": self.role_id(),
                "bind_secret_id": false,
                "secret_id_bound_cidrs": ["127.0.0.0/8"],
                "token_ttl": "1h",
            });
            let after = Entrance { role: true, ..entrance.clone() };
            return step(format!("auth/{path}/role/app"), role, 204, after);
        }
        let after = Entrance { logins: entrance.logins + 1, ..entrance.clone() };
        step(format!("auth/{path}/login"), json!({ "role_id": self.role_id() }), 200, after)
    }

    fn show(&self, state: &Self::State) -> Value {
        let Some(Entrance { at, role, logins }) = state else { return Value::Null };
        json!({ "at": self.0[*at], "role": role, "leases": logins, "tokens": logins })
    }

    fn look(&self, client: &Client) -> Value {
        let mounts = data(&client.get("sys/auth"));
        let mut seen = Value::Null;
        for path in &self.0 {
            let login = format!("auth/{path}/login");
            let leases = leases(client, &login).len();
            let tokens = tokens_of(client, &login);
            if mounts[format!("{path}/")].is_null() {
                assert_eq!((leases, tokens), (0, 0), "{path} is gone, what came through it is not");
                continue;
            }
            assert!(seen.is_null(), "{path}: it is at both");
            let role = client.get(&format!("auth/{path}/role/app/role-id"));
            let role = role.status == 200;
            seen = json!({ "at": path, "role": role, "leases": leases, "tokens": tokens });
        }
        seen
    }
}

/// How many tokens are alive that came from that path.
fn tokens_of(client: &Client, path: &str) -> usize {
    let accessors = data(&client.list("auth/token/accessors"))["keys"].clone();
    let of_path = |accessor: &&Value| {
        let reply = client.post("auth/token/lookup-accessor", json!({ "accessor": accessor }));
        data(&reply)["path"] == path
    };
    accessors.as_array().into_iter().flatten().filter(of_path).count()
}
