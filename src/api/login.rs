//! What an auth method returns: who logged in, and on what terms. The pipeline makes the token.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::MountView;
use super::request::Peer;
use crate::barrier::txn::Scope;
use crate::base::cidr::Cidr;

/// A login that an auth method has found right.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Who it is, for people: `bob`. The token's has the mount in front of it.
    pub display_name: String,
    /// Under which name the method's mount knows whoever it is; makes and finds the entity.
    pub alias: Option<Alias>,
    /// Groups that the method says they are in, by the names that external groups know.
    pub group_aliases: Vec<String>,
    /// The role that they log in as, where the method has such: quotas may be for one.
    pub role: String,
    /// Shown with the token.
    pub metadata: BTreeMap<String, String>,
    /// What the token may do and how long.
    pub terms: TokenTerms,
    /// Kept with the token and given back at its renewal; never shown.
    pub internal: Map<String, Value>,
}

/// A name by which a mount knows an entity.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The name: a user's, or a role's id.
    pub name: String,
    /// Kept with the alias.
    pub metadata: BTreeMap<String, String>,
}

/// Which kind of token is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// What the mount says.
    #[default]
    Default,
    /// Of a mount: service, unless a role says otherwise.
    DefaultService,
    /// Of a mount: batch, unless a role says otherwise.
    DefaultBatch,
    /// Stored, renewable, with an accessor and children.
    Service,
    /// Not stored: all of it is in its id, sealed.
    Batch,
}

impl TokenType {
    /// Vault's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::DefaultService => "default-service",
            Self::DefaultBatch => "default-batch",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }

    /// The type of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Default, Self::DefaultService, Self::DefaultBatch, Self::Service, Self::Batch]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// On what terms a token is made. A zero duration or number is "not said".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenTerms {
    /// Its policies, without `default`.
    pub policies: Vec<String>,
    /// Whether `default` is left out.
    pub no_default_policy: bool,
    /// How long it lasts at first.
    pub ttl: Duration,
    /// How long it can last at most with renewals.
    pub max_ttl: Duration,
    /// The same, whatever else is said or changed later.
    pub explicit_max_ttl: Duration,
    /// Each renewal sets it back to this, without an end.
    pub period: Duration,
    /// How often it can be used.
    pub num_uses: u32,
    /// Service or batch.
    pub kind: TokenType,
    /// From where it can be used; from everywhere when empty.
    pub bound_cidrs: Vec<Cidr>,
}

impl TokenTerms {
    /// Whether the token may be used, and made, from there.
    pub fn may_come_from(&self, peer: &Peer) -> bool {
        Cidr::admit(&self.bound_cidrs, peer.address)
    }
}

/// A renewal of a token that the method made by a login.
pub struct Renewal<'a> {
    /// [`Login::internal`] of then.
    pub internal: &'a Map<String, Value>,
    /// The policies that the login gave.
    pub policies: &'a [String],
    /// The method's mount.
    pub mount: &'a MountView,
    /// The mount's part of the store.
    pub scope: Scope<'a>,
}
