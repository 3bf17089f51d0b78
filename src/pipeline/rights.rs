//! What a token may do: its own policies, and those of the entity that it stands for and of that
//! entity's groups.

use std::sync::Arc;

use super::tokens::Found;
use crate::api::call::Caller;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::identity::record::{Alias, Entity, Group, Texts};
use crate::identity::subject::Subject;
use crate::mount::store::MountStore;
use crate::policy::acl::Acl;
use crate::policy::cache::PolicyCache;
use crate::policy::template::{self, Directive, Facet};
use crate::token::record::Token;

/// Tells the rights of tokens.
pub struct Rights {
    /// Tells where the identities lie.
    pub mounts: Arc<MountStore>,
    /// The compiled policies.
    pub policies: PolicyCache,
}

/// Who sends a request.
pub struct Sender {
    /// The token.
    pub found: Found,
    /// What its entity and that one's groups add to its policies.
    pub identity_policies: Vec<String>,
    /// What all of them allow.
    pub acl: Acl,
}

impl Sender {
    /// All of its policies, each once, sorted.
    pub fn policies(&self) -> Vec<String> {
        all_policies(&self.found.token.policies, &self.identity_policies)
    }
}

/// The policies of a token and of its entity together, each once, sorted.
pub fn all_policies(own: &[String], identity: &[String]) -> Vec<String> {
    let mut all: Vec<String> = own.iter().chain(identity).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Rights {
    /// The sender that has that token, which is alive. One whose entity is gone or disabled is
    /// refused.
    pub fn sender(&self, txn: &mut Txn, found: Found) -> Result<Sender, Fault> {
        let subject = self.subject(txn, &found.token.entity_id)?;
        let good = match &subject {
            Some(subject) => !subject.entity.disabled,
            None => found.token.entity_id.is_empty(),
        };
        if !good {
            return Err(Fault::denied());
        }
        let identity_policies = subject.as_ref().map(Subject::policies).unwrap_or_default();
        let names = all_policies(&found.token.policies, &identity_policies);
        let acl = self.policies.acl(txn, &names, &mut Whose(subject.as_ref()))?;
        Ok(Sender { found, identity_policies, acl })
    }

    /// What a token's entity and that one's groups add to its policies.
    pub fn identity_policies(&self, txn: &mut Txn, token: &Token) -> Result<Vec<String>, Fault> {
        let subject = self.subject(txn, &token.entity_id)?;
        Ok(subject.as_ref().map(Subject::policies).unwrap_or_default())
    }

    /// What a caller is allowed, for endpoints that show rights.
    pub fn acl(&self, txn: &mut Txn, caller: &Caller) -> Result<Acl, Fault> {
        let subject = self.subject(txn, &caller.entity_id)?;
        Ok(self.policies.acl(txn, &caller.policies, &mut Whose(subject.as_ref()))?)
    }

    /// The entity of that id with its groups; `None` when there is none.
    fn subject(&self, txn: &mut Txn, entity_id: &str) -> Result<Option<Subject>, Fault> {
        if entity_id.is_empty() {
            return Ok(None);
        }
        let table = self.mounts.read(txn)?;
        let mount = table.at("identity/").ok_or_else(Fault::denied)?;
        Ok(Subject::of(&mut txn.scope(mount.id), entity_id)?)
    }
}

/// What templates in policies ask for.
struct Whose<'s>(Option<&'s Subject>);

impl template::Subject for Whose<'_> {
    fn value(&mut self, _: &mut Txn, directive: &Directive) -> Result<Option<String>, TxnError> {
        let Some(subject) = self.0 else { return Ok(None) };
        Ok(match directive {
            Directive::Entity(facet) => of_entity(&subject.entity, facet),
            Directive::Alias { accessor, facet } => {
                let mut aliases = subject.entity.aliases.iter();
                aliases.find(|alias| alias.accessor == *accessor).and_then(|a| of_alias(a, facet))
            }
            Directive::Group { group, facet } => {
                let group = match group {
                    template::Group::Id(id) => subject.group(id),
                    template::Group::Name(name) => subject.group_named(name),
                };
                group.and_then(|group| of_group(group, facet))
            }
            Directive::Unknown => None,
        })
    }
}

fn of_entity(entity: &Entity, facet: &Facet) -> Option<String> {
    match facet {
        Facet::Id => Some(entity.id.clone()),
        Facet::Name => Some(entity.name.clone()),
        Facet::Metadata(key) => text(&entity.metadata, key),
        Facet::CustomMetadata(_) => None,
    }
}

fn of_alias(alias: &Alias, facet: &Facet) -> Option<String> {
    match facet {
        Facet::Id => Some(alias.id.clone()),
        Facet::Name => Some(alias.name.clone()),
        Facet::Metadata(key) => text(&alias.metadata, key),
        Facet::CustomMetadata(key) => text(&alias.custom_metadata, key),
    }
}

fn of_group(group: &Group, facet: &Facet) -> Option<String> {
    match facet {
        Facet::Id => Some(group.id.clone()),
        Facet::Name => Some(group.name.clone()),
        Facet::Metadata(key) => text(&group.metadata, key),
        Facet::CustomMetadata(_) => None,
    }
}

fn text(texts: &Option<Texts>, key: &str) -> Option<String> {
    texts.as_ref()?.get(key).cloned()
}
