//! Roles by which tokens are made: `token/role/NAME` in the system's part of the store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::login::TokenType;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::cidr::Cidr;
use crate::base::record::Record;

/// Where they lie.
const FOLDER: &str = "token/role";

/// The terms on which tokens are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Policies that may be asked for.
    pub allowed_policies: Vec<String>,
    /// The same by patterns in which `*` stands for anything.
    pub allowed_policies_glob: Vec<String>,
    /// Policies that may not.
    pub disallowed_policies: Vec<String>,
    /// The same by patterns.
    pub disallowed_policies_glob: Vec<String>,
    /// Entity aliases that may be asked for, by patterns; `None` when none were ever given.
    pub allowed_entity_aliases: Option<Vec<String>>,
    /// Whether its tokens have no parent.
    pub orphan: bool,
    /// Whether its tokens can be renewed.
    pub renewable: bool,
    /// What is put behind the path of its tokens.
    pub path_suffix: String,
    /// From where its tokens can be used; from everywhere when empty.
    pub bound_cidrs: Vec<Cidr>,
    /// The longest that they can live; zero where that is not said.
    pub explicit_max_ttl: Duration,
    /// What each renewal sets their life back to; zero where they are not periodic.
    pub period: Duration,
    /// Whether they go without the policy `default`.
    pub no_default_policy: bool,
    /// How often they can be used; 0 is no limit.
    pub num_uses: u32,
    /// Never [`TokenType::Default`].
    pub kind: TokenType,
    /// Which of these were last set under their old names, and so are shown under them too.
    pub old_names: OldNames,
}

/// The terms that had other names once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OldNames {
    /// `bound_cidrs`.
    pub bound_cidrs: bool,
    /// `explicit_max_ttl`.
    pub explicit_max_ttl: bool,
    /// `period`.
    pub period: bool,
}

impl Record for Role {
    const VERSION: u8 = 1;
}

impl Default for Role {
    fn default() -> Self {
        Self {
            allowed_policies: Vec::new(),
            allowed_policies_glob: Vec::new(),
            disallowed_policies: Vec::new(),
            disallowed_policies_glob: Vec::new(),
            allowed_entity_aliases: None,
            orphan: false,
            renewable: true,
            path_suffix: String::new(),
            bound_cidrs: Vec::new(),
            explicit_max_ttl: Duration::ZERO,
            period: Duration::ZERO,
            no_default_policy: false,
            num_uses: 0,
            kind: TokenType::DefaultService,
            old_names: OldNames::default(),
        }
    }
}

impl Role {
    /// Whether it says anything of policies; else they are the parent's, or some of them.
    pub fn rules_policies(&self) -> bool {
        [
            &self.allowed_policies,
            &self.allowed_policies_glob,
            &self.disallowed_policies,
            &self.disallowed_policies_glob,
        ]
        .into_iter()
        .any(|list| !list.is_empty())
    }
}

/// Whether `text` is like one of the patterns, in which a `*` at either end stands for anything.
pub fn is_like(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (Some(rest), Some(_)) => text.contains(rest.trim_end_matches('*')),
        (None, None) => text == pattern,
    })
}

/// The role of that name.
pub fn get(txn: &mut Txn, name: &str) -> Result<Option<Role>, TxnError> {
    txn.scope(MountId::SYSTEM).read(&entry(name))
}

/// Makes or changes a role.
pub fn put(txn: &mut Txn, name: &str, role: &Role) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&entry(name), role)
}

/// Removes a role, if it is there.
pub fn delete(txn: &mut Txn, name: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&entry(name))
}

/// The name of what lies at an entry of the system's part of the store, if that is one of these.
pub fn name_at(entry: &str) -> Option<&str> {
    entry.strip_prefix(FOLDER)?.strip_prefix('/')
}

/// The names of all roles.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    txn.scope(MountId::SYSTEM).list(FOLDER)
}

fn entry(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
