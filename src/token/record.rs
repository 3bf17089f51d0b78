//! What is stored of a token.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::names::MountId;
use crate::base::cidr::Cidr;
use crate::base::clock::Timestamp;
use crate::base::hex;
use crate::base::policies::{RESPONSE_WRAPPING, ROOT};
use crate::base::record::Record;

/// What a token is stored under: the HMAC of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// From the HMAC.
    pub const fn new(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    /// In hex: the name of its entries.
    pub fn hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// From the name of its entries.
    pub fn from_hex(name: &str) -> Option<Self> {
        Some(Self(hex::decode(name)?.try_into().ok()?))
    }
}

/// How a token is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// In the store.
    Service,
    /// In its own id, sealed.
    Batch,
}

impl Kind {
    /// Vault's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// How often a token can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Uses {
    /// Without end.
    Unlimited,
    /// So many times; never 0.
    Left(u32),
    /// The last time is now: it is revoked when the request is done.
    Spent,
}

impl Uses {
    /// Of a token that is made for `number` of them; 0 is without end.
    pub const fn of(number: u32) -> Self {
        if number == 0 { Self::Unlimited } else { Self::Left(number) }
    }

    /// After one more.
    #[must_use]
    pub const fn less_one(self) -> Self {
        match self {
            Self::Unlimited => Self::Unlimited,
            Self::Left(2..) => {
                let Self::Left(left) = self else { return self };
                Self::Left(left - 1)
            }
            Self::Left(_) | Self::Spent => Self::Spent,
        }
    }

    /// Whether it was the last.
    pub const fn is_spent(self) -> bool {
        matches!(self, Self::Spent)
    }

    /// Whether they end.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::Unlimited)
    }

    /// As Vault shows it: 0 without end, -1 during the last.
    pub const fn shown(self) -> i64 {
        match self {
            Self::Unlimited => 0,
            Self::Left(left) => left as i64,
            Self::Spent => -1,
        }
    }
}

/// The token that made another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    /// What it is stored under.
    pub key: TokenKey,
    /// Its accessor: a later token of the same id, which somebody chose, is not the parent.
    pub accessor: String,
}

/// How long a token lives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When it was made.
    pub created: Timestamp,
    /// How long it was to live then; zero without end.
    pub creation_ttl: Duration,
    /// How long it was last granted to live.
    pub granted: Duration,
    /// When it dies; never when `None`.
    pub expires: Option<Timestamp>,
    /// When it was last renewed.
    pub renewed: Option<Timestamp>,
    /// Whether it can be.
    pub renewable: bool,
    /// The longest that it can live, whatever else changes; zero where that is not said.
    pub explicit_max_ttl: Duration,
    /// What each renewal sets it back to; zero where it is not periodic.
    pub period: Duration,
}

/// The login that a token comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// Which stay of which auth method's mount, at the path: see the mount's own.
    pub stay: MountId,
    /// The mount's path. The token dies when the mount is removed or moved.
    pub path: String,
    /// What the method wants back at a renewal: a JSON object.
    pub internal: String,
    /// What the method allowed at most; zero where it did not say.
    pub max_ttl: Duration,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// By which it is named without being shown; empty for a batch token.
    pub accessor: String,
    /// Where its private secrets lie; never shown.
    pub cubbyhole: String,
    /// How it is kept.
    pub kind: Kind,
    /// It dies with this one; an orphan has none.
    pub parent: Option<Parent>,
    /// Its policies, sorted; those of its entity are not among them.
    pub policies: Vec<String>,
    /// The path of the request that made it.
    pub path: String,
    /// For people.
    pub display_name: String,
    /// Shown with it; null and empty are told apart.
    pub metadata: Option<BTreeMap<String, String>>,
    /// How long it lives.
    pub life: Lifetime,
    /// How often it can still be used.
    pub uses: Uses,
    /// The role that it was made with, or logged in as; empty without one.
    pub role: String,
    /// The entity that it is; empty when it is none.
    pub entity_id: String,
    /// From where it can be used; from everywhere when empty.
    pub bound_cidrs: Vec<Cidr>,
    /// The login that it comes from.
    pub login: Option<LoggedIn>,
}

impl Record for Token {
    const VERSION: u8 = 1;
}

/// Tokens that a restore brought back, and that are to be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// What they are stored under.
    pub keys: Vec<TokenKey>,
}

impl Record for Returned {
    const VERSION: u8 = 1;
}

impl Token {
    /// Whether everything is allowed to it.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == ROOT)
    }

    /// Whether it only holds a wrapped response.
    pub fn is_wrapping(&self) -> bool {
        self.policies.iter().eq([RESPONSE_WRAPPING])
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.life.expires.is_some_and(|expires| expires <= now)
    }

    /// The id of its lease.
    pub fn lease_id(&self, key: TokenKey) -> String {
        format!("{}/h{}", self.path.trim_end_matches('/'), key.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_count_down_to_the_last() {
        assert_eq!(Uses::of(0).less_one(), Uses::Unlimited);
        let two = Uses::of(2);
        assert_eq!(two.less_one(), Uses::Left(1));
        assert_eq!(two.less_one().less_one(), Uses::Spent);
        assert_eq!(Uses::Spent.less_one(), Uses::Spent);
        assert_eq!(Uses::Spent.shown(), -1);
    }
}
