//! Entities and groups are brought back from another state of the store.

use super::entity::merged;
use super::index::{self, ENTITIES, ENTITY_ALIASES, GROUP_ALIASES, GROUPS};
use super::known::Known;
use super::record::{Alias, Entity, Group, GroupKind};
use super::sweep;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::fault::Fault;

impl Entity {
    /// Puts an entity of then in the place of the one that has its id now, if one has; it stays in
    /// the groups that it is in now. Returns the aliases that it does not get, as their mount is
    /// gone or another entity has them by now: `has_mount` tells of accessors.
    pub fn put_back(
        mut self,
        scope: &mut Scope<'_>,
        has_mount: impl Fn(&str) -> bool,
    ) -> Result<Vec<Alias>, Fault> {
        if index::find(scope, &merged(&self.id))?.is_some() {
            return Err(Fault::bad_request("the entity was merged into another one since"));
        }
        if ENTITIES.find(scope, &self.name)?.is_some_and(|id| id != self.id) {
            return Err(Fault::bad_request("entity name is already in use"));
        }
        let standing = Self::by_id(scope, &self.id)?;
        for alias in standing.iter().flat_map(|standing| &standing.aliases) {
            ENTITY_ALIASES.delete(scope, alias)?;
        }
        let mut lost = Vec::new();
        for alias in std::mem::take(&mut self.aliases) {
            if is_taken::<Self>(scope, &alias)? || !has_mount(&alias.accessor) {
                lost.push(alias);
            } else {
                ENTITY_ALIASES.put(scope, &alias, &self.id)?;
                self.aliases.push(alias);
            }
        }
        let had = standing.map(|standing| standing.name);
        ENTITIES.give(scope, &self.id, &self.name, had.as_deref())?;
        self.store(scope)?;
        Ok(lost)
    }
}

/// What a group of then does not get.
pub struct Lost {
    /// Its alias, as the mount is gone or another group has it by now.
    pub alias: Option<Alias>,
    /// So many of its members: they are gone, or they are groups that it is in by now.
    pub members: usize,
}

impl Group {
    /// Puts a group of then, with these members, in the place of the one that has its id now, if
    /// one has; it stays in the groups that it is in now.
    pub fn put_back(
        mut self,
        scope: &mut Scope<'_>,
        entities: Vec<String>,
        groups: Vec<String>,
        has_mount: impl Fn(&str) -> bool,
    ) -> Result<Lost, Fault> {
        if GROUPS.find(scope, &self.name)?.is_some_and(|id| id != self.id) {
            return Err(Fault::bad_request("group name is already in use"));
        }
        sweep::keep_members(scope, &self.id)?;
        let standing = Self::by_id(scope, &self.id)?;
        if let Some(alias) = standing.as_ref().and_then(|standing| standing.alias.as_ref()) {
            GROUP_ALIASES.delete(scope, alias)?;
        }
        let alias = match self.alias.take() {
            Some(alias) if is_taken::<Self>(scope, &alias)? || !has_mount(&alias.accessor) => {
                Some(alias)
            }
            alias => {
                alias.iter().try_for_each(|alias| GROUP_ALIASES.put(scope, alias, &self.id))?;
                self.alias = alias;
                None
            }
        };
        let written = standing.as_ref().map_or(0, |standing| standing.modify_index);
        self.modify_index = self.modify_index.max(written);
        self.parents = self.parent_ids(scope)?.len() as u64;
        self.entities = self.entity_ids(scope)?.len() as u64;
        // Those of an external one come with their logins.
        let is_external = self.kind == GroupKind::External;
        let entities = if is_external { Vec::new() } else { entities };
        let (above, wanted) = (self.ancestors(scope)?, entities.len() + groups.len());
        let (entities, mut groups) =
            (those::<Entity>(scope, entities)?, those::<Self>(scope, groups)?);
        groups.retain(|id| !above.contains(id));
        self.set_entities(scope, &entities)?;
        self.set_groups(scope, &groups)?;
        let members = wanted - entities.len() - groups.len();
        let had = standing.map(|standing| standing.name);
        GROUPS.give(scope, &self.id, &self.name, had.as_deref())?;
        self.store(scope)?;
        Ok(Lost { alias, members })
    }
}

/// Those of these ids that something still has.
fn those<T: Known>(scope: &mut Scope<'_>, ids: Vec<String>) -> Result<Vec<String>, TxnError> {
    let mut there = Vec::new();
    for id in ids {
        if T::by_id(scope, &id)?.is_some() {
            there.push(id);
        }
    }
    Ok(there)
}

/// Whether somebody has an alias, or one of that name.
fn is_taken<T: Known>(scope: &mut Scope<'_>, alias: &Alias) -> Result<bool, TxnError> {
    let named = T::ALIASES.owner_named(scope, &alias.accessor, &alias.name)?;
    Ok(named.is_some() || T::ALIASES.owner(scope, &alias.id)?.is_some())
}
