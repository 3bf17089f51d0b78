//! What is stored of entities and groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::record::Record;

/// Names with texts.
pub type Texts = BTreeMap<String, String>;

/// One person or machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// A UUID.
    pub id: String,
    /// As it was written.
    pub name: String,
    /// Free; `None` when it was never given.
    pub metadata: Option<Texts>,
    /// What its tokens may do beside their own policies: sorted, without doubles.
    pub policies: Vec<String>,
    /// Whether its tokens and logins are refused.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last, its aliases and groups aside.
    pub updated: Timestamp,
    /// At most one for each mount.
    pub aliases: Vec<Alias>,
}

impl Record for Entity {
    const VERSION: u8 = 1;
}

/// Who an entity or an external group is for one auth method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// A UUID.
    pub id: String,
    /// As it was written.
    pub name: String,
    /// The accessor of the auth method's mount.
    pub accessor: String,
    /// What the auth method said at the last login; `None` when that was nothing.
    pub metadata: Option<Texts>,
    /// Free; `None` when it was never given.
    pub custom_metadata: Option<Texts>,
    /// Whether the mount is local to one cluster: shown, as there is no replication.
    pub local: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// The entities that it belonged to before they were merged.
    pub merged_from: Vec<String>,
}

impl Alias {
    /// A new one.
    pub fn new(name: &str, accessor: &str, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            id: entropy.uuid(),
            name: name.to_owned(),
            accessor: accessor.to_owned(),
            metadata: None,
            custom_metadata: None,
            local: false,
            created: now,
            updated: now,
            merged_from: Vec::new(),
        }
    }
}

/// A group. Its members and parents are entries of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// A UUID.
    pub id: String,
    /// As it was written.
    pub name: String,
    /// Where its members come from.
    pub kind: GroupKind,
    /// Free; `None` when it was never given.
    pub metadata: Option<Texts>,
    /// What its members' tokens may do: sorted, without doubles; `None` when it was never given.
    pub policies: Option<Vec<String>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last, its members aside.
    pub updated: Timestamp,
    /// How often it was written, for its members too.
    pub modify_index: u64,
    /// How many entities are members.
    pub entities: u64,
    /// Of how many groups it is a member.
    pub parents: u64,
    /// Of an external one.
    pub alias: Option<Alias>,
}

impl Record for Group {
    const VERSION: u8 = 1;
}

/// Where a group's members come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupKind {
    /// They are set by hand.
    Internal,
    /// An auth method names the group as they log in.
    External,
}

impl GroupKind {
    /// As clients know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Internal, Self::External].into_iter().find(|kind| kind.name() == name)
    }
}
