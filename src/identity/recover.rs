//! An entity is brought back from another state of the store.

use super::entity::merged;
use super::index::{self, ENTITIES, ENTITY_ALIASES};
use super::known::Known;
use super::record::{Alias, Entity};
use crate::barrier::txn::Scope;
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
            let taken = ENTITY_ALIASES.owner_named(scope, &alias.accessor, &alias.name)?.is_some()
                || ENTITY_ALIASES.owner(scope, &alias.id)?.is_some();
            if taken || !has_mount(&alias.accessor) {
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
