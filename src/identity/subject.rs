//! What a token with an entity stands for.

use std::collections::BTreeSet;

use super::index::{GROUPS_OF_ENTITY, PARENTS_OF_GROUP};
use super::known::Known;
use super::record::{Entity, Group};
use crate::barrier::txn::{Scope, TxnError};

/// An entity with every group that it is a member of: its own policies and theirs hold for it, and
/// templates in policies may ask for anything of them.
pub struct Subject {
    /// The entity; of one that was merged away, the one that it went into.
    pub entity: Entity,
    /// The groups that it is a member of itself, then those that these are members of, each once.
    pub groups: Vec<Group>,
    /// How many are of the first kind.
    pub direct: usize,
}

impl Subject {
    /// The subject of a token with that entity; `None` when the entity is gone.
    pub fn of(scope: &mut Scope<'_>, entity_id: &str) -> Result<Option<Self>, TxnError> {
        match Entity::survivor(scope, entity_id)? {
            Some(entity) => Self::with(scope, entity).map(Some),
            None => Ok(None),
        }
    }

    /// The subject that an entity is.
    pub fn with(scope: &mut Scope<'_>, entity: Entity) -> Result<Self, TxnError> {
        let mut seen = BTreeSet::new();
        let mut groups = Vec::new();
        for id in GROUPS_OF_ENTITY.list(scope, &entity.id)? {
            add(scope, id, &mut seen, &mut groups)?;
        }
        let direct = groups.len();
        let mut next = 0;
        while let Some(group) = groups.get(next) {
            next += 1;
            if group.parents > 0 {
                for id in PARENTS_OF_GROUP.list(scope, &group.id)? {
                    add(scope, id, &mut seen, &mut groups)?;
                }
            }
        }
        Ok(Self { entity, groups, direct })
    }

    /// Vault's `identity_policies`: the entity's own, then what its groups add, each once.
    pub fn policies(&self) -> Vec<String> {
        let groups = self.groups.iter().flat_map(|group| group.policies.iter().flatten());
        let mut seen = BTreeSet::new();
        let policies = self.entity.policies.iter().chain(groups);
        policies.filter(|name| seen.insert(*name)).cloned().collect()
    }

    /// The group of that id that it is a member of.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The same by its name, just as it is written.
    pub fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
}

fn add(
    scope: &mut Scope<'_>,
    id: String,
    seen: &mut BTreeSet<String>,
    groups: &mut Vec<Group>,
) -> Result<(), TxnError> {
    // Of a group that is being deleted, memberships may be left.
    if !seen.contains(&id) {
        groups.extend(Group::by_id(scope, &id)?);
        seen.insert(id);
    }
    Ok(())
}
