//! Tokens, policies and roles as they should be. Times are in seconds.

use serde_json::{Value, json};

/// The system's longest life.
pub const SYSTEM_MAX: u64 = 768 * 3600;

/// What a policy says of its own secret and of the one that all speak of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// It is not there.
    Gone,
    /// That it may be read.
    Reads,
    /// Nothing that helps to read it.
    Lists,
    /// That it may not, whatever others say.
    Denies,
}

impl Policy {
    pub const ALL: [Self; 4] = [Self::Gone, Self::Reads, Self::Lists, Self::Denies];

    /// Its text; each that is there lets tokens be made.
    pub fn text(self, number: usize) -> Option<String> {
        let right = match self {
            Self::Gone => return None,
            Self::Reads => "read",
            Self::Lists => "list",
            Self::Denies => "deny",
        };
        Some(format!(
            "path \"secret/s{number}\" {{ capabilities = [\"{right}\"] }}
             path \"secret/all\" {{ capabilities = [\"{right}\"] }}
             path \"auth/token/create*\" {{ capabilities = [\"update\"] }}"
        ))
    }
}

/// The terms on which a role makes tokens; zero is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Role {
    pub period: u64,
    pub explicit_max: u64,
    pub orphan: bool,
}

impl Role {
    /// As it is written.
    pub fn body(self) -> Value {
        json!({
            "token_period": self.period,
            "token_explicit_max_ttl": self.explicit_max,
            "orphan": self.orphan,
        })
    }
}

/// A token.
#[derive(Clone, Debug, Default)]
pub struct Token {
    pub policies: Vec<usize>,
    /// None for those that root made, and for orphans.
    pub parent: Option<String>,
    pub orphan: bool,
    pub batch: bool,
    pub role: Option<usize>,
    /// Whether it comes of a login.
    pub login: bool,
    pub created: u64,
    pub granted: u64,
    pub expires: u64,
    /// What was asked for; what its role says comes beside it.
    pub period: u64,
    pub explicit_max: u64,
    pub uses: Option<u64>,
    /// Not by its time: revoked, or used up.
    pub ended: bool,
}

impl Token {
    /// How long it is given when it is made with this wish, or renewed; none when it has lived as
    /// long as it can.
    pub fn grant(&self, wish: u64, role: Role, now: u64) -> Option<u64> {
        let period = lesser(self.period, role.period);
        let explicit_max = lesser(self.explicit_max, role.explicit_max);
        let max = lesser(SYSTEM_MAX, explicit_max);
        let left = (self.created + max).checked_sub(now);
        match (period, explicit_max) {
            (0, _) => Some(wish.min(left?)),
            (period, 0) => Some(period.min(max)),
            (period, _) => Some(period.min(left?)),
        }
    }
}

/// A wrapped answer.
#[derive(Clone, Debug)]
pub struct Wrapped {
    pub number: u64,
    pub expires: u64,
    pub spent: bool,
}

impl Wrapped {
    pub fn is_alive(&self, now: u64) -> bool {
        !self.spent && self.expires > now
    }
}

/// The lesser of two spans, of which zero is none.
fn lesser(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}
